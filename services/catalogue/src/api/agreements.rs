//! Sharing agreements: the search, one of them in ODRL, drafting for both sides to sign, revoking.

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use hutong_client::TransactionBuilder;
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{prost::Message, v1::catalogue as wire};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    Items,
    answer::{self, Form},
    caller_id, desk, find,
    iri::Base,
    named, next_page, odrl, page, query, records, refused, shown, standing,
};
use crate::{
    CatalogueService, DOMAIN, build,
    contract::{agreement_record, check_agreement, render_agreement},
    view::Key,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// The agency that shares.
    owner: Option<String>,
    /// The agency that may read.
    consumer: Option<String>,
    /// The domain that it is about.
    domain: Option<String>,
    /// The record type that it is about.
    record_type: Option<String>,
    /// true: those that may be relied on now; false: all others.
    active: Option<bool>,
    /// Words of its id, sides, fields, purposes or legal basis; all of them, or their beginnings.
    q: Option<String>,
    /// The last id of the page before.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// One page of agreements.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agreements {
    agreements: Vec<Value>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

/// Search the sharing agreements, in order of id
#[utoipa::path(get, path = "/catalogue/agreements", tag = "catalogue", params(Search), responses(
    (status = 200, description = "A page; as JSON-LD it is a graph, with the next page in the Link header.",
        content((Agreements = "application/json"), (Value = "application/ld+json"))),
    (status = 400, description = "`malformed_query`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn list(
    State(service): State<CatalogueService>,
    base: Base,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let mut query = query(search.after.as_deref(), search.limit, search.q.as_deref())?;
    query.and(search.owner.clone().map(Key::Owner));
    query.and(search.consumer.clone().map(Key::Consumer));
    query.and(search.domain.clone().map(Key::Domain));
    query.and(search.record_type.clone().map(Key::RecordType));
    query.and(search.active.map(Key::Active));
    let found = service.agreements(&query);
    let mut items = Items::default();
    for stored in records(&service, &found, agreement_record).await? {
        let agreement = decode(&stored)?;
        items.linked.push(odrl::node(&base, &agreement));
        items.plain.push(shown(render_agreement(&agreement), &stored));
    }
    let filters = [
        ("owner", search.owner.as_deref()),
        ("consumer", search.consumer.as_deref()),
        ("domain", search.domain.as_deref()),
        ("record_type", search.record_type.as_deref()),
        ("active", search.active.map(|active| if active { "true" } else { "false" })),
        ("q", search.q.as_deref()),
    ];
    let next = next_page("/catalogue/agreements", &filters, &found, query.limit);
    Ok(page(&headers, "agreements", odrl::context(&base), items, next))
}

/// A sharing agreement
///
/// JSON-LD in ODRL, or plain JSON for who accepts `application/json`. One that is revoked says so and permits nothing.
#[utoipa::path(get, path = "/catalogue/agreements/{id}", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, description = "The agreement.", content((Value = "application/ld+json"), (Value = "application/json"))),
    (status = 304, description = "It is what If-None-Match names."),
    (status = 400, description = "`malformed_path`"),
    (status = 404, description = "`agreement_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn one(
    State(service): State<CatalogueService>,
    base: Base,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    show(&service, &base, &headers, &id).await
}

/// The agreement with the id `draft`, whose path drafting shares.
pub(super) async fn one_named_draft(
    State(service): State<CatalogueService>,
    base: Base,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&service, &base, &headers, "draft").await
}

async fn show(
    service: &CatalogueService,
    base: &Base,
    headers: &HeaderMap,
    id: &str,
) -> Result<Response, Problem> {
    let stored = known(service, id).await?;
    let agreement = decode(&stored)?;
    let form = Form::wanted(headers, Form::Linked);
    let body = match form {
        Form::Linked => odrl::agreement(base, &agreement),
        Form::Plain => shown(render_agreement(&agreement), &stored),
    };
    Ok(answer::resource(headers, form, &stored.version.to_string(), &body))
}

/// Why an agreement ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revocation {
    /// 1 to 256 bytes; it stays on the ledger.
    reason: String,
}

/// Revoke a sharing agreement
///
/// For either side, on a node that signs for it. It holds from the next block.
#[utoipa::path(post, path = "/catalogue/agreements/{id}/revoke", tag = "catalogue", params(("id" = String, Path)),
    request_body = Revocation, responses(
    (status = 200, description = "It is revoked.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`"),
    (status = 404, description = "`agreement_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `side_required`, `agreement_revoked`, `reason_missing`, or another refusal of the contract"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn revoke(
    State(service): State<CatalogueService>,
    caller: RequireAgency,
    Path(id): Path<String>,
    Json(revocation): Json<Revocation>,
) -> Result<Json<Value>, Problem> {
    let desk = desk(&service, &caller)?;
    known(&service, &id).await?;
    desk.submit(DOMAIN, build::revoke(&id, &revocation.reason), "").await?;
    let stored = known(&service, &id).await?;
    Ok(Json(shown(render_agreement(&decode(&stored)?), &stored)))
}

/// What is to be agreed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgreement {
    /// 1 to 64 of a-z, 0-9 and -
    id: String,
    /// The owner of the domain.
    owner: String,
    /// The agency that may read.
    consumer: String,
    domain: String,
    record_type: String,
    /// Sealed fields by name.
    fields: Vec<String>,
    purposes: Vec<String>,
    legal_basis: String,
    /// Unix milliseconds; from now on unless told.
    from_ms: Option<u64>,
    until_ms: u64,
    /// Most accesses that may rest on it; as many as needed unless told.
    count_limit: Option<u64>,
}

/// Draft a sharing agreement for both sides to sign
///
/// Answers an unsigned transaction. Both sides sign `body` and one of them submits it to `/v1/transactions`; where the
/// keys of both are at hand, `submit` is what `hutong submit` takes.
#[utoipa::path(post, path = "/catalogue/agreements/draft", tag = "catalogue", request_body = NewAgreement, responses(
    (status = 200, description = "{id, body, signers, not_after_ms, submit}: the id and the body in base64, who must sign it, until when.", body = Value),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`side_required`: the caller is neither side."),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `agreement_invalid`, `period_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn draft(
    State(service): State<CatalogueService>,
    caller: RequireAgency,
    Json(new): Json<NewAgreement>,
) -> Result<Json<Value>, Problem> {
    let caller = caller_id(&caller)?;
    let now_ms = service.clock.unix_ms();
    let agreement = wire::Agreement {
        id: new.id,
        owner: new.owner,
        consumer: new.consumer,
        domain: new.domain,
        record_type: new.record_type,
        fields: new.fields,
        purposes: new.purposes,
        legal_basis: new.legal_basis,
        from_ms: new.from_ms.unwrap_or(now_ms),
        until_ms: new.until_ms,
        count_limit: new.count_limit.unwrap_or(0),
        ..wire::Agreement::default()
    };
    let agreement = build::ordered(agreement);
    let sides = check_agreement(&agreement).map_err(refused)?;
    if !sides.contains(&caller) {
        let detail = format!("{caller} is neither side of this agreement.");
        return Err(Problem::new("side_required", StatusCode::FORBIDDEN, detail));
    }
    let action = build::agree(agreement);
    let not_after_ms = now_ms + service.config.draft_life_ms;
    let chain = standing(&service).await?.final_header.chain;
    let mut builder =
        TransactionBuilder::new(chain, DOMAIN, caller, not_after_ms).map_err(Problem::internal)?;
    for side in sides {
        builder = builder.signer(side);
    }
    let unsigned = builder.action(action.clone()).sign(&[]).map_err(Problem::internal)?;
    let others = sides.into_iter().filter(|side| *side != caller).collect::<Vec<_>>();
    Ok(Json(json!({
        "id": unsigned.id,
        "body": STANDARD.encode(&unsigned.body_bytes),
        "signers": unsigned.body.signers,
        "not_after_ms": not_after_ms,
        "submit": {
            "agency": caller,
            "domain": DOMAIN,
            "action": STANDARD.encode(&action),
            "signers": others,
        },
    })))
}

fn decode(stored: &StoredRecord) -> Result<wire::Agreement, Problem> {
    wire::Agreement::decode(stored.value.as_deref().unwrap_or_default()).map_err(Problem::internal)
}

async fn known(service: &CatalogueService, id: &str) -> Result<StoredRecord, Problem> {
    find(service, named(agreement_record(id))?).await?.ok_or_else(|| {
        Problem::new("agreement_unknown", StatusCode::NOT_FOUND, format!("No agreement {id} was ever made."))
    })
}

//! Licences and businesses, for agencies: issuing, what becomes of a licence, and searches.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use hutong_runtime::{
    auth::{Caller, RequireAgency},
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{prost::Message, v1::licensing as wire};
use serde_json::{Value, json};

use super::form::{self, NewLicence, PAGE, PAGE_MAX, Page, Renewal, Search, official, shown};
use crate::{
    LicensingService,
    contract::{Standing, business_record, licence_record, render_business, standing_name},
    credential::status_list::ENTRIES,
    issue::{Issued, unavailable},
    view::{self, Key},
};

const STANDINGS: [Standing; 6] = [
    Standing::Applied,
    Standing::NotYet,
    Standing::Valid,
    Standing::Suspended,
    Standing::Revoked,
    Standing::Expired,
];

/// Issue a licence as a credential
///
/// For the owner of the domain, on a node that signs for it. The business is registered if it is unknown; the claims are
/// sealed. Answers when the licence is final.
#[utoipa::path(post, path = "/licensing/v1/licences", tag = "licensing", request_body = NewLicence, responses(
    (status = 201, description = "The licence's number, and its credential (SD-JWT VC).", body = Value, headers(("location" = String, description = "Its path."))),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, or the vault's refusal"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `uscc_invalid`, `period_invalid`, `claims_invalid`, `resident_id_invalid`, or another refusal of the contract"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn create(
    State(service): State<LicensingService>,
    agency: RequireAgency,
    caller: Caller,
    Json(new): Json<NewLicence>,
) -> Result<Response, Problem> {
    let official = official(&service, &agency, &caller)?;
    let terms = new.terms(service.clock.unix_ms())?;
    let resident_id = new.resident_id()?;
    let claims = form::claims(&new.claims, new.cnf.clone())?;
    let id = terms.id.clone();
    let resident_id = resident_id.as_ref().map(hutong_disclosure::ResidentId::expose);
    let issued = service.apply_and_issue(terms, &claims, resident_id, &official).await?;
    let mut response = (StatusCode::CREATED, Json(told(&service, &id, issued).await?)).into_response();
    if let Ok(path) = HeaderValue::try_from(format!("/licensing/v1/licences/{id}")) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    Ok(response)
}

/// The licence as it is now, with its credential.
async fn told(service: &LicensingService, id: &str, issued: Issued) -> Result<Value, Problem> {
    let mut told = one_shown(service, id).await?;
    told["credential"] = issued.credential.into();
    told["transaction"] = issued.done.id.to_string().into();
    Ok(told)
}

pub(super) async fn one_shown(service: &LicensingService, id: &str) -> Result<Value, Problem> {
    // Says what is wrong with the number, or that it is nobody's.
    let licence = service.licence(id).await?;
    let record = licence_record(id).map_err(Problem::internal)?;
    let stored = service.find(record).await.map_err(unavailable)?;
    let stored = stored.ok_or_else(|| Problem::internal("a licence is gone"))?;
    let mut shown = shown(&stored, service.clock.unix_ms())?;
    shown["status_list"] = json!({
        "idx": licence.status_index % ENTRIES,
        "uri": service.issuer.status_uri(licence.status_index / ENTRIES),
    });
    Ok(shown)
}

/// Search licences, in order of number
#[utoipa::path(get, path = "/licensing/v1/licences", tag = "licensing", params(Search), responses(
    (status = 200, description = "A page.", body = Page),
    (status = 400, description = "`malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn list(
    State(service): State<LicensingService>,
    _: RequireAgency,
    Query(search): Query<Search>,
) -> Result<Json<Page>, Problem> {
    let bad = |field: &str, detail: String| {
        Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
    };
    let limit = search.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(bad("limit", format!("A page has 1 to {PAGE_MAX} licences.")));
    }
    let standing = match &search.status {
        None => None,
        Some(name) => {
            let found = STANDINGS.into_iter().find(|standing| standing_name(*standing) == name);
            let names = || STANDINGS.map(standing_name).join(", ");
            Some(found.ok_or_else(|| bad("status", format!("A status is one of {}.", names())))?)
        }
    };
    let query = view::Query::new(search.after.clone(), limit)
        .and(search.uscc.clone().map(Key::Business))
        .and(search.kind.clone().map(Key::Kind))
        .and(standing.map(Key::Standing));
    let found = service.search(&query);
    let now_ms = service.clock.unix_ms();
    let mut licences = Vec::with_capacity(found.ids.len());
    for id in &found.ids {
        // One that changed since the index was read is shown as it is now.
        let record = licence_record(id).map_err(Problem::internal)?;
        if let Some(stored) = service.find(record).await.map_err(unavailable)? {
            licences.push(shown(&stored, now_ms)?);
        }
    }
    let next = found.ids.last().filter(|_| found.more).map(|last| next_page(&search, last, limit));
    Ok(Json(Page { licences, next }))
}

fn next_page(search: &Search, last: &str, limit: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("uscc", &search.uscc), ("kind", &search.kind), ("status", &search.status)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("after", last).append_pair("limit", &limit.to_string());
    format!("/licensing/v1/licences?{}", query.finish())
}

/// A licence as it stands
#[utoipa::path(get, path = "/licensing/v1/licences/{id}", tag = "licensing", params(("id" = String, Path)), responses(
    (status = 200, description = "The licence, without its claims: they are sealed.", body = Value),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`licence_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn one(
    State(service): State<LicensingService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    one_shown(&service, &id).await.map(Json)
}

/// Renew a licence
///
/// It gets a new credential in the same place of the status lists. The claims are those before, read from the vault by an
/// access that stays on the ledger, or the ones given.
#[utoipa::path(post, path = "/licensing/v1/licences/{id}/renew", tag = "licensing", params(("id" = String, Path)), request_body = Renewal, responses(
    (status = 200, description = "The licence and its new credential.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, or the vault's refusal"),
    (status = 404, description = "`licence_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `period_invalid`, `claims_invalid`, `licence_not_issued`, `licence_expired`, `licence_revoked`, `business_closed`, `erased`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn renew(
    State(service): State<LicensingService>,
    agency: RequireAgency,
    caller: Caller,
    Path(id): Path<String>,
    Json(renewal): Json<Renewal>,
) -> Result<Json<Value>, Problem> {
    let official = official(&service, &agency, &caller)?;
    let licence = service.licence(&id).await?;
    let until_ms = form::until(&renewal.valid_until)?;
    let new = renewal.claims.as_ref().map(|claims| form::claims(claims, renewal.cnf.clone())).transpose()?;
    let issued = service.renew(&licence, until_ms, new, &official).await?;
    told(&service, &id, issued).await.map(Json)
}

/// The newest credential once more
///
/// From the claims in the vault, read by an access that stays on the ledger: so it is no GET. A licence that has no
/// credential yet gets its first.
#[utoipa::path(post, path = "/licensing/v1/licences/{id}/credential", tag = "licensing", params(("id" = String, Path)), responses(
    (status = 200, description = "The licence and its credential.", body = Value),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, or the vault's refusal"),
    (status = 404, description = "`licence_unknown`"),
    (status = 409, description = "`credential_gone`"),
    (status = 422, description = "`erased`, `licence_expired`, `licence_revoked`, or another refusal of the contract"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn credential(
    State(service): State<LicensingService>,
    agency: RequireAgency,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let official = official(&service, &agency, &caller)?;
    let licence = service.licence(&id).await?;
    let credential = service.again(&licence, &official).await?;
    let mut shown = one_shown(&service, &id).await?;
    shown["credential"] = credential.into();
    Ok(Json(shown))
}

/// A business as it stands
#[utoipa::path(get, path = "/licensing/v1/businesses/{uscc}", tag = "licensing", params(("uscc" = String, Path)), responses(
    (status = 200, description = "The business.", body = Value),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`business_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn business(
    State(service): State<LicensingService>,
    _: RequireAgency,
    Path(uscc): Path<String>,
) -> Result<Json<Value>, Problem> {
    let record = business_record(&uscc).map_err(|refusal| {
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, refusal.message).field("uscc")
    })?;
    let stored = service.find(record).await.map_err(unavailable)?;
    let unknown =
        || Problem::new("business_unknown", StatusCode::NOT_FOUND, format!("{uscc} is not registered."));
    let stored = stored.ok_or_else(unknown)?;
    let business =
        wire::Business::decode(stored.value.as_deref().unwrap_or_default()).map_err(Problem::internal)?;
    let mut shown = render_business(&business);
    form::provenance(&mut shown, &stored);
    shown["licences"] = format!("/licensing/v1/licences?uscc={uscc}").into();
    Ok(Json(shown))
}

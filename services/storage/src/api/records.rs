//! `/v1/records/{domain}/{id}`: records, their histories, and proofs of what they are.
//!
//! Ids may contain slashes, so the route takes the rest of the path, and a last `/history` or `/proof` says what is
//! wanted of the record before it.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use base64::prelude::*;
use http::{StatusCode, header};
use hutong_ledger::id::{Domain, RecordKey};
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{failed, not_found, parse};
use crate::handle::Storage;

const PAGE: usize = 50;
const PAGE_MAX: usize = 500;

/// A version of a record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordView {
    domain: String,
    record: String,
    version: u64,
    /// Whether this version deleted the record.
    deleted: bool,
    /// As the domain's contract shows it.
    value: Option<Value>,
    /// The stored bytes, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    hash: String,
    /// With the bytes it opens the hash.
    salt: String,
    transaction: String,
    height: u64,
    time_ms: u64,
    agency: String,
}

/// Versions of a record, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryPage {
    versions: Vec<RecordView>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    version: Option<u64>,
    below: Option<u64>,
    limit: Option<usize>,
}

/// Sends a path to what it asks for.
pub(super) async fn dispatch(
    storage: State<Storage>,
    caller: RequireAgency,
    Path((domain, rest)): Path<(String, String)>,
    wanted: Query<Wanted>,
) -> Result<Response, Problem> {
    if let Some(record) = rest.strip_suffix("/history") {
        let page = history(storage, caller, Path((domain, record.to_owned())), wanted).await;
        return page.map(IntoResponse::into_response);
    }
    if let Some(record) = rest.strip_suffix("/proof") {
        return proof(storage, caller, Path((domain, record.to_owned()))).await;
    }
    record(storage, caller, Path((domain, rest)), wanted).await.map(IntoResponse::into_response)
}

fn key(storage: &Storage, caller: &str, domain: &str, record: &str) -> Result<RecordKey, Problem> {
    let domain: Domain = parse("domain", domain)?;
    let record = parse("record", record)?;
    storage.only_keepers(caller, domain)?;
    Ok(RecordKey { domain, record })
}

/// A record
#[utoipa::path(
    get,
    path = "/v1/records/{domain}/{record}",
    tag = "records",
    params(
        ("domain" = String, Path),
        ("record" = String, Path),
        ("version" = Option<u64>, Query, description = "The current one unless told.")
    ),
    responses(
        (status = 200, body = RecordView),
        (status = 401, description = "`authentication_required`, `invalid_token`"),
        (status = 403, description = "`not_a_host`"),
        (status = 404, description = "`unknown_record`, `unknown_domain`")
    )
)]
pub(super) async fn record(
    State(storage): State<Storage>,
    RequireAgency(caller): RequireAgency,
    Path((domain, record)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<RecordView>, Problem> {
    let key = key(&storage, &caller, &domain, &record)?;
    let wanted_key = key.clone();
    let found = storage.read(move |reads| reads.record(&wanted_key, wanted.version)).await.map_err(failed)?;
    let found = found.ok_or_else(|| unknown(&key))?;
    Ok(Json(view(&storage, &key, &found)))
}

fn unknown(key: &RecordKey) -> Problem {
    not_found("unknown_record", format!("There is no record {key}, or no such version of it."))
}

fn view(storage: &Storage, key: &RecordKey, found: &StoredRecord) -> RecordView {
    let value = found.value.as_deref();
    RecordView {
        domain: key.domain.to_string(),
        record: key.record.to_string(),
        version: found.version,
        deleted: value.is_none(),
        value: value.and_then(|value| storage.render(key.domain, &key.record, value)),
        bytes: value.map(|value| BASE64_STANDARD.encode(value)),
        hash: found.hash.to_string(),
        salt: hex::encode(found.salt),
        transaction: found.transaction.to_string(),
        height: found.height,
        time_ms: found.time_ms,
        agency: found.agency.to_string(),
    }
}

/// The versions of a record, newest first
#[utoipa::path(
    get,
    path = "/v1/records/{domain}/{record}/history",
    tag = "records",
    params(
        ("domain" = String, Path),
        ("record" = String, Path),
        ("below" = Option<u64>, Query, description = "Only versions below this one."),
        ("limit" = Option<usize>, Query, description = "1 to 500; 50 unless told.")
    ),
    responses(
        (status = 200, body = HistoryPage),
        (status = 401, description = "`authentication_required`, `invalid_token`"),
        (status = 403, description = "`not_a_host`"),
        (status = 404, description = "`unknown_record`, `unknown_domain`")
    )
)]
pub(super) async fn history(
    State(storage): State<Storage>,
    RequireAgency(caller): RequireAgency,
    Path((domain, record)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<HistoryPage>, Problem> {
    let key = key(&storage, &caller, &domain, &record)?;
    let limit = limit(wanted.limit)?;
    let (wanted_key, below) = (key.clone(), wanted.below);
    let found = storage.read(move |reads| reads.history(&wanted_key, below, limit)).await.map_err(failed)?;
    if found.versions.is_empty() && below.is_none() {
        return Err(unknown(&key));
    }
    let next = found.more_below.map(|below| {
        let (domain, record) = (&key.domain, &key.record);
        format!("/v1/records/{domain}/{record}/history?below={below}&limit={limit}")
    });
    let versions = found.versions.iter().map(|version| view(&storage, &key, version)).collect();
    Ok(Json(HistoryPage { versions, next }))
}

pub(super) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("A page has 1 to {PAGE_MAX} items.");
    Err(Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field("limit"))
}

/// The offline proof of what a record is, or that there is none
#[utoipa::path(
    get,
    path = "/v1/records/{domain}/{record}/proof",
    tag = "records",
    params(("domain" = String, Path), ("record" = String, Path)),
    responses(
        (status = 200, description = "The proof, a JSON document.", content_type = "application/json"),
        (status = 401, description = "`authentication_required`, `invalid_token`"),
        (status = 403, description = "`not_a_host`"),
        (status = 404, description = "`unproven`: nothing of the domain is final yet; `unknown_domain`")
    )
)]
pub(super) async fn proof(
    State(storage): State<Storage>,
    RequireAgency(caller): RequireAgency,
    Path((domain, record)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let key = key(&storage, &caller, &domain, &record)?;
    let domain = key.domain;
    let proof = storage.prove(key).await.map_err(failed)?;
    let proof = proof
        .ok_or_else(|| not_found("unproven", format!("No block that touches {domain} is final here yet.")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], proof).into_response())
}

//! The routes of `/property/v1`, for agencies. Transactions go to `/v1/transactions`; here is what is final.

use axum::{Router, extract::State, routing::get};
use http::StatusCode;
use hutong_ledger::id::{RecordId, RecordKey};
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{prost::Message, v1::property as wire};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::{
    PropertyService,
    contract::{domain, record, render},
    view,
};

const PAGE_MAX: usize = 200;
const PAGE: usize = 50;

#[derive(Debug, OpenApi)]
#[openapi(paths(search, parcel, title, history), components(schemas(Page)))]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(service: PropertyService) -> Router {
    Router::new()
        .route("/property/v1/parcels", get(search))
        .route("/property/v1/parcels/{id}", get(parcel))
        .route("/property/v1/parcels/{id}/title", get(title))
        .route("/property/v1/parcels/{id}/history", get(history))
        .with_state(service)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Search {
    /// Handle of a holder or lender, 32 hex digits.
    party: Option<String>,
    /// Place, exactly as registered.
    place: Option<String>,
    /// The last parcel of the page before.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// One page of a search.
#[derive(Debug, Serialize, ToSchema)]
struct Page {
    parcels: Vec<Value>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

/// Search by party or place, in order of parcel id
#[utoipa::path(get, path = "/property/v1/parcels", tag = "property", params(Search), responses((status = 200, body = Page)))]
async fn search(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Query(search): Query<Search>,
) -> Result<Json<Page>, Problem> {
    let bad = |field: &str, detail: String| {
        Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
    };
    if search.party.is_none() && search.place.is_none() {
        return Err(bad("party", "Search by party, by place, or by both.".into()));
    }
    let party = search.party.as_deref().map(|text| {
        let mut handle = [0; 16];
        hex::decode_to_slice(text, &mut handle).map(|()| handle)
    });
    let party = party.transpose().map_err(|_| bad("party", "A handle is 32 hex digits.".into()))?;
    let after = search.after.as_deref().map(|text| text.parse::<RecordId>()).transpose();
    let after = after.map_err(|error| bad("after", error.to_string()))?;
    let limit = search.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(bad("limit", format!("A page has 1 to {PAGE_MAX} parcels.")));
    }
    let query = view::Query { place: search.place.clone(), party, after, limit };
    let (ids, more) = service.view.read().search(&query);
    let mut parcels = Vec::with_capacity(ids.len());
    for id in &ids {
        // A parcel that changed since the index was read is shown as it is now.
        if let Some(stored) = find(&service, id.clone(), None).await? {
            parcels.push(shown(&stored));
        }
    }
    let next = ids.last().filter(|_| more).map(|last| next_page(&search, last, limit));
    Ok(Json(Page { parcels, next }))
}

fn next_page(search: &Search, last: &RecordId, limit: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("party", &search.party), ("place", &search.place)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("after", last.as_str()).append_pair("limit", &limit.to_string());
    format!("/property/v1/parcels?{}", query.finish())
}

/// A parcel as it stands
#[utoipa::path(get, path = "/property/v1/parcels/{id}", tag = "property", params(("id" = String, Path)),
    responses((status = 200), (status = 404, description = "No such parcel: an RFC 9457 problem.")))]
async fn parcel(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let stored = known(&service, &id).await?;
    Ok(Json(shown(&stored)))
}

/// The title: rights, mortgages and restrictions
#[utoipa::path(get, path = "/property/v1/parcels/{id}/title", tag = "property", params(("id" = String, Path)),
    responses((status = 200), (status = 404, description = "No such parcel: an RFC 9457 problem.")))]
async fn title(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let stored = known(&service, &id).await?;
    let parcel = shown(&stored);
    Ok(Json(json!({
        "parcel": parcel["parcel"],
        "status": parcel["status"],
        "rights": parcel["rights"],
        "mortgages": parcel["mortgages"],
        "restrictions": parcel["restrictions"],
        "as_of": { "version": stored.version, "height": stored.height, "time_ms": stored.time_ms },
        "receipt": format!("/v1/transactions/{}/receipt", stored.transaction),
    })))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Pages {
    /// Versions below this one.
    below: Option<u64>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// All versions of a parcel, newest first
#[utoipa::path(get, path = "/property/v1/parcels/{id}/history", tag = "property", params(("id" = String, Path), Pages),
    responses((status = 200), (status = 404, description = "No such parcel: an RFC 9457 problem.")))]
async fn history(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Path(id): Path<String>,
    Query(pages): Query<Pages>,
) -> Result<Json<Value>, Problem> {
    let limit = pages.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        let detail = format!("A page has 1 to {PAGE_MAX} versions.");
        return Err(Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field("limit"));
    }
    let key = RecordKey { domain: domain(), record: record_id(&id)? };
    let history = service.storage.history(key, pages.below, limit).await.map_err(unavailable)?;
    if history.versions.is_empty() && pages.below.is_none() {
        return Err(unknown(&id));
    }
    let next = history
        .more_below
        .map(|below| format!("/property/v1/parcels/{id}/history?below={below}&limit={limit}"));
    Ok(Json(json!({ "versions": history.versions.iter().map(shown).collect::<Vec<_>>(), "next": next })))
}

fn record_id(id: &str) -> Result<RecordId, Problem> {
    record(id).map_err(|refusal| {
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, refusal.message).field("id")
    })
}

fn unknown(id: &str) -> Problem {
    Problem::new("parcel_unknown", StatusCode::NOT_FOUND, format!("Parcel {id} is not registered."))
}

fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    Problem::new(
        "storage_unavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        "The ledger does not answer; try again.",
    )
    .retry_after_s(1)
}

async fn find(
    service: &PropertyService,
    id: RecordId,
    version: Option<u64>,
) -> Result<Option<StoredRecord>, Problem> {
    let key = RecordKey { domain: domain(), record: id };
    service.storage.record(key, version).await.map_err(unavailable)
}

async fn known(service: &PropertyService, id: &str) -> Result<StoredRecord, Problem> {
    find(service, record_id(id)?, None).await?.ok_or_else(|| unknown(id))
}

/// The record with where it comes from.
fn shown(stored: &StoredRecord) -> Value {
    let parcel = stored.value.as_deref().and_then(|value| wire::Parcel::decode(value).ok());
    let mut shown = parcel.map_or_else(|| json!({ "status": "deleted" }), |parcel| render(&parcel));
    shown["version"] = stored.version.into();
    shown["height"] = stored.height.into();
    shown["registered_ms"] = stored.time_ms.into();
    shown["registered_by"] = stored.agency.as_str().into();
    shown["transaction"] = stored.transaction.to_string().into();
    shown
}

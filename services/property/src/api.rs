//! The routes of `/property/v1`, for agencies. Reading shows what is final; writing is for what one agency signs alone,
//! and applications of several sides go to `/v1/transactions` with all their signatures.

mod as_of;
mod parcels;
mod search;
mod title;
mod write;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hutong_ledger::id::{RecordId, RecordKey};
use hutong_peer::StoredRecord;
use hutong_runtime::http::Problem;
use hutong_wire::{prost::Message, v1::property as wire};
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::{
    PropertyService,
    contract::{domain, record, render},
};

const PAGE_MAX: usize = 200;
const PAGE: usize = 50;
const GEO_JSON: &str = "application/geo+json";

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        search::parcels,
        search::geojson,
        parcels::parcel,
        parcels::history,
        title::title,
        title::extract,
        write::register,
        write::restrict,
        write::lift
    ),
    components(schemas(search::Page, write::Done))
)]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(service: PropertyService) -> Router {
    Router::new()
        .route("/property/v1/parcels", get(search::parcels).post(write::register))
        .route("/property/v1/parcels.geojson", get(search::geojson))
        .route("/property/v1/parcels/{id}", get(parcels::parcel))
        .route("/property/v1/parcels/{id}/title", get(title::title))
        .route("/property/v1/parcels/{id}/extract", get(title::extract))
        .route("/property/v1/parcels/{id}/history", get(parcels::history))
        .route("/property/v1/parcels/{id}/restrictions", post(write::restrict))
        .route("/property/v1/parcels/{id}/restrictions/{number}/lift", post(write::lift))
        .with_state(service)
}

fn malformed(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
}

fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=PAGE_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(malformed("limit", format!("A page has 1 to {PAGE_MAX} items.")))
    }
}

/// A time of RFC 3339 as unix milliseconds.
fn time_ms(text: &str, field: &str) -> Result<u64, Problem> {
    let parsed =
        text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
    parsed.ok_or_else(|| malformed(field, "A time is written as 2026-11-23T08:00:00Z (RFC 3339)."))
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
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
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

fn decode(stored: &StoredRecord) -> Option<wire::Parcel> {
    wire::Parcel::decode(stored.value.as_deref()?).ok()
}

/// The record with where it comes from.
fn shown(stored: &StoredRecord) -> Value {
    let mut shown = decode(stored).map_or_else(|| json!({ "status": "deleted" }), |parcel| render(&parcel));
    shown["version"] = stored.version.into();
    shown["height"] = stored.height.into();
    shown["registered_ms"] = stored.time_ms.into();
    shown["registered_by"] = stored.agency.as_str().into();
    shown["transaction"] = stored.transaction.to_string().into();
    shown
}

/// Whether the caller asks for GeoJSON.
fn wants_geojson(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|part| {
        part.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(GEO_JSON))
    })
}

fn geojson_answer(body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(GEO_JSON)),
        (header::VARY, HeaderValue::from_static("accept")),
    ];
    (headers, body.to_string()).into_response()
}

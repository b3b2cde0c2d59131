//! The routes of `/parking/v1`. Searching is for everyone, without a token; writing is for the domain's owner, occupancy
//! for the agencies of operators too, and permits are shown to agencies alone.

mod live;
mod permits;
mod places;
mod realtime;
mod records;
mod write;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hutong_ledger::{contract::Refusal, id::AgencyId};
use hutong_runtime::http::{Json, Problem};
use serde_json::Value;
use utoipa::OpenApi;

use crate::{ParkingService, shown, view::Standing};

const PAGE_MAX: usize = 1000;
const PAGE: usize = 100;
const GEO_JSON: &str = "application/geo+json";

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        places::sites,
        places::geojson,
        places::near,
        places::site,
        records::history,
        records::day,
        records::operators,
        records::operator,
        records::permits,
        records::permit,
        live::live,
        realtime::realtime,
        write::put_site,
        write::retire_site,
        write::put_operator,
        permits::issue_permit,
        permits::revoke_permit
    ),
    components(schemas(places::Page, crate::realtime::Sent, realtime::Answer, write::Done))
)]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(service: ParkingService) -> Router {
    Router::new()
        .route("/parking/v1/sites", get(places::sites).post(write::put_site))
        .route("/parking/v1/sites.geojson", get(places::geojson))
        .route("/parking/v1/near", get(places::near))
        .route("/parking/v1/sites/{uid}", get(places::site))
        .route("/parking/v1/sites/{uid}/retire", post(write::retire_site))
        .route("/parking/v1/sites/{uid}/history", get(records::history))
        .route("/parking/v1/sites/{uid}/days/{day}", get(records::day))
        .route("/parking/v1/operators", get(records::operators).post(write::put_operator))
        .route("/parking/v1/operators/{id}", get(records::operator))
        .route("/parking/v1/permits", get(records::permits).post(permits::issue_permit))
        .route("/parking/v1/permits/{id}", get(records::permit))
        .route("/parking/v1/permits/{id}/revoke", post(permits::revoke_permit))
        .route("/parking/v1/live", get(live::live))
        .route("/parking/v1/realtime", post(realtime::realtime))
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

fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

fn unknown_site(uid: &str) -> Problem {
    let uid: String = uid.chars().take(100).collect();
    Problem::new("site_unknown", StatusCode::NOT_FOUND, format!("Site {uid:?} is not registered."))
}

/// What a contract would refuse, before it is asked.
fn refused(refusal: Refusal) -> Problem {
    let status = match &*refusal.code {
        "stale_update" => StatusCode::CONFLICT,
        "site_unknown" => StatusCode::NOT_FOUND,
        "not_the_owner" => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let problem = Problem::new(refusal.code, status, refusal.message);
    match refusal.field {
        Some(field) => problem.field(&field),
        None => problem,
    }
}

/// The caller owns the domain, and this node is the owner's.
async fn by_owner(service: &ParkingService, caller: &str) -> Result<(), Problem> {
    let owner: AgencyId = service.owner().await.map_err(unavailable)?;
    if service.0.desk.agency() == owner && caller == owner.as_str() {
        return Ok(());
    }
    Err(not_the_owner(&owner))
}

fn not_the_owner(owner: &AgencyId) -> Problem {
    let detail =
        format!("{owner} owns parking and does this on its own node; others sign their own transactions.");
    Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail)
}

/// Whether the caller asks for GeoJSON.
fn wants_geojson(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|part| {
        part.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(GEO_JSON))
    })
}

fn geojson_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(GEO_JSON))], body.to_string()).into_response()
}

/// A collection in the form that was asked for: `{items, next}`, or GeoJSON with `next` beside the features.
fn collection(items: Vec<(Standing, Value)>, next: Option<String>, geojson: bool) -> Response {
    if geojson {
        let features = items.into_iter().map(|(standing, item)| shown::feature(&standing, item));
        let mut body = shown::collection(features.collect());
        if let Some(next) = next {
            body["next"] = next.into();
        }
        return geojson_answer(&body);
    }
    let items = items.into_iter().map(|(_, item)| item).collect();
    Json(places::Page { items, next }).into_response()
}

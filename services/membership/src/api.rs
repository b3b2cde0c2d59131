//! The routes of `/v1/membership`: who is in the city, for agencies.

use axum::{Router, extract::State, routing::get};
use http::StatusCode;
use hutong_ledger::{
    epoch::{Agency, Epoch},
    id::{AgencyId, Domain, RecordKey},
};
use hutong_peer::SharedStorage;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem},
};
use utoipa::OpenApi;

#[derive(Debug, OpenApi)]
#[openapi(paths(current, epoch, agency))]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(storage: SharedStorage) -> Router {
    Router::new()
        .route("/v1/membership", get(current))
        .route("/v1/membership/epochs/{number}", get(epoch))
        .route("/v1/membership/agencies/{id}", get(agency))
        .with_state(storage)
}

/// The epoch in force
#[utoipa::path(get, path = "/v1/membership", tag = "membership", responses((status = 200, description = "The epoch.", content_type = "application/json", body = Object)))]
async fn current(State(storage): State<SharedStorage>, _: RequireAgency) -> Result<Json<Epoch>, Problem> {
    Ok(Json(in_force(&storage).await?))
}

/// An epoch by number
#[utoipa::path(get, path = "/v1/membership/epochs/{number}", tag = "membership", params(("number" = u64, Path)),
    responses((status = 200, description = "The epoch.", content_type = "application/json", body = Object), (status = 404, description = "No such epoch yet: an RFC 9457 problem.")))]
async fn epoch(
    State(storage): State<SharedStorage>,
    _: RequireAgency,
    Path(number): Path<u64>,
) -> Result<Json<Epoch>, Problem> {
    let unknown =
        || Problem::new("epoch_unknown", StatusCode::NOT_FOUND, format!("There is no epoch {number} yet."));
    // Each version of the record is an epoch, the first of them epoch 0.
    let version = number.checked_add(1).ok_or_else(unknown)?;
    let key = RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
    let stored = storage.record(key, Some(version)).await.map_err(|error| unavailable(&error))?;
    let value = stored.and_then(|stored| stored.value).ok_or_else(unknown)?;
    Epoch::decode(&value).map(Json).map_err(Problem::internal)
}

/// A member agency, with its keys
#[utoipa::path(get, path = "/v1/membership/agencies/{id}", tag = "membership", params(("id" = String, Path)),
    responses((status = 200, description = "The agency.", content_type = "application/json", body = Object), (status = 404, description = "No such member: an RFC 9457 problem.")))]
async fn agency(
    State(storage): State<SharedStorage>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Agency>, Problem> {
    let unknown = || Problem::new("agency_unknown", StatusCode::NOT_FOUND, format!("{id} is no member."));
    let name: AgencyId = id.parse().map_err(|_| unknown())?;
    let epoch = in_force(&storage).await?;
    epoch.agency(&name).cloned().map(Json).ok_or_else(unknown)
}

async fn in_force(storage: &SharedStorage) -> Result<Epoch, Problem> {
    let standing = storage.standing().await.map_err(|error| unavailable(&error))?;
    Ok(Epoch::clone(&standing.epoch))
}

fn unavailable(error: &hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

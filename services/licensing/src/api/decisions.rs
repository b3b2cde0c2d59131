//! What becomes of a licence by decision: suspended, reinstated, revoked. For the owner of the domain.

use axum::extract::State;
use bytes::Bytes;
use hutong_runtime::{
    auth::{Caller, RequireAgency},
    http::{Json, Path, Problem},
};
use serde_json::Value;

use super::{
    form::{Reason, official},
    licences::one_shown,
};
use crate::{LicensingService, build, contract::domain};

/// Revoke a licence for good
#[utoipa::path(post, path = "/licensing/v1/licences/{id}/revoke", tag = "licensing", params(("id" = String, Path)), request_body = Reason, responses(
    (status = 200, description = "It is revoked, and the status list says so.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`"),
    (status = 404, description = "`licence_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `reason_missing`, `licence_revoked`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn revoke(
    State(service): State<LicensingService>,
    agency: RequireAgency,
    caller: Caller,
    Path(id): Path<String>,
    Json(why): Json<Reason>,
) -> Result<Json<Value>, Problem> {
    let official = official(&service, &agency, &caller)?;
    decide(&service, &id, build::revoke(&id, &why.reason), &official).await
}

/// Suspend a licence
#[utoipa::path(post, path = "/licensing/v1/licences/{id}/suspend", tag = "licensing", params(("id" = String, Path)), request_body = Reason, responses(
    (status = 200, description = "It is suspended, and the status list says so.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`"),
    (status = 404, description = "`licence_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `reason_missing`, `licence_not_issued`, `licence_expired`, `licence_revoked`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn suspend(
    State(service): State<LicensingService>,
    agency: RequireAgency,
    caller: Caller,
    Path(id): Path<String>,
    Json(why): Json<Reason>,
) -> Result<Json<Value>, Problem> {
    let official = official(&service, &agency, &caller)?;
    decide(&service, &id, build::suspend(&id, &why.reason), &official).await
}

/// Reinstate a suspended licence
#[utoipa::path(post, path = "/licensing/v1/licences/{id}/reinstate", tag = "licensing", params(("id" = String, Path)), request_body = Reason, responses(
    (status = 200, description = "It stands again, and the status list says so.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`"),
    (status = 404, description = "`licence_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `reason_missing`, `licence_not_suspended`, `licence_expired`, `licence_revoked`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn reinstate(
    State(service): State<LicensingService>,
    agency: RequireAgency,
    caller: Caller,
    Path(id): Path<String>,
    Json(why): Json<Reason>,
) -> Result<Json<Value>, Problem> {
    let official = official(&service, &agency, &caller)?;
    decide(&service, &id, build::reinstate(&id, &why.reason), &official).await
}

/// Submits what is decided of a licence that is there.
async fn decide(
    service: &LicensingService,
    id: &str,
    action: Bytes,
    official: &str,
) -> Result<Json<Value>, Problem> {
    service.licence(id).await?;
    let done = service.desk.submit(domain(), action, official).await?;
    service.until_shown(done.height).await;
    one_shown(service, id).await.map(Json)
}

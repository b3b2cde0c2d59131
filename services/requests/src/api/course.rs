//! What agencies do with a request. The contract decides; its refusals come back as problems under their own codes.

use axum::extract::State;
use bytes::Bytes;
use hutong_runtime::{
    auth::{Caller, RequireAgency},
    http::{Json, Path, Problem},
};
use hutong_wire::v1::requests::{self as wire, action::Kind};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{desk, known, shown};
use crate::{RequestsService, build};

/// Signs and submits, and shows the request after it.
async fn act(
    service: &RequestsService,
    caller: &Caller,
    id: &str,
    action: Bytes,
) -> Result<Json<Value>, Problem> {
    let (desk, official) = desk(service, caller)?;
    known(service, id).await?;
    service.submit(desk, action, official).await?;
    shown(&known(service, id).await?).map(Json)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dispatch {
    /// Who acts; the first leads. None: by the service's rules, and then the district's office.
    #[serde(default)]
    agencies: Vec<String>,
    /// Why; needed for all but the first dispatch.
    #[serde(default)]
    notes: String,
}

/// Give a request to agencies, or hand it back
///
/// The domain's owner dispatches. The lead may hand a request back by naming nobody; the district's office then has it.
#[utoipa::path(post, path = "/requests/v1/requests/{id}/dispatch", tag = "requests", params(("id" = String, Path)),
    request_body = Dispatch, responses(
    (status = 200, description = "The request after it.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `not_the_lead`, `request_closed`, `no_agency`, `agency_invalid`, `district_catches`, `reason_missing`, `request_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn dispatch(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Path(id): Path<String>,
    Json(body): Json<Dispatch>,
) -> Result<Json<Value>, Problem> {
    let Dispatch { agencies, notes } = body;
    let action = wire::Dispatch { request: id.clone(), agencies, notes };
    act(&service, &caller, &id, build::action(Kind::Dispatch(action))).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// What was done; the public reads it.
    notes: String,
    /// Whether the citizen was contacted.
    #[serde(default)]
    contacted: bool,
}

/// Say what was done
///
/// For the lead, or the domain's owner in its place.
#[utoipa::path(post, path = "/requests/v1/requests/{id}/answer", tag = "requests", params(("id" = String, Path)),
    request_body = Answer, responses(
    (status = 200, description = "The request after it.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `not_the_lead`, `request_closed`, `not_dispatched`, `reason_missing`, `request_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn answer(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Path(id): Path<String>,
    Json(body): Json<Answer>,
) -> Result<Json<Value>, Problem> {
    let action = build::answer(&id, &body.notes, body.contacted);
    act(&service, &caller, &id, action).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Callback {
    /// Whether somebody was reached and answered; else the rest is false.
    valid: bool,
    #[serde(default)]
    contacted: bool,
    #[serde(default)]
    resolved: bool,
    #[serde(default)]
    satisfied: bool,
}

/// Write down what the citizen said when called back
///
/// For the domain's owner, once somebody was reached for good.
#[utoipa::path(post, path = "/requests/v1/requests/{id}/callback", tag = "requests", params(("id" = String, Path)),
    request_body = Callback, responses(
    (status = 200, description = "The request after it.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `owner_required`, `not_answered`, `called_back`, `call_back_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn callback(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Path(id): Path<String>,
    Json(body): Json<Callback>,
) -> Result<Json<Value>, Problem> {
    let Callback { valid, contacted, resolved, satisfied } = body;
    let called = wire::Called { request: id.clone(), valid, contacted, resolved, satisfied };
    act(&service, &caller, &id, build::action(Kind::Called(called))).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    /// Why; needed while there is no answer.
    #[serde(default)]
    notes: String,
}

/// Close a request
///
/// For the lead once it is answered; the domain's owner closes any, with notes.
#[utoipa::path(post, path = "/requests/v1/requests/{id}/close", tag = "requests", params(("id" = String, Path)),
    request_body = Close, responses(
    (status = 200, description = "The request after it.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `not_the_lead`, `request_closed`, `not_answered`, `reason_missing`, `request_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn close(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Path(id): Path<String>,
    Json(body): Json<Close>,
) -> Result<Json<Value>, Problem> {
    act(&service, &caller, &id, build::close(&id, &body.notes)).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Duplicate {
    /// Id of the request that it repeats.
    of: String,
}

/// Close a request that repeats another one
///
/// For the domain's owner; both are of the same service.
#[utoipa::path(post, path = "/requests/v1/requests/{id}/duplicate", tag = "requests", params(("id" = String, Path)),
    request_body = Duplicate, responses(
    (status = 200, description = "The request after it.", body = Value),
    (status = 400, description = "`malformed_path`, `malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `owner_required`, `request_closed`, `request_unknown`, `request_id_invalid`, `duplicate_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn duplicate(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Path(id): Path<String>,
    Json(body): Json<Duplicate>,
) -> Result<Json<Value>, Problem> {
    act(&service, &caller, &id, build::mark_duplicate(&id, &body.of)).await
}

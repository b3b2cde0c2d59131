//! The routes of `/requests/v1`, for agencies: requests and what becomes of them, the rates, the configuration.
//!
//! Everything shown is final. Writing is for agencies that this node signs for; others submit their own signed
//! transactions.

mod course;
mod lists;
mod rates;
mod settings;

use axum::{
    Router,
    routing::{get, post},
};
use http::StatusCode;
use hutong_desk::Desk;
use hutong_ledger::{contract::Refusal, id::AgencyId};
use hutong_peer::StoredRecord;
use hutong_runtime::{auth::Caller, http::Problem};
use hutong_wire::{prost::Message, v1::requests as wire};
use serde_json::Value;
use utoipa::OpenApi;

use crate::{
    RequestsService,
    contract::{render_request, request_record},
};

#[derive(Debug, OpenApi)]
#[openapi(paths(
    lists::list,
    lists::one,
    lists::history,
    lists::duplicates,
    course::dispatch,
    course::answer,
    course::callback,
    course::close,
    course::duplicate,
    rates::rates,
    settings::services,
    settings::service,
    settings::define,
    settings::areas,
    settings::set_areas,
    settings::weights,
    settings::set_weights
))]
struct Document;

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub(crate) fn routes(service: RequestsService) -> Router {
    Router::new()
        .route("/requests/v1/requests", get(lists::list))
        .route("/requests/v1/requests/{id}", get(lists::one))
        .route("/requests/v1/requests/{id}/history", get(lists::history))
        .route("/requests/v1/requests/{id}/duplicates", get(lists::duplicates))
        .route("/requests/v1/requests/{id}/dispatch", post(course::dispatch))
        .route("/requests/v1/requests/{id}/answer", post(course::answer))
        .route("/requests/v1/requests/{id}/callback", post(course::callback))
        .route("/requests/v1/requests/{id}/close", post(course::close))
        .route("/requests/v1/requests/{id}/duplicate", post(course::duplicate))
        .route("/requests/v1/rates", get(rates::rates))
        .route("/requests/v1/services", get(settings::services))
        .route("/requests/v1/services/{code}", get(settings::service).put(settings::define))
        .route("/requests/v1/areas", get(settings::areas).put(settings::set_areas))
        .route("/requests/v1/weights", get(settings::weights).put(settings::set_weights))
        .with_state(service)
}

fn malformed(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
}

/// What the contract would say no to, said before anything is signed.
fn refused(refusal: Refusal) -> Problem {
    let problem = Problem::new(refusal.code, StatusCode::UNPROCESSABLE_ENTITY, refusal.message);
    match refusal.field {
        Some(field) => problem.field(&field),
        None => problem,
    }
}

pub(crate) fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

/// The agency that is calling, and its official.
fn agency(caller: &Caller) -> Result<(AgencyId, &str), Problem> {
    match caller {
        Caller::Agency { id, official } => {
            Ok((id.parse().map_err(Problem::internal)?, official.as_deref().unwrap_or_default()))
        }
        Caller::Person(_) | Caller::Anonymous => {
            Err(Problem::internal("a route asks for an agency's desk, but no agency calls"))
        }
    }
}

/// The desk that signs for the caller, and the official who acts.
fn desk<'a>(service: &'a RequestsService, caller: &'a Caller) -> Result<(&'a Desk, &'a str), Problem> {
    let (agency, official) = agency(caller)?;
    let desk = service.desks.get(&agency).ok_or_else(|| {
        let detail = format!(
            "This node does not sign for {agency}: sign the transaction yourself and POST it to /v1/transactions."
        );
        Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail)
    })?;
    Ok((desk, official))
}

/// The request in the path.
async fn known(service: &RequestsService, id: &str) -> Result<StoredRecord, Problem> {
    let record = request_record(id).map_err(|refusal| {
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, refusal.message).field("id")
    })?;
    service.record(record).await.map_err(unavailable)?.ok_or_else(|| {
        Problem::new("request_unknown", StatusCode::NOT_FOUND, format!("There is no request {id}."))
    })
}

/// A request with where it comes from.
fn shown(stored: &StoredRecord) -> Result<Value, Problem> {
    let request = wire::Request::decode(stored.value.as_deref().unwrap_or_default());
    let mut shown = render_request(&request.map_err(Problem::internal)?);
    shown["version"] = stored.version.into();
    shown["height"] = stored.height.into();
    shown["transaction"] = stored.transaction.to_string().into();
    Ok(shown)
}

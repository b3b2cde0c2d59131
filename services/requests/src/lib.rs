//! The city domain requests: citizens' requests in Open311 GeoReport v2, on the course of the 12345 line: dispatched to
//! one agency, answered within a deadline, called back, rated.
//!
//! What is requested is public; who requested it is sealed and never enters a transaction. The contract alone decides
//! what may change; view and routes only show what is final. Deadlines that pass become changes on the ledger, so that a
//! breach is an event like any other.
//!
//! Parts: [`contract`] (pure), [`build`] makes actions, [`import`] reads open data of past requests, `view` is the index
//! for searching and `rates` its figures, `breaches` watches deadlines, `open311` and `api` are the routes.

mod api;
mod breaches;
pub mod build;
mod config;
pub mod contract;
pub mod import;
mod open311;
pub mod rates;
mod service;
pub mod view;

use axum::Router;

pub use config::Config;
pub use contract::{DOMAIN, Requests, domain};
pub use open311::error_form;
pub use service::RequestsService;

/// The routes under `/requests/v1` and `/open311/v2`.
pub fn routes(service: RequestsService) -> Router {
    api::routes(service.clone()).merge(open311::routes(service))
}

/// The description of these routes. Operations are named after their tag: a city has many lists.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = api::document();
    document.merge(open311::document());
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post].into_iter().flatten() {
            let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
            operation.operation_id = operation.operation_id.take().map(|id| format!("{tag}_{id}"));
        }
    }
    document
}

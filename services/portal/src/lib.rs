//! The portal: what a person asks of the city about their own data. Who looked at it, who may, and to have it erased.
//!
//! Everything starts from the person's token: each vault, shown that token, tells which handle is the person's in its
//! domains, and nothing under another handle is ever read or done for them. The portal keeps nothing of a person; it
//! follows erasures alone, by handle, which are on the ledger. Nothing personal stands in an address.
//!
//! Parts: [`Ports`] is what it works with, `own` gathers a person's handles, `ledger` reads records; `accesses`, `consents`,
//! `erasures` and `me` answer; `api` has them as JSON, `pages` as pages for people; `view` knows whose records were erased.

mod accesses;
mod api;
mod config;
mod consents;
mod document;
mod erase;
mod erasures;
mod ledger;
mod me;
mod own;
mod pages;
mod ports;
mod receipts;
mod service;
mod view;

use axum::Router;

pub use config::Config;
pub use ports::{PersonaDesk, Ports};
pub use service::PortalService;

/// The routes under `/v1/subjects/me` and `/portal`.
pub fn routes(service: PortalService) -> Router {
    api::routes(service.clone()).merge(pages::routes(service))
}

/// The description of the routes under `/v1/subjects/me`.
pub fn document() -> utoipa::openapi::OpenApi {
    api::document()
}

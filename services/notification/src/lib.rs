//! Notification: delivers final record changes of one agency's domains as CloudEvents 1.0, in order and without gaps.
//!
//! It follows the agency's storage, which tells what is final and nothing else, and delivers it three ways: to
//! subscribers over SSE (`GET /v1/events`), to receivers outside over webhooks (`/v1/subscriptions`), and to the bus
//! stream EVENTS for whoever reads the bus. One event per record version; a refused transaction changes no record and
//! is no event.
//!
//! **It is never the source of a fact.** Its only state is what was subscribed to and how far each delivery has come:
//! losing it loses no change of any record. It must not deliver what is not final, skip, reorder, or let one slow
//! subscriber slow another: each pulls pages from storage at its own pace. It never decides who may see a domain:
//! membership does, by its list of hosts.
//!
//! Parts: [`service`] runs the parts; `feed` reads finals in order and checks that none is missing; `event` is the
//! envelope; `filter` says what is wanted and `grant` what may be seen; `cursor` says how far; `sse` is the stream's
//! API, `subscribers` counts who is there; `stream` writes EVENTS; `subscriptions` keeps what webhooks were asked for,
//! `webhooks` delivers it; `state` is the own store.

mod config;
mod cursor;
mod error;
mod event;
mod feed;
mod filter;
mod grant;
pub mod service;
mod sse;
mod state;
mod status;
mod stream;
mod subscribers;
mod subscriptions;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use hutong_runtime::Shutdown;

pub use config::{Config, Webhooks};
pub use error::Error;
pub use service::{Handle, NotificationService, Ports};
pub use webhooks::{Jitter, Outside, Resolve, SharedResolver, SystemResolver};

/// The routes. With several nodes behind one port, a caller is served by its own agency's; they must be behind
/// [`hutong_runtime::auth::identify`].
pub fn routes(nodes: impl IntoIterator<Item = Handle>, shutdown: Shutdown) -> Router {
    let nodes: Arc<[Handle]> = nodes.into_iter().collect();
    sse::routes(nodes.clone(), shutdown)
        .merge(status::routes(nodes.clone()))
        .merge(subscriptions::routes(nodes))
}

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    sse::openapi().merge_from(status::openapi()).merge_from(subscriptions::openapi())
}

//! Notification: delivers final record changes of one agency's domains as CloudEvents 1.0, in order and without gaps.
//!
//! It follows the agency's storage, which tells what is final and nothing else, and delivers it two ways: to
//! subscribers over SSE (`GET /v1/events`), and to the bus stream EVENTS for whoever reads the bus. One event per
//! record version; a refused transaction changes no record and is no event.
//!
//! **It is never the source of a fact.** Its only state is how far the EVENTS stream has come, which the stream itself
//! tells too: losing it loses nothing. It must not deliver what is not final, skip, reorder, or let one slow
//! subscriber slow another: each pulls pages from storage at its own pace. It never decides who may see a domain:
//! membership does, by its list of hosts.
//!
//! Parts: [`service`] runs the parts; `feed` reads finals in order and checks that none is missing; `event` is the
//! envelope; `cursor` says how far; `sse` is the API; `subscribers` counts who is there; `stream` writes EVENTS.

mod config;
mod cursor;
mod error;
mod event;
mod feed;
pub mod service;
mod sse;
mod stream;
mod subscribers;

pub use config::Config;
pub use error::Error;
pub use service::{Handle, NotificationService, Ports};
pub use sse::{openapi, routes};

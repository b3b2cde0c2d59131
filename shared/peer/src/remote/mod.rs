//! Storage over the bus: the caller's side is a [`StoragePeer`](crate::StoragePeer) like storage itself, so whoever
//! calls cannot tell whether storage is in the same process.
//!
//! A call is one request and one answer (`proto/hutong/v1/storage.proto`), in as many messages as they need. Nothing
//! is repeated here when an answer is lost: only the caller knows what a second try means.
//!
//! Parts: [`RemoteStorage`] asks, [`serve_storage`] answers; `parts` cuts and joins what is too large for one
//! message; `convert` and `submit` turn messages into types and back.

mod client;
mod convert;
mod fault;
mod parts;
mod server;
mod submit;

pub use client::RemoteStorage;
pub use server::serve_storage;

const CALLEE: &str = "storage";

/// A message or field that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {reason}")]
struct Bad {
    field: &'static str,
    reason: String,
}

impl Bad {
    fn new(field: &'static str, reason: impl ToString) -> Self {
        Self { field, reason: reason.to_string() }
    }

    fn missing(field: &'static str) -> Self {
        Self::new(field, "missing")
    }
}

//! The typed calls between services: one trait per callee, which is the service itself in one process and a client
//! over the bus elsewhere; whoever calls cannot tell.
//!
//! Here is only what crosses: types, traits, the bus client and the bus server. No service logic.

pub mod agency;
pub mod block;
pub mod ingest;
pub mod remote;
pub mod storage;
pub mod stream;
pub mod subjects;
pub mod vault;

pub use block::{ExecutedBlock, SegmentResult};
pub use remote::{RemoteStorage, serve_storage};
pub use storage::{
    FinalTransaction, Position, Prefetched, Session, SharedStorage, StoragePeer, StoredRecord, Submitted,
};

use hutong_bus as bus;

/// A call to another service that got no answer, or a refusal.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The callee is not there, or the way to it is cut. Trying again later may help.
    #[error("{callee} does not answer")]
    Unavailable {
        callee: &'static str,
        #[source]
        source: bus::Error,
    },
    /// The callee has stopped for good, with a reason.
    #[error("{callee} has stopped: {reason}")]
    Stopped { callee: &'static str, reason: String },
    /// The callee failed on this call, an IO error for instance.
    #[error("{callee} failed: {reason}")]
    Failed { callee: &'static str, reason: String },
    /// What came back is not an answer to this call.
    #[error("{callee} answered with something else: {reason}")]
    Garbled { callee: &'static str, reason: String },
}

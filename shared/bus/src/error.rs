//! What can go wrong on the bus, and what the caller may conclude from it.

use std::sync::Arc;

use crate::Stream;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// An append that was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing was appended: the subject's last sequence is another one. It alone proves no rival: an own
    /// earlier append whose acknowledgement was lost looks the same. Read again and compare.
    #[error("{stream}: the last sequence under {subject} is not {expected}; read again before deciding")]
    Stale { stream: Stream, subject: String, expected: u64 },
    /// The acknowledgement did not come. The batch may be there or may yet arrive; read again and compare.
    #[error("{stream}: no acknowledgement in time; whether the batch was appended is unknown")]
    Unknown { stream: Stream },
    /// Nothing was appended: a message id of a batch of several was seen before.
    #[error("{stream}: the batch repeats message id {message_id}")]
    Repeated { stream: Stream, message_id: String },
    /// Nothing was appended: the stream is at its limit. Wait, or make room.
    #[error("{stream}: the stream is full")]
    Full { stream: Stream },
    /// Nothing was appended: the batch breaks a rule of the port.
    #[error("{stream}: the batch is not acceptable: {reason}")]
    Invalid { stream: Stream, reason: String },
    #[error(transparent)]
    Bus(#[from] Error),
}

/// Any other failure of the bus.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{stream}: sequence {sequence} is no longer kept; the first is {first}")]
    Gone { stream: Stream, sequence: u64, first: u64 },
    #[error("nobody serves {subject}")]
    NoResponder { subject: String },
    #[error("no answer from {subject} in time")]
    Timeout { subject: String },
    #[error("the bus is closed")]
    Closed,
    /// The call breaks a rule of the port; repeating it is no use.
    #[error("{subject:?}: {reason}")]
    Invalid { subject: String, reason: String },
    /// The server is not what the adapter needs; it refuses to run on it.
    #[error("the broker does not fit: {reason}")]
    Unfit { reason: String },
    #[error("{context}")]
    Transport { context: String, source: Source },
}

impl Error {
    pub fn transport(
        context: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Transport { context: context.into(), source: Arc::new(source) }
    }
}

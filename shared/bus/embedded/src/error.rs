//! Why an embedded bus cannot be opened. What fails later is an error of the port.

/// A failure to open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Journal(#[from] hutong_journal::Error),
    /// The journal is intact, and what it holds was not written by this version of the bus.
    #[error("record {position} of the bus's journal is not readable: {reason}")]
    Record { position: u64, reason: &'static str },
    #[error("the system gives no random numbers")]
    Random,
}

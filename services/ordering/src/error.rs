//! What makes ordering start over. Nothing is lost by that: the stream is its memory.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    #[error(transparent)]
    Bus(#[from] hutong_bus::Error),
    #[error("the append of height {height} failed: {source}")]
    Append {
        height: u64,
        #[source]
        source: hutong_bus::AppendError,
    },
    #[error("the stream {0} ended")]
    Ended(hutong_bus::Stream),
    /// The stream of blocks is ahead of what this agency's storage has as final.
    #[error("height {height} is of epoch {named}, storage knows epoch {known}; waiting for it")]
    Epoch { height: u64, named: u64, known: u64 },
    /// The own proposal did not count: the code and the lane disagree.
    #[error("the own proposal at height {height} does not count: {skip}")]
    Skipped { height: u64, skip: hutong_ledger::chain::Skip },
}

//! What stops ingest. What is wrong with a transaction is no error of ingest: see `hutong_peer::ingest::Rejected`.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk failed. What it holds is unknown; start again, which reads back what is there.
    #[error("the journal of ingest failed")]
    Journal(#[from] hutong_journal::Error),
    /// A record that is whole and yet no group: the journal was written by something else.
    #[error("position {position} of the journal of ingest holds no group of transactions: {reason}")]
    Record { position: u64, reason: String },
    /// The bus or storage does not answer yet.
    #[error(transparent)]
    Bus(#[from] hutong_bus::Error),
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    #[error(transparent)]
    Compute(#[from] hutong_runtime::Error),
}

impl Error {
    /// Whether the process has to start again for this to pass.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Journal(_) | Self::Record { .. })
    }
}

//! What stops delivery: for a while, or for good.

use std::path::PathBuf;

use hutong_ledger::id::Domain;
use hutong_peer::Position;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Storage does not answer; delivery goes on when it does.
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    #[error(transparent)]
    Bus(#[from] hutong_bus::Error),
    #[error(transparent)]
    Append(#[from] hutong_bus::AppendError),
    /// The own store is damaged or its disk fails. No fact is lost with it, but subscriptions are: their owners have
    /// to make them again.
    #[error("{} cannot be read or written; if it is damaged, delete it and have subscriptions made again", path.display())]
    Store { path: PathBuf, source: hutong_store::Error },
    #[error("{} cannot be made readable for its owner alone", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("a row of {table} in {} is not what this software writes: {reason}", path.display())]
    Row { path: PathBuf, table: &'static str, reason: String },
    #[error("a row of {table} cannot be written: {reason}")]
    Encode { table: &'static str, reason: String },
    #[error("webhooks: {0} is no network such as 10.20.0.0/16")]
    Network(String),
    #[error("webhooks: nothing can be sent")]
    Tls(#[source] hutong_runtime::Error),
    #[error("subscription {subscription} cannot be delivered: {reason}")]
    Delivery { subscription: String, reason: String },
    #[error("a delivery panicked or was cut off")]
    Courier(#[source] tokio::task::JoinError),
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    #[error(
        "storage told {found} of {domain} after {last}: the log index {expected} is missing or out of order"
    )]
    Gap { domain: Domain, expected: u64, found: u64, last: u64 },
    #[error("storage told the transaction at {}-{} again, or out of order", found.height, found.ordinal)]
    Order { found: Position },
    /// An event on the stream took longer to read back than is sensible.
    #[error("the last event under {subject} cannot be read back")]
    Unread { subject: String },
    /// A change that makes no event; this software is at fault.
    #[error("a change of {domain} cannot become an event: {reason}")]
    Envelope { domain: Domain, reason: String },
}

impl Error {
    /// Whether trying again cannot help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Peer(error) => matches!(error, hutong_peer::Error::Stopped { .. }),
            Self::Append(error) => matches!(error, hutong_bus::AppendError::Invalid { .. }),
            Self::Store { .. } | Self::File { .. } | Self::Row { .. } | Self::Encode { .. } => true,
            Self::Gap { .. } | Self::Order { .. } | Self::Envelope { .. } => true,
            Self::Network(_) | Self::Tls(_) | Self::Keys(_) | Self::Courier(_) => true,
            Self::Bus(_) | Self::Unread { .. } | Self::Delivery { .. } => false,
        }
    }
}

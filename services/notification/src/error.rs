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
    /// The own store is damaged or its disk fails. It holds only positions: it may be deleted.
    #[error("the positions in {} cannot be kept; if the file is damaged, delete it", path.display())]
    Store { path: PathBuf, source: hutong_store::Error },
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
            Self::Store { .. } | Self::Gap { .. } | Self::Order { .. } | Self::Envelope { .. } => true,
            Self::Bus(_) | Self::Unread { .. } => false,
        }
    }
}

//! What stops validation: for a while, or for good.

use hutong_ledger::id::Domain;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Storage or the bus does not answer; validation starts over.
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    #[error(transparent)]
    Bus(#[from] hutong_bus::Error),
    /// Storage did not take a block: the overlay no longer fits it.
    #[error("storage refused height {height}: {reason}")]
    Refused { height: u64, reason: String },
    /// The stream of blocks ended.
    #[error("the stream of blocks ended")]
    Ended,
    /// Archived bytes that do not decode: storage must be checked with `hutong fsck`.
    #[error("the archived block at height {height} is damaged: {reason}; run hutong fsck")]
    Archive { height: u64, reason: String },
    /// The stream does not reach back to the next height, and no other agency gave its block.
    #[error("the block of height {height} is no longer on the stream, and no agency gave it")]
    Gap { height: u64 },
    /// Membership makes this agency a host of a domain whose past it has not executed.
    #[error(
        "from the block after height {height} on, epoch {epoch} makes this agency a host of {domain}, whose past it has not \
         executed. Name {domain} in `joining`, give the agency a new host key, and let it start from an empty state folder; \
         it stops here and loses nothing"
    )]
    Past { domain: Domain, height: u64, epoch: u64 },
    #[error("the compute pool failed: {0}")]
    Compute(String),
    /// The epoch asks for a contract that this software does not have.
    #[error(
        "from height {height} on, epoch {epoch} runs {domain} under contract version {wanted}; this software has {have}. \
         Upgrade this node: start it again with software that has the version; it stops here and loses nothing"
    )]
    Contract { domain: Domain, wanted: u32, have: String, height: u64, epoch: u64 },
}

impl Error {
    /// Whether starting over can help.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Contract { .. } | Self::Archive { .. } | Self::Past { .. })
            || matches!(self, Self::Peer(hutong_peer::Error::Stopped { .. }))
    }
}

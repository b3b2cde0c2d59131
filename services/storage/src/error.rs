//! What stops storage, and what a caller may conclude.

use std::path::PathBuf;

use hutong_ledger::{
    hash::Hash,
    id::{AgencyId, ChainId, Domain},
    invariant::Invariant,
};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Journal(#[from] hutong_journal::Error),
    #[error(transparent)]
    Store(#[from] hutong_store::Error),
    #[error(transparent)]
    Bus(#[from] hutong_bus::Error),
    #[error("cannot use the directory {}", path.display())]
    Directory { path: PathBuf, source: std::sync::Arc<std::io::Error> },
    #[error("{}: the evidence cannot be written", path.display())]
    Evidence { path: PathBuf, source: std::sync::Arc<std::io::Error> },
    /// The directory holds another chain's or agency's data. Give each its own.
    #[error("{} is not the archive of {agency} on {chain}", dir.display())]
    Foreign { dir: PathBuf, chain: ChainId, agency: AgencyId },
    #[error("record {position} of the archive does not fit: {reason}; run hutong fsck")]
    Archive { position: u64, reason: String },
    /// The final state does not fit the archive or itself.
    #[error("the final state is damaged: {reason}; run hutong fsck, or delete it to have it rebuilt")]
    State { reason: String },
    /// The final state was written by other software.
    #[error(
        "state.redb, the final state, has format {found}; this software reads {known}. Use the software that wrote it, or a \
         later one, or delete it to have it rebuilt from the archive"
    )]
    Format { found: u32, known: u32 },
    /// This agency came to another result than it signed before, or than the others: its software or its disk
    /// is at fault, or theirs. Nothing more is signed.
    #[error(
        "invariant {invariant} is broken at height {height}, domain {domain}: {reason}. \
         This agency signs nothing more; compare the nodes with hutong fsck"
    )]
    Broken { invariant: Invariant, height: u64, domain: Domain, reason: String },
    /// The network certified another block than this agency holds final.
    #[error("height {height} is final as {own} here and as {other} elsewhere; the city has two histories")]
    Forked { height: u64, own: Hash, other: Hash },
    #[error("a thread of storage is gone: {what}")]
    Gone { what: &'static str },
    #[error("the operating system gives no randomness")]
    Random,
    #[error(transparent)]
    Genesis(#[from] GenesisFault),
}

impl Error {
    /// The invariant that this is the violation of.
    pub fn invariant(&self) -> Option<Invariant> {
        match self {
            Self::Broken { invariant, .. } => Some(*invariant),
            Self::Forked { .. } => Some(Invariant::Final),
            _ => None,
        }
    }
}

/// A genesis that cannot start a chain.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the genesis file is not usable: {0}")]
pub struct GenesisFault(pub String);

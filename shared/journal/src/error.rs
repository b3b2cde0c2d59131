//! What can go wrong with a journal, and where.

use std::{io, path::PathBuf, sync::Arc};

/// A failure of a journal. It is `Clone` because one failed sync answers many waiters.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: Arc<io::Error> },
    /// Bytes that were once durable are not what was written. Restore the file from a copy; nothing here
    /// repairs it, because cutting it would take back what was acknowledged.
    #[error("{} is damaged at offset {offset}, where record {position} is expected: {reason}", path.display())]
    Corrupt { path: PathBuf, offset: u64, position: u64, reason: &'static str },
    /// The file is not a segment this version can read.
    #[error("{} is not a readable journal segment: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
    /// Another process, or another journal of this one, has the directory open.
    #[error("the journal in {} is in use; stop the process that holds it", path.display())]
    Locked { path: PathBuf },
    #[error("a record of {bytes} bytes is above the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    /// A write or sync failed earlier. What the disk holds is unknown since, so the journal does nothing any
    /// more; restart the process, which reads back what is really there.
    #[error("the journal in {} stopped after a failed write: {reason}", path.display())]
    Poisoned { path: PathBuf, reason: String },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: Arc::new(source) }
    }
}

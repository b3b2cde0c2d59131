//! What can go wrong with a store.

use std::{path::PathBuf, sync::Arc};

/// A failure of a store. `Clone`, because one failed commit answers all whose batches were in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open the store {}", path.display())]
    Open { path: PathBuf, source: Arc<redb::DatabaseError> },
    #[error("cannot {action} the store")]
    Redb { action: &'static str, source: Arc<redb::Error> },
    /// Bytes in a table are not what the table's codec writes: the file is damaged or of another version.
    #[error("table {table} holds something that is not one of its entries")]
    Garbled { table: &'static str },
    #[error(
        "the store {} holds {found}; this software reads {}, version {}. Use the software that wrote it, or a later one",
        path.display(),
        known.name,
        known.version
    )]
    Form { path: PathBuf, found: String, known: crate::Form },
    /// What must be on the disk before a synced commit could not be brought there.
    #[error("a synced commit was held back: {reason}")]
    HeldBack { reason: String },
    /// A commit failed earlier; what the file holds is unknown since. Restart the process.
    #[error("the store stopped after a failed commit: {reason}")]
    Stopped { reason: String },
    #[error("cannot start the store's writer")]
    Thread(#[source] Arc<std::io::Error>),
}

impl Error {
    pub(crate) fn redb<E: Into<redb::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Redb { action, source: Arc::new(source.into()) }
    }
}

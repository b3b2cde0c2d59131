//! What can go wrong between the service and the ledger, the vault and its own file.

/// An error of the port to the ledger and the vault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is final, and the contract said no; or the vault does. The code is stable.
    #[error("refused: {code}")]
    Refused { code: String },
    /// Nothing is known to have happened: try again.
    #[error("the ledger or the vault does not answer: {0}")]
    Unavailable(String),
    #[error("the bodies cannot be kept: {0}")]
    Bodies(#[from] BodiesError),
}

/// An error of the file of bodies.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodiesError {
    #[error(transparent)]
    Store(#[from] hutong_store::Error),
    #[error("cannot {action} {path}: {reason}")]
    File { action: &'static str, path: String, reason: String },
    #[error("a key or nonce cannot be made: {0}")]
    Key(String),
    /// A row does not open under the key: the file is damaged or another's.
    #[error("a body does not open under the key of its file")]
    Unopened,
}

//! What can go wrong in the vault, and what it refuses. No variant carries a value, a salt or a resident id.

use std::{io, path::PathBuf};

use hutong_peer::vault::VaultError;

use crate::kek::KekError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is asked for something that it must not give. The code is stable.
    #[error("{code}: {message}")]
    Refused { code: &'static str, message: String },
    #[error("the vault's {store} cannot be used; if the file is damaged, restore the last backup")]
    Store { store: &'static str, source: hutong_store::Error },
    #[error(transparent)]
    Kek(#[from] KekError),
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    /// What is stored does not open: files were mixed up or tampered with.
    #[error("{what} does not open with the vault's keys; the files of the vault do not belong together")]
    Damaged { what: &'static str },
    #[error("{}: can't {action}", path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{} exists already; a vault and a backup are never overwritten", path.display())]
    Exists { path: PathBuf },
    #[error("there is no vault here: {} is missing", path.display())]
    NoVault { path: PathBuf },
    #[error("this is no backup of a vault: {} is missing or empty", path.display())]
    NoBackup { path: PathBuf },
    #[error("{}: the vault that runs does not answer there", path.display())]
    Unreachable { path: PathBuf, source: io::Error },
    /// What a running vault says of what its operator asked.
    #[error("the vault says: {0}")]
    Answered(String),
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    /// A step on another thread was cut off: the process ends.
    #[error("the vault is ending")]
    Ending,
}

/// A refusal with its stable code.
pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Error {
    Error::Refused { code, message: message.into() }
}

impl Error {
    /// The code that it is counted under.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            _ => "unavailable",
        }
    }
}

impl From<Error> for VaultError {
    /// What failed inside is for the log alone.
    fn from(error: Error) -> Self {
        match error {
            Error::Refused { code: "unavailable", message } => Self::Unavailable(message),
            Error::Refused { code, message } => Self::refused(code, message),
            other => {
                tracing::error!(error = %chain(&other), "the vault cannot answer");
                Self::Unavailable("it cannot do this now; its log says why".into())
            }
        }
    }
}

/// An error with its sources, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

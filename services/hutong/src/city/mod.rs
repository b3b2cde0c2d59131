//! A city in one process: founding it, wiring its services, running them.
//!
//! This is the only place that chooses a deployment. Services get their ports here and know nothing of each other.

pub mod directory;
pub mod domains;
pub(crate) mod errors;
pub mod found;
pub mod front;
pub mod host;
pub mod import;
pub mod layout;
pub mod parts;
pub mod personas;
pub mod settings;
pub mod traced;
pub mod up;

use std::path::{Path, PathBuf};

use hutong_ledger::id::AgencyId;

/// What keeps a city from starting.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not the JSON that it should be: {source}")]
    Json {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the genesis file is not valid: {0}")]
    Genesis(String),
    #[error("another process runs the city in {0}; stop it first")]
    Locked(PathBuf),
    #[error("the signing key of {agency}, which owns {domain}, is not in the folder keys/{agency}/")]
    NoKey { agency: AgencyId, domain: &'static str },
    #[error(transparent)]
    Name(#[from] hutong_ledger::id::InvalidName),
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    #[error(transparent)]
    Runtime(#[from] hutong_runtime::Error),
    #[error("{service}: {source}")]
    Service {
        service: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CityError {
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub fn service(service: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Service { service, source: Box::new(source) }
    }
}

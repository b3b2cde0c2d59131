//! What can go wrong at the desk.

use http::StatusCode;
use hutong_ledger::id::{AgencyId, Domain, TxId};
use hutong_peer::{ingest::Rejected, vault::VaultError};
use hutong_runtime::http::Problem;

use crate::Unread;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the transaction cannot be made: {0}")]
    Build(#[from] hutong_client::Error),
    #[error("the agency's key is of no use: {0}")]
    Key(#[from] hutong_keys::Error),
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    #[error("ingest gave no answer")]
    NoAnswer,
    #[error("ingest does not take it ({}): {}", .0.code.name(), .0.detail)]
    Rejected(Rejected),
    /// It is final, and the contract said no.
    #[error("the contract refused transaction {id}: {code}")]
    Refused { code: String, id: TxId },
    #[error("transaction {id} did not become final in time; ask for it again")]
    NotFinal { id: TxId },
    #[error(transparent)]
    Name(#[from] hutong_ledger::id::InvalidName),
    #[error("nobody owns the domain {0}")]
    UnknownDomain(Domain),
    #[error("the vault of {0} is not known here")]
    NoVault(AgencyId),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("what the vault released cannot be read: {0}")]
    Unread(#[from] Unread),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        use StatusCode as S;
        let detail = error.to_string();
        match error {
            Error::Refused { code, id } => {
                Self::new(code, S::UNPROCESSABLE_ENTITY, detail).with("transaction", id)
            }
            Error::Rejected(rejected) => Self::new(rejected.code.name(), S::BAD_REQUEST, rejected.detail),
            Error::Vault(VaultError::Refused { code, message }) => Self::new(code, S::FORBIDDEN, message),
            Error::NotFinal { .. } | Error::NoAnswer | Error::Peer(_) | Error::Vault(_) => {
                Self::new("unavailable", S::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
            }
            Error::UnknownDomain(_) => Self::new("unknown_domain", S::NOT_FOUND, detail),
            Error::Build(_) | Error::Name(_) | Error::Key(_) | Error::NoVault(_) | Error::Unread(_) => {
                Self::internal(detail)
            }
        }
    }
}

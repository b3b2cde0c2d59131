//! What the vault is given: how it knows who calls, and how its confirmations reach the ledger.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use hutong_desk::Desk;
use hutong_disclosure::ResidentId;
use hutong_ledger::id::{AgencyId, Domain};
use hutong_runtime::auth::{Authenticator, Caller};

/// Who holds an agency's token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agent {
    pub agency: AgencyId,
    /// The pseudonym of the official, where the token says it.
    pub official: Option<String>,
}

/// Checks the tokens of agencies and their officials.
#[async_trait]
pub trait CallerCheck: Debug + Send + Sync + 'static {
    /// Whose token it is; the error says what is wrong with it, and never the token.
    async fn agent(&self, token: &str) -> Result<Agent, String>;
}

#[async_trait]
impl CallerCheck for Authenticator {
    async fn agent(&self, token: &str) -> Result<Agent, String> {
        match self.caller(token).await {
            Ok(Caller::Agency { id, official }) => {
                let agency = id.parse().map_err(|_| "its issuer is no agency".to_owned())?;
                Ok(Agent { agency, official })
            }
            Ok(_) => Err("it is no agency's token".to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

/// Checks the tokens of persons.
#[async_trait]
pub trait PersonCheck: Debug + Send + Sync + 'static {
    /// Who the person is; the error says what is wrong with the token, and never the token.
    async fn resident_id(&self, token: &str) -> Result<ResidentId, String>;
}

#[async_trait]
impl PersonCheck for Authenticator {
    async fn resident_id(&self, token: &str) -> Result<ResidentId, String> {
        match self.caller(token).await {
            Ok(Caller::Person(person)) => {
                let id = person.resident_id.ok_or("it does not say who the person is in the city")?;
                id.parse().map_err(|_| "it names no resident".to_owned())
            }
            Ok(_) => Err("it is no person's token".to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

/// Why a confirmation is not on the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconfirmed {
    /// The contract said no, under this code.
    #[error("the contract refuses it: {0}")]
    Refused(String),
    /// Trying again may help.
    #[error("{0}")]
    Later(String),
}

/// Submits, in the owner's name, what the vault has to say.
#[async_trait]
pub trait Confirm: Debug + Send + Sync + 'static {
    /// Returns when the action is final and applied.
    async fn confirm(&self, domain: Domain, action: Bytes) -> Result<(), Unconfirmed>;
}

/// The pseudonym under which the vault acts.
const ACTOR: &str = "vault";

#[async_trait]
impl Confirm for Desk {
    async fn confirm(&self, domain: Domain, action: Bytes) -> Result<(), Unconfirmed> {
        match self.submit(domain, action, ACTOR).await {
            Ok(_) => Ok(()),
            Err(hutong_desk::Error::Refused { code, .. }) => Err(Unconfirmed::Refused(code)),
            Err(error) => Err(Unconfirmed::Later(error.to_string())),
        }
    }
}

//! Tokens of identity providers (OpenID Connect): those of persons, and of officials where a provider may speak for them.
//!
//! Signatures by EdDSA, RS256 or ES256 alone, each by a key of its own kind; the rest as OpenID Connect Core 3.1.3.7
//! has it. Neither a token nor a claim is ever logged; the cache knows a token by its hash, and asks each time whether
//! the provider still has the key.
//!
//! Parts: `config` says who is trusted, `issuer` has a provider's keys, `keys` reads them, `fetch` gets documents, `claims`
//! checks what a token says.

mod claims;
mod config;
mod fetch;
mod issuer;
mod keys;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

pub use config::{IssuerConfig, OidcConfig};

use self::{claims::Told, fetch::Fetcher, issuer::Issuer};
use super::{Person, TokenFault, token::is_pseudonym};
use crate::{
    Error, SharedClock,
    config::{Faults, Secret, Settings as _},
};

/// When to try again where a provider does not answer.
pub(super) const RETRY_S: u64 = 2;
/// A longer token is not worth hashing.
const TOKEN_BYTES_MAX: usize = 8192;
const CACHED_TOKENS_MAX: u64 = 10_000;
const CACHED_FOR: Duration = Duration::from_secs(300);

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    Person(Person),
    /// An agency's official. Whether the agency is a member is not known here.
    Official {
        agency: String,
        pseudonym: String,
    },
}

/// A token whose signature was right.
#[derive(Clone)]
struct Verified {
    told: Arc<Told>,
    key: [u8; 32],
}

/// Checks tokens of identity providers, each only once while it lives.
pub struct OidcVerifier {
    issuers: BTreeMap<String, Issuer>,
    clock: SharedClock,
    verified: Cache<[u8; 32], Verified>,
}

impl OidcVerifier {
    /// Nothing is fetched before the first token comes.
    pub fn new(config: OidcConfig, clock: SharedClock) -> Result<Self, Error> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(Error::Config(Faults(faults)));
        }
        let tls = config.issuers.iter().any(|issuer| issuer.issuer.starts_with("https:"));
        let fetcher = Fetcher::new(tls)?;
        let named = |config: IssuerConfig| {
            (config.issuer.clone(), Issuer::new(config, clock.clone(), fetcher.clone()))
        };
        let issuers = config.issuers.into_iter().map(named).collect();
        let verified = Cache::builder().max_capacity(CACHED_TOKENS_MAX).time_to_live(CACHED_FOR).build();
        Ok(Self { issuers, clock, verified })
    }

    /// The person whose token it is.
    pub async fn verify(&self, token: &str) -> Result<Person, TokenFault> {
        let issuer = issuer_of(token).ok_or(TokenFault::Issuer)?;
        match self.identity(&issuer, token).await? {
            Identity::Person(person) => Ok(person),
            Identity::Official { .. } => Err(TokenFault::NotAPerson),
        }
    }

    /// Whose token it is, by the issuer that it names.
    pub(super) async fn identity(&self, issuer: &str, token: &str) -> Result<Identity, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed);
        }
        let issuer = self.issuers.get(issuer).ok_or(TokenFault::Issuer)?;
        let name: [u8; 32] = Sha256::digest(token).into();
        let known = match self.verified.get(&name) {
            // The provider may have withdrawn the key since.
            Some(known) if issuer.has(&known.key).await? => known,
            _ => {
                let known = self.check(issuer, token).await?;
                self.verified.insert(name, known.clone());
                known
            }
        };
        if self.now_s() >= known.told.expires_s {
            return Err(TokenFault::Expired);
        }
        identity(issuer, &known.told, token)
    }

    async fn check(&self, issuer: &Issuer, token: &str) -> Result<Verified, TokenFault> {
        let wanted = claims::wanted(token)?;
        let key = issuer.key(wanted.key_id.as_deref(), wanted.algorithm).await?;
        let claims = claims::signed(token, &key, wanted.algorithm)?;
        let told = claims::check(&claims, &issuer.config, self.now_s())?;
        Ok(Verified { told: Arc::new(told), key: key.fingerprint })
    }

    fn now_s(&self) -> u64 {
        self.clock.unix_ms() / 1000
    }
}

fn identity(issuer: &Issuer, told: &Told, token: &str) -> Result<Identity, TokenFault> {
    if let Some(agency) = &told.agency {
        if !is_pseudonym(&told.subject) {
            return Err(TokenFault::Official);
        }
        return Ok(Identity::Official { agency: agency.clone(), pseudonym: told.subject.clone() });
    }
    Ok(Identity::Person(Person {
        issuer: issuer.config.issuer.clone(),
        subject: told.subject.clone(),
        resident_id: told.resident_id.clone(),
        token: Secret::new(token),
        persona: told.persona,
    }))
}

/// The issuer that a token names, unchecked, if it is an address: an agency's name is none.
pub(super) fn issuer_of(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    claims::issuer(token).filter(|issuer| issuer.contains("://"))
}

impl fmt::Debug for OidcVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcVerifier").field("issuers", &self.issuers.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! The agency's desk: what a domain service does in its agency's name. It signs and submits transactions, gives sealed
//! values to the vaults, and reads sealed fields the only way there is: by an access that is final first.
//!
//! It decides nothing. The contract says what is allowed, and its refusal comes back as it is.

mod disclose;
mod error;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hutong_client::{Signer, TransactionBuilder};
use hutong_keys::{SealingKey, mint_token};
use hutong_ledger::{
    entry::Outcome,
    hash::Hash,
    id::{AgencyId, ChainId, Domain, TxId},
};
use hutong_peer::{
    SharedStorage,
    ingest::{Accepted, SharedIngest, Wait},
    vault::{Handle, SharedVault, ToSeal},
};
use hutong_runtime::SharedClock;

pub use disclose::{Ask, Disclosed, Unread, check_opening, open_release};
pub use error::Error;

/// How long a transaction of the desk may take to become final before it is void.
const LIFE_MS: u64 = 60_000;
/// How far the agency's own storage may be behind the one that told that a transaction is final.
const LAG: Duration = Duration::from_secs(2);
/// How long the token for one call to a vault lives.
const TOKEN_TTL_S: u64 = 60;

/// Everything the desk works with.
pub struct Means {
    pub chain: ChainId,
    pub signer: Signer,
    /// Opens what vaults release to the agency.
    pub sealing: SealingKey,
    pub ingest: SharedIngest,
    pub storage: SharedStorage,
    /// The vaults of domains' owners.
    pub vaults: BTreeMap<AgencyId, SharedVault>,
    pub clock: SharedClock,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// A transaction that is final and was applied.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub id: TxId,
    pub height: u64,
    pub time_ms: u64,
}

/// The desk of one agency. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Means>);

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("agency", &self.agency()).finish_non_exhaustive()
    }
}

impl Desk {
    pub fn new(means: Means) -> Self {
        Self(Arc::new(means))
    }

    /// In whose name the desk acts.
    pub fn agency(&self) -> AgencyId {
        self.0.signer.agency
    }

    pub fn storage(&self) -> &SharedStorage {
        &self.0.storage
    }

    /// Signs an action, submits it, and waits until it is final and applied, and can be read at the agency's own storage.
    /// `actor` is the pseudonym of the official or system that acts.
    pub async fn submit(&self, domain: Domain, action: Bytes, actor: &str) -> Result<Done, Error> {
        let not_after_ms = self.0.clock.unix_ms() + LIFE_MS;
        let builder = TransactionBuilder::new(self.0.chain, domain, self.agency(), not_after_ms)?;
        let transaction = builder.actor(actor).action(action).sign(&[&self.0.signer])?;
        let id = transaction.id;
        loop {
            let mut taken = self.0.ingest.submit(vec![transaction.clone()], Wait::Final).await;
            match taken.pop().ok_or(Error::NoAnswer)? {
                Ok(Accepted::Final(finality)) => {
                    return match finality.outcome {
                        Outcome::Applied => {
                            self.seen(finality.height).await;
                            Ok(Done { id, height: finality.height, time_ms: finality.time_ms })
                        }
                        Outcome::Refused(code) => Err(Error::Refused { code: code.into_owned(), id }),
                    };
                }
                Ok(Accepted::Pending(_)) if self.0.clock.unix_ms() < not_after_ms => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(Accepted::Pending(_)) => return Err(Error::NotFinal { id }),
                Err(rejection) => return Err(Error::Rejected(rejection)),
            }
        }
    }

    /// Waits until the agency's own storage has a height that is final elsewhere, so that whoever reads there next finds
    /// what was just written. A storage that is further behind, or away, takes nothing back.
    async fn seen(&self, height: u64) {
        match self.0.storage.wait_final(height.saturating_sub(1), LAG).await {
            Ok(reached) if reached >= height => {}
            Ok(reached) => tracing::warn!(height, reached, "the agency's own storage is behind"),
            Err(error) => tracing::warn!(height, %error, "the agency's own storage does not answer"),
        }
    }

    /// Gives values to the vault of the domain's owner; their commitments by name.
    pub async fn seal(&self, values: ToSeal) -> Result<Vec<(String, Hash)>, Error> {
        let vault = self.vault_of(values.record.domain).await?;
        Ok(vault.seal(&self.token()?, values).await?)
    }

    /// The handle of a resident in a domain, and whether it is new: a new one is on no ledger yet.
    pub async fn find_person(&self, domain: Domain, resident_id: &str) -> Result<(Handle, bool), Error> {
        let vault = self.vault_of(domain).await?;
        Ok(vault.find_person(&self.token()?, domain, resident_id).await?)
    }

    /// The vault of a domain's owner.
    pub async fn vault_of(&self, domain: Domain) -> Result<SharedVault, Error> {
        let epoch = self.0.storage.standing().await?.epoch;
        let rules = epoch.domains.iter().find(|rules| rules.domain == domain);
        let owner = rules.ok_or(Error::UnknownDomain(domain))?.owner;
        self.0.vaults.get(&owner).cloned().ok_or(Error::NoVault(owner))
    }

    fn token(&self) -> Result<String, Error> {
        let now_s = self.0.clock.unix_ms() / 1000;
        let (agency, chain) = (self.agency(), self.0.chain);
        Ok(mint_token(self.0.signer.key(), agency.as_str(), chain.as_str(), now_s, TOKEN_TTL_S)?)
    }
}

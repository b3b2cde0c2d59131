//! The vault as others call it: who may ask for what, before anything is opened.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use hutong_disclosure::ResidentId;
use hutong_ledger::{
    epoch::Epoch,
    hash::Hash,
    id::{AgencyId, ChainId, Domain, TxId},
};
use hutong_peer::{
    SharedStorage,
    vault::{Handle, Released, ToSeal, VaultError, VaultPeer},
};
use hutong_runtime::{InvariantCounters, SharedClock};
use tokio::sync::watch;

use crate::{
    Config, Error,
    access::FinalAccess,
    error::refused,
    limit::Limit,
    meters::Meters,
    ports::{Agent, CallerCheck, PersonCheck},
    safe::Safe,
};

/// The vault of one agency. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) chain: ChainId,
    pub(crate) agency: AgencyId,
    pub(crate) config: Config,
    pub(crate) safe: Arc<Safe>,
    pub(crate) storage: SharedStorage,
    pub(crate) callers: Arc<dyn CallerCheck>,
    pub(crate) persons: Arc<dyn PersonCheck>,
    pub(crate) clock: SharedClock,
    pub(crate) limit: Limit,
    pub(crate) meters: Meters,
    pub(crate) invariants: InvariantCounters,
    /// Whether everything was applied here that was final when the vault started.
    pub(crate) caught_up: watch::Sender<bool>,
}

/// Runs what blocks on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Ending))
}

impl Vault {
    /// Writes a backup into a folder that must not exist yet. It opens with the key-encryption key of now alone, which is
    /// not in it.
    pub async fn backup(&self, folder: &Path) -> Result<(), Error> {
        let (safe, folder) = (self.0.safe.clone(), folder.to_owned());
        blocking(move || safe.backup(&folder)).await
    }

    /// Whether it serves: it has applied all that was final when it started, erasures with it.
    pub fn serves(&self) -> bool {
        *self.0.caught_up.borrow()
    }

    /// Waits until it serves.
    pub async fn until_serving(&self) {
        // The sender is held here, so it does not go away.
        let _ = self.0.caught_up.subscribe().wait_for(|caught_up| *caught_up).await;
    }

    fn count<T>(&self, call: &str, result: Result<T, Error>) -> Result<T, VaultError> {
        if let Err(error) = &result {
            self.0.meters.refused(call, error.code());
        }
        result.map_err(VaultError::from)
    }

    fn ready(&self) -> Result<(), Error> {
        if self.serves() {
            Ok(())
        } else {
            Err(refused("unavailable", "the vault applies what became final before it serves; try again"))
        }
    }

    /// The holder of the token, who must be of this vault's agency.
    async fn own_agent(&self, token: &str) -> Result<Agent, Error> {
        let agent = self.0.callers.agent(token).await.map_err(|why| refused("invalid_token", why))?;
        if agent.agency == self.0.agency {
            return Ok(agent);
        }
        let told = format!("this is the vault of {} and not of {}", self.0.agency, agent.agency);
        Err(refused("not_the_owner", told))
    }

    /// The epoch in force, if storage sees all that is final: what it has yet to get back after a crash may be an erasure
    /// or a revocation, and those win.
    async fn epoch(&self) -> Result<Arc<Epoch>, Error> {
        let standing = self.0.storage.standing().await?;
        if standing.is_recalled() {
            return Ok(standing.epoch);
        }
        Err(refused("unavailable", "storage gets back what was final before it stopped; try again"))
    }

    async fn owned(&self, domain: Domain) -> Result<(), Error> {
        let epoch = self.epoch().await?;
        if epoch.rules(domain).is_some_and(|rules| rules.owner == self.0.agency) {
            return Ok(());
        }
        Err(refused("not_owner_domain", format!("{} does not own the domain {domain}", self.0.agency)))
    }

    async fn try_seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, Error> {
        self.ready()?;
        self.own_agent(token).await?;
        self.owned(values.record.domain).await?;
        let (safe, now_ms) = (self.0.safe.clone(), self.0.clock.unix_ms());
        let pending_ms_max = self.0.config.pending_ms_max;
        let commitments = blocking(move || safe.seal(&values, now_ms, pending_ms_max)).await?;
        self.0.meters.sealed(commitments.len());
        Ok(commitments)
    }

    async fn try_find_person(
        &self,
        token: &str,
        domain: Domain,
        resident_id: &str,
    ) -> Result<(Handle, bool), Error> {
        self.ready()?;
        let agent = self.own_agent(token).await?;
        self.owned(domain).await?;
        self.0.limit.check(&agent)?;
        // What is wrong with it is told without the id.
        let id: ResidentId =
            resident_id.parse().map_err(|error| refused("resident_id_invalid", format!("{error}")))?;
        self.0.meters.looked_up();
        let safe = self.0.safe.clone();
        blocking(move || safe.find_or_make_person(domain, &id)).await
    }

    async fn try_own_handles(&self, token: &str) -> Result<Vec<(Domain, Handle)>, Error> {
        self.ready()?;
        let id = self.0.persons.resident_id(token).await.map_err(|why| refused("invalid_token", why))?;
        let domains = owned_domains(&*self.epoch().await?, self.0.agency);
        let safe = self.0.safe.clone();
        let find = move || {
            let found = domains.into_iter().map(|domain| Ok((domain, safe.find_person(domain, &id)?)));
            let found: Vec<_> = found.collect::<Result<_, Error>>()?;
            Ok(found.into_iter().filter_map(|(domain, handle)| Some((domain, handle?))).collect())
        };
        blocking(find).await
    }

    async fn try_release(&self, access: TxId) -> Result<Released, Error> {
        self.ready()?;
        let Inner { chain, agency, storage, invariants, .. } = &*self.0;
        let epoch = self.epoch().await?;
        let access = FinalAccess::ask(&**storage, access, &epoch, *agency, invariants).await?;
        let allowed = access.allowed(&**storage, &epoch, self.0.clock.unix_ms()).await?;
        let (safe, chain) = (self.0.safe.clone(), *chain);
        blocking(move || safe.release(chain, &allowed)).await
    }
}

/// The city domains that an agency owns.
pub(crate) fn owned_domains(epoch: &Epoch, agency: AgencyId) -> Vec<Domain> {
    let owned = epoch.domains.iter().filter(|rules| rules.owner == agency && !rules.domain.is_platform());
    owned.map(|rules| rules.domain).collect()
}

#[async_trait]
impl VaultPeer for Vault {
    async fn seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        self.count("seal", self.try_seal(token, values).await)
    }

    async fn find_person(
        &self,
        token: &str,
        domain: Domain,
        resident_id: &str,
    ) -> Result<(Handle, bool), VaultError> {
        self.count("find_person", self.try_find_person(token, domain, resident_id).await)
    }

    async fn own_handles(&self, token: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        self.count("own_handles", self.try_own_handles(token).await)
    }

    async fn release(&self, access: TxId) -> Result<Released, VaultError> {
        let began = self.0.clock.monotonic();
        let released = self.count("release", self.try_release(access).await)?;
        self.0.meters.released(self.0.clock.monotonic().saturating_sub(began));
        Ok(released)
    }
}

//! The loop: keeps the view up to date with what becomes final, and the bodies without what was erased.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::join_all};
use hutong_disclosure::records;
use hutong_ledger::{contract::Versioned, hash::Hash};
use hutong_peer::FinalTransaction;
use hutong_runtime::SharedClock;
use hutong_wire::{
    prost::Message,
    v1::{disclosure, health as wire},
};
use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    audit::Access,
    bodies::Bodies,
    error::Error,
    json::Json,
    kind::{Key, Kind},
    records::SharedRecords,
    search::{extract, value::Values},
    view::{Applied, Content, Version, View},
};

/// The pseudonym of what the service does on its own.
const SYSTEM: &str = "fhir-service";

/// How many bodies are asked of the vault at a time, and how often for each.
const RECOVERED_AT_ONCE: usize = 32;
const RECOVERY_TRIES: u32 = 5;

/// What the service works with.
#[derive(Clone, Debug)]
pub struct Ports {
    pub records: SharedRecords,
    pub bodies: Bodies,
    pub clock: SharedClock,
}

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone)]
pub struct HealthService(Arc<Inner>);

struct Inner {
    config: Config,
    ports: Ports,
    view: RwLock<View>,
    /// Counts what the view took up.
    steps: watch::Sender<u64>,
    ready: AtomicBool,
    /// Bodies of erased resources that are still to be destroyed.
    doomed: parking_lot::Mutex<Vec<Hash>>,
    /// Held while something is written because nothing like it is there.
    conditional: Mutex<()>,
}

impl fmt::Debug for HealthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthService").field("ports", &self.0.ports).finish_non_exhaustive()
    }
}

/// A change of the ledger, read before the view is locked.
enum Read {
    Resource(Applied),
    Erased(Key),
    Accessed(Access),
    Consent(String, bool),
}

impl HealthService {
    pub fn new(config: Config, ports: Ports) -> Self {
        Self(Arc::new(Inner {
            config,
            ports,
            view: RwLock::default(),
            steps: watch::Sender::new(0),
            ready: AtomicBool::new(false),
            doomed: parking_lot::Mutex::default(),
            conditional: Mutex::new(()),
        }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn records(&self) -> &SharedRecords {
        &self.0.ports.records
    }

    pub(crate) fn bodies(&self) -> &Bodies {
        &self.0.ports.bodies
    }

    pub(crate) fn view(&self) -> parking_lot::RwLockReadGuard<'_, View> {
        self.0.view.read()
    }

    pub(crate) fn conditional(&self) -> &Mutex<()> {
        &self.0.conditional
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.ports.clock.unix_ms()
    }

    /// Waits until the view has shown all that was final at the start: before, nothing is known to be missing. False if
    /// that takes too long.
    pub(crate) async fn ready(&self) -> bool {
        let is_ready = || self.0.ready.load(Ordering::Acquire);
        is_ready() || self.settled(|_| is_ready()).await
    }

    /// Waits until the view shows what the caller waits for; false if that takes too long.
    pub(crate) async fn settled(&self, shown: impl Fn(&View) -> bool) -> bool {
        let mut steps = self.0.steps.subscribe();
        let wait = async { steps.wait_for(|_| shown(&self.view())).await.is_ok() };
        let most = Duration::from_millis(self.0.config.settle_ms);
        tokio::time::timeout(most, wait).await.unwrap_or(false)
    }

    /// Runs until stopped. A ledger that does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        loop {
            if let Err(error) = self.catch_up().await {
                tracing::debug!(%error, "the health view waits");
                tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await;
            }
        }
    }

    /// Reads what is final and not in the view yet; waits for more when there is none.
    async fn catch_up(&self) -> Result<(), Error> {
        let after = self.view().position();
        let (finals, reached) = self.records().finals(after, self.0.config.page).await?;
        let mut read = Vec::new();
        for transaction in &finals {
            for change in &transaction.changes {
                read.extend(self.read(transaction, change)?);
            }
        }
        let gone = {
            let mut view = self.0.view.write();
            let gone = read.into_iter().flat_map(|read| apply(&mut view, read)).collect::<Vec<_>>();
            view.advance(reached);
            gone
        };
        self.0.doomed.lock().extend(gone);
        self.destroy().await?;
        if reached == after {
            if !self.0.ready.swap(true, Ordering::AcqRel) {
                self.0.steps.send_modify(|steps| *steps += 1);
                self.recover();
            }
            self.records().wait_final(after.height, Duration::from_millis(self.0.config.wait_ms)).await?;
        } else {
            self.0.steps.send_modify(|steps| *steps += 1);
        }
        Ok(())
    }

    /// Destroys the bodies of what was erased; what fails is tried again with the next step.
    async fn destroy(&self) -> Result<(), Error> {
        let doomed = self.0.doomed.lock().clone();
        if doomed.is_empty() {
            return Ok(());
        }
        let (bodies, gone) = (self.bodies().clone(), doomed.clone());
        let destroyed = tokio::task::spawn_blocking(move || bodies.destroy(&gone)).await;
        destroyed.map_err(|error| Error::Unavailable(error.to_string()))??;
        self.0.doomed.lock().retain(|commitment| !doomed.contains(commitment));
        Ok(())
    }

    /// What was not done before the last stop: bodies that are not kept here come from the vault, each against an
    /// access; consents that are not on the ledger get there.
    fn recover(&self) {
        let service = self.clone();
        tokio::spawn(async move {
            let all = service.view().bodies();
            for part in all.chunks(RECOVERED_AT_ONCE) {
                let parts = part.iter().map(|(key, commitment)| service.recover_one(key, commitment).boxed());
                join_all(parts).await;
            }
            let consents: Vec<Key> = service.view().live(Kind::Consent).map(|doc| doc.key.clone()).collect();
            for key in consents {
                service.follow_consent(&key, SYSTEM).await;
            }
        });
    }

    async fn recover_one(&self, key: &Key, commitment: &Hash) {
        for tried in 1..=RECOVERY_TRIES {
            match self.recover_body(key, commitment).await {
                Ok(()) => return,
                Err(error) if tried == RECOVERY_TRIES => {
                    tracing::warn!(%error, resource = %key, "a body is not to be had");
                }
                // The vault may be a moment behind the ledger.
                Err(_) => tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await,
            }
        }
    }

    async fn recover_body(&self, key: &Key, commitment: &Hash) -> Result<(), Error> {
        if self.bodies().has(commitment)? {
            return Ok(());
        }
        let (commitment, body) = self.records().recover(key, SYSTEM).await?;
        let told = |reason: String| Error::Unavailable(reason);
        let body: Arc<str> = std::str::from_utf8(&body).map_err(|error| told(error.to_string()))?.into();
        let bodies = self.bodies().clone();
        let put = tokio::task::spawn_blocking(move || bodies.put(&[(commitment, body)])).await;
        put.map_err(|error| told(error.to_string()))??;
        let values = self.values(key, &commitment)?;
        self.0.view.write().reindex(key, &commitment, values);
        Ok(())
    }

    fn read(&self, transaction: &FinalTransaction, change: &Versioned) -> Result<Option<Read>, Error> {
        let name = change.record.as_str();
        let Some(value) = change.value.as_deref() else { return Ok(None) };
        if let Some(erased) = name.strip_prefix("erasure/") {
            return Ok(erased.parse().ok().map(Read::Erased));
        }
        if name.starts_with("access/") {
            return Ok(Access::read(transaction.id, value, transaction.time_ms).map(Read::Accessed));
        }
        if name.starts_with("consent/") {
            let consent = disclosure::Consent::decode(value).ok();
            return Ok(consent.map(|consent| Read::Consent(name.to_owned(), consent.withdrawn_ms == 0)));
        }
        if records::is_reserved(&change.record) {
            return Ok(None);
        }
        let (Ok(key), Ok(resource)) = (name.parse::<Key>(), wire::Resource::decode(value)) else {
            return Ok(None);
        };
        let Ok(commitment) = resource.commitment.as_ref().try_into() else { return Ok(None) };
        let commitment = Hash(commitment);
        let (content, values) = if resource.deleted {
            (Content::Deleted, Values::new())
        } else {
            (Content::Body(commitment), self.values(&key, &commitment)?)
        };
        let version = Version { number: change.version, time_ms: transaction.time_ms, content };
        let subjects =
            resource.subjects.iter().filter_map(|handle| handle.as_ref().try_into().ok()).collect();
        Ok(Some(Read::Resource(Applied { key, version, subjects, values })))
    }

    /// By what a resource is found; by nothing if its body is not kept here.
    fn values(&self, key: &Key, commitment: &Hash) -> Result<Values, Error> {
        let body = self.bodies().get(commitment)?;
        let json = body.and_then(|body| Json::parse(&body).ok());
        let base = self.0.config.base_url.as_deref();
        Ok(json.map_or_else(Values::new, |json| extract::values(key.kind, &json, base)))
    }
}

fn apply(view: &mut View, read: Read) -> Vec<Hash> {
    match read {
        Read::Resource(applied) => view.apply(applied),
        Read::Erased(key) => return view.erase(&key),
        Read::Consent(record, stands) => view.apply_consent(record, stands),
        Read::Accessed(mut access) => {
            let patients = access.subjects.iter().filter_map(|handle| view.patient_of(handle));
            access.patients = patients.cloned().collect();
            let (key, subjects) = (access.key(), access.subjects.clone());
            let values = extract::values(Kind::AuditEvent, &access.json(), None);
            let time_ms = access.time_ms();
            let version = Version { number: 1, time_ms, content: Content::Access(Box::new(access)) };
            view.apply(Applied { key, version, subjects, values });
        }
    }
    Vec::new()
}

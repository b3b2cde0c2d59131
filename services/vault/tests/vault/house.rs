//! The owner's house: a folder, a vault that runs over it, and the officials who use it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_desk::{Ask, Desk, Disclosed, Done};
use hutong_disclosure::ResidentId;
use hutong_keys::{mint_token, mint_token_for};
use hutong_ledger::{hash::Hash, id::TxId, invariant::Invariant};
use hutong_peer::vault::{Handle, SharedVault, ToSeal, VaultError, VaultPeer};
use hutong_runtime::{
    Clock, InvariantCounters, Metrics,
    auth::{Authenticator, KeyDirectory},
};
use hutong_vault::{
    Config, Ports, Vault, VaultService,
    kek::{FileKeys, SharedKeys},
    ports::PersonCheck,
};
use hutong_wire::v1::disclosure::{Basis, Erase, RequestAccess, action::Kind, basis};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    charts::{chart, disclosure, domain, record, write},
    city::{AGREEMENT, CLINIC, City, HEALTH, POLICE, chain, id, signing_key},
};

/// Persons with valid resident ids.
pub(crate) const ZHANG: &str = "11010519491231002X";
pub(crate) const LI: &str = "110101199003070054";

#[derive(Debug)]
struct Members;

impl KeyDirectory for Members {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let key = signing_key(agency);
        ([HEALTH, CLINIC, POLICE].contains(&agency) && key.key_id() == key_id).then(|| key.public().0)
    }

    fn is_member(&self, agency: &str) -> bool {
        [HEALTH, CLINIC, POLICE].contains(&agency)
    }

    fn chain(&self) -> &str {
        "riverton-0011223344556677"
    }
}

/// A person's token is `person ` and the resident id.
#[derive(Debug)]
struct Persons;

#[async_trait]
impl PersonCheck for Persons {
    async fn resident_id(&self, token: &str) -> Result<ResidentId, String> {
        let id = token.strip_prefix("person ").ok_or("it is no person's token")?;
        id.parse().map_err(|_| "it names no resident".to_owned())
    }
}

pub(crate) struct House {
    pub(crate) city: Arc<City>,
    pub(crate) config: Config,
    pub(crate) dir: TempDir,
    pub(crate) folder: PathBuf,
    vault: Option<Vault>,
    pub(crate) invariants: InvariantCounters,
    pub(crate) metrics: Metrics,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl House {
    /// A vault that serves.
    pub(crate) async fn new() -> Self {
        let house = Self::over(City::new()).await;
        house.until_serving().await;
        house
    }

    /// A vault that may not have come up yet.
    pub(crate) async fn over(city: Arc<City>) -> Self {
        let config = Config { wait_ms: 20, retry_ms: 5, page: 3, rotation_batch: 2, ..Config::default() };
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("vault");
        std::fs::create_dir(&folder).unwrap();
        let metrics = Metrics::new();
        let invariants = InvariantCounters::new(&metrics, &[Invariant::Look.id()]);
        let stop = CancellationToken::new();
        let mut house =
            Self { city, config, dir, folder, vault: None, invariants, metrics, stop, running: None };
        house.open().await;
        house
    }

    /// Ends the vault, in the middle of whatever it does, and starts another one over a folder.
    pub(crate) async fn reopen(&mut self, folder: PathBuf) {
        self.end().await;
        self.folder = folder;
        self.open().await;
    }

    /// Ends the vault and lets go of its files.
    pub(crate) async fn end(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
        self.vault = None;
    }

    async fn open(&mut self) {
        let began = std::time::Instant::now();
        let service = loop {
            let ports = ports(&self.city, &self.dir.path().join("kek"), &self.metrics, &self.invariants);
            match VaultService::open(chain(), id(HEALTH), self.config.clone(), &self.folder, ports) {
                Ok(service) => break service,
                // A step of the vault before may still be on its thread.
                Err(error) => assert!(began.elapsed() < Duration::from_secs(20), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        self.vault = Some(service.vault());
        self.stop = CancellationToken::new();
        self.running = Some(tokio::spawn(service.run(self.stop.clone())));
    }

    pub(crate) fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    pub(crate) async fn until_serving(&self) {
        self.until(|| self.vault().serves()).await;
    }

    pub(crate) async fn until(&self, met: impl Fn() -> bool) {
        let waiting = async {
            while !met() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("in time");
    }

    pub(crate) fn shared(&self) -> SharedVault {
        Arc::new(self.vault().clone())
    }

    pub(crate) fn desk(&self, agency: &str) -> Desk {
        self.city.desk(agency, Some(self.shared()))
    }

    pub(crate) fn token(&self, agency: &str) -> String {
        let now_s = self.city.clock.unix_ms() / 1000;
        mint_token(&signing_key(agency), agency, chain().as_str(), now_s, 60).unwrap()
    }

    /// The token of an official of the owner.
    pub(crate) fn official(&self, pseudonym: &str) -> String {
        let now_s = self.city.clock.unix_ms() / 1000;
        let (key, chain) = (signing_key(HEALTH), chain());
        mint_token_for(&key, HEALTH, chain.as_str(), Some(pseudonym), now_s, 60).unwrap()
    }

    pub(crate) async fn person(&self, resident_id: &str) -> Handle {
        self.vault().find_person(&self.token(HEALTH), domain(), resident_id).await.unwrap().0
    }

    /// Seals values for a person's chart; nothing is on the ledger yet.
    pub(crate) async fn seal(&self, handle: &Handle, values: &[(&str, &str)]) -> Vec<(String, Hash)> {
        let values =
            values.iter().map(|(name, value)| ((*name).to_owned(), Bytes::from((*value).to_owned())));
        let sealing = ToSeal { record: record(handle), subjects: vec![*handle], values: values.collect() };
        self.vault().seal(&self.token(HEALTH), sealing).await.unwrap()
    }

    /// A chart with these values, final.
    pub(crate) async fn chart(&self, handle: &Handle, values: &[(&str, &str)]) -> Vec<(String, Hash)> {
        let sealed = self.seal(handle, values).await;
        self.submit(HEALTH, write(handle, &sealed)).await.unwrap();
        sealed
    }

    pub(crate) async fn submit(&self, agency: &str, action: Bytes) -> Result<Done, hutong_desk::Error> {
        self.desk(agency).submit(domain(), action, "official-7").await
    }

    /// An access of an agency to a chart, final; not collected yet.
    pub(crate) async fn access(&self, agency: &str, handle: &Handle, fields: &[&str], basis: Basis) -> TxId {
        let request = RequestAccess {
            record: chart(handle).to_string(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            purpose: "treatment".into(),
            basis: Some(basis),
            sealed_until_ms: 0,
        };
        self.submit(agency, disclosure(Kind::RequestAccess(request))).await.unwrap().id
    }

    pub(crate) async fn disclose(
        &self,
        agency: &str,
        handle: &Handle,
        fields: &[&str],
    ) -> Result<Disclosed, hutong_desk::Error> {
        let ask = Ask {
            record: chart(handle),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            purpose: "treatment".into(),
            basis: agreement(),
            official: "official-7".into(),
            sealed_until_ms: 0,
        };
        self.desk(agency).disclose(domain(), ask).await
    }

    pub(crate) async fn erase(&self, record: &str, destroy_handle: bool) {
        let erase = Erase {
            record: record.to_owned(),
            requested_by: "person".into(),
            basis: "PIPL 47".into(),
            destroy_handle,
        };
        self.submit(HEALTH, disclosure(Kind::Erase(erase))).await.unwrap();
    }

    /// The code that a release is refused under.
    pub(crate) async fn refusal(&self, access: TxId) -> String {
        code(self.vault().release(access).await)
    }

    /// The keys that wrap keys, as they lie in their folder.
    pub(crate) fn keys(&self) -> SharedKeys {
        Arc::new(FileKeys::open(&self.dir.path().join("kek")).unwrap())
    }

    /// All that lies in the vault's folder.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.folder).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn ports(
    city: &Arc<City>,
    keys: &std::path::Path,
    metrics: &Metrics,
    invariants: &InvariantCounters,
) -> Ports {
    Ports {
        storage: city.clone(),
        keys: Arc::new(FileKeys::open(keys).unwrap()),
        callers: Arc::new(Authenticator::new(Arc::new(Members), city.clock.clone())),
        persons: Arc::new(Persons),
        confirm: Arc::new(city.desk(HEALTH, None)),
        clock: city.clock.clone(),
        metrics: metrics.clone(),
        invariants: invariants.clone(),
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, VaultError>) -> String {
    match result {
        Err(VaultError::Refused { code, .. }) => code,
        other => panic!("{other:?} is no refusal"),
    }
}

pub(crate) fn agreement() -> Basis {
    Basis { kind: Some(basis::Kind::Agreement(AGREEMENT.into())), ..Basis::default() }
}

pub(crate) fn duty() -> Basis {
    Basis { kind: Some(basis::Kind::Duty("case-1".into())), ..Basis::default() }
}

pub(crate) fn emergency() -> Basis {
    Basis { kind: Some(basis::Kind::Emergency("unconscious".into())), ..Basis::default() }
}

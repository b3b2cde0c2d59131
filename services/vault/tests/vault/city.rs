//! A city in memory, storage and ingest in one: what the contract decides is final at once, one transaction a height.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_client::Signer;
use hutong_desk::{Desk, Means};
use hutong_disclosure::Disclosing;
use hutong_keys::{SealingKey, SigningKey};
use hutong_ledger::{
    block::Header,
    contract::{Record, Versioned, record_salt},
    epoch::{Agency, DomainRules, Epoch, Key, Purpose},
    execute::{Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, RecordId, RecordKey, TxId},
    transaction::Transaction,
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    ingest::{Accepted, Answer, Finality, IngestPeer, Wait},
    storage::{ArchivedBlock, History, Standing},
    vault::SharedVault,
};
use hutong_runtime::{Clock, ManualClock};
use hutong_wire::{prost::Message, v1::catalogue::Agreement};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::charts::{Charts, domain};

/// Owns the domain of charts, and so the vault.
pub(crate) const HEALTH: &str = "health-commission";
/// Has a sealing key and an agreement.
pub(crate) const CLINIC: &str = "clinic";
/// Has a sealing key, and no agreement.
pub(crate) const POLICE: &str = "police";
/// Has no sealing key.
pub(crate) const ARCHIVE: &str = "archive";
/// The agreement between owner and clinic.
pub(crate) const AGREEMENT: &str = "care";

pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

pub(crate) fn id(name: &str) -> AgencyId {
    name.parse().unwrap()
}

pub(crate) fn chain() -> ChainId {
    "riverton-0011223344556677".parse().unwrap()
}

pub(crate) fn signing_key(agency: &str) -> SigningKey {
    SigningKey::from_seed(&sha256(&[b"signing", agency.as_bytes()]).0)
}

/// An agency's sealing key; agencies may get a second one.
pub(crate) fn sealing_key(agency: &str, number: u8) -> SealingKey {
    SealingKey::from_seed(&sha256(&[b"sealing", &[number], agency.as_bytes()]).0)
}

#[derive(Debug)]
pub(crate) struct City {
    pub(crate) clock: Arc<ManualClock>,
    state: Mutex<State>,
    height: watch::Sender<u64>,
    /// While set, every call fails.
    pub(crate) away: AtomicBool,
    /// While set, final transactions are told of no access: as if the agency's storage lagged behind.
    pub(crate) blind: AtomicBool,
    /// What storage signed before it stopped, and may not see again yet.
    pub(crate) recalled: AtomicU64,
}

#[derive(Debug)]
struct State {
    epoch: Arc<Epoch>,
    records: Records,
    finals: Vec<FinalTransaction>,
    versions: BTreeMap<RecordKey, Vec<StoredRecord>>,
    /// Told instead of what is asked for.
    forged: Option<FinalTransaction>,
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            epoch: Arc::new(epoch(1)),
            records: Records::new(),
            finals: Vec::new(),
            versions: BTreeMap::new(),
            forged: None,
        };
        let city = Self {
            clock: Arc::new(ManualClock::at(BEGAN_MS)),
            state: Mutex::new(state),
            height: watch::Sender::new(0),
            away: false.into(),
            blind: false.into(),
            recalled: 0.into(),
        };
        city.agree(0);
        Arc::new(city)
    }

    pub(crate) fn height(&self) -> u64 {
        *self.height.borrow()
    }

    pub(crate) fn desk(self: &Arc<Self>, agency: &str, vault: Option<SharedVault>) -> Desk {
        Desk::new(Means {
            chain: chain(),
            signer: Signer::new(id(agency), signing_key(agency)),
            sealing: sealing_key(agency, 1),
            ingest: self.clone(),
            storage: self.clone(),
            vaults: vault.map(|vault| (id(HEALTH), vault)).into_iter().collect(),
            clock: self.clock.clone(),
        })
    }

    /// The agencies' sealing keys are others from now on.
    pub(crate) fn new_sealing_keys(&self, number: u8) {
        self.state.lock().epoch = Arc::new(epoch(number));
    }

    /// Puts the agreement of owner and clinic into the catalogue.
    pub(crate) fn agree(&self, revoked_ms: u64) {
        let agreement = Agreement {
            id: AGREEMENT.into(),
            owner: HEALTH.into(),
            consumer: CLINIC.into(),
            domain: domain().to_string(),
            record_type: "chart".into(),
            fields: ["blood-group", "name"].map(Into::into).to_vec(),
            purposes: vec!["treatment".into()],
            legal_basis: "law".into(),
            until_ms: u64::MAX,
            revoked_ms,
            ..Agreement::default()
        };
        let key: RecordKey = format!("catalogue/agreement/{AGREEMENT}").parse().unwrap();
        let value = Some(Bytes::from(agreement.encode_to_vec()));
        let mut state = self.state.lock();
        let versions = state.versions.entry(key.clone()).or_default();
        versions.push(StoredRecord {
            version: versions.len() as u64 + 1,
            value: value.clone(),
            hash: Hash::ZERO,
            transaction: TxId([0; 38]),
            height: 0,
            time_ms: 0,
            agency: id(HEALTH),
            salt: [0; 16],
        });
        state.records.insert(key, Some(Record { version: 1, value }));
    }

    /// What storage tells for any transaction from now on.
    pub(crate) fn forge(&self, change: impl FnOnce(&mut FinalTransaction)) {
        let mut state = self.state.lock();
        let mut forged = state.finals.last().unwrap().clone();
        change(&mut forged);
        state.forged = Some(forged);
    }

    /// Executes a transaction in a block of its own, a millisecond later than what was before.
    pub(crate) fn decide(&self, transaction: &Transaction) -> Finality {
        self.clock.advance(Duration::from_millis(1));
        let height = self.height() + 1;
        let header = header(height, self.clock.unix_ms());
        let mut state = self.state.lock();
        let (epoch, contract) = (state.epoch.clone(), Disclosing(Charts));
        let mut execution =
            Execution::new(&contract, &epoch, &header, std::slice::from_ref(transaction), &[None]);
        let mut done = loop {
            match execution.run(&mut state.records) {
                Step::Done(done) => break done,
                Step::Need(keys) => state.records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        let executed = done.executed.pop().unwrap();
        for change in &executed.changes {
            state.keep(change, transaction, &header);
        }
        let log_index = state.finals.len() as u64;
        let outcome = executed.opening.outcome;
        state.finals.push(FinalTransaction {
            position: Position { height, ordinal: 1 },
            domain: domain(),
            log_index,
            index: 0,
            id: transaction.id,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            actor: transaction.body.actor.clone(),
            nonce: transaction.body.nonce,
            outcome: outcome.clone(),
            changes: executed.changes,
        });
        drop(state);
        self.height.send_replace(height);
        Finality { height, index: 0, log_index, time_ms: header.time_ms, outcome, receipt: None }
    }

    /// The live value of a record.
    pub(crate) fn stored(&self, record: &str) -> Option<Bytes> {
        let key = RecordKey { domain: domain(), record: record.parse().unwrap() };
        self.state.lock().versions.get(&key)?.last()?.value.clone()
    }

    fn answers(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Failed { callee: "storage", reason: "it is away".into() });
        }
        Ok(())
    }
}

impl State {
    fn keep(&mut self, change: &Versioned, transaction: &Transaction, header: &Header) {
        let key = RecordKey { domain: domain(), record: change.record.clone() };
        self.versions.entry(key).or_default().push(StoredRecord {
            version: change.version,
            value: change.value.clone(),
            hash: change.hash,
            transaction: transaction.id,
            height: header.height,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            salt: record_salt(&transaction.body.nonce, &change.record),
        });
    }
}

fn epoch(number: u8) -> Epoch {
    let agency = |name: &str| {
        let mut keys = vec![Key { purpose: Purpose::Signing, public: signing_key(name).public().0 }];
        if name != ARCHIVE {
            keys.push(Key { purpose: Purpose::Sealing, public: sealing_key(name, number).public().0 });
        }
        Agency { id: id(name), name: name.into(), validating: true, keys }
    };
    let rules = |domain: &str| DomainRules {
        domain: domain.parse().unwrap(),
        owner: id(HEALTH),
        contract: 1,
        hosts: vec![],
    };
    let mut foreign = rules("property");
    foreign.owner = id(POLICE);
    Epoch {
        number: 7,
        from_height: 1,
        agencies: [ARCHIVE, CLINIC, HEALTH, POLICE].map(agency).to_vec(),
        domains: vec![rules("catalogue"), rules(domain().as_str()), foreign],
        orderers: Vec::new(),
    }
}

fn header(height: u64, time_ms: u64) -> Header {
    Header {
        chain: chain(),
        rules: 1,
        epoch: 7,
        height,
        prev: Hash::ZERO,
        time_ms,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

#[async_trait]
impl IngestPeer for City {
    async fn submit(&self, transactions: Vec<Transaction>, _: Wait) -> Vec<Answer> {
        transactions.iter().map(|transaction| Ok(Accepted::Final(self.decide(transaction)))).collect()
    }
}

#[async_trait]
impl StoragePeer for City {
    async fn standing(&self) -> Result<Standing, Error> {
        self.answers()?;
        Ok(Standing {
            session: Session(1),
            final_header: header(self.height(), self.clock.unix_ms()),
            epoch: self.state.lock().epoch.clone(),
            next_height: self.height() + 1,
            recalled_height: self.recalled.load(Ordering::SeqCst),
        })
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error> {
        self.answers()?;
        let mut height = self.height.subscribe();
        let _ = tokio::time::timeout(timeout, height.wait_for(|height| *height > above)).await;
        Ok(self.height())
    }

    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        tokio::task::yield_now().await;
        self.answers()?;
        assert_eq!(domains, Some(vec![domain()]), "the vault asks for the city domains of its agency alone");
        let state = self.state.lock();
        let finals: Vec<_> =
            state.finals.iter().filter(|each| each.position > after).take(limit).cloned().collect();
        let reached = finals.last().map_or(after, |last| last.position);
        Ok((finals, reached))
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        self.answers()?;
        if self.blind.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let state = self.state.lock();
        if state.forged.is_some() {
            return Ok(state.forged.clone());
        }
        Ok(state.finals.iter().find(|each| each.id == id).cloned())
    }

    async fn record(&self, key: RecordKey, _: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        self.answers()?;
        let state = self.state.lock();
        Ok(state.versions.get(&key).and_then(|versions| versions.last()).cloned())
    }

    async fn scan(
        &self,
        _: Domain,
        _: String,
        _: Option<RecordId>,
        _: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        not_asked()
    }

    async fn history(&self, _: RecordKey, _: Option<u64>, _: usize) -> Result<History, Error> {
        not_asked()
    }

    async fn prefetch(&self, _: Domain, _: Vec<RecordKey>, _: Vec<TxId>) -> Result<Prefetched, Error> {
        not_asked()
    }

    async fn submit(&self, _: Session, _: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        not_asked()
    }

    async fn archived(&self, _: u64) -> Result<Option<ArchivedBlock>, Error> {
        not_asked()
    }

    async fn receipt(&self, _: TxId) -> Result<Option<Bytes>, Error> {
        not_asked()
    }

    async fn state_receipt(&self, _: RecordKey) -> Result<Option<Bytes>, Error> {
        not_asked()
    }
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "the vault has no reason to ask this".into() })
}

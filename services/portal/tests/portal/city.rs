//! A city in memory, storage and ingest in one: what the rules decide is final at once, one transaction a height.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
    contract::{Record, record_salt},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Executed, Execution, Records, Step},
    genesis::Genesis,
    hash::{Hash, sha256},
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
    transaction::{Body, Transaction},
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    ingest::{Accepted, Answer, Finality, IngestPeer, Wait},
    storage::{ArchivedBlock, History, Standing},
};
use hutong_runtime::{Clock, ManualClock};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::notes::Notes;

/// Owns `health`; and the owner of `property`; an agency that only asks.
pub(crate) const HEALTH: &str = "health-commission";
pub(crate) const LAND: &str = "natural-resources";
pub(crate) const CLINIC: &str = "clinic";
pub(crate) const ALL: [&str; 4] = [CLINIC, HEALTH, LAND, "police"];

/// The city's first moment.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

#[derive(Debug)]
pub(crate) struct City {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) state: Mutex<State>,
    height: watch::Sender<u64>,
    /// While set, every call fails.
    pub(crate) away: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    records: Records,
    pub(crate) executed: Vec<(Domain, Executed)>,
    finals: Vec<FinalTransaction>,
    versions: BTreeMap<RecordKey, Vec<StoredRecord>>,
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(ManualClock::at(BEGAN_MS)),
            state: Mutex::default(),
            height: watch::Sender::new(0),
            away: AtomicBool::new(false),
        })
    }

    pub(crate) fn height(&self) -> u64 {
        *self.height.borrow()
    }

    pub(crate) fn desk(self: &Arc<Self>, agency: &str) -> Desk {
        Desk::new(Means {
            chain: genesis().chain(),
            signer: Signer::new(agency.parse().unwrap(), SigningKey::from_seed(&[1; 32])),
            sealing: SealingKey::from_seed(&[9; 32]),
            ingest: self.clone(),
            storage: self.clone(),
            vaults: BTreeMap::new(),
            clock: self.clock.clone(),
        })
    }

    /// Makes an agency's action final; the code if it was refused.
    pub(crate) fn submit(&self, agency: &str, name: &str, action: Bytes) -> Result<TxId, String> {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height().to_be_bytes());
        let body = Body {
            chain: genesis().chain(),
            domain: domain(name),
            agency: agency.parse().unwrap(),
            signers: vec![agency.parse().unwrap()],
            actor: "nurse-7".into(),
            nonce,
            not_after_ms: BEGAN_MS + 1_000_000_000,
            action,
        };
        let bytes = hutong_wire::transaction::encode_body(&body);
        let transaction = Transaction::new(bytes, body, Vec::new());
        match self.decide(&transaction).outcome {
            Outcome::Applied => Ok(transaction.id),
            Outcome::Refused(code) => Err(code.into_owned()),
        }
    }

    /// Executes a transaction in a block of its own, a second later than what was before.
    fn decide(&self, transaction: &Transaction) -> Finality {
        self.clock.advance(Duration::from_secs(1));
        let height = self.height() + 1;
        let domain = transaction.body.domain;
        let (epoch, header) = (genesis().epoch, header(height, self.clock.unix_ms()));
        let contract = Disclosing(Notes(domain));
        let mut state = self.state.lock();
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
            let key = RecordKey { domain, record: change.record.clone() };
            state.versions.entry(key).or_default().push(StoredRecord {
                version: change.version,
                value: change.value.clone(),
                hash: change.hash,
                transaction: transaction.id,
                height,
                time_ms: header.time_ms,
                agency: transaction.body.agency,
                salt: record_salt(&transaction.body.nonce, &change.record),
            });
        }
        let log_index = state.executed.iter().filter(|(of, _)| *of == domain).count() as u64;
        let outcome = executed.opening.outcome.clone();
        state.finals.push(FinalTransaction {
            position: Position { height, ordinal: 1 },
            domain,
            log_index,
            index: 0,
            id: transaction.id,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            actor: transaction.body.actor.clone(),
            nonce: transaction.body.nonce,
            outcome: outcome.clone(),
            changes: executed.changes.clone(),
        });
        state.executed.push((domain, executed));
        drop(state);
        self.height.send_replace(height);
        Finality { height, index: 0, log_index, time_ms: header.time_ms, outcome, receipt: None }
    }

    fn answers(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Failed { callee: "storage", reason: "it is away".into() });
        }
        Ok(())
    }

    fn latest(&self, key: &RecordKey) -> Option<StoredRecord> {
        self.state.lock().versions.get(key).and_then(|versions| versions.last().cloned())
    }
}

pub(crate) fn host_key(agency: &str) -> SigningKey {
    SigningKey::from_seed(&sha256(&[agency.as_bytes()]).0)
}

pub(crate) fn genesis() -> Genesis {
    let agency = |name: &&str| {
        let key = |purpose, key: SigningKey| Key { purpose, public: *key.public().as_bytes() };
        let host = key(Purpose::Host, host_key(name));
        let orderer = key(Purpose::Orderer, host_key(&format!("{name}, ordering")));
        Agency {
            id: name.parse().unwrap(),
            name: (*name).into(),
            validating: true,
            keys: vec![host, orderer],
        }
    };
    let hosts: Vec<_> = ALL.map(|name| Host { agency: name.parse().unwrap(), ready: true }).into();
    let rules = |domain, owner: &str, hosts| DomainRules {
        domain,
        owner: owner.parse().unwrap(),
        contract: 1,
        hosts,
    };
    let epoch = Epoch {
        number: 0,
        from_height: 1,
        agencies: ALL.iter().map(agency).collect(),
        domains: vec![
            rules(domain("health"), HEALTH, hosts.clone()),
            rules(Domain::MEMBERSHIP, LAND, Vec::new()),
            rules(domain("property"), LAND, hosts),
        ],
        orderers: vec![LAND.parse().unwrap()],
    };
    epoch.check().unwrap();
    Genesis { name: "riverton".parse().unwrap(), time_ms: 1, epoch }
}

fn header(height: u64, time_ms: u64) -> Header {
    Header {
        chain: genesis().chain(),
        rules: 1,
        epoch: 0,
        height,
        prev: Hash::ZERO,
        time_ms,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

#[async_trait]
impl IngestPeer for City {
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer> {
        assert_eq!(wait, Wait::Final, "a desk tells what is final");
        transactions.iter().map(|transaction| Ok(Accepted::Final(self.decide(transaction)))).collect()
    }
}

#[async_trait]
impl StoragePeer for City {
    async fn standing(&self) -> Result<Standing, Error> {
        self.answers()?;
        Ok(Standing {
            session: Session(1),
            final_header: header(self.height(), BEGAN_MS + self.height() * 1000),
            epoch: Arc::new(genesis().epoch),
            next_height: self.height() + 1,
            recalled_height: 0,
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
        _: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        self.answers()?;
        let state = self.state.lock();
        let finals: Vec<_> =
            state.finals.iter().filter(|each| each.position > after).take(limit).cloned().collect();
        let reached = finals.last().map_or(after, |last| last.position);
        Ok((finals, reached))
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        self.answers()?;
        assert_eq!(version, None);
        Ok(self.latest(&key))
    }

    async fn prefetch(&self, _: Domain, keys: Vec<RecordKey>, _: Vec<TxId>) -> Result<Prefetched, Error> {
        self.answers()?;
        let record = |key| self.latest(key).map(|last| Record { version: last.version, value: last.value });
        let records = keys.iter().map(record).collect();
        Ok(Prefetched { session: Session(1), height: self.height(), records, known: Vec::new() })
    }

    async fn scan(
        &self,
        domain: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        self.answers()?;
        let state = self.state.lock();
        let wanted = state.versions.iter().filter(|(key, _)| {
            key.domain == domain
                && key.record.as_str().starts_with(&prefix)
                && after.as_ref().is_none_or(|after| key.record > *after)
        });
        let last = wanted.map(|(key, versions)| (key.record.clone(), versions.last().unwrap().clone()));
        Ok(last.take(limit).collect())
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        self.answers()?;
        Ok(self.state.lock().finals.iter().find(|each| each.id == id).cloned())
    }

    async fn receipt(&self, id: TxId) -> Result<Option<Bytes>, Error> {
        self.answers()?;
        Ok(self.proof_of(&id).map(|receipt| serde_json::to_vec(&receipt).unwrap().into()))
    }

    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, Error> {
        self.answers()?;
        Ok(self.state_of(&key).map(|receipt| serde_json::to_vec(&receipt).unwrap().into()))
    }

    async fn history(&self, _: RecordKey, _: Option<u64>, _: usize) -> Result<History, Error> {
        not_asked()
    }

    async fn submit(&self, _: Session, _: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        not_asked()
    }

    async fn archived(&self, _: u64) -> Result<Option<ArchivedBlock>, Error> {
        not_asked()
    }
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "the portal has no reason to ask this".into() })
}

pub(crate) fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

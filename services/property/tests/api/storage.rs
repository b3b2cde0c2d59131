//! A storage in memory: what the contract decides is final at once, one transaction a height.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_client::Signer;
use hutong_desk::{Desk, Means};
use hutong_disclosure::Disclosing;
use hutong_keys::{SealingKey, SigningKey};
use hutong_ledger::{
    block::Header,
    contract::{Versioned, record_salt},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch},
    execute::{Execution, Records, Step},
    hash::Hash,
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
    transaction::{Body, Transaction},
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    ingest::{Accepted, Answer, Finality, IngestPeer, Wait},
    storage::{ArchivedBlock, History, Standing},
};
use hutong_property::{Property, domain};
use hutong_runtime::ManualClock;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;

/// The time before the first height; each is a millisecond later.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;
/// The domain's owner.
pub(crate) const LAND: &str = "land";

pub(crate) fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

#[derive(Debug)]
pub(crate) struct MemoryStorage {
    state: Mutex<State>,
    height: watch::Sender<u64>,
    /// While set, every call fails.
    pub(crate) away: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    finals: Vec<FinalTransaction>,
    versions: BTreeMap<RecordKey, Vec<StoredRecord>>,
}

impl MemoryStorage {
    pub(crate) fn new() -> Arc<Self> {
        let away = AtomicBool::new(false);
        Arc::new(Self { state: Mutex::default(), height: watch::Sender::new(0), away })
    }

    pub(crate) fn height(&self) -> u64 {
        *self.height.borrow()
    }

    /// A desk of an agency, whose transactions are final at once too.
    pub(crate) fn desk(self: &Arc<Self>, name: &str) -> Desk {
        Desk::new(Means {
            chain: header(0).chain,
            signer: Signer::new(agency(name), SigningKey::from_seed(&[1; 32])),
            sealing: SealingKey::from_seed(&[9; 32]),
            ingest: self.clone(),
            storage: self.clone(),
            vaults: BTreeMap::new(),
            clock: Arc::new(ManualClock::at(BEGAN_MS)),
        })
    }

    /// Executes the action under the contract; the first of the signers submits. The transaction's id.
    pub(crate) fn submit(&self, signers: &[&str], action: Bytes) -> TxId {
        let transaction = transaction(self.height() + 1, signers, action);
        let finality = self.execute(&transaction);
        assert_eq!(finality.outcome, Outcome::Applied);
        transaction.id
    }

    fn execute(&self, transaction: &Transaction) -> Finality {
        let height = self.height() + 1;
        let (epoch, header) = (epoch(), header(height));
        let mut state = self.state.lock();
        let mut execution = Execution::new(
            &Disclosing(Property),
            &epoch,
            &header,
            std::slice::from_ref(transaction),
            &[None],
        );
        let mut done = loop {
            match execution.run(&mut state.records) {
                Step::Done(done) => break done,
                Step::Need(keys) => state.records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        let executed = done.executed.pop().unwrap();
        let outcome = executed.opening.outcome.clone();
        for change in &executed.changes {
            state.keep(change, transaction, &header);
        }
        let log_index = state.finals.len() as u64;
        state.finals.push(FinalTransaction {
            position: Position { height, ordinal: 1 },
            domain: domain(),
            log_index,
            index: 0,
            id: transaction.id,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            actor: String::new(),
            nonce: transaction.body.nonce,
            outcome: outcome.clone(),
            changes: executed.changes,
        });
        drop(state);
        self.height.send_replace(height);
        Finality { outcome, height, index: 0, log_index, time_ms: header.time_ms, receipt: None }
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

fn transaction(height: u64, signers: &[&str], action: Bytes) -> Transaction {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&height.to_be_bytes());
    let mut sorted: Vec<AgencyId> = signers.iter().map(|name| agency(name)).collect();
    sorted.sort();
    let body = Body {
        chain: header(height).chain,
        domain: domain(),
        agency: agency(signers[0]),
        signers: sorted,
        actor: String::new(),
        nonce,
        not_after_ms: header(height).time_ms + 1000,
        action,
    };
    Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())
}

fn epoch() -> Epoch {
    let rules = DomainRules { domain: domain(), owner: agency(LAND), contract: 1, hosts: Vec::new() };
    let member =
        |name: &str| Agency { id: agency(name), name: name.into(), validating: true, keys: Vec::new() };
    let agencies = ["bank", LAND, "notary-ann", "notary-ben"].map(member).to_vec();
    Epoch { number: 0, from_height: 1, agencies, domains: vec![rules], orderers: Vec::new() }
}

fn header(height: u64) -> Header {
    Header {
        chain: "riverton-0011223344556677".parse().unwrap(),
        rules: 1,
        epoch: 0,
        height,
        prev: Hash::ZERO,
        time_ms: BEGAN_MS + height,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

#[async_trait]
impl IngestPeer for MemoryStorage {
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer> {
        assert_eq!(wait, Wait::Final, "a desk tells what is final");
        transactions.iter().map(|transaction| Ok(Accepted::Final(self.execute(transaction)))).collect()
    }
}

#[async_trait]
impl StoragePeer for MemoryStorage {
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
        assert_eq!(domains, Some(vec![domain()]), "the view asks for its own domain alone");
        let state = self.state.lock();
        let finals: Vec<_> =
            state.finals.iter().filter(|each| each.position > after).take(limit).cloned().collect();
        let reached = finals.last().map_or(after, |last| last.position);
        Ok((finals, reached))
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        self.answers()?;
        let state = self.state.lock();
        let versions = state.versions.get(&key).map(Vec::as_slice).unwrap_or_default();
        let wanted = |stored: &&StoredRecord| version.is_none_or(|version| stored.version == version);
        Ok(versions.iter().rev().find(wanted).cloned())
    }

    async fn history(&self, key: RecordKey, below: Option<u64>, limit: usize) -> Result<History, Error> {
        self.answers()?;
        let state = self.state.lock();
        let all = state.versions.get(&key).map(Vec::as_slice).unwrap_or_default();
        let older = all.iter().rev().filter(|stored| below.is_none_or(|below| stored.version < below));
        let versions: Vec<_> = older.take(limit).cloned().collect();
        let more_below = versions.last().map(|last| last.version).filter(|version| *version > 1);
        Ok(History { versions, more_below })
    }

    async fn standing(&self) -> Result<Standing, Error> {
        self.answers()?;
        Ok(Standing {
            session: Session(1),
            final_header: header(self.height()),
            epoch: Arc::new(epoch()),
            next_height: self.height() + 1,
        })
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

    async fn transaction(&self, _: TxId) -> Result<Option<FinalTransaction>, Error> {
        not_asked()
    }

    async fn receipt(&self, _: TxId) -> Result<Option<Bytes>, Error> {
        not_asked()
    }

    /// Not a proof, but the part of one that the extract reads.
    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, Error> {
        let stored = self.record(key.clone(), None).await?;
        let current = stored.map(|stored| {
            let value = stored.value.map(|value| STANDARD.encode(value));
            json!({ "version": stored.version, "value": value })
        });
        let receipt = json!({ "record": key.record, "current": current });
        Ok(Some(receipt.to_string().into()))
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
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "property has no reason to ask this".into() })
}

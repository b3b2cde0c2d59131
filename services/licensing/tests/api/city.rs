//! A city in memory, storage and ingest in one: what the contract decides is final at once, one transaction a height.

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
    contract::{Versioned, record_salt},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch},
    execute::{Execution, Records, Step},
    hash::Hash,
    id::{Domain, RecordId, RecordKey, TxId},
    transaction::{Body, Transaction},
};
use hutong_licensing::{Licensing, domain};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    ingest::{Accepted, Answer, Finality, IngestPeer, Wait},
    storage::{ArchivedBlock, History, Standing},
};
use hutong_runtime::{Clock, ManualClock};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Owns licensing; the service under test signs for it.
pub(crate) const MARKET: &str = "market-regulation";
pub(crate) const JUSTICE: &str = "justice";

/// The city's first moment.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

/// A salt and a value.
pub(crate) type Sealed = ([u8; 16], Bytes);

#[derive(Debug)]
pub(crate) struct City {
    pub(crate) clock: Arc<ManualClock>,
    state: Mutex<State>,
    height: watch::Sender<u64>,
    /// What the vault has: salt and value by record and field.
    pub(crate) sealed: Mutex<BTreeMap<(RecordId, String), Sealed>>,
    /// While set, every call fails.
    pub(crate) away: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    finals: Vec<FinalTransaction>,
    versions: BTreeMap<RecordKey, Vec<StoredRecord>>,
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(ManualClock::at(BEGAN_MS)),
            state: Mutex::default(),
            height: watch::Sender::new(0),
            sealed: Mutex::default(),
            away: AtomicBool::new(false),
        })
    }

    fn height(&self) -> u64 {
        *self.height.borrow()
    }

    pub(crate) fn desk(self: &Arc<Self>, agency: &str) -> Desk {
        Desk::new(Means {
            chain: header(0, 0).chain,
            signer: Signer::new(agency.parse().unwrap(), SigningKey::from_seed(&[1; 32])),
            sealing: SealingKey::from_seed(&[9; 32]),
            ingest: self.clone(),
            storage: self.clone(),
            vaults: BTreeMap::from([(MARKET.parse().unwrap(), self.clone() as _)]),
            clock: self.clock.clone(),
        })
    }

    /// Makes an action of the owner final. It must be applied.
    pub(crate) fn submit(&self, action: Bytes) -> TxId {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height().to_be_bytes());
        let body = Body {
            chain: header(0, 0).chain,
            domain: domain(),
            agency: MARKET.parse().unwrap(),
            signers: vec![MARKET.parse().unwrap()],
            actor: String::new(),
            nonce,
            not_after_ms: BEGAN_MS + 1_000_000,
            action,
        };
        let transaction = Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new());
        let finality = self.decide(&transaction);
        assert_eq!(finality.outcome, Outcome::Applied);
        transaction.id
    }

    /// Executes a transaction in a block of its own, a millisecond later than what was before.
    pub(crate) fn decide(&self, transaction: &Transaction) -> Finality {
        self.clock.advance(Duration::from_millis(1));
        let height = self.height() + 1;
        let (epoch, header) = (epoch(), header(height, self.clock.unix_ms()));
        let mut state = self.state.lock();
        let mut execution = Execution::new(
            &Disclosing(Licensing),
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
            actor: String::new(),
            nonce: transaction.body.nonce,
            outcome: outcome.clone(),
            changes: executed.changes,
        });
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

fn epoch() -> Epoch {
    let agency =
        |id: &str| Agency { id: id.parse().unwrap(), name: id.into(), validating: true, keys: Vec::new() };
    let rules =
        DomainRules { domain: domain(), owner: MARKET.parse().unwrap(), contract: 1, hosts: Vec::new() };
    let agencies = vec![agency(JUSTICE), agency(MARKET)];
    Epoch { number: 7, from_height: 1, agencies, domains: vec![rules], orderers: Vec::new() }
}

pub(crate) fn header(height: u64, time_ms: u64) -> Header {
    Header {
        chain: "riverton-0011223344556677".parse().unwrap(),
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
            final_header: header(self.height(), self.clock.unix_ms()),
            epoch: Arc::new(epoch()),
            next_height: self.height() + 1,
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

    async fn scan(
        &self,
        domain: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        self.answers()?;
        assert_eq!(domain, hutong_licensing::domain());
        let state = self.state.lock();
        let wanted = state.versions.iter().filter(|(key, _)| {
            key.record.as_str().starts_with(&prefix) && after.as_ref().is_none_or(|after| key.record > *after)
        });
        let last = wanted.map(|(key, versions)| (key.record.clone(), versions.last().unwrap().clone()));
        Ok(last.take(limit).collect())
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

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        self.answers()?;
        Ok(self.state.lock().finals.iter().find(|each| each.id == id).cloned())
    }

    async fn receipt(&self, _: TxId) -> Result<Option<Bytes>, Error> {
        not_asked()
    }

    async fn state_receipt(&self, _: RecordKey) -> Result<Option<Bytes>, Error> {
        not_asked()
    }
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "licensing has no reason to ask this".into() })
}

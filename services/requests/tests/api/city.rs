//! A city in memory, storage, ingest and vault in one: what the contract decides is final at once, one transaction a
//! height.

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
use hutong_disclosure::{Disclosing, Handle, find_resident_id};
use hutong_keys::{SealingKey, SigningKey};
use hutong_ledger::{
    block::Header,
    contract::{Versioned, record_salt},
    epoch::{Agency, DomainRules, Epoch},
    execute::{Execution, Records, Step},
    hash::Hash,
    id::{AgencyId, ChainId, Domain, RecordId, RecordKey, TxId},
    sealed::commitment,
    transaction::Transaction,
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    ingest::{Accepted, Answer, Code, Finality, IngestPeer, Rejected, Wait},
    storage::{ArchivedBlock, History, Standing},
    vault::{Released, SharedVault, ToSeal, VaultError, VaultPeer},
};
use hutong_requests::{Requests, domain};
use hutong_runtime::{Clock, ManualClock, auth::KeyDirectory};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The domain's owner.
pub(crate) const LINE: &str = "data-bureau";
/// Its desk is here too.
pub(crate) const WATER: &str = "water-works";
/// Its desk is elsewhere.
pub(crate) const ROADS: &str = "road-works";

/// The city's first moment: 2026-01-15, noon.
pub(crate) const BEGAN_MS: u64 = 1_768_478_400_000;

/// What was sealed: record, subjects, name, value.
type Sealed = (RecordKey, Vec<Handle>, String, Bytes);

#[derive(Debug)]
pub(crate) struct City {
    pub(crate) clock: Arc<ManualClock>,
    state: Mutex<State>,
    height: watch::Sender<u64>,
    /// While set, storage and ingest fail.
    pub(crate) away: AtomicBool,
    /// While set, the vault fails.
    pub(crate) vault_away: AtomicBool,
    pub(crate) sealed: Mutex<Vec<Sealed>>,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    finals: Vec<FinalTransaction>,
    versions: BTreeMap<RecordKey, Vec<StoredRecord>>,
    /// All bytes that were ever submitted.
    bytes: Vec<u8>,
}

pub(crate) fn key_of(agency: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..agency.len()].copy_from_slice(agency.as_bytes());
    SigningKey::from_seed(&seed)
}

pub(crate) fn chain() -> ChainId {
    "riverton-0011223344556677".parse().unwrap()
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(ManualClock::at(BEGAN_MS)),
            state: Mutex::default(),
            height: watch::Sender::new(0),
            away: AtomicBool::new(false),
            vault_away: AtomicBool::new(false),
            sealed: Mutex::default(),
        })
    }

    pub(crate) fn height(&self) -> u64 {
        *self.height.borrow()
    }

    pub(crate) fn desk(self: &Arc<Self>, agency: &str) -> Desk {
        let vault: SharedVault = self.clone();
        Desk::new(Means {
            chain: chain(),
            signer: Signer::new(agency.parse().unwrap(), key_of(agency)),
            sealing: SealingKey::from_seed(&[9; 32]),
            ingest: self.clone(),
            storage: self.clone(),
            vaults: [(LINE.parse().unwrap(), vault)].into(),
            clock: self.clock.clone(),
        })
    }

    /// Whether these bytes were in any transaction.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        self.state.lock().bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Codes of the transactions that were refused.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let state = self.state.lock();
        state.finals.iter().filter_map(|each| each.outcome.code().map(str::to_owned)).collect()
    }

    /// Executes a transaction in a block of its own, a millisecond later than what was before.
    fn decide(&self, transaction: &Transaction) -> Finality {
        self.clock.advance(Duration::from_millis(1));
        let mut state = self.state.lock();
        let height = self.height() + 1;
        let (epoch, header) = (epoch(), header(height, self.clock.unix_ms()));
        let contract = Disclosing(Requests);
        let mut execution =
            Execution::new(&contract, &epoch, &header, std::slice::from_ref(transaction), &[None]);
        let mut done = loop {
            match execution.run(&mut state.records) {
                Step::Done(done) => break done,
                Step::Need(keys) => state.records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        let executed = done.executed.pop().unwrap();
        assert_ne!(executed.opening.outcome.code(), Some("contract_fault"), "{:?}", executed.refusal);
        for change in &executed.changes {
            state.keep(change, transaction, &header);
        }
        state.bytes.extend_from_slice(&transaction.body_bytes);
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

    /// The actor of the last transaction.
    pub(crate) fn last_actor(&self) -> String {
        self.state.lock().finals.last().unwrap().actor.clone()
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
    let owner: AgencyId = LINE.parse().unwrap();
    let rules = DomainRules { domain: domain(), owner, contract: 1, hosts: Vec::new() };
    Epoch {
        number: 7,
        from_height: 1,
        agencies: [LINE, ROADS, WATER].map(agency).to_vec(),
        domains: vec![rules],
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

/// The keys of the city's agencies.
#[derive(Debug)]
pub(crate) struct Members;

impl KeyDirectory for Members {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let key = [LINE, ROADS, WATER].into_iter().find(|id| *id == agency).map(key_of)?;
        (key.key_id() == key_id).then(|| key.public().0)
    }

    fn is_member(&self, agency: &str) -> bool {
        [LINE, ROADS, WATER].contains(&agency)
    }

    fn chain(&self) -> &str {
        "riverton-0011223344556677"
    }
}

#[async_trait]
impl IngestPeer for City {
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer> {
        assert_eq!(wait, Wait::Final, "a desk tells what is final");
        let take = |transaction: &Transaction| {
            if self.away.load(Ordering::SeqCst) {
                return Err(Rejected::new(Code::Unavailable, "it is away"));
            }
            // As ingest does it.
            if find_resident_id(&transaction.body_bytes) {
                return Err(Rejected::new(Code::SealedInClear, "it carries a resident id"));
            }
            Ok(Accepted::Final(self.decide(transaction)))
        };
        transactions.iter().map(take).collect()
    }
}

#[async_trait]
impl VaultPeer for City {
    async fn seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        assert!(!token.is_empty());
        if self.vault_away.load(Ordering::SeqCst) {
            return Err(VaultError::Unavailable("it is away".into()));
        }
        let ToSeal { record, subjects, values } = values;
        let commitments = values.into_iter().map(|(name, value)| {
            let hash = commitment(record.domain, &record.record, &name, &[3; 16], &value);
            self.sealed.lock().push((record.clone(), subjects.clone(), name.clone(), value));
            (name, hash)
        });
        Ok(commitments.collect())
    }

    async fn find_person(&self, _: &str, _: Domain, resident_id: &str) -> Result<(Handle, bool), VaultError> {
        let mut handle = [0; 16];
        handle.copy_from_slice(&hutong_ledger::hash::sha256(&[resident_id.as_bytes()]).0[..16]);
        let record = hutong_disclosure::records::person(&handle);
        let made = !self.state.lock().versions.contains_key(&RecordKey { domain: domain(), record });
        Ok((handle, made))
    }

    async fn own_handles(&self, _: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        Err(VaultError::refused("not_asked", "requests do not ask this"))
    }

    async fn release(&self, _: TxId) -> Result<Released, VaultError> {
        Err(VaultError::refused("not_asked", "requests do not ask this"))
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

    async fn history(&self, key: RecordKey, below: Option<u64>, limit: usize) -> Result<History, Error> {
        self.answers()?;
        let state = self.state.lock();
        let all = state.versions.get(&key).map(Vec::as_slice).unwrap_or_default();
        let older = all.iter().rev().filter(|stored| below.is_none_or(|below| stored.version < below));
        let versions: Vec<_> = older.take(limit).cloned().collect();
        let more_below = versions.last().map(|last| last.version).filter(|version| *version > 1);
        Ok(History { versions, more_below })
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

    async fn state_receipt(&self, _: RecordKey) -> Result<Option<Bytes>, Error> {
        not_asked()
    }
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "requests have no reason to ask this".into() })
}

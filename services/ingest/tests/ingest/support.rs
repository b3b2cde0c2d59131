//! A city around ingest: real keys, the embedded bus in memory, and a storage that makes final what it is told to.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{
    AppendError, Appended, Batch, Bus, Entry, Filter, Headers, Message, Request, SharedBus, Stream, Tip,
};
use hutong_bus_embedded::{EmbeddedBus, Faults, Options};
use hutong_ingest::{Config, Ingest, IngestService, Ports};
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::{Cursor, Header},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::Genesis,
    id::{AgencyId, ChainId, Domain, KeyId, RecordId, RecordKey, TxId},
    transaction::{Body, Signature, Transaction},
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    storage::{ArchivedBlock, History, Standing},
};
use hutong_runtime::{ComputePool, ManualClock, Metrics, SharedClock, SystemClock};
use hutong_wire::transaction::{decode_group, encode_body};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The first operates ingest.
pub(crate) const AGENCIES: [&str; 3] = ["alpha", "beta", "gamma"];
/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const GENESIS_MS: u64 = 1_700_000_000_000;

pub(crate) fn key(agency: &str, purpose: Purpose) -> SigningKey {
    let hash = hutong_ledger::hash::sha256(&[agency.as_bytes(), &[purpose as u8]]);
    SigningKey::from_seed(&hash.0)
}

pub(crate) fn genesis() -> Genesis {
    let agency = |id: &str| {
        let mut keys: Vec<Key> = [Purpose::Signing, Purpose::Host, Purpose::Orderer, Purpose::Ingest]
            .into_iter()
            .map(|purpose| Key { purpose, public: key(id, purpose).public().0 })
            .collect();
        keys.sort_by_key(|key| (key.purpose, key.public));
        Agency { id: id.parse().unwrap(), name: id.to_uppercase(), validating: true, keys }
    };
    let owner: AgencyId = "alpha".parse().unwrap();
    let host = |id: &str| Host { agency: id.parse().unwrap(), ready: true };
    let rules = |domain: &str, hosts: Vec<Host>| DomainRules {
        domain: domain.parse().unwrap(),
        owner,
        contract: 1,
        hosts,
    };
    let domains = vec![
        // Alpha, which operates ingest, does not host health.
        rules("health", vec![host("beta"), host("gamma")]),
        rules("membership", vec![]),
        rules("property", vec![host("alpha"), host("beta"), host("gamma")]),
    ];
    let agencies = AGENCIES.into_iter().map(agency).collect();
    let epoch = Epoch { number: 0, from_height: 1, agencies, domains, orderers: vec![owner] };
    let genesis = Genesis { name: "city".parse().unwrap(), time_ms: GENESIS_MS, epoch };
    genesis.check().unwrap();
    genesis
}

/// A body that alpha submits and signs alone.
pub(crate) fn body(domain: &str, n: u64) -> Body {
    let mut nonce = [0; 16];
    nonce[8..].copy_from_slice(&n.to_be_bytes());
    Body {
        chain: genesis().chain(),
        domain: domain.parse().unwrap(),
        agency: "alpha".parse().unwrap(),
        signers: vec!["alpha".parse().unwrap()],
        actor: "clerk".into(),
        nonce,
        not_after_ms: GENESIS_MS + 3_600_000,
        action: Bytes::from(vec![7; 200]),
    }
}

/// The body, signed by all its signers.
pub(crate) fn signed(body: Body) -> Transaction {
    let bytes = encode_body(&body);
    let message = hutong_ledger::hash::Tag::Transaction.message(&bytes);
    let sign = |agency: &AgencyId| {
        let key = key(agency.as_str(), Purpose::Signing);
        Signature { agency: *agency, key: KeyId::of(&key.public().0), bytes: key.sign(&message) }
    };
    let signatures = body.signers.iter().map(sign).collect();
    Transaction::new(bytes, body, signatures)
}

pub(crate) fn transaction(n: u64) -> Transaction {
    signed(body("property", n))
}

pub(crate) fn transactions(numbers: std::ops::Range<u64>) -> Vec<Transaction> {
    numbers.map(transaction).collect()
}

/// Storage of alpha, of which only the final side is used.
#[derive(Debug)]
pub(crate) struct FakeStorage {
    state: Mutex<State>,
    height: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    header: Header,
    epoch: Arc<Epoch>,
    finals: Vec<FinalTransaction>,
    places: HashMap<TxId, usize>,
}

impl FakeStorage {
    pub(crate) fn new(genesis: &Genesis) -> Arc<Self> {
        let epoch = Arc::new(genesis.epoch.clone());
        let (finals, places) = (Vec::new(), HashMap::new());
        let state = Mutex::new(State { header: genesis.header(), epoch, finals, places });
        Arc::new(Self { state, height: watch::Sender::new(0) })
    }

    /// Makes the next height final: a block of this time that reads a domain up to a place, with these transactions.
    pub(crate) fn finalize(&self, time_ms: u64, cursor: Cursor, transactions: Vec<Transaction>) {
        let mut state = self.state.lock();
        let mut header = state.header.clone();
        header.prev = header.hash();
        header.height += 1;
        header.time_ms = time_ms;
        header.cursors.retain(|c| c.domain != cursor.domain);
        header.cursors.push(cursor);
        header.cursors.sort();
        let hosted = state.epoch.stores(&"alpha".parse().unwrap(), cursor.domain);
        for (index, tx) in (0..).zip(transactions.into_iter().filter(|_| hosted)) {
            let place = state.finals.len();
            state.finals.push(FinalTransaction {
                position: Position { height: header.height, ordinal: index + 1 },
                domain: tx.body.domain,
                log_index: place as u64,
                index,
                id: tx.id,
                time_ms,
                agency: tx.body.agency,
                actor: tx.body.actor.clone(),
                nonce: tx.body.nonce,
                outcome: Outcome::Applied,
                changes: Vec::new(),
            });
            state.places.insert(tx.id, place);
        }
        let height = header.height;
        state.header = header;
        drop(state);
        self.height.send_replace(height);
    }

    /// Takes effect at the next height that is final.
    pub(crate) fn set_epoch(&self, epoch: Epoch) {
        self.state.lock().epoch = Arc::new(epoch);
    }

    /// Makes everything final that comes on the stream, group by group, once each.
    pub(crate) fn order_all(self: &Arc<Self>, bus: &SharedBus) -> JoinHandle<()> {
        let (storage, bus) = (self.clone(), bus.clone());
        tokio::spawn(async move {
            let incarnation = bus.tip(Stream::Transactions, "tx.*").await.unwrap().incarnation;
            let mut entries = bus.read(Stream::Transactions, Filter::one("tx.*"), 1).await.unwrap();
            while let Some(Ok(entry)) = entries.next().await {
                let domain = entry.subject.strip_prefix("tx.").unwrap().parse().unwrap();
                let cursor = Cursor { domain, incarnation, sequence: entry.sequence };
                let group = group(&entry);
                let known = |tx: &Transaction| storage.state.lock().places.contains_key(&tx.id);
                let fresh = group.into_iter().filter(|tx| !known(tx)).collect();
                storage.finalize(GENESIS_MS + 1, cursor, fresh);
            }
        })
    }
}

/// The transactions of an entry of TRANSACTIONS.
pub(crate) fn group(entry: &Entry) -> Vec<Transaction> {
    decode_group(entry.payload.clone()).unwrap().into_iter().map(Result::unwrap).collect()
}

/// All that stands on TRANSACTIONS now.
pub(crate) async fn on_stream(bus: &SharedBus) -> Vec<Entry> {
    let tip = bus.tip(Stream::Transactions, "tx.*").await.unwrap();
    if tip.sequence == 0 {
        return Vec::new();
    }
    let entries = bus.read(Stream::Transactions, Filter::one("tx.*"), 1).await.unwrap();
    entries.map(Result::unwrap).take(tip.sequence as usize).collect().await
}

/// Waits until the stream holds so many groups.
pub(crate) async fn until_on_stream(bus: &SharedBus, groups: usize) -> Vec<Entry> {
    let entries = bus.read(Stream::Transactions, Filter::one("tx.*"), 1).await.unwrap();
    let entries = entries.map(Result::unwrap).take(groups).collect();
    tokio::time::timeout(PATIENCE, entries).await.unwrap()
}

/// Ingest that runs, with what it runs on.
pub(crate) struct Running {
    pub(crate) ingest: Ingest,
    pub(crate) bus: SharedBus,
    pub(crate) storage: Arc<FakeStorage>,
    pub(crate) metrics: Metrics,
    stop: CancellationToken,
    task: JoinHandle<Result<(), hutong_ingest::Error>>,
}

/// What a test chooses.
pub(crate) struct Setup {
    pub(crate) bus: SharedBus,
    pub(crate) storage: Arc<FakeStorage>,
    pub(crate) clock: SharedClock,
    pub(crate) config: Config,
}

impl Setup {
    /// A city at its genesis. Time of day stands still; waiting takes real time.
    pub(crate) fn new() -> Self {
        Self {
            bus: bus(None),
            storage: FakeStorage::new(&genesis()),
            clock: Arc::new(StoppedClock::new()),
            config: Config { retry_ms: 1, ..Config::default() },
        }
    }

    pub(crate) async fn run(self, dir: &Path) -> Running {
        let metrics = Metrics::new();
        let ports = Ports {
            bus: self.bus.clone(),
            storage: self.storage.clone(),
            clock: self.clock,
            pool: ComputePool::new(1).unwrap(),
            metrics: metrics.clone(),
            key: Arc::new(key("alpha", Purpose::Ingest)),
            contracts: Vec::new(),
        };
        // What was killed lets go of its journal when its last task has ended, which is soon.
        let opened = async {
            loop {
                let (agency, config) = ("alpha".parse().unwrap(), self.config.clone());
                match IngestService::open(agency, config, dir, ports.clone()) {
                    Err(hutong_ingest::Error::Journal(hutong_journal::Error::Locked { .. })) => {
                        tokio::task::yield_now().await;
                    }
                    opened => return opened.unwrap(),
                }
            }
        };
        let service = tokio::time::timeout(PATIENCE, opened).await.unwrap();
        let (ingest, stop) = (service.ingest(), CancellationToken::new());
        let task = tokio::spawn(service.run(stop.clone()));
        tokio::time::timeout(PATIENCE, ingest.ready()).await.unwrap();
        Running { ingest, bus: self.bus, storage: self.storage, metrics, stop, task }
    }
}

impl Running {
    /// Stops it in order; its journal is closed afterwards.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as a crash of the process would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        drop(self.ingest);
    }

    /// Waits until a line stands in the metrics.
    pub(crate) async fn until_metric(&self, line: &str) {
        let there = async {
            while !self.metrics.encode().unwrap().lines().any(|found| found == line) {
                tokio::task::yield_now().await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, there).await;
        assert!(found.is_ok(), "{line} is not in\n{}", self.metrics.encode().unwrap());
    }
}

pub(crate) fn bus(faults: Option<Arc<dyn Faults>>) -> SharedBus {
    EmbeddedBus::in_memory(Options { faults, ..Options::default() }).unwrap()
}

pub(crate) fn chain() -> ChainId {
    genesis().chain()
}

/// The time of genesis for rules, the machine's for waiting.
#[derive(Debug)]
pub(crate) struct StoppedClock {
    rules: ManualClock,
    waits: SystemClock,
}

impl StoppedClock {
    pub(crate) fn new() -> Self {
        Self { rules: ManualClock::at(GENESIS_MS), waits: SystemClock::new() }
    }
}

#[async_trait]
impl hutong_runtime::Clock for StoppedClock {
    fn unix_ms(&self) -> u64 {
        self.rules.unix_ms()
    }

    fn monotonic(&self) -> Duration {
        self.waits.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.sleep(duration).await;
    }
}

/// A bus whose streams can be replaced under those who use it, as when a broker loses them.
#[derive(Debug)]
pub(crate) struct LossyBus(Mutex<SharedBus>);

impl LossyBus {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(bus(None))))
    }

    pub(crate) fn lose_streams(&self) {
        *self.0.lock() = bus(None);
    }

    fn now(&self) -> SharedBus {
        self.0.lock().clone()
    }
}

#[async_trait]
impl Bus for LossyBus {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        self.now().append(stream, batch).await
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, hutong_bus::Error>>, hutong_bus::Error> {
        self.now().read(stream, filter, from).await
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, hutong_bus::Error> {
        self.now().tip(stream, subject).await
    }

    async fn publish(&self, message: Message) -> Result<(), hutong_bus::Error> {
        self.now().publish(message).await
    }

    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, hutong_bus::Error> {
        self.now().subscribe(filter).await
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, hutong_bus::Error> {
        self.now().request(subject, headers, payload, timeout).await
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, hutong_bus::Error> {
        self.now().serve(subject).await
    }
}

#[async_trait]
impl StoragePeer for FakeStorage {
    async fn standing(&self) -> Result<Standing, Error> {
        let state = self.state.lock();
        Ok(Standing {
            session: Session(1),
            final_header: state.header.clone(),
            epoch: state.epoch.clone(),
            next_height: state.header.height + 1,
            recalled_height: 0,
        })
    }

    async fn prefetch(
        &self,
        _domain: Domain,
        _keys: Vec<RecordKey>,
        ids: Vec<TxId>,
    ) -> Result<Prefetched, Error> {
        let state = self.state.lock();
        let known = ids.into_iter().filter(|id| state.places.contains_key(id)).collect();
        Ok(Prefetched { session: Session(1), height: state.header.height, records: Vec::new(), known })
    }

    async fn submit(&self, _session: Session, _block: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        Ok(Submitted::Refused { reason: "nobody validates here".into() })
    }

    async fn archived(&self, _height: u64) -> Result<Option<ArchivedBlock>, Error> {
        Ok(None)
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error> {
        let mut height = self.height.subscribe();
        let _ = tokio::time::timeout(timeout, height.wait_for(|height| *height > above)).await;
        Ok(*self.height.borrow())
    }

    async fn finals(
        &self,
        after: Position,
        _domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        let state = self.state.lock();
        let first = state.finals.partition_point(|tx| tx.position <= after);
        let part: Vec<_> = state.finals[first..].iter().take(limit).cloned().collect();
        let upto = if part.len() == limit {
            part[limit - 1].position
        } else {
            Position { height: state.header.height, ordinal: u32::MAX }
        };
        Ok((part, upto))
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        let state = self.state.lock();
        Ok(state.places.get(&id).map(|place| state.finals[*place].clone()))
    }

    async fn receipt(&self, id: TxId) -> Result<Option<Bytes>, Error> {
        let is_final = self.state.lock().places.contains_key(&id);
        Ok(is_final.then(|| format!("{{\"receipt\":\"{id}\"}}").into()))
    }

    async fn state_receipt(&self, _key: RecordKey) -> Result<Option<Bytes>, Error> {
        Ok(None)
    }

    async fn record(&self, _key: RecordKey, _version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        Ok(None)
    }

    async fn history(&self, _key: RecordKey, _below: Option<u64>, _limit: usize) -> Result<History, Error> {
        Ok(History::default())
    }

    async fn scan(
        &self,
        _domain: Domain,
        _prefix: String,
        _after: Option<RecordId>,
        _limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        Ok(Vec::new())
    }
}

//! A storage with made-up finals, and notification around it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod agency;
pub(crate) mod receiver;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_bus::SharedBus;
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_ledger::{
    block::Header,
    contract::{Change, Versioned},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, RecordId, RecordKey, TxId},
    invariant::Invariant,
};
use hutong_notification::{
    Config, Jitter, NotificationService, Outside, Ports, SharedResolver, SystemResolver,
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    storage::{ArchivedBlock, History, Standing},
};
use hutong_runtime::{Context, Health, InvariantCounters, Metrics, SharedClock, Shutdown, SystemClock};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle};

pub(crate) const DOMAINS: [&str; 3] = ["health", "membership", "property"];
/// Heights that one call looks through at most, as real storage bounds it too.
const HEIGHTS_MAX: u64 = 16;

pub(crate) fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

pub(crate) fn chain() -> ChainId {
    ChainId::new("testcity".parse().unwrap(), &sha256(&[b"genesis"]))
}

/// `land` hosts all, `clinic` health and membership, `kiosk` nothing.
pub(crate) fn epoch(number: u64, property_hosts: &[&str]) -> Arc<Epoch> {
    let agency_of = |name: &str, byte: u8| Agency {
        id: agency(name),
        name: name.into(),
        validating: name != "kiosk",
        keys: vec![
            Key { purpose: Purpose::Host, public: [byte; 32] },
            Key { purpose: Purpose::Orderer, public: [byte + 1; 32] },
        ],
    };
    let rules = |name: &str, hosts: &[&str]| DomainRules {
        domain: domain(name),
        owner: agency(hosts.first().unwrap_or(&"land")),
        contract: 1,
        hosts: hosts.iter().map(|host| Host { agency: agency(host), ready: true }).collect(),
    };
    let epoch = Epoch {
        number,
        from_height: 1,
        agencies: vec![agency_of("clinic", 10), agency_of("kiosk", 20), agency_of("land", 30)],
        domains: vec![
            rules("health", &["clinic", "land"]),
            rules("membership", &[]),
            rules("property", property_hosts),
        ],
        orderers: vec![agency("land")],
    };
    epoch.check().unwrap();
    Arc::new(epoch)
}

/// An event as it must be told, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) id: String,
    pub(crate) domain: String,
    pub(crate) record: String,
}

#[derive(Debug)]
pub(crate) struct FakeStorage {
    blocks: Mutex<Vec<Vec<FinalTransaction>>>,
    next_index: Mutex<[u64; 3]>,
    height: watch::Sender<u64>,
    pub(crate) epoch: Mutex<Arc<Epoch>>,
    /// Calls of `finals`.
    pub(crate) pages: AtomicUsize,
    /// While set, every call fails.
    pub(crate) away: AtomicBool,
    /// While set, `finals` leaves out every other transaction.
    pub(crate) lies: AtomicBool,
}

impl FakeStorage {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            blocks: Mutex::default(),
            next_index: Mutex::default(),
            height: watch::Sender::new(0),
            epoch: Mutex::new(epoch(1, &["land"])),
            pages: AtomicUsize::new(0),
            away: AtomicBool::new(false),
            lies: AtomicBool::new(false),
        })
    }

    /// Makes so many heights final, with 0 to 5 transactions each, some refused, some with many changes.
    pub(crate) fn advance(&self, heights: u64) {
        let mut blocks = self.blocks.lock();
        for _ in 0..heights {
            let height = blocks.len() as u64 + 1;
            let mut block = Vec::new();
            for place in 0..height * 7 % 6 {
                let at = ((height + place) % 3) as usize;
                block.push((at, place));
            }
            block.sort_unstable();
            let mut indexes = self.next_index.lock();
            let finals = (1..).zip(block).map(|(ordinal, (at, place))| {
                let index = indexes[at];
                indexes[at] += 1;
                transaction(DOMAINS[at], Position { height, ordinal }, index, height * 10 + place)
            });
            let finals: Vec<_> = finals.collect();
            drop(indexes);
            blocks.push(finals);
        }
        let height = blocks.len() as u64;
        drop(blocks);
        self.height.send_replace(height);
    }

    pub(crate) fn height(&self) -> u64 {
        *self.height.borrow()
    }

    /// Every event that must be told so far, for some domains and a record.
    pub(crate) fn expected(&self, domains: &[&str], record: Option<&str>) -> Vec<Expected> {
        self.expected_where(|tx, change| {
            let wanted = record.is_none_or(|record| change.record.as_str() == record);
            domains.contains(&tx.domain.as_str()) && wanted
        })
    }

    /// Every event that must be told so far and fits.
    pub(crate) fn expected_where(
        &self,
        fits: impl Fn(&FinalTransaction, &Versioned) -> bool,
    ) -> Vec<Expected> {
        let mut expected = Vec::new();
        for tx in self.blocks.lock().iter().flatten() {
            for (change, versioned) in (1..).zip(&tx.changes) {
                if fits(tx, versioned) {
                    expected.push(Expected {
                        id: format!("{}/{}/{}/{change}", chain(), tx.domain, tx.log_index),
                        domain: tx.domain.to_string(),
                        record: versioned.record.to_string(),
                    });
                }
            }
        }
        expected
    }

    fn check(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Failed { callee: "storage", reason: "it is away".into() });
        }
        Ok(())
    }
}

fn transaction(name: &str, position: Position, log_index: u64, seed: u64) -> FinalTransaction {
    let domain = domain(name);
    let changes = match seed % 4 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 1 + seed % 9,
    };
    let versioned = |at: u64| {
        let record: RecordId = format!("r{}", (seed + at) % 50).parse().unwrap();
        let value = (at % 5 != 4).then(|| format!("{{\"seed\":{seed},\"at\":{at}}}").into());
        Versioned::new(domain, &[1; 16], Change { record, value }, 1 + log_index)
    };
    FinalTransaction {
        position,
        domain,
        log_index,
        index: position.ordinal,
        id: TxId::new(1_700_000_000_000, &seed.to_be_bytes()),
        time_ms: 1_700_000_000_000 + position.height,
        agency: agency(if seed.is_multiple_of(5) { "clinic" } else { "land" }),
        actor: "clerk".into(),
        nonce: [1; 16],
        outcome: if changes == 0 { Outcome::Refused("not_the_owner".into()) } else { Outcome::Applied },
        changes: (0..changes).map(versioned).collect(),
    }
}

#[async_trait]
impl StoragePeer for FakeStorage {
    async fn standing(&self) -> Result<Standing, Error> {
        self.check()?;
        let height = self.height();
        let final_header = Header {
            chain: chain(),
            rules: 1,
            epoch: 1,
            height,
            prev: Hash::ZERO,
            time_ms: 0,
            cursors: vec![],
            segments: vec![],
        };
        let epoch = self.epoch.lock().clone();
        Ok(Standing { session: Session(1), final_header, epoch, next_height: height + 1, recalled_height: 0 })
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error> {
        self.check()?;
        let mut height = self.height.subscribe();
        let _ = tokio::time::timeout(timeout, height.wait_for(|height| *height > above)).await;
        self.check()?;
        Ok(self.height())
    }

    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        // Others get their turn, as with a real storage.
        tokio::task::yield_now().await;
        self.check()?;
        self.pages.fetch_add(1, Ordering::SeqCst);
        let blocks = self.blocks.lock();
        let (mut out, mut complete) = (Vec::new(), after);
        let first = after.height.max(1);
        for height in first..=(blocks.len() as u64).min(first + HEIGHTS_MAX) {
            let block = &blocks[height as usize - 1];
            for tx in block.iter().filter(|tx| tx.position > after) {
                let wanted = domains.as_ref().is_none_or(|domains| domains.contains(&tx.domain));
                let told = !self.lies.load(Ordering::SeqCst) || tx.log_index % 2 == 0;
                if wanted && out.len() == limit {
                    return Ok((out, complete));
                }
                if wanted && told {
                    out.push(tx.clone());
                }
                complete = tx.position;
            }
            complete = complete.max(Position { height, ordinal: block.len() as u32 });
        }
        Ok((out, complete))
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

    async fn record(&self, _: RecordKey, _: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        not_asked()
    }

    async fn history(&self, _: RecordKey, _: Option<u64>, _: usize) -> Result<History, Error> {
        not_asked()
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
    Err(Error::Failed { callee: "storage", reason: "notification has no reason to ask this".into() })
}

/// Notification of `land` in a task of its own.
pub(crate) struct Running {
    pub(crate) handle: hutong_notification::Handle,
    pub(crate) shutdown: Shutdown,
    pub(crate) invariants: InvariantCounters,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) task: JoinHandle<Result<(), hutong_notification::Error>>,
}

impl Running {
    /// Ends it as a crash would: in the middle of whatever it does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub(crate) fn bus() -> SharedBus {
    EmbeddedBus::in_memory(Options::default()).unwrap()
}

pub(crate) fn config() -> Config {
    Config { page_transactions_max: 7, stream_events_max: 10, wait_ms: 50, retry_ms: 1, ..Config::default() }
}

pub(crate) fn start(path: &Path, config: Config, bus: SharedBus, storage: Arc<FakeStorage>) -> Running {
    start_with(path, config, bus, storage, SystemClock::shared())
}

pub(crate) fn start_with(
    path: &Path,
    config: Config,
    bus: SharedBus,
    storage: Arc<FakeStorage>,
    clock: SharedClock,
) -> Running {
    start_resolving(path, config, bus, storage, clock, Arc::new(SystemResolver))
}

pub(crate) fn start_resolving(
    path: &Path,
    config: Config,
    bus: SharedBus,
    storage: Arc<FakeStorage>,
    clock: SharedClock,
    resolver: SharedResolver,
) -> Running {
    let metrics = Metrics::new();
    let invariants = InvariantCounters::new(&metrics, &Invariant::ALL.map(Invariant::id));
    let ports = Ports {
        bus,
        storage,
        clock,
        metrics: metrics.clone(),
        invariants: invariants.clone(),
        contracts: vec![],
        outside: Outside { resolver, jitter: Jitter::seeded(1) },
    };
    let path = path.join("notification.redb");
    let service = NotificationService::open(chain(), agency("land"), config, &path, ports).unwrap();
    let (shutdown, health) = (Shutdown::new(), Health::new());
    let context = Context { shutdown: shutdown.clone(), health: health.component("notification") };
    let handle = service.handle();
    let task = tokio::spawn(service.run(context));
    Running { handle, shutdown, invariants, metrics, health, task }
}

/// Waits for a condition, for as long as the test runner lets it.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

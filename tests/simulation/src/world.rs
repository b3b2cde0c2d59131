//! What the parts of a run share: the seed's numbers, the trace, who can reach whom, and what the observers saw.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use hutong_bus::SharedBus;
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_ingest::Ingest;
use hutong_ledger::{
    acceptance::Acceptance,
    genesis::Genesis,
    hash::{Hash, sha256},
    id::TxId,
};
use hutong_peer::{FinalTransaction, ingest::Finality};
use hutong_runtime::{Clock, ComputePool};
use hutong_storage::Storage;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    city::{AGENCIES, GENESIS_MS, genesis},
    random::Random,
};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) genesis: Genesis,
    pub(crate) bus: SharedBus,
    pub(crate) pool: ComputePool,
    pub(crate) stop: CancellationToken,
    pub(crate) folder: tempfile::TempDir,
    began: Instant,
    random: Mutex<Random>,
    trace: Mutex<(Hash, u64)>,
    crashes: AtomicU64,
    readers: AtomicU64,
    /// What goes wrong now.
    pub(crate) rates: Mutex<Rates>,
    pub(crate) nodes: [Node; AGENCIES],
    pub(crate) ingest: Mutex<Option<Ingest>>,
    pub(crate) seen: Mutex<Seen>,
}

/// What is known of an agency from outside.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) storage: Mutex<Option<Storage>>,
    /// Told to crash.
    pub(crate) crash: Notify,
    /// One of its services is told to crash.
    pub(crate) kick: [Notify; 3],
    /// The agencies of one group reach each other; those of group 9 do not even reach the streams.
    pub(crate) group: AtomicU64,
    pub(crate) skew_ms: AtomicI64,
    /// So many more uses of bus or disk, then a crash; 0 means none is planned.
    fuse: AtomicU64,
}

/// What is cut off from everything.
pub(crate) const ALONE: u64 = 9;

/// Chances in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) drop: u64,
    pub(crate) duplicate: u64,
    pub(crate) delay: u64,
    pub(crate) delay_ms_max: u64,
    pub(crate) lose_request: u64,
    pub(crate) append_lost: u64,
    pub(crate) ack_lost: u64,
    pub(crate) append_refused: u64,
    pub(crate) sync_ms_max: u64,
    /// The disk of this agency is full.
    pub(crate) full: Option<usize>,
}

/// What observers saw, and when they first contradicted each other.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The block that anyone saw final, by height.
    pub(crate) heights: BTreeMap<u64, Hash>,
    /// What each observer was told, in order.
    pub(crate) told: Vec<Vec<FinalTransaction>>,
    /// What clients were promised, and what they were told is final.
    pub(crate) accepted: Vec<(TxId, Acceptance)>,
    pub(crate) answered: Vec<(TxId, Finality)>,
    pub(crate) broken: Option<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let mut random = Random::new(seed);
        let options = Options { incarnation: Some(random.next()), ..Options::default() };
        Arc::new(Self {
            seed,
            genesis: genesis(),
            bus: EmbeddedBus::in_memory(options).unwrap(),
            pool: ComputePool::in_step().unwrap(),
            stop: CancellationToken::new(),
            folder: tempfile::tempdir().unwrap(),
            began: Instant::now(),
            random: Mutex::new(random),
            trace: Mutex::new((Hash([0; 32]), 0)),
            crashes: AtomicU64::new(0),
            readers: AtomicU64::new(0),
            rates: Mutex::default(),
            nodes: Default::default(),
            ingest: Mutex::default(),
            seen: Mutex::new(Seen { told: vec![Vec::new(); AGENCIES], ..Seen::default() }),
        })
    }

    /// Notes an event: any that differs makes another digest.
    pub(crate) fn note(&self, what: &str, of: usize, bytes: &[u8]) {
        let mut trace = self.trace.lock();
        let at = self.began.elapsed().as_millis() as u64;
        let parts = [&trace.0.0[..], &at.to_be_bytes(), &[of as u8], what.as_bytes(), bytes];
        trace.0 = sha256(&parts);
        trace.1 += 1;
        if self.is_told() {
            let mut line = String::new();
            let _ = write!(line, "{at} {of} {what} {}", sha256(&[bytes]));
            std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes()).unwrap();
        }
    }

    /// Whether the events are to be shown: two runs can then be compared line by line.
    fn is_told(&self) -> bool {
        std::env::var_os("HUTONG_TRACE").is_some()
    }

    pub(crate) fn digest(&self) -> (String, u64) {
        let trace = self.trace.lock();
        (trace.0.to_string(), trace.1)
    }

    pub(crate) fn crashes(&self) -> u64 {
        self.crashes.load(Ordering::Relaxed)
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.random.lock().below(bound)
    }

    pub(crate) fn happens(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.random.lock().happens(per_mille)
    }

    pub(crate) fn nonce(&self) -> [u8; 16] {
        let mut random = self.random.lock();
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&random.next().to_be_bytes());
        nonce[8..].copy_from_slice(&random.next().to_be_bytes());
        nonce
    }

    pub(crate) fn now_ms(&self) -> u64 {
        GENESIS_MS + self.began.elapsed().as_millis() as u64
    }

    /// The number of a new reader of a stream.
    pub(crate) fn reader(&self) -> u64 {
        self.readers.fetch_add(1, Ordering::Relaxed)
    }

    fn group(&self, agency: usize) -> u64 {
        self.nodes[agency].group.load(Ordering::Relaxed)
    }

    pub(crate) fn reach(&self, one: usize, other: usize) -> bool {
        self.group(one) == self.group(other) && !self.is_alone(one)
    }

    /// Whether an agency does not reach the streams.
    pub(crate) fn is_alone(&self, agency: usize) -> bool {
        self.group(agency) == ALONE
    }

    /// A use of bus or disk by an agency; whether it crashes at this very moment.
    pub(crate) fn burn(&self, agency: usize) -> bool {
        let node = &self.nodes[agency];
        match node.fuse.load(Ordering::Relaxed) {
            0 => false,
            1 => {
                node.fuse.store(0, Ordering::Relaxed);
                self.crash(agency);
                true
            }
            left => {
                node.fuse.store(left - 1, Ordering::Relaxed);
                false
            }
        }
    }

    pub(crate) fn light(&self, agency: usize, uses: u64) {
        self.nodes[agency].fuse.store(uses, Ordering::Relaxed);
    }

    pub(crate) fn crash(&self, agency: usize) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
        self.nodes[agency].crash.notify_one();
    }

    /// All faults end.
    pub(crate) fn heal(&self) {
        self.note("heal", 0, &[]);
        *self.rates.lock() = Rates::default();
        for node in &self.nodes {
            node.group.store(0, Ordering::Relaxed);
            node.skew_ms.store(0, Ordering::Relaxed);
            node.fuse.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn broke(&self, what: String) {
        self.seen.lock().broken.get_or_insert(what);
    }
}

/// The simulated clock as an agency reads it.
#[derive(Debug)]
pub(crate) struct SkewedClock(pub(crate) Arc<World>, pub(crate) usize);

#[async_trait]
impl Clock for SkewedClock {
    fn unix_ms(&self) -> u64 {
        self.0.now_ms().saturating_add_signed(self.0.nodes[self.1].skew_ms.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.0.began.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

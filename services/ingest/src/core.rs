//! What the parts of ingest share: ports, the view of the ledger, who waits for what, and what is queued.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hutong_keys::VerifierCache;
use hutong_ledger::{
    id::{AgencyId, KeyId},
    transaction::Transaction,
};
use hutong_peer::ingest::Rejected;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::{
    Config, Ports,
    check::{View, Wanted},
    form::Forms,
    journal::IngestJournal,
    meters::Meters,
    waiters::{Placed, Table, Waiter},
};

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) agency: AgencyId,
    pub(crate) config: Config,
    pub(crate) ports: Ports,
    /// The id of the key that signs acceptances.
    pub(crate) key: KeyId,
    pub(crate) cache: VerifierCache,
    pub(crate) forms: Forms,
    pub(crate) journal: IngestJournal,
    /// Where the journal is.
    pub(crate) folder: PathBuf,
    pub(crate) table: Mutex<Table>,
    pub(crate) meters: Meters,
    /// None until storage has answered and the journal is read back.
    view: watch::Sender<Option<Arc<View>>>,
    queued_bytes: AtomicUsize,
}

impl Core {
    pub(crate) fn new(
        agency: AgencyId,
        config: Config,
        journal: IngestJournal,
        folder: PathBuf,
        ports: Ports,
    ) -> Self {
        Self {
            agency,
            key: KeyId::of(&ports.key.public().0),
            cache: VerifierCache::default(),
            forms: Forms::new(ports.contracts.iter().cloned()),
            journal,
            folder,
            table: Mutex::new(Table::new(config.recent_max)),
            meters: Meters::new(&ports.metrics),
            view: watch::Sender::new(None),
            queued_bytes: AtomicUsize::new(0),
            config,
            ports,
        }
    }

    pub(crate) fn view(&self) -> Option<Arc<View>> {
        self.view.borrow().clone()
    }

    pub(crate) fn set_view(&self, view: View) {
        self.view.send_replace(Some(Arc::new(view)));
    }

    pub(crate) async fn ready(&self) {
        // The sender is in `self`, so it outlives the wait.
        let _ = self.view.subscribe().wait_for(Option::is_some).await;
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.ports.clock.unix_ms()
    }

    pub(crate) fn seconds_since(&self, began: std::time::Duration) -> f64 {
        self.ports.clock.monotonic().saturating_sub(began).as_secs_f64()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// Room in the queue for a transaction, or nothing when it is full. An empty queue takes any.
    pub(crate) fn room(self: &Arc<Self>, bytes: usize) -> Option<Room> {
        let before = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { core: self.clone(), bytes };
        self.meters.queue_bytes(before + bytes);
        (before == 0 || before + bytes <= self.config.queue_bytes_max).then_some(room)
    }
}

/// A place in the queue, given back when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    core: Arc<Core>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        let before = self.core.queued_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.core.meters.queue_bytes(before.saturating_sub(self.bytes));
    }
}

/// What a submitter is told first: where its transaction is.
pub(crate) type Reply = oneshot::Sender<Result<Placed, Rejected>>;

/// A transaction on its way from arrival to its group.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) transaction: Transaction,
    pub(crate) wanted: Wanted,
    pub(crate) origin: Origin,
    /// The trace that it came with.
    pub(crate) trace: Vec<(String, String)>,
}

/// Where a job comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A caller, who waits for acceptance and perhaps for finality.
    Caller { reply: Reply, waiter: Option<Waiter>, room: Room },
    /// An earlier group, whose block passed it over.
    Again,
}

impl Job {
    /// What it takes in a group at most: its encoded size, bounded from above.
    pub(crate) fn bytes(&self) -> usize {
        bytes(&self.transaction)
    }

    pub(crate) fn reject(self, rejected: Rejected) {
        if let Origin::Caller { reply, .. } = self.origin {
            // A caller that is gone needs no answer.
            let _ = reply.send(Err(rejected));
        }
    }
}

/// A bound on a transaction's encoded size.
pub(crate) fn bytes(tx: &Transaction) -> usize {
    let signatures: usize = tx.signatures.iter().map(|signature| signature.agency.as_str().len() + 96).sum();
    tx.body_bytes.len() + signatures + 16
}

//! The service: the view follows what is final. `telemetry` takes and tells occupancy, `anchor` closes days that are over.

mod anchor;
mod telemetry;

use std::{path::Path, sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_desk::Desk;
use hutong_ledger::id::{AgencyId, RecordId, RecordKey};
use hutong_peer::{SharedStorage, StoredRecord};
use hutong_runtime::SharedClock;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    contract::domain,
    live::Live,
    log::Log,
    view::{Standing, View},
};

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ParkingService(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) storage: SharedStorage,
    pub(crate) desk: Desk,
    bus: SharedBus,
    pub(crate) clock: SharedClock,
    pub(crate) view: RwLock<View>,
    pub(crate) log: Log,
    pub(crate) live: Arc<Live>,
    pub(crate) stopping: CancellationToken,
    /// One at a time reads what is final.
    pulling: Mutex<()>,
    /// One at a time takes updates: what is checked is what is logged.
    taking: Mutex<()>,
}

impl ParkingService {
    /// The desk is that of the agency whose node this is; where it owns the domain, it takes occupancy and anchors days.
    /// Opens the log in the configured folder.
    pub fn new(
        config: Config,
        storage: SharedStorage,
        desk: Desk,
        bus: SharedBus,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let (log, latest) = Log::open(Path::new(&config.dir))?;
        let mut view = View::default();
        for update in latest {
            view.set_live(Arc::new(update));
        }
        let live = Arc::new(Live::new(clock.unix_ms(), config.live_events_max));
        let view = RwLock::new(view);
        let stopping = CancellationToken::new();
        let (pulling, taking) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner {
            config,
            storage,
            desk,
            bus,
            clock,
            view,
            log,
            live,
            stopping,
            pulling,
            taking,
        })))
    }

    /// Runs until stopped. What does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = self.listen() => {}
            () = self.anchor() => {}
        }
        self.0.stopping.cancel();
    }

    async fn follow(&self) {
        loop {
            match self.pull().await {
                Ok(true) => {}
                Ok(false) => self.wait().await,
                Err(error) => {
                    tracing::debug!(%error, "the parking view waits for storage");
                    tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await;
                }
            }
        }
    }

    async fn wait(&self) {
        let height = self.0.view.read().position().height;
        let wait = Duration::from_millis(self.0.config.wait_ms);
        if let Err(error) = self.0.storage.wait_final(height, wait).await {
            tracing::debug!(%error, "the parking view waits for storage");
            tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await;
        }
    }

    /// Reads what is final and not in the view yet; whether there was any.
    pub(crate) async fn pull(&self) -> Result<bool, hutong_peer::Error> {
        let _one = self.0.pulling.lock().await;
        let after = self.0.view.read().position();
        let (finals, reached) =
            self.0.storage.finals(after, Some(vec![domain()]), self.0.config.page).await?;
        let mut view = self.0.view.write();
        for change in finals.iter().flat_map(|transaction| &transaction.changes) {
            view.apply(change);
        }
        view.advance(reached);
        Ok(reached != after)
    }

    /// The owner of the domain.
    pub(crate) async fn owner(&self) -> Result<AgencyId, hutong_peer::Error> {
        let epoch = self.0.storage.standing().await?.epoch;
        let rules = epoch.rules(domain());
        let unknown = || hutong_peer::Error::Failed {
            callee: "storage",
            reason: "the epoch does not know the domain parking".into(),
        };
        Ok(rules.ok_or_else(unknown)?.owner)
    }

    pub(crate) async fn record(
        &self,
        record: RecordId,
        version: Option<u64>,
    ) -> Result<Option<StoredRecord>, hutong_peer::Error> {
        self.0.storage.record(RecordKey { domain: domain(), record }, version).await
    }

    /// A site as it stands; what is final is read first if the view does not know it.
    pub(crate) async fn site(&self, name: &str) -> Result<Option<Standing>, hutong_peer::Error> {
        let known = self.0.view.read().get(name);
        if known.is_some() {
            return Ok(known);
        }
        while self.pull().await? {}
        Ok(self.0.view.read().get(name))
    }
}

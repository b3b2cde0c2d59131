//! Runs notification of one agency: follows storage's last final height, and writes the EVENTS stream.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use hutong_bus::SharedBus;
use hutong_ledger::{
    contract::Contract,
    id::{AgencyId, ChainId},
};
use hutong_peer::SharedStorage;
use hutong_runtime::{Component, Context, InvariantCounters, Metrics, SharedClock};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    Config, Error,
    cursor::Cursors,
    event::Envelopes,
    feed::Source,
    stream::Publisher,
    subscribers::{self, Subscribers},
};

/// What notification is given; it does not know how it is deployed.
#[derive(Clone, Debug)]
pub struct Ports {
    pub bus: SharedBus,
    pub storage: SharedStorage,
    pub clock: SharedClock,
    pub metrics: Metrics,
    pub invariants: InvariantCounters,
    /// They render records; nothing is decided by them here.
    pub contracts: Vec<Arc<dyn Contract>>,
}

/// Notification of one agency.
pub struct NotificationService {
    node: Handle,
    tip: watch::Sender<u64>,
    publisher: Publisher,
}

/// What the API needs of a running service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle(pub(crate) Arc<Node>);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) agency: AgencyId,
    pub(crate) config: Config,
    pub(crate) source: Source,
    pub(crate) envelopes: Envelopes,
    pub(crate) clock: SharedClock,
    pub(crate) subscribers: Arc<Subscribers>,
}

impl fmt::Debug for NotificationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationService").field("agency", &self.node.0.agency).finish_non_exhaustive()
    }
}

impl NotificationService {
    /// Opens the service's own store at the path, which is made if it does not exist.
    pub fn open(
        chain: ChainId,
        agency: AgencyId,
        config: Config,
        path: &Path,
        ports: Ports,
    ) -> Result<Self, Error> {
        let cursors = Cursors::open(path)?;
        let Ports { bus, storage, clock, metrics, invariants, contracts } = ports;
        let (tip, follow) = watch::channel(0);
        let (max, per_agency_max) = (config.subscribers_max, config.subscribers_per_agency_max);
        let node = Arc::new(Node {
            agency,
            config,
            source: Source { storage, tip: follow, invariants },
            envelopes: Envelopes::new(chain, contracts),
            clock,
            subscribers: Subscribers::new(metrics.clone(), agency, max, per_agency_max),
        });
        let publisher = Publisher {
            node: node.clone(),
            bus,
            cursors,
            delivered: subscribers::delivered(&metrics, agency, "EVENTS"),
            lag_heights: subscribers::lag_heights(&metrics, agency, "EVENTS"),
        };
        Ok(Self { node: Handle(node), tip, publisher })
    }

    /// For [`crate::routes`].
    pub fn handle(&self) -> Handle {
        self.node.clone()
    }

    /// Runs until the drain. What can pass is tried again; an error that comes back needs an operator.
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let status = Status::new(context.health);
        let publishing = async {
            if self.node.0.config.stream {
                self.publisher.run(&status).await
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = context.shutdown.draining() => Ok(()),
            error = self.follow(&status) => Err(error),
            error = publishing => Err(error),
        }
    }

    /// Keeps the tip that subscribers wait on.
    async fn follow(&self, status: &Status) -> Error {
        let Node { source, config, clock, .. } = &*self.node.0;
        let mut known = None;
        loop {
            let asked = match known {
                None => source.storage.standing().await.map(|standing| standing.final_header.height),
                Some(height) => source.storage.wait_final(height, config.wait()).await,
            };
            match asked {
                Ok(height) => {
                    status.well("storage");
                    known = Some(height);
                    self.tip.send_if_modified(|tip| std::mem::replace(tip, height.max(*tip)) < height);
                }
                Err(error) => {
                    let error = Error::from(error);
                    if error.is_final() {
                        return error;
                    }
                    tracing::warn!(
                        error = error_chain(&error),
                        "storage does not tell its height; asking again"
                    );
                    status.fault("storage", error_chain(&error));
                    clock.sleep(config.retry()).await;
                }
            }
        }
    }
}

/// What of the service is well: one component, told by several loops.
#[derive(Debug)]
pub(crate) struct Status {
    health: Component,
    faults: Mutex<BTreeMap<&'static str, String>>,
}

impl Status {
    fn new(health: Component) -> Self {
        Self { health, faults: Mutex::default() }
    }

    pub(crate) fn fault(&self, part: &'static str, why: String) {
        self.faults.lock().insert(part, why);
        self.tell();
    }

    pub(crate) fn well(&self, part: &'static str) {
        self.faults.lock().remove(part);
        self.tell();
    }

    fn tell(&self) {
        match self.faults.lock().iter().next() {
            None => self.health.ready(),
            Some((part, why)) => self.health.degraded(format!("{part}: {why}")),
        }
    }
}

/// An error with its sources, in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

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
    state,
    stream::Publisher,
    subscribers::{self, Subscribers},
    subscriptions::{
        hooks::{Added, Hooks},
        shelf::Shelf,
    },
    webhooks::{self, Outside, Webhooks},
};

/// What notification is given; it does not know how it is deployed.
#[derive(Debug)]
pub struct Ports {
    pub bus: SharedBus,
    pub storage: SharedStorage,
    pub clock: SharedClock,
    pub metrics: Metrics,
    pub invariants: InvariantCounters,
    /// They render records; nothing is decided by them here.
    pub contracts: Vec<Arc<dyn Contract>>,
    pub outside: Outside,
}

/// Notification of one agency.
pub struct NotificationService {
    node: Handle,
    tip: watch::Sender<u64>,
    publisher: Publisher,
    added: Added,
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
    pub(crate) webhooks: Webhooks,
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
        let store = state::open(path)?;
        let cursors = Cursors { store: store.clone(), path: path.to_owned() };
        let Ports { bus, storage, clock, metrics, invariants, contracts, outside } = ports;
        let limits = config.webhooks.clone();
        let shelf = Shelf::new(store, path.to_owned());
        let (hooks, added) =
            Hooks::open(shelf, limits.subscriptions_max, limits.subscriptions_per_agency_max)?;
        let webhooks =
            Webhooks::new((chain, agency), limits, hooks, outside, clock.clone(), metrics.clone())?;
        let (tip, follow) = watch::channel(0);
        let (max, per_agency_max) = (config.subscribers_max, config.subscribers_per_agency_max);
        let node = Arc::new(Node {
            agency,
            config,
            source: Source { storage, tip: follow, invariants },
            envelopes: Envelopes::new(chain, contracts),
            clock,
            subscribers: Subscribers::new(metrics.clone(), agency, max, per_agency_max),
            webhooks,
        });
        let publisher = Publisher {
            node: node.clone(),
            bus,
            cursors,
            delivered: subscribers::delivered(&metrics, agency, "EVENTS"),
            lag_heights: subscribers::lag_heights(&metrics, agency, "EVENTS"),
        };
        Ok(Self { node: Handle(node), tip, publisher, added })
    }

    /// For [`crate::routes`].
    pub fn handle(&self) -> Handle {
        self.node.clone()
    }

    /// Runs until the drain. What can pass is tried again; an error that comes back needs an operator.
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let Self { node, tip, publisher, added } = self;
        let status = Status::new(context.health);
        let publishing = async {
            if node.0.config.stream { publisher.run(&status).await } else { std::future::pending().await }
        };
        tokio::select! {
            () = context.shutdown.draining() => Ok(()),
            error = follow(&node.0, &tip, &status) => Err(error),
            error = publishing => Err(error),
            error = webhooks::run(node.0.clone(), added) => Err(error),
        }
    }
}

/// Keeps the tip that subscribers wait on.
async fn follow(node: &Node, tip: &watch::Sender<u64>, status: &Status) -> Error {
    let Node { source, config, clock, .. } = node;
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
                tip.send_if_modified(|tip| std::mem::replace(tip, height.max(*tip)) < height);
            }
            Err(error) => {
                let error = Error::from(error);
                if error.is_final() {
                    return error;
                }
                tracing::warn!(error = error_chain(&error), "storage does not tell its height; asking again");
                status.fault("storage", error_chain(&error));
                clock.sleep(config.retry()).await;
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
        let cause = error.to_string();
        // Libraries often say their cause themselves; once is enough.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

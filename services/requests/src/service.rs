//! The loops: one keeps the view up to date with what becomes final, one watches the deadlines.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use hutong_desk::{Desk, Done};
use hutong_ledger::id::{AgencyId, RecordId, RecordKey};
use hutong_peer::{SharedStorage, StoredRecord};
use hutong_runtime::SharedClock;
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Config, breaches::Breaches, contract::domain, view::View};

/// The service, and what its routes work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RequestsService {
    pub(crate) desk: Desk,
    pub(crate) desks: Arc<BTreeMap<AgencyId, Desk>>,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) clock: SharedClock,
    pub(crate) config: Arc<Config>,
    /// The height up to which the view has read.
    reached: Arc<watch::Sender<u64>>,
    /// Whether there was nothing more to read when it last asked.
    current: Arc<watch::Sender<bool>>,
}

impl RequestsService {
    /// `desk` is that of the domain's owner; `desks` those of the agencies in whose names it may sign: one on an agency's
    /// node, all in a development city.
    pub fn new(
        config: Config,
        desk: Desk,
        desks: impl IntoIterator<Item = Desk>,
        clock: SharedClock,
    ) -> Self {
        let mut desks: BTreeMap<_, _> = desks.into_iter().map(|desk| (desk.agency(), desk)).collect();
        desks.insert(desk.agency(), desk.clone());
        Self {
            desk,
            desks: Arc::new(desks),
            view: Arc::default(),
            clock,
            config: Arc::new(config),
            reached: Arc::new(watch::Sender::new(0)),
            current: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Runs until stopped. Storage that does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        let breaches = Breaches::new(&self);
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = breaches.watch() => {}
        }
    }

    /// Waits until the view shows all that was final a moment ago: it does not while it reads what it missed.
    pub(crate) async fn until_current(&self) {
        // The sender is in `self`, so it outlives the wait.
        let _ = self.current.subscribe().wait_for(|current| *current).await;
    }

    pub(crate) fn storage(&self) -> &SharedStorage {
        self.desk.storage()
    }

    async fn follow(&self) {
        loop {
            if let Err(error) = self.catch_up().await {
                tracing::debug!(%error, "the requests view waits for storage");
                self.current.send_replace(false);
                tokio::time::sleep(Duration::from_millis(self.config.retry_ms)).await;
            }
        }
    }

    /// Reads what is final and not in the view yet; waits for more when there is none.
    async fn catch_up(&self) -> Result<(), hutong_peer::Error> {
        let after = self.view.read().position();
        let (finals, reached) = self.storage().finals(after, Some(vec![domain()]), self.config.page).await?;
        {
            let mut view = self.view.write();
            for change in finals.iter().flat_map(|transaction| &transaction.changes) {
                view.apply(change);
            }
            view.advance(reached);
        }
        self.reached.send_replace(reached.height);
        self.current.send_replace(reached == after);
        if reached == after {
            self.storage().wait_final(after.height, Duration::from_millis(self.config.wait_ms)).await?;
        }
        Ok(())
    }

    /// Submits an action in the name of a desk's agency, and waits for the view to show it: whoever wrote finds it in the
    /// next list.
    pub(crate) async fn submit(
        &self,
        desk: &Desk,
        action: Bytes,
        actor: &str,
    ) -> Result<Done, hutong_desk::Error> {
        let done = desk.submit(domain(), action, actor).await?;
        let mut reached = self.reached.subscribe();
        let shown = reached.wait_for(|height| *height >= done.height);
        // It is final all the same if the view is slow.
        let _ = tokio::time::timeout(Duration::from_millis(self.config.settle_ms), shown).await;
        Ok(done)
    }

    /// A live record as storage has it.
    pub(crate) async fn record(&self, record: RecordId) -> Result<Option<StoredRecord>, hutong_peer::Error> {
        let stored = self.storage().record(RecordKey { domain: domain(), record }, None).await?;
        Ok(stored.filter(|stored| stored.value.is_some()))
    }
}

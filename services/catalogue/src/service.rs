//! The loop: keeps the view up to date with what becomes final.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hutong_desk::Desk;
use hutong_ledger::id::AgencyId;
use hutong_peer::SharedStorage;
use hutong_runtime::SharedClock;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    contract::DOMAIN,
    view::{Page, Query, View},
};

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CatalogueService {
    pub(crate) storage: SharedStorage,
    pub(crate) desks: Arc<BTreeMap<AgencyId, Desk>>,
    pub(crate) clock: SharedClock,
    pub(crate) config: Arc<Config>,
    view: Arc<RwLock<View>>,
}

impl CatalogueService {
    /// The desks are those of the agencies in whose names it may sign: one on an agency's node, all in a development
    /// city.
    pub fn new(
        config: Config,
        storage: SharedStorage,
        desks: impl IntoIterator<Item = Desk>,
        clock: SharedClock,
    ) -> Self {
        let desks = desks.into_iter().map(|desk| (desk.agency(), desk)).collect();
        Self { storage, desks: Arc::new(desks), clock, config: Arc::new(config), view: Arc::default() }
    }

    /// Runs until stopped. Storage that does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
    }

    pub(crate) fn datasets(&self, query: &Query) -> Page {
        self.view.read().datasets(query)
    }

    /// Agreements as they stand at this moment: which of them are active changes with time alone.
    pub(crate) fn agreements(&self, query: &Query) -> Page {
        let now_ms = self.clock.unix_ms();
        let view = self.view.read();
        if !view.is_due(now_ms) {
            return view.agreements(query);
        }
        drop(view);
        let mut view = self.view.write();
        view.settle(now_ms);
        view.agreements(query)
    }

    async fn follow(&self) {
        loop {
            if let Err(error) = self.catch_up().await {
                tracing::debug!(%error, "the catalogue's view waits for storage");
                tokio::time::sleep(Duration::from_millis(self.config.retry_ms)).await;
            }
        }
    }

    /// Reads what is final and not in the view yet; waits for more when there is none.
    async fn catch_up(&self) -> Result<(), hutong_peer::Error> {
        let after = self.view.read().position();
        let (finals, reached) = self.storage.finals(after, Some(vec![DOMAIN]), self.config.page).await?;
        {
            let mut view = self.view.write();
            view.settle(self.clock.unix_ms());
            for change in finals.iter().flat_map(|transaction| &transaction.changes) {
                view.apply(change);
            }
            view.advance(reached);
        }
        if reached == after {
            self.storage.wait_final(after.height, Duration::from_millis(self.config.wait_ms)).await?;
        }
        Ok(())
    }
}

//! The loop: keeps the view up to date with what becomes final.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hutong_desk::Desk;
use hutong_ledger::id::AgencyId;
use hutong_peer::SharedStorage;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::{Config, contract::domain, view::View};

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PropertyService {
    pub(crate) storage: SharedStorage,
    pub(crate) desks: Arc<BTreeMap<AgencyId, Desk>>,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) config: Arc<Config>,
}

impl PropertyService {
    /// The desks are those of the agencies in whose names it may sign: one on an agency's node, all in a development
    /// city.
    pub fn new(config: Config, storage: SharedStorage, desks: impl IntoIterator<Item = Desk>) -> Self {
        let desks = desks.into_iter().map(|desk| (desk.agency(), desk)).collect();
        Self { storage, desks: Arc::new(desks), view: Arc::default(), config: Arc::new(config) }
    }

    /// Runs until stopped. Storage that does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        loop {
            if let Err(error) = self.catch_up().await {
                tracing::debug!(%error, "the property view waits for storage");
                tokio::time::sleep(Duration::from_millis(self.config.retry_ms)).await;
            }
        }
    }

    /// Reads what is final and not in the view yet; waits for more when there is none.
    async fn catch_up(&self) -> Result<(), hutong_peer::Error> {
        let after = self.view.read().position();
        let (finals, reached) = self.storage.finals(after, Some(vec![domain()]), self.config.page).await?;
        {
            let mut view = self.view.write();
            // Whoever waits for the lock waits for one page.
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

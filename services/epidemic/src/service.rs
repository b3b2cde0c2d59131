//! The loop: keeps the view up to date with what becomes final, and watches the counts when all is quiet.

use std::{sync::Arc, time::Duration};

use hutong_desk::Desk;
use hutong_peer::SharedStorage;
use hutong_runtime::SharedClock;
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{Config, contract::domain, view::View, watch};

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EpidemicService {
    pub(crate) desk: Desk,
    pub(crate) clock: SharedClock,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) config: Arc<Config>,
    /// Analyses under way at a time: they compute for a while, and anyone may ask.
    pub(crate) analyses: Arc<Semaphore>,
}

impl EpidemicService {
    /// The desk is that of the domain's owner, in whose name cases are reported, alerts raised and weeks published.
    pub fn new(config: Config, desk: Desk, clock: SharedClock) -> Self {
        let analyses = Arc::new(Semaphore::new(config.analyses_max.max(1)));
        Self { desk, clock, view: Arc::default(), config: Arc::new(config), analyses }
    }

    pub(crate) fn storage(&self) -> &SharedStorage {
        self.desk.storage()
    }

    /// Runs until stopped. Storage that does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut changed = self.clock.monotonic();
        loop {
            match self.catch_up().await {
                Ok(true) => changed = self.clock.monotonic(),
                Ok(false) => self.watch(changed).await,
                Err(error) => {
                    tracing::debug!(%error, "the epidemic view waits for storage");
                    tokio::time::sleep(Duration::from_millis(self.config.retry_ms)).await;
                }
            }
        }
    }

    /// Reads what is final and not in the view yet; whether there was something. Waits for more when there is none.
    async fn catch_up(&self) -> Result<bool, hutong_peer::Error> {
        let after = self.view.read().position();
        let (finals, reached) = self.storage().finals(after, Some(vec![domain()]), self.config.page).await?;
        {
            let mut view = self.view.write();
            for transaction in &finals {
                transaction.changes.iter().for_each(|change| view.apply(change, transaction.time_ms));
            }
            view.advance(reached);
        }
        if reached == after {
            let wait_ms = if self.config.watch {
                self.config.wait_ms.min(self.config.quiet_ms)
            } else {
                self.config.wait_ms
            };
            self.storage().wait_final(after.height, Duration::from_millis(wait_ms)).await?;
        }
        Ok(!finals.is_empty())
    }

    /// Looks at the counts if nothing has changed for a while.
    async fn watch(&self, changed: Duration) {
        let quiet = Duration::from_millis(self.config.quiet_ms);
        if !self.config.watch || self.clock.monotonic().saturating_sub(changed) < quiet {
            return;
        }
        if let Err(error) = watch::watch(self).await {
            tracing::warn!(%error, "alerts and releases wait");
            tokio::time::sleep(Duration::from_millis(self.config.retry_ms)).await;
        }
    }
}

//! The loop: keeps the view of erasures up to date with what becomes final.

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::{Config, Ports, view::View};

/// The service, and what its routes work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PortalService {
    pub(crate) ports: Arc<Ports>,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) config: Config,
}

impl PortalService {
    pub fn new(config: Config, ports: Ports) -> Self {
        Self { ports: Arc::new(ports), view: Arc::default(), config }
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
                tracing::debug!(%error, "the portal's view waits for storage");
                self.ports.clock.sleep(Duration::from_millis(self.config.retry_ms)).await;
            }
        }
    }

    /// Reads what is final and not in the view yet; waits for more when there is none.
    async fn catch_up(&self) -> Result<(), hutong_peer::Error> {
        let after = self.view.read().position();
        let (finals, reached) = self.ports.storage.finals(after, None, self.config.page).await?;
        {
            let mut view = self.view.write();
            for transaction in &finals {
                for change in &transaction.changes {
                    view.apply(transaction.domain, change);
                }
            }
            view.advance(reached);
        }
        if reached == after {
            let wait = Duration::from_millis(self.config.wait_ms);
            self.ports.storage.wait_final(after.height, wait).await?;
        }
        Ok(())
    }

    /// Waits a little until storage and view have a height: a person sees what they just did.
    pub(crate) async fn settle(&self, height: u64) {
        let wait = Duration::from_millis(self.config.wait_ms);
        let _ = self.ports.storage.wait_final(height.saturating_sub(1), wait).await;
    }
}

//! Deadlines that pass become changes on the ledger, once each: an action for each late request. The contract decides
//! whether it is late and refuses a second one, so that two watchers do no harm.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hutong_desk::Error;

use crate::{RequestsService, build};

/// After so many looks a request that is still late in the view is reported again.
const LOOKS: u64 = 60;
/// In whose name the service acts.
const ACTOR: &str = "deadlines";

pub(crate) struct Breaches {
    service: RequestsService,
}

impl Breaches {
    pub(crate) fn new(service: &RequestsService) -> Self {
        Self { service: service.clone() }
    }

    /// Looks again and again, until dropped.
    pub(crate) async fn watch(self) {
        let mut reported: HashMap<Arc<str>, u64> = HashMap::new();
        for look in 0_u64.. {
            self.look(look, &mut reported).await;
            reported.retain(|_, at| *at + LOOKS > look);
            let every = Duration::from_millis(self.service.config.breaches_every_ms);
            self.service.clock.sleep(every).await;
        }
    }

    async fn look(&self, look: u64, reported: &mut HashMap<Arc<str>, u64>) {
        // A view that still reads would show as waiting what was answered long ago.
        self.service.until_current().await;
        let config = &self.service.config;
        let before_ms = self.service.clock.unix_ms().saturating_sub(config.breaches_slack_ms);
        let late: Vec<Arc<str>> = {
            let view = self.service.view.read();
            let new = view.late(before_ms).filter(|id| !reported.contains_key(*id));
            new.take(config.breaches_at_once).cloned().collect()
        };
        let report = |id: Arc<str>| async move { (self.report(&id).await, id) };
        for (kept, id) in futures::future::join_all(late.into_iter().map(report)).await {
            if kept {
                reported.insert(id, look);
            }
        }
    }

    /// Whether it need not be reported again for a while.
    async fn report(&self, id: &str) -> bool {
        match self.service.submit(&self.service.desk, build::breach(id), ACTOR).await {
            Ok(_) => true,
            // Answered or reported by another in the meantime, or the block's time is behind.
            Err(Error::Refused { code, .. }) => {
                tracing::debug!(code, "a breach was refused");
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a breach could not be reported; it will be tried again");
                false
            }
        }
    }
}

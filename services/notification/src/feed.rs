//! Reads an agency's final transactions in order, page by page, at the pace of whoever asks, and checks that storage
//! skips and repeats nothing: the invariant TOLD begins here.

use std::{collections::BTreeMap, sync::Arc};

use hutong_ledger::{id::Domain, invariant::Invariant};
use hutong_peer::{FinalTransaction, Position, SharedStorage};
use hutong_runtime::InvariantCounters;
use tokio::sync::watch;

use crate::Error;

/// Where finals come from, for all subscribers.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) storage: SharedStorage,
    /// The last height known to be final; it may lag behind storage.
    pub(crate) tip: watch::Receiver<u64>,
    pub(crate) invariants: InvariantCounters,
}

/// One subscriber's way through the finals.
#[derive(Debug)]
pub(crate) struct Feed {
    source: Source,
    /// None: all that the agency hosts.
    domains: Option<Arc<[Domain]>>,
    page_max: usize,
    at: Position,
    /// The tip at the last look: beyond it there may be more.
    seen: u64,
    /// The last log index of each domain that was told here.
    indexes: BTreeMap<Domain, u64>,
}

impl Feed {
    pub(crate) fn new(
        source: Source,
        domains: Option<Arc<[Domain]>>,
        after: Position,
        page_max: usize,
    ) -> Self {
        Self { source, domains, page_max, at: after, seen: 0, indexes: BTreeMap::new() }
    }

    /// Everything up to here was handed out.
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// How many heights this is behind.
    pub(crate) fn lag_heights(&self) -> u64 {
        self.source.tip.borrow().saturating_sub(self.at.height)
    }

    /// The next transactions. An empty page with `more` says that none of those looked at matched; without, that
    /// there is nothing yet: wait.
    pub(crate) async fn page(&mut self) -> Result<Page, Error> {
        self.seen = *self.source.tip.borrow();
        let domains = self.domains.as_ref().map(|domains| domains.to_vec());
        let (transactions, complete_to) = self.source.storage.finals(self.at, domains, self.page_max).await?;
        let before = self.at;
        for tx in &transactions {
            if let Err(error) = self.check(tx) {
                self.source.invariants.violated(Invariant::Told.id(), &error.to_string());
                return Err(error);
            }
        }
        self.at = self.at.max(complete_to);
        Ok(Page { more: self.at > before, transactions })
    }

    /// Returns when there may be more than the last page showed.
    pub(crate) async fn wait(&mut self) {
        let seen = self.seen;
        // The sender ends with the service; whoever waits is ended by the same shutdown.
        if self.source.tip.wait_for(|tip| *tip > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn check(&mut self, tx: &FinalTransaction) -> Result<(), Error> {
        if tx.position <= self.at {
            return Err(Error::Order { found: tx.position });
        }
        if let Some(last) = self.indexes.insert(tx.domain, tx.log_index)
            && tx.log_index != last + 1
        {
            let (domain, found) = (tx.domain, tx.log_index);
            return Err(Error::Gap { domain, expected: last + 1, found, last });
        }
        self.at = tx.position;
        Ok(())
    }
}

/// Some final transactions, in order.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) transactions: Vec<FinalTransaction>,
    /// There may be more at once.
    pub(crate) more: bool,
}

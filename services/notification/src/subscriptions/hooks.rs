//! The subscriptions of a node: who has which, and how many there may be.

use std::{collections::BTreeMap, sync::Arc};

use hutong_ledger::id::AgencyId;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{
    hook::Hook,
    record::{Progress, Settings, SubscriptionId},
    shelf::{Change, Shelf},
};
use crate::Error;

/// All of them.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) shelf: Shelf,
    hooks: Mutex<BTreeMap<SubscriptionId, Arc<Hook>>>,
    /// Where new ones go to get their couriers.
    added: mpsc::UnboundedSender<Arc<Hook>>,
    max: usize,
    per_agency_max: usize,
}

/// Those that have no courier yet.
pub(crate) type Added = mpsc::UnboundedReceiver<Arc<Hook>>;

impl Hooks {
    /// Reads what is kept.
    pub(crate) fn open(shelf: Shelf, max: usize, per_agency_max: usize) -> Result<(Self, Added), Error> {
        let (added, receiver) = mpsc::unbounded_channel();
        let kept = shelf.load()?.into_iter().map(|(settings, progress)| Hook::new(settings, progress));
        let hooks: BTreeMap<_, _> = kept.map(|hook| (hook.id, hook)).collect();
        for hook in hooks.values() {
            // The receiver is right here.
            let _ = added.send(hook.clone());
        }
        Ok((Self { shelf, hooks: Mutex::new(hooks), added, max, per_agency_max }, receiver))
    }

    /// Adds one, if there is a place for it; it is on the disk when this returns.
    pub(crate) async fn add(
        &self,
        settings: Settings,
        progress: Progress,
    ) -> Result<Option<Arc<Hook>>, Error> {
        let rows = Change::default().settings(&settings)?.progress(settings.id, &progress)?;
        let hook = Hook::new(settings, progress);
        {
            let mut hooks = self.hooks.lock();
            let own = hooks.values().filter(|other| other.owner == hook.owner).count();
            if hooks.len() >= self.max || own >= self.per_agency_max {
                return Ok(None);
            }
            drop(self.shelf.queue(rows));
            hooks.insert(hook.id, hook.clone());
        }
        // A service that ends takes no more; the next one reads it from the disk.
        let _ = self.added.send(hook.clone());
        self.shelf.synced().await?;
        Ok(Some(hook))
    }

    /// An agency's own.
    pub(crate) fn of(&self, owner: AgencyId) -> Vec<Arc<Hook>> {
        self.hooks.lock().values().filter(|hook| hook.owner == owner).cloned().collect()
    }

    pub(crate) fn get(&self, owner: AgencyId, id: SubscriptionId) -> Option<Arc<Hook>> {
        self.hooks.lock().get(&id).filter(|hook| hook.owner == owner).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Hook>> {
        self.hooks.lock().values().cloned().collect()
    }

    pub(crate) async fn remove(&self, hook: &Hook) -> Result<(), Error> {
        self.hooks.lock().remove(&hook.id);
        hook.remove(&self.shelf).await
    }
}

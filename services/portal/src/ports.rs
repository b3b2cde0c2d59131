//! What the portal is given.

use std::{collections::BTreeMap, fmt, sync::Arc};

use hutong_desk::Desk;
use hutong_disclosure::SealedDomain;
use hutong_ledger::id::{AgencyId, ChainId};
use hutong_peer::{SharedStorage, vault::SharedVault};
use hutong_runtime::{SharedClock, auth::Authenticator};

/// The made-up persons of a development city, for its pages.
pub trait PersonaDesk: fmt::Debug + Send + Sync + 'static {
    /// Whom one can be.
    fn names(&self) -> Vec<String>;

    /// A token of one of them.
    fn token(&self, name: &str) -> Option<String>;
}

/// Everything the portal works with.
#[derive(Clone)]
pub struct Ports {
    pub chain: ChainId,
    /// Of an agency that hosts the city's domains.
    pub storage: SharedStorage,
    /// The vaults of domains' owners, here or over the bus.
    pub vaults: BTreeMap<AgencyId, SharedVault>,
    /// The desks of the owners that this process signs for.
    pub desks: BTreeMap<AgencyId, Desk>,
    /// What the domains say of their records: whose data one is.
    pub sealed: Vec<Arc<dyn SealedDomain>>,
    /// For the pages, which have tokens in their forms.
    pub authenticator: Arc<Authenticator>,
    pub clock: SharedClock,
    /// None: no development city.
    pub personas: Option<Arc<dyn PersonaDesk>>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("chain", &self.chain).finish_non_exhaustive()
    }
}

//! A city with a land registry.

use std::{ops::Deref, sync::Arc};

use bytes::Bytes;
use hutong_desk::Desk;
use hutong_disclosure::Disclosing;
use hutong_ledger::id::{AgencyId, TxId};
use hutong_property::{Property, domain};
use hutong_test_city::{self as memory, City};

/// The time before the first height; each is a millisecond later.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;
/// The domain's owner.
pub(crate) const LAND: &str = "land";

pub(crate) fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

#[derive(Debug)]
pub(crate) struct MemoryStorage(Arc<City>);

impl Deref for MemoryStorage {
    type Target = City;

    fn deref(&self) -> &City {
        &self.0
    }
}

impl MemoryStorage {
    pub(crate) fn new() -> Arc<Self> {
        let epoch = memory::epoch(&["bank", LAND, "notary-ann", "notary-ben"], &[("property", LAND)]);
        Arc::new(Self(City::new([Arc::new(Disclosing(Property)) as _], epoch, BEGAN_MS)))
    }

    pub(crate) fn storage(&self) -> Arc<City> {
        self.0.clone()
    }

    /// A desk of an agency, whose transactions are final at once too.
    pub(crate) fn desk(&self, name: &str) -> Desk {
        self.0.desk(name, [])
    }

    /// Executes the action under the contract; the first of the signers submits. The transaction's id.
    pub(crate) fn submit(&self, signers: &[&str], action: Bytes) -> TxId {
        self.0.submit(domain(), signers, action)
    }
}

//! A city whose market regulation licenses businesses; its vault is beside.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use bytes::Bytes;
use hutong_desk::Desk;
use hutong_disclosure::Disclosing;
use hutong_ledger::id::{RecordId, TxId};
use hutong_licensing::{Licensing, domain};
use hutong_test_city as memory;
use parking_lot::Mutex;

/// Owns licensing; the service under test signs for it.
pub(crate) const MARKET: &str = "market-regulation";
pub(crate) const JUSTICE: &str = "justice";

/// The city's first moment.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

/// A salt and a value.
pub(crate) type Sealed = ([u8; 16], Bytes);

#[derive(Debug)]
pub(crate) struct City {
    city: Arc<memory::City>,
    /// What the vault has: salt and value by record and field.
    pub(crate) sealed: Mutex<BTreeMap<(RecordId, String), Sealed>>,
}

impl Deref for City {
    type Target = memory::City;

    fn deref(&self) -> &memory::City {
        &self.city
    }
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        let epoch = memory::epoch(&[JUSTICE, MARKET], &[("licensing", MARKET)]);
        let city = memory::City::new([Arc::new(Disclosing(Licensing)) as _], epoch, BEGAN_MS);
        Arc::new(Self { city, sealed: Mutex::default() })
    }

    pub(crate) fn storage(&self) -> Arc<memory::City> {
        self.city.clone()
    }

    pub(crate) fn desk(self: &Arc<Self>, agency: &str) -> Desk {
        self.city.desk(agency, [(MARKET, self.clone() as _)])
    }

    /// Makes an action of the owner final. It must be applied.
    pub(crate) fn submit(&self, action: Bytes) -> TxId {
        self.city.submit(domain(), &[MARKET], action)
    }
}

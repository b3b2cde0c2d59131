//! A city with a catalogue and the domains that it tells of.

use std::{ops::Deref, sync::Arc};

use bytes::Bytes;
use hutong_catalogue::{Catalogue, DOMAIN};
use hutong_desk::Desk;
use hutong_ledger::id::TxId;
use hutong_test_city as memory;

/// Owns property; the service under test signs for it.
pub(crate) const LAND: &str = "land";
pub(crate) const JUSTICE: &str = "justice";
/// Owns health and the catalogue.
pub(crate) const BUREAU: &str = "data-bureau";

/// The city's first moment.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

const NAMES: [(&str, &str); 3] =
    [(BUREAU, "Bureau of Data"), (JUSTICE, "Bureau of Justice"), (LAND, "Commission of Natural Resources")];
const DOMAINS: [(&str, &str); 7] = [
    ("catalogue", BUREAU),
    ("epidemic", BUREAU),
    ("health", BUREAU),
    ("licensing", BUREAU),
    ("parking", BUREAU),
    ("property", LAND),
    ("requests", BUREAU),
];

#[derive(Debug)]
pub(crate) struct City(Arc<memory::City>);

impl Deref for City {
    type Target = memory::City;

    fn deref(&self) -> &memory::City {
        &self.0
    }
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        let mut epoch = memory::epoch(&NAMES.map(|(id, _)| id), &DOMAINS);
        for (agency, (_, name)) in epoch.agencies.iter_mut().zip(NAMES) {
            agency.name = name.into();
        }
        Arc::new(Self(memory::City::new([Arc::new(Catalogue) as _], epoch, BEGAN_MS)))
    }

    pub(crate) fn storage(&self) -> Arc<memory::City> {
        self.0.clone()
    }

    pub(crate) fn desk(&self, agency: &str) -> Desk {
        self.0.desk(agency, [])
    }

    /// Makes an action final; the first of the signers submits. It must be applied.
    pub(crate) fn submit(&self, signers: &[&str], action: Bytes) -> TxId {
        self.0.submit(DOMAIN, signers, action)
    }
}

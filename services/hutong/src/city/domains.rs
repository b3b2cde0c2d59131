//! The record types of the city. A record type is one folder under services/ and one entry here: its contract runs in
//! every host, its service at its owner.

use std::{convert::Infallible, sync::Arc};

use hutong_desk::Desk;
use hutong_ledger::{
    contract::Contract,
    epoch::Epoch,
    id::{AgencyId, Domain},
};

use super::{
    CityError as Error,
    parts::{Face, Site},
};

/// What makes a record type part of the program.
#[derive(Clone, Copy)]
pub struct RecordType {
    pub name: &'static str,
    /// The agency that owns it in a development city.
    pub owner: &'static str,
    pub contract: fn() -> Arc<dyn Contract>,
    /// Starts its service, which acts at the desk of the domain's owner.
    pub serve: fn(&Site<'_>, Desk) -> Result<Face, Error>,
}

impl std::fmt::Debug for RecordType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl RecordType {
    pub fn domain(&self) -> Result<Domain, Error> {
        Ok(self.name.parse()?)
    }

    /// Its owner under an epoch.
    pub fn owner_in(&self, epoch: &Epoch) -> Result<AgencyId, Error> {
        let rules = epoch.rules(self.domain()?);
        let missing = || Error::Genesis(format!("this city has no domain {}", self.name));
        Ok(rules.ok_or_else(missing)?.owner)
    }
}

/// All record types: platform domains first.
pub const RECORD_TYPES: &[RecordType] = &[
    RecordType {
        name: "membership",
        owner: "data-bureau",
        contract: || Arc::new(hutong_membership::Membership),
        serve: |_, desk| {
            Ok(Face {
                routes: hutong_membership::routes(desk.storage().clone()),
                document: hutong_membership::document(),
            })
        },
    },
    RecordType {
        name: "property",
        owner: "natural-resources",
        contract: || Arc::new(hutong_property::Property),
        serve: |site, desk| {
            let config = hutong_property::Config::default();
            let service = hutong_property::PropertyService::new(config, desk.storage().clone());
            let running = service.clone();
            run(site, "property", |stop| running.run(stop));
            Ok(Face { routes: hutong_property::routes(service), document: hutong_property::document() })
        },
    },
];

/// The contracts of all record types.
pub fn contracts() -> Vec<Arc<dyn Contract>> {
    RECORD_TYPES.iter().map(|record_type| (record_type.contract)()).collect()
}

/// Runs the loop of a domain service, which ends only when it is told to.
fn run<R>(site: &Site<'_>, name: &'static str, part: impl FnOnce(tokio_util::sync::CancellationToken) -> R)
where
    R: Future<Output = ()> + Send + 'static,
{
    site.host.run(name, |stop| {
        let running = part(stop);
        async move {
            running.await;
            Ok::<(), Infallible>(())
        }
    });
}

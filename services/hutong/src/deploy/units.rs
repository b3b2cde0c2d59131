//! The parts of a city, one process each: which service, of which agency, as which user of the broker.

use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::AgencyId,
};

use super::broker::Role;
use crate::{
    city::domains::{RECORD_TYPES, owners},
    cli::ServiceName,
};

/// One process.
#[derive(Clone, Debug)]
pub struct Unit {
    pub service: ServiceName,
    pub role: Role,
    pub agency: AgencyId,
    /// Its name among the city's parts, and its host name where each part has one.
    pub name: String,
}

/// All parts but the broker and the front. A domain's service runs at the domain's owner; the portal at the agency that
/// runs ingest.
pub fn of(epoch: &Epoch) -> Vec<Unit> {
    let mut units = Vec::new();
    let takes_in = epoch.agencies.iter().find(|a| a.keys.iter().any(|k| k.purpose == Purpose::Ingest));
    if let Some(agency) = takes_in.map(|agency| agency.id) {
        units.push(single(ServiceName::Ingest, Role::Ingest(agency), agency));
        units.push(single(ServiceName::Portal, Role::Agency(agency), agency));
    }
    for agency in &epoch.orderers {
        units.push(of_agency(ServiceName::Ordering, Role::Orderer(*agency), *agency));
    }
    for agency in epoch.agencies.iter().filter(|agency| agency.validating).map(|agency| agency.id) {
        for service in [ServiceName::Storage, ServiceName::Validation, ServiceName::Notification] {
            units.push(of_agency(service, Role::Agency(agency), agency));
        }
    }
    for agency in owners(epoch) {
        units.push(of_agency(ServiceName::Vault, Role::Agency(agency), agency));
    }
    for record_type in RECORD_TYPES {
        if let Ok(owner) = record_type.owner_in(epoch) {
            units.push(single(ServiceName::Domain(record_type), Role::Agency(owner), owner));
        }
    }
    units
}

fn of_agency(service: ServiceName, role: Role, agency: AgencyId) -> Unit {
    Unit { service, role, agency, name: format!("{}-{agency}", service.name()) }
}

/// The city has one of these.
fn single(service: ServiceName, role: Role, agency: AgencyId) -> Unit {
    Unit { service, role, agency, name: service.name().into() }
}

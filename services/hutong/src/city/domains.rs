//! The record types of the city. A record type is one folder under services/ and one entry here: its contract runs in
//! every host, its service at its owner.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use hutong_desk::Desk;
use hutong_disclosure::{Disclosing, SealedDomain};
use hutong_ledger::{
    contract::Contract,
    epoch::Epoch,
    id::{AgencyId, Domain, RecordKey},
};

use hutong_runtime::http::ErrorForm;
use utoipa::openapi::OpenApi;

use super::{
    CityError as Error,
    import::{self, Import},
    parts::{Face, Site},
};

/// What makes a record type part of the program.
#[derive(Clone, Copy)]
pub struct RecordType {
    pub name: &'static str,
    /// The agency that owns it in a development city.
    pub owner: &'static str,
    /// The newest version of its rules: what a new city begins with.
    pub contract: fn() -> Arc<dyn Contract>,
    /// The versions before it that a city may still be under, or have been: the past is executed again under them.
    pub earlier: &'static [fn() -> Arc<dyn Contract>],
    /// What it says of its sealed fields, where it has any.
    pub sealed: Option<fn() -> Arc<dyn SealedDomain>>,
    /// Reads files of its records.
    pub import: Option<Import>,
    /// Describes its API.
    pub document: fn() -> OpenApi,
    /// Starts its service.
    pub serve: fn(&Site<'_>, &Desks) -> Result<Face, Error>,
}

/// The desks that a domain's service acts at.
#[derive(Clone, Debug)]
pub struct Desks {
    /// Of the domain's owner.
    pub own: Desk,
    /// Of all agencies whose keys are here: one on an agency's node, all in a development city.
    pub all: Vec<Desk>,
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

/// Standards that have a form of their own for errors, by what their paths begin with.
pub const ERROR_FORMS: &[(&str, ErrorForm)] =
    &[("/fhir/", hutong_health::error_form), ("/open311/", hutong_requests::error_form)];

/// All record types: platform domains first.
pub const RECORD_TYPES: &[RecordType] = &[
    RecordType {
        name: "membership",
        owner: "data-bureau",
        contract: || Arc::new(hutong_membership::Membership),
        earlier: &[],
        sealed: None,
        import: None,
        document: hutong_membership::document,
        serve: |_, desks| {
            Ok(Face {
                routes: hutong_membership::routes(desks.own.storage().clone()),
                document: hutong_membership::document(),
            })
        },
    },
    RecordType {
        name: "catalogue",
        owner: "data-bureau",
        contract: || Arc::new(hutong_catalogue::Catalogue),
        earlier: &[],
        sealed: None,
        import: None,
        document: hutong_catalogue::document,
        serve: |site, desks| {
            let (storage, all) = (desks.own.storage().clone(), desks.all.clone());
            let config = hutong_catalogue::Config::default();
            let service =
                hutong_catalogue::CatalogueService::new(config, storage, all, site.host.clock.clone());
            let running = service.clone();
            run(site, "catalogue", |stop| running.run(stop));
            Ok(Face { routes: hutong_catalogue::routes(service), document: hutong_catalogue::document() })
        },
    },
    RecordType {
        name: "property",
        owner: "natural-resources",
        contract: || Arc::new(Disclosing(hutong_property::Property)),
        earlier: &[],
        sealed: Some(|| Arc::new(hutong_property::Property)),
        import: Some(import::property),
        document: hutong_property::document,
        serve: |site, desks| {
            let config = hutong_property::Config::default();
            let (storage, all) = (desks.own.storage().clone(), desks.all.clone());
            let service = hutong_property::PropertyService::new(config, storage, all);
            let running = service.clone();
            run(site, "property", |stop| running.run(stop));
            Ok(Face { routes: hutong_property::routes(service), document: hutong_property::document() })
        },
    },
    RecordType {
        name: "health",
        owner: "health-commission",
        contract: || Arc::new(Disclosing(hutong_health::Health)),
        earlier: &[],
        sealed: Some(|| Arc::new(hutong_health::Health)),
        import: Some(import::health),
        document: hutong_health::document,
        serve: |site, desks| {
            let failed = |error| Error::service("health", error);
            let ports = hutong_health::Ports {
                records: Arc::new(hutong_health::DeskRecords(desks.own.clone())),
                bodies: hutong_health::Bodies::open(&site.folder("health")?).map_err(failed)?,
                clock: site.host.clock.clone(),
            };
            let service = hutong_health::HealthService::new(hutong_health::Config::default(), ports);
            let running = service.clone();
            run(site, "health", |stop| running.run(stop));
            Ok(Face { routes: hutong_health::routes(service), document: hutong_health::document() })
        },
    },
    RecordType {
        name: "requests",
        owner: "data-bureau",
        contract: || Arc::new(Disclosing(hutong_requests::Requests)),
        earlier: &[],
        sealed: Some(|| Arc::new(hutong_requests::Requests)),
        import: Some(import::requests),
        document: hutong_requests::document,
        serve: |site, desks| {
            let (own, all, clock) = (desks.own.clone(), desks.all.clone(), site.host.clock.clone());
            let config = hutong_requests::Config::default();
            let service = hutong_requests::RequestsService::new(config, own, all, clock);
            let running = service.clone();
            run(site, "requests", |stop| running.run(stop));
            Ok(Face { routes: hutong_requests::routes(service), document: hutong_requests::document() })
        },
    },
    RecordType {
        name: "epidemic",
        owner: "health-commission",
        contract: || Arc::new(Disclosing(hutong_epidemic::Epidemic)),
        earlier: &[],
        sealed: Some(|| Arc::new(hutong_epidemic::Epidemic)),
        import: Some(import::epidemic),
        document: hutong_epidemic::document,
        serve: |site, desks| {
            let (own, clock) = (desks.own.clone(), site.host.clock.clone());
            let config = hutong_epidemic::Config::default();
            let service = hutong_epidemic::EpidemicService::new(config, own, clock);
            let running = service.clone();
            run(site, "epidemic", |stop| running.run(stop));
            Ok(Face { routes: hutong_epidemic::routes(service), document: hutong_epidemic::document() })
        },
    },
    RecordType {
        name: "parking",
        owner: "data-bureau",
        contract: || Arc::new(Disclosing(hutong_parking::Parking)),
        earlier: &[],
        sealed: Some(|| Arc::new(hutong_parking::Parking)),
        import: Some(import::parking),
        document: hutong_parking::document,
        serve: |site, desks| {
            let (own, clock) = (desks.own.clone(), site.host.clock.clone());
            let dir = site.folder("parking")?;
            let config = hutong_parking::Config { dir, ..Default::default() };
            let (storage, bus) = (own.storage().clone(), site.bus.clone());
            let service = hutong_parking::ParkingService::new(config, storage, own, bus, clock);
            let service = service.map_err(|error| Error::service("parking", error))?;
            let running = service.clone();
            run(site, "parking", |stop| running.run(stop));
            Ok(Face { routes: hutong_parking::routes(service), document: hutong_parking::document() })
        },
    },
    RecordType {
        name: "licensing",
        owner: "market-regulation",
        contract: || Arc::new(Disclosing(hutong_licensing::Licensing)),
        earlier: &[],
        sealed: Some(|| Arc::new(hutong_licensing::Licensing)),
        import: Some(import::licensing),
        document: hutong_licensing::document,
        serve: |site, desks| {
            let (own, clock) = (desks.own.clone(), site.host.clock.clone());
            let (chain, storage) = (site.genesis.chain(), own.storage().clone());
            let config = hutong_licensing::Config::default();
            let key = site.own_key("licensing", "issuer")?;
            let service = hutong_licensing::LicensingService::new(config, chain, storage, own, key, clock)
                .map_err(|error| Error::service("licensing", error))?;
            let running = service.clone();
            run(site, "licensing", |stop| running.run(stop));
            Ok(Face { routes: hutong_licensing::routes(service), document: hutong_licensing::document() })
        },
    },
];

/// The owners of city domains: each has a vault.
pub fn owners(epoch: &Epoch) -> BTreeSet<AgencyId> {
    let city = epoch.domains.iter().filter(|rules| !rules.domain.is_platform());
    city.map(|rules| rules.owner).collect()
}

/// The contracts of record types.
pub fn contracts(record_types: &[RecordType]) -> Vec<Arc<dyn Contract>> {
    let all = record_types.iter().flat_map(|of| of.earlier.iter().chain([&of.contract]));
    all.map(|contract| contract()).collect()
}

/// What record types say of their sealed fields.
pub fn sealed(record_types: &[RecordType]) -> Vec<Arc<dyn SealedDomain>> {
    record_types.iter().filter_map(|record_type| record_type.sealed).map(|sealed| sealed()).collect()
}

/// Runs the loop of a service, which ends only when it is told to.
pub(super) fn run<R>(
    site: &Site<'_>,
    name: &'static str,
    part: impl FnOnce(tokio_util::sync::CancellationToken) -> R,
) where
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

/// Publishes the datasets of a domain that the catalogue does not have yet, in the name of its owner. What the owner
/// changed or withdrew since stays as it is.
pub async fn publish_datasets(domain: Domain, desk: Desk) -> Result<(), hutong_desk::Error> {
    for (of, dataset) in hutong_catalogue::default_datasets() {
        let record = format!("dataset/{}", dataset.id).parse().map_err(hutong_desk::Error::from)?;
        let key = RecordKey { domain: Domain::CATALOGUE, record };
        if of == domain && desk.storage().record(key, None).await?.is_none() {
            let action = hutong_catalogue::build::publish(dataset);
            desk.submit(Domain::CATALOGUE, action, "catalogue").await?;
        }
    }
    Ok(())
}

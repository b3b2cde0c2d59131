//! A whole city in one process: every agency with all its services, one port, one data folder.

use std::{collections::BTreeMap, fs::File, sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_bus_embedded::EmbeddedBus;
use hutong_bus_nats::NatsBus;
use hutong_ledger::{genesis::Genesis, id::AgencyId};
use hutong_peer::{SharedStorage, ingest::SharedIngest};
use hutong_runtime::{Shutdown, http::HttpServer, supervisor::Grace};
use hutong_vault::api::Front;
use tokio::task::JoinSet;
use utoipa::openapi::OpenApi;

use super::{
    CityError as Error,
    domains::{Desks, RECORD_TYPES, RecordType, owners, publish_datasets, sealed},
    found, front,
    host::Host,
    layout::{City, Layout},
    parts::{Face, Site, Vaults, disclosure, events, orders, portal},
    personas::{DevelopmentDesk, Personas},
    settings::CitySettings,
};

/// How long the parts of a city may take before it is called up without them.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How a city runs in one process.
#[derive(Clone, Debug)]
pub struct Options {
    /// Validating agencies of a new city.
    pub agencies: usize,
    /// The address of a NATS server; none: the embedded bus.
    pub nats: Option<String>,
    /// The name of a new city.
    pub name: AgencyId,
    pub settings: CitySettings,
}

/// A city that runs.
#[derive(Debug)]
pub struct Running {
    pub city: City,
    pub genesis: Genesis,
    pub bus: SharedBus,
    /// Storage of the first agency: what the city's port shows.
    pub storage: SharedStorage,
    pub ingest: SharedIngest,
    pub layout: Layout,
    host: Host,
    /// Held as long as the city runs: two processes on one folder would ruin it.
    _lock: File,
}

impl Running {
    /// Starts the city in a data folder, which is founded if it is empty, and returns when its port answers.
    pub async fn start(layout: Layout, options: Options) -> Result<Self, Error> {
        Self::start_with(layout, options, RECORD_TYPES).await
    }

    /// Starts a city with these record types: the program's own, and perhaps others.
    pub async fn start_with(
        layout: Layout,
        options: Options,
        record_types: &'static [RecordType],
    ) -> Result<Self, Error> {
        let lock = lock(&layout)?;
        let host = Host::new(record_types)?;
        let server = HttpServer::bind(options.settings.http.clone()).await?;
        let url = options.settings.public_url.clone().unwrap_or_else(|| server.url());
        let genesis = open_genesis(&layout, &options, &url, &host)?;
        let bus = connect(&layout, &options).await?;
        let agencies = agencies(&genesis);
        // Others read only a bus that is shared.
        let notification = hutong_notification::Config {
            stream: options.nats.is_some(),
            ..options.settings.notification.clone()
        };
        let site = |agency: AgencyId| Site {
            host: &host,
            layout: &layout,
            genesis: &genesis,
            bus: bus.clone(),
            notification: notification.clone(),
            agency,
        };
        let mut faces = Vec::new();
        let mut storages = BTreeMap::new();
        for agency in &agencies {
            let site = site(*agency);
            let (storage, face) = site.storage()?;
            let storage: SharedStorage = Arc::new(storage);
            site.validation(storage.clone(), Vec::new())?;
            storages.insert(*agency, storage);
            faces.push(face);
        }
        let first = storages[&agencies[0]].clone();
        let standing = first.standing().await.map_err(|error| Error::service("storage", error))?;
        let mut shown: Vec<Face> = faces.into_iter().take(1).collect();
        let (mut ingest, mut handles) = (None, Vec::new());
        for agency in &agencies {
            let (site, storage) = (site(*agency), &storages[agency]);
            handles.push(site.notification(storage.clone())?);
            if orders(&standing.epoch, agency) {
                site.ordering(storage.clone())?;
            }
            if ingest.is_none() && site.has_ingest() {
                let (peer, face) = site.ingest(storage.clone())?;
                ingest = Some(peer);
                shown.push(face);
            }
        }
        let ingest = ingest.ok_or_else(|| Error::Genesis("no agency has an ingest key".into()))?;
        let personas = Personas::open(&layout, genesis.chain(), &url)?;
        let mut identity = options.settings.identity.clone();
        identity.issuers.extend(personas.issuer_config());
        let epoch = standing.epoch.clone();
        let authenticator = front::authenticator(&host, &genesis, epoch, first.clone(), identity)?;
        shown.push(Face { routes: personas.routes(), document: OpenApi::default() });
        let storage_of = |agency: &AgencyId| storages.get(agency).unwrap_or(&first).clone();
        let mut vaults = Vaults::new();
        for owner in owners(&standing.epoch) {
            let vault = site(owner).vault(storage_of(&owner), ingest.clone(), authenticator.clone())?;
            vaults.insert(owner, vault);
        }
        let mut desks = BTreeMap::new();
        let here = standing.epoch.agencies.iter().filter(|agency| site(agency.id).acts());
        for agency in here {
            let desk = site(agency.id).desk(storage_of(&agency.id), ingest.clone(), vaults.clone())?;
            desks.insert(agency.id, desk);
        }
        let ports = hutong_portal::Ports {
            chain: genesis.chain(),
            storage: first.clone(),
            vaults: vaults.clone(),
            desks: desks.clone(),
            sealed: sealed(record_types),
            authenticator: authenticator.clone(),
            clock: host.clock.clone(),
            personas: Some(Arc::new(DevelopmentDesk { personas, clock: host.clock.clone() })),
        };
        shown.push(portal(&site(agencies[0]), ports));
        shown.push(disclosure(Front {
            ingest: ingest.clone(),
            storage: first.clone(),
            vaults,
            desks: desks.clone(),
        }));
        let mut publishing = JoinSet::new();
        for record_type in record_types {
            let owner = record_type.owner_in(&standing.epoch)?;
            let missing = || Error::NoKey { agency: owner, domain: record_type.name };
            let own = desks.get(&owner).ok_or_else(missing)?.clone();
            publishing.spawn(publish_datasets(record_type.domain()?, own.clone()));
            let desks = Desks { own, all: desks.values().cloned().collect() };
            shown.push((record_type.serve)(&site(owner), &desks)?);
        }
        shown.push(events(handles, &host));
        let city = found::write_city(&layout, &genesis, &standing.epoch, &url)?;
        host.watch_disk(layout.root());
        host.export_metrics(&options.settings.telemetry, "city", options.name.as_str())?;
        front::serve(&host, server, authenticator, shown)?;
        while let Some(published) = publishing.join_next().await {
            // The city runs without; the next start tries again.
            if let Err(error) =
                published.map_err(|error| error.to_string()).and_then(|done| done.map_err(|e| e.to_string()))
            {
                tracing::warn!(%error, "the datasets of a domain are not in the catalogue yet");
            }
        }
        until_ready(&host).await;
        Ok(Self { city, genesis, bus, storage: first, ingest, layout, host, _lock: lock })
    }

    pub fn shutdown(&self) -> Shutdown {
        self.host.shutdown()
    }

    /// Waits until the city is told to stop, or a part of it failed, and ends it.
    pub async fn finish(self) -> Result<(), Error> {
        let grace = Grace { drain: Duration::from_secs(10), stop: Duration::from_secs(5) };
        self.host.finish(grace).await
    }

    /// Ends the city and waits for it.
    pub async fn stop(self) -> Result<(), Error> {
        self.shutdown().drain();
        self.finish().await
    }
}

/// Waits until every part is ready; a part that takes long keeps nobody from the others.
async fn until_ready(host: &Host) {
    let deadline = host.clock.monotonic() + READY_WITHIN;
    while !host.health.unready().is_empty() {
        if host.clock.monotonic() >= deadline {
            return tracing::warn!(unready = ?host.health.unready(), "the city is up, and parts of it are not ready yet");
        }
        host.clock.sleep(Duration::from_millis(5)).await;
    }
}

fn lock(layout: &Layout) -> Result<File, Error> {
    let path = layout.lock();
    std::fs::create_dir_all(layout.root()).map_err(|source| Error::io(layout.root(), source))?;
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| Error::io(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked(layout.root().to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::io(&path, source)),
    }
}

fn open_genesis(layout: &Layout, options: &Options, url: &str, host: &Host) -> Result<Genesis, Error> {
    let path = layout.genesis();
    if !path.exists() {
        return found::found(
            layout,
            host.record_types,
            options.name,
            options.agencies,
            host.clock.unix_ms(),
            url,
        );
    }
    let genesis: Genesis = found::read_json(&path)?;
    genesis.check().map_err(Error::Genesis)?;
    Ok(genesis)
}

/// The validating agencies, the one whose port the city shows first: an orderer that takes transactions in.
fn agencies(genesis: &Genesis) -> Vec<AgencyId> {
    let first = genesis.epoch.orderers.first().copied();
    let mut agencies: Vec<AgencyId> = genesis.epoch.validating().map(|agency| agency.id).collect();
    agencies.sort_by_key(|agency| (Some(*agency) != first, *agency));
    agencies
}

async fn connect(layout: &Layout, options: &Options) -> Result<SharedBus, Error> {
    match &options.nats {
        None => {
            let bus = EmbeddedBus::open(&layout.bus(), hutong_bus_embedded::Options::default());
            Ok(bus.map_err(|error| Error::service("the embedded bus", error))?)
        }
        Some(url) => {
            let bus = NatsBus::connect(hutong_bus_nats::Options::new(url)).await;
            Ok(bus.map_err(|error| Error::service("NATS", error))?)
        }
    }
}

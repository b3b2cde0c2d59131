//! `hutong run`: one service as a process of its own, over NATS. What it needs of its agency's storage it asks over
//! the bus.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_bus_nats::NatsBus;
use hutong_desk::Desk;
use hutong_ledger::{
    genesis::Genesis,
    id::{AgencyId, Domain},
};
use hutong_peer::{
    SharedStorage,
    ingest::{IngestClient, SharedIngest},
    remote::RemoteStorage,
    storage::Standing,
    vault::{RemoteVault, SharedVault},
};
use hutong_runtime::{
    Shutdown,
    auth::{Authenticator, OidcConfig},
    config::{self, Settings},
    http::{Edge, HttpServer, HttpSettings},
    supervisor::Grace,
    telemetry::{self, TelemetrySettings},
};
use hutong_vault::api::Front;
use serde::{Deserialize, Serialize};

use super::{CommandError, Context};
use crate::{
    broker::BrokerSettings,
    city::{
        CityError,
        domains::{Desks, ERROR_FORMS, RECORD_TYPES, owners, publish_datasets, sealed},
        found, front,
        host::Host,
        layout::Layout,
        parts::{Face, Site, Vaults, disclosure, events, portal},
        traced::TracedBus,
    },
    cli::{Run, ServiceName},
    proxy::{self, FrontSettings},
};

/// How long storage may take to answer a call over the bus.
const STORAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long ingest may take to answer, a wait for finality included.
const INGEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a vault may take to answer.
const VAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what was begun may take once the process is told to end.
const GRACE: Grace = Grace { drain: Duration::from_secs(20), stop: Duration::from_secs(5) };
/// The pause before datasets that could not be published are tried again.
const PUBLISH_RETRY: Duration = Duration::from_secs(5);
/// The pause before storage is asked again while it does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// The configuration of a service that runs alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RunSettings {
    /// Whose service it is.
    agency: String,
    /// The folder with `genesis.json` and `keys/`.
    data: PathBuf,
    /// The folder of what the service keeps, if not the same.
    state: Option<PathBuf>,
    /// The address of the NATS server, or of several, comma-separated.
    bus: String,
    /// Who the service is there.
    broker: BrokerSettings,
    http: HttpSettings,
    telemetry: TelemetrySettings,
    /// The identity providers whose tokens are taken.
    identity: OidcConfig,
    /// Bounds of notification, and which networks its webhooks may go to.
    notification: hutong_notification::Config,
    /// City domains that the agency will host once membership names its host key: validation executes their past as well.
    joining: Vec<Domain>,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            agency: String::new(),
            data: "./data".into(),
            state: None,
            bus: "nats://127.0.0.1:4222".into(),
            broker: BrokerSettings::default(),
            http: HttpSettings::default(),
            telemetry: TelemetrySettings::default(),
            identity: OidcConfig::default(),
            notification: hutong_notification::Config::default(),
            joining: Vec::new(),
        }
    }
}

impl Settings for RunSettings {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(error) = self.agency.parse::<AgencyId>() {
            faults.push(format!("agency: {error}"));
        }
        faults.extend(self.broker.faults(&self.bus));
        faults.extend(self.http.faults().into_iter().map(|fault| format!("http.{fault}")));
        faults.extend(self.notification.faults().into_iter().map(|fault| format!("notification.{fault}")));
        faults
    }
}

pub(super) async fn run(context: Context, args: Run) -> Result<(), CommandError> {
    if matches!(args.service, ServiceName::Front) {
        return front_of_city(&context, &args).await;
    }
    let settings: RunSettings =
        config::load(Some(&args.config), &serde_json::json!({})).map_err(CityError::from)?;
    if args.print_config {
        context.output.line(config::print_config(&settings).map_err(CityError::from)?);
        return Ok(());
    }
    let name = args.service.name();
    let telemetry = telemetry::init(&settings.telemetry, name, &settings.agency).map_err(CityError::from)?;
    let ended = serve(&context, &args, settings).await;
    telemetry.end().await;
    ended
}

async fn serve(context: &Context, args: &Run, settings: RunSettings) -> Result<(), CommandError> {
    let name = args.service.name();
    let agency = settings.agency.parse().map_err(CityError::from)?;
    let layout = Layout::new(&settings.data);
    let layout = match &settings.state {
        Some(state) => layout.with_state(state),
        None => layout,
    };
    let genesis: Genesis = found::read_json(&layout.genesis())?;
    genesis.check().map_err(CityError::Genesis)?;
    let host = Host::new(RECORD_TYPES)?;
    let server = HttpServer::bind(settings.http.clone()).await.map_err(CityError::from)?;
    let url = server.url();
    let options = settings.broker.options(&settings.bus, &format!("{name} {agency}"))?;
    let bus: SharedBus =
        NatsBus::connect(options).await.map_err(|error| CityError::service("NATS", error))?;
    let bus: SharedBus = Arc::new(TracedBus(bus));
    host.shutdown().on_signals().map_err(CityError::from)?;
    let site = Site {
        host: &host,
        layout: &layout,
        genesis: &genesis,
        bus: bus.clone(),
        notification: settings.notification.clone(),
        agency,
    };
    let remote: SharedStorage = Arc::new(RemoteStorage::new(bus.clone(), agency, STORAGE_TIMEOUT));
    // Storage is what the others wait for; they need its epoch to begin.
    let storage = match args.service {
        ServiceName::Storage => None,
        _ => Some(remote),
    };
    let (storage, mut faces) = match storage {
        Some(remote) => (remote, Vec::new()),
        None => {
            let (storage, face) = site.storage()?;
            let storage: SharedStorage = Arc::new(storage);
            site.serve_storage(storage.clone());
            (storage, vec![face])
        }
    };
    let Some(standing) = reach(&host, &storage).await else {
        return Ok(());
    };
    let (epoch, identity) = (standing.epoch.clone(), settings.identity);
    let authenticator = front::authenticator(&host, &genesis, epoch, storage.clone(), identity)?;
    host.export_metrics(&settings.telemetry, name, &settings.agency)?;
    faces.extend(start(&site, args.service, storage, &standing, &authenticator, &settings.joining)?);
    host.watch_disk(layout.state());
    front::serve(&host, server, authenticator, faces)?;
    context.output.line(format!("ready      {name} of {agency} at {url}"));
    Ok(host.finish(GRACE).await?)
}

/// The front is no agency's and has no bus: it only knows addresses.
async fn front_of_city(context: &Context, args: &Run) -> Result<(), CommandError> {
    let settings: FrontSettings =
        config::load(Some(&args.config), &serde_json::json!({})).map_err(CityError::from)?;
    if args.print_config {
        context.output.line(config::print_config(&settings).map_err(CityError::from)?);
        return Ok(());
    }
    let telemetry =
        telemetry::init(&settings.telemetry, "front", &settings.agency).map_err(CityError::from)?;
    let ended = serve_front(context, &settings).await;
    telemetry.end().await;
    ended
}

async fn serve_front(context: &Context, settings: &FrontSettings) -> Result<(), CommandError> {
    let host = Host::new(RECORD_TYPES)?;
    let server = HttpServer::bind(settings.http.clone()).await.map_err(CityError::from)?;
    let url = server.url();
    host.shutdown().on_signals().map_err(CityError::from)?;
    host.export_metrics(&settings.telemetry, "front", &settings.agency)?;
    let app = proxy::app(settings, &host.health, &host.metrics, &host.clock)?;
    let (clock, metrics) = (host.clock.clone(), host.metrics.clone());
    let edge = Edge { clock, metrics, error_forms: ERROR_FORMS };
    let shutdown = host.shutdown();
    host.run("http", |_| server.serve(app, edge, shutdown));
    context.output.line(format!("ready      front at {url}"));
    Ok(host.finish(GRACE).await?)
}

fn start(
    site: &Site<'_>,
    service: ServiceName,
    storage: SharedStorage,
    standing: &Standing,
    authenticator: &Arc<Authenticator>,
    joining: &[Domain],
) -> Result<Vec<Face>, CityError> {
    let ingest = || -> SharedIngest { Arc::new(IngestClient::new(site.bus.clone(), INGEST_TIMEOUT)) };
    Ok(match service {
        // The front asks nobody's storage; storage runs already.
        ServiceName::Front | ServiceName::Storage => Vec::new(),
        ServiceName::Validation => {
            site.validation(storage.clone(), joining.to_vec())?;
            if site.acts() {
                site.readiness(storage, ingest())?;
            }
            Vec::new()
        }
        ServiceName::Ordering => {
            site.ordering(storage)?;
            Vec::new()
        }
        ServiceName::Ingest => vec![site.ingest(storage)?.1],
        ServiceName::Notification => vec![events(vec![site.notification(storage)?], site.host)],
        ServiceName::Vault => {
            let vault = site.vault(storage.clone(), ingest(), authenticator.clone())?;
            let mut vaults = remote_vaults(site, &storage, standing);
            vaults.insert(site.agency, vault);
            let desk = site.desk(storage.clone(), ingest(), vaults.clone())?;
            let desks = [(site.agency, desk)].into();
            vec![disclosure(Front { ingest: ingest(), storage, vaults, desks })]
        }
        ServiceName::Portal => {
            let vaults = remote_vaults(site, &storage, standing);
            let desk = site.desk(storage.clone(), ingest(), vaults.clone())?;
            let ports = hutong_portal::Ports {
                chain: site.genesis.chain(),
                storage,
                vaults,
                desks: [(site.agency, desk)].into(),
                sealed: sealed(RECORD_TYPES),
                authenticator: authenticator.clone(),
                clock: site.host.clock.clone(),
                personas: None,
            };
            vec![portal(site, ports)]
        }
        ServiceName::Domain(record_type) => {
            let vaults = remote_vaults(site, &storage, standing);
            let own = site.desk(storage, ingest(), vaults)?;
            tokio::spawn(publish(record_type.domain()?, own.clone(), site.host.shutdown()));
            vec![(record_type.serve)(site, &Desks { all: vec![own.clone()], own })?]
        }
    })
}

/// Publishes the datasets of a domain, as often as it takes: ingest and the orderers may start later than this.
async fn publish(domain: Domain, desk: Desk, shutdown: Shutdown) {
    while let Err(error) = publish_datasets(domain, desk.clone()).await {
        tracing::warn!(%error, "the datasets of the domain are not in the catalogue yet; trying again");
        tokio::select! {
            () = shutdown.draining() => return,
            () = tokio::time::sleep(PUBLISH_RETRY) => {}
        }
    }
}

/// The vaults of domains' owners, over the bus.
fn remote_vaults(site: &Site<'_>, storage: &SharedStorage, standing: &Standing) -> Vaults {
    let remote = |owner| -> SharedVault {
        Arc::new(RemoteVault::new(site.bus.clone(), owner, Arc::new(storage.clone()), VAULT_TIMEOUT))
    };
    owners(&standing.epoch).into_iter().map(|owner| (owner, remote(owner))).collect()
}

/// Waits until storage answers, or until the process is told to end.
async fn reach(host: &Host, storage: &SharedStorage) -> Option<Standing> {
    let shutdown = host.shutdown();
    loop {
        match storage.standing().await {
            Ok(standing) => return Some(standing),
            Err(error) => tracing::info!(%error, "waiting for storage"),
        }
        tokio::select! {
            () = shutdown.draining() => return None,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

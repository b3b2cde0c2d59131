//! `hutong run`: one service as a process of its own, over NATS. What it needs of its agency's storage it asks over
//! the bus.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_bus_nats::NatsBus;
use hutong_ledger::{genesis::Genesis, id::AgencyId};
use hutong_peer::{
    SharedStorage,
    ingest::{IngestClient, SharedIngest},
    remote::RemoteStorage,
    storage::Standing,
    vault::{RemoteVault, SharedVault},
};
use hutong_runtime::{
    auth::{Authenticator, OidcConfig},
    config::{self, Settings},
    http::{HttpServer, HttpSettings},
    supervisor::Grace,
    telemetry::{self, TelemetrySettings},
};
use hutong_vault::api::Front;
use serde::{Deserialize, Serialize};

use super::{CommandError, Context};
use crate::{
    city::{
        CityError,
        domains::{Desks, owners, publish_datasets, sealed},
        found, front,
        host::Host,
        layout::Layout,
        parts::{Face, Site, Vaults, disclosure, events, portal},
        traced::TracedBus,
    },
    cli::{Run, ServiceName},
};

/// How long storage may take to answer a call over the bus.
const STORAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long ingest may take to answer, a wait for finality included.
const INGEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a vault may take to answer.
const VAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before storage is asked again while it does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// The configuration of a service that runs alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RunSettings {
    /// Whose service it is.
    agency: String,
    /// The folder with `genesis.json`, `keys/` and what the service keeps.
    data: PathBuf,
    /// The address of the NATS server.
    bus: String,
    http: HttpSettings,
    telemetry: TelemetrySettings,
    /// The identity providers whose tokens are taken.
    identity: OidcConfig,
    /// Bounds of notification, and which networks its webhooks may go to.
    notification: hutong_notification::Config,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            agency: String::new(),
            data: "./data".into(),
            bus: "nats://127.0.0.1:4222".into(),
            http: HttpSettings::default(),
            telemetry: TelemetrySettings::default(),
            identity: OidcConfig::default(),
            notification: hutong_notification::Config::default(),
        }
    }
}

impl Settings for RunSettings {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(error) = self.agency.parse::<AgencyId>() {
            faults.push(format!("agency: {error}"));
        }
        if !self.bus.starts_with("nats://") && !self.bus.starts_with("tls://") {
            faults.push("bus: a nats:// or tls:// address; services meet only over NATS".into());
        }
        faults.extend(self.notification.faults().into_iter().map(|fault| format!("notification.{fault}")));
        faults
    }
}

pub(super) async fn run(context: Context, args: Run) -> Result<(), CommandError> {
    let settings: RunSettings =
        config::load(Some(&args.config), &serde_json::json!({})).map_err(CityError::from)?;
    if args.print_config {
        context.output.line(config::print_config(&settings).map_err(CityError::from)?);
        return Ok(());
    }
    let name = args.service.name();
    let _telemetry = telemetry::init(&settings.telemetry, name, &settings.agency).map_err(CityError::from)?;
    let agency = settings.agency.parse().map_err(CityError::from)?;
    let layout = Layout::new(&settings.data);
    let genesis: Genesis = found::read_json(&layout.genesis())?;
    genesis.check().map_err(CityError::Genesis)?;
    let host = Host::new()?;
    let server = HttpServer::bind(settings.http.clone()).await.map_err(CityError::from)?;
    let url = format!("http://{}", server.address());
    let bus: SharedBus = NatsBus::connect(hutong_bus_nats::Options::new(&settings.bus))
        .await
        .map_err(|error| CityError::service("NATS", error))?;
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
    faces.extend(start(&site, args.service, storage, &standing, &authenticator)?);
    front::serve(&host, server, authenticator, faces)?;
    context.output.line(format!("ready      {name} of {agency} at {url}"));
    let grace = Grace { drain: Duration::from_secs(20), stop: Duration::from_secs(5) };
    Ok(host.finish(grace).await?)
}

fn start(
    site: &Site<'_>,
    service: ServiceName,
    storage: SharedStorage,
    standing: &Standing,
    authenticator: &Arc<Authenticator>,
) -> Result<Vec<Face>, CityError> {
    let ingest = || -> SharedIngest { Arc::new(IngestClient::new(site.bus.clone(), INGEST_TIMEOUT)) };
    Ok(match service {
        ServiceName::Storage => Vec::new(),
        ServiceName::Validation => {
            site.validation(storage);
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
                sealed: sealed(),
                authenticator: authenticator.clone(),
                clock: site.host.clock.clone(),
                personas: None,
            };
            vec![portal(site, ports)]
        }
        ServiceName::Domain(record_type) => {
            let vaults = remote_vaults(site, &storage, standing);
            let own = site.desk(storage, ingest(), vaults)?;
            let publishing = publish_datasets(record_type.domain()?, own.clone());
            tokio::spawn(async move {
                if let Err(error) = publishing.await {
                    tracing::warn!(%error, "the datasets of the domain are not in the catalogue yet");
                }
            });
            vec![(record_type.serve)(site, &Desks { all: vec![own.clone()], own })?]
        }
    })
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

//! `hutong run`: one service as a process of its own, over NATS. What it needs of its agency's storage it asks over
//! the bus.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_bus_nats::NatsBus;
use hutong_ledger::{genesis::Genesis, id::AgencyId};
use hutong_peer::{SharedStorage, ingest::IngestClient, remote::RemoteStorage, storage::Standing};
use hutong_runtime::{
    config::{self, Settings},
    http::{HttpServer, HttpSettings},
    supervisor::Grace,
    telemetry::{self, TelemetrySettings},
};
use serde::{Deserialize, Serialize};

use super::{CommandError, Context};
use crate::{
    city::{
        CityError,
        domains::{Desks, publish_datasets},
        found, front,
        host::Host,
        layout::Layout,
        parts::{Face, Site, events},
        traced::TracedBus,
    },
    cli::{Run, ServiceName},
};

/// How long storage may take to answer a call over the bus.
const STORAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long ingest may take to answer, a wait for finality included.
const INGEST_TIMEOUT: Duration = Duration::from_secs(30);
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
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            agency: String::new(),
            data: "./data".into(),
            bus: "nats://127.0.0.1:4222".into(),
            http: HttpSettings::default(),
            telemetry: TelemetrySettings::default(),
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
    let site =
        Site { host: &host, layout: &layout, genesis: &genesis, bus: bus.clone(), shared_bus: true, agency };
    let remote: SharedStorage = Arc::new(RemoteStorage::new(bus.clone(), agency, STORAGE_TIMEOUT));
    let (storage, faces) = start(&site, args.service, remote)?;
    let Some(standing) = reach(&host, &storage).await else {
        return Ok(());
    };
    front::serve(&host, server, &genesis, standing.epoch, storage, faces)?;
    context.output.line(format!("ready      {name} of {agency} at {url}"));
    let grace = Grace { drain: Duration::from_secs(20), stop: Duration::from_secs(5) };
    Ok(host.finish(grace).await?)
}

fn start(
    site: &Site<'_>,
    service: ServiceName,
    remote: SharedStorage,
) -> Result<(SharedStorage, Vec<Face>), CityError> {
    let faces = match service {
        ServiceName::Storage => {
            let (storage, face) = site.storage()?;
            let storage: SharedStorage = Arc::new(storage);
            site.serve_storage(storage.clone());
            return Ok((storage, vec![face]));
        }
        ServiceName::Validation => {
            site.validation(remote.clone());
            Vec::new()
        }
        ServiceName::Ordering => {
            site.ordering(remote.clone())?;
            Vec::new()
        }
        ServiceName::Ingest => vec![site.ingest(remote.clone())?.1],
        ServiceName::Notification => vec![events(vec![site.notification(remote.clone())?], site.host)],
        ServiceName::Domain(record_type) => {
            let ingest = Arc::new(IngestClient::new(site.bus.clone(), INGEST_TIMEOUT));
            let own = site.desk(remote.clone(), ingest)?;
            let publishing = publish_datasets(record_type.domain()?, own.clone());
            tokio::spawn(async move {
                if let Err(error) = publishing.await {
                    tracing::warn!(%error, "the datasets of the domain are not in the catalogue yet");
                }
            });
            vec![(record_type.serve)(site, &Desks { all: vec![own.clone()], own })?]
        }
    };
    Ok((remote, faces))
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

//! The services, each made from a host's means: the one list of what runs, used by a city in one process and by a
//! process with a single service alike.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use axum::Router;
use hutong_bus::SharedBus;
use hutong_client::Signer;
use hutong_desk::{Desk, Means};
use hutong_keys::{KeyFile, SigningKey};
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    genesis::Genesis,
    id::{AgencyId, Domain},
};
use hutong_peer::{SharedStorage, ingest::SharedIngest, vault::SharedVault};
use hutong_runtime::auth::Authenticator;
use hutong_vault::{VaultService, kek::FileKeys};
use utoipa::openapi::OpenApi;

use super::{
    CityError as Error,
    domains::{self, contracts},
    host::Host,
    layout::Layout,
    traced,
};

/// The vaults of domains' owners.
pub type Vaults = BTreeMap<AgencyId, SharedVault>;

/// What a service shows over HTTP.
pub struct Face {
    pub routes: Router,
    pub document: OpenApi,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face").field("paths", &self.document.paths.paths.len()).finish_non_exhaustive()
    }
}

/// Where one agency's services find things.
#[derive(Debug)]
pub struct Site<'a> {
    pub host: &'a Host,
    pub layout: &'a Layout,
    pub genesis: &'a Genesis,
    pub bus: SharedBus,
    pub notification: hutong_notification::Config,
    pub agency: AgencyId,
}

impl Site<'_> {
    fn key(&self, purpose: Purpose) -> Result<SigningKey, Error> {
        Ok(KeyFile::load(&self.layout.key(&self.agency, purpose))?.signing_key()?)
    }

    /// The folder of one of the agency's services, made if it is not there.
    pub fn folder(&self, service: &str) -> Result<std::path::PathBuf, Error> {
        let folder = self.layout.agency(&self.agency).join(service);
        make_folder(&folder)?;
        Ok(folder)
    }

    /// A key that a service of the agency signs with outside the ledger, made if it is not there.
    pub fn own_key(&self, service: &str, name: &str) -> Result<SigningKey, Error> {
        let path = self.folder(service)?.join(format!("{name}.key"));
        if !path.exists() {
            KeyFile::generate(self.agency.to_string(), Purpose::Signing)?.write(&path)?;
        }
        Ok(KeyFile::load(&path)?.signing_key()?)
    }

    /// Storage, open and running; also for the agency's services in other processes.
    pub fn storage(&self) -> Result<(hutong_storage::Storage, Face), Error> {
        let log_key = self.layout.key(&self.agency, Purpose::Log);
        let log_keys = if log_key.exists() { vec![self.key(Purpose::Log)?] } else { Vec::new() };
        let setup = hutong_storage::Setup {
            agency: self.agency,
            dir: self.folder("storage")?,
            genesis: self.genesis.clone(),
            host_key: self.key(Purpose::Host)?,
            log_keys,
            contracts: contracts(self.host.record_types),
            config: hutong_storage::Config::default(),
            journal: hutong_journal::Options::default(),
            tables: None,
            bus: self.bus.clone(),
            clock: self.host.clock.clone(),
            metrics: self.host.metrics.clone(),
            invariants: self.host.invariants.clone(),
        };
        let opened = hutong_storage::StorageService::open(setup);
        let (service, storage) = opened.map_err(|error| Error::service("storage", error))?;
        self.host.run_foundation(format!("storage {}", self.agency), |stop| service.run(stop));
        let face = Face {
            routes: hutong_storage::api::routes(storage.clone()),
            document: hutong_storage::api::openapi(),
        };
        Ok((storage, face))
    }

    /// Answers the agency's services in other processes.
    pub fn serve_storage(&self, storage: SharedStorage) {
        let (bus, agency) = (self.bus.clone(), self.agency);
        self.host.run_foundation(format!("storage calls {agency}"), |stop| async move {
            let stopped = stop.cancelled_owned();
            hutong_peer::remote::serve_storage(bus, agency, storage, traced::span, stopped).await
        });
    }

    /// `joining`: the city domains that the agency will host once membership names it.
    pub fn validation(&self, storage: SharedStorage, joining: Vec<Domain>) -> Result<(), Error> {
        let ports = hutong_validation::Ports {
            bus: self.bus.clone(),
            storage,
            pool: self.host.pool.clone(),
            clock: self.host.clock.clone(),
            host_key: Arc::new(self.key(Purpose::Host)?),
        };
        let config = hutong_validation::Config { joining, ..Default::default() };
        let service = hutong_validation::ValidationService::new(
            self.agency,
            config,
            contracts(self.host.record_types),
            ports,
        );
        self.host.run(format!("validation {}", self.agency), |stop| service.run(stop));
        Ok(())
    }

    /// Says that the agency has caught up with what membership gives it to host, whenever there is that to say.
    pub fn readiness(&self, storage: SharedStorage, ingest: SharedIngest) -> Result<(), Error> {
        let desk = self.desk(storage, ingest, Vaults::new())?;
        let bus = self.bus.clone();
        self.host.run(format!("readiness {}", self.agency), |stop| async move {
            hutong_membership::readiness::run(desk, bus, stop).await;
            Ok::<(), std::convert::Infallible>(())
        });
        Ok(())
    }

    pub fn ordering(&self, storage: SharedStorage) -> Result<(), Error> {
        let ports = hutong_ordering::Ports {
            bus: self.bus.clone(),
            storage,
            clock: self.host.clock.clone(),
            key: Arc::new(self.key(Purpose::Orderer)?),
        };
        let config = hutong_ordering::Config::default();
        let service = hutong_ordering::OrderingService::new(self.agency, config, ports);
        self.host.run(format!("ordering {}", self.agency), |stop| async move {
            service.run(stop).await;
            Ok::<(), std::convert::Infallible>(())
        });
        Ok(())
    }

    pub fn ingest(&self, storage: SharedStorage) -> Result<(SharedIngest, Face), Error> {
        make_folder(&self.layout.ingest())?;
        let ports = hutong_ingest::Ports {
            bus: self.bus.clone(),
            storage,
            clock: self.host.clock.clone(),
            pool: self.host.pool.clone(),
            metrics: self.host.metrics.clone(),
            key: Arc::new(self.key(Purpose::Ingest)?),
            contracts: contracts(self.host.record_types),
        };
        let config = hutong_ingest::Config::default();
        let opened = hutong_ingest::IngestService::open(self.agency, config, &self.layout.ingest(), ports);
        let service = opened.map_err(|error| Error::service("ingest", error))?;
        let ingest = service.ingest();
        self.host.run("ingest", |stop| service.run(stop));
        let routes = hutong_ingest::api::routes(ingest.clone());
        Ok((Arc::new(ingest), Face { routes, document: hutong_ingest::api::openapi() }))
    }

    /// The desk of the agency: what its domain services act at.
    pub fn desk(&self, storage: SharedStorage, ingest: SharedIngest, vaults: Vaults) -> Result<Desk, Error> {
        let sealing = KeyFile::load(&self.layout.key(&self.agency, Purpose::Sealing))?.sealing_key()?;
        Ok(Desk::new(Means {
            chain: self.genesis.chain(),
            signer: Signer::new(self.agency, self.key(Purpose::Signing)?),
            sealing,
            ingest,
            storage,
            vaults,
            clock: self.host.clock.clone(),
        }))
    }

    /// The agency's vault, open and running; it also answers over the bus.
    pub fn vault(
        &self,
        storage: SharedStorage,
        ingest: SharedIngest,
        callers: Arc<Authenticator>,
    ) -> Result<SharedVault, Error> {
        let folder = self.folder("vault")?;
        let failed = |error| Error::service("the vault", error);
        let keys = FileKeys::open(&folder.join("kek")).map_err(|error| failed(error.into()))?;
        let ports = hutong_vault::Ports {
            storage: storage.clone(),
            keys: Arc::new(keys),
            callers: callers.clone(),
            persons: callers,
            // What the vault says itself needs no vault.
            confirm: Arc::new(self.desk(storage, ingest, Vaults::new())?),
            clock: self.host.clock.clone(),
            metrics: self.host.metrics.clone(),
            invariants: self.host.invariants.clone(),
        };
        let config = hutong_vault::Config::default();
        let opened = VaultService::open(self.genesis.chain(), self.agency, config, &folder, ports);
        let service = opened.map_err(failed)?;
        let (opened, at) = (service.vault(), folder.clone());
        let vault: SharedVault = Arc::new(opened.clone());
        // It runs at once, and serves when it has applied what is final: only then is it ready.
        let (serving, caught_up) =
            (self.host.health.component(format!("vault serves {}", self.agency)), opened.clone());
        self.host.run(format!("vault {}", self.agency), |stop| async move {
            let stopped = stop.clone();
            let tell = async {
                tokio::select! {
                    () = caught_up.until_serving() => serving.ready(),
                    () = stopped.cancelled() => {}
                }
            };
            tokio::join!(service.run(stop), tell);
            Ok::<(), std::convert::Infallible>(())
        });
        self.host.run(format!("vault control {}", self.agency), |stop| async move {
            hutong_vault::control::serve(opened, at, stop).await;
            Ok::<(), std::convert::Infallible>(())
        });
        let key = KeyFile::load(&self.layout.key(&self.agency, Purpose::Sealing))?.sealing_key()?;
        let (bus, agency, served) = (self.bus.clone(), self.agency, vault.clone());
        self.host.run(format!("vault calls {agency}"), |stop| async move {
            let stopped = stop.cancelled_owned();
            hutong_peer::vault::serve_vault(bus, agency, served, key, traced::span, stopped).await
        });
        Ok(vault)
    }

    /// Whether the agency's signing key is here.
    pub fn acts(&self) -> bool {
        self.layout.key(&self.agency, Purpose::Signing).exists()
    }

    /// Whether the agency can sign acceptances.
    pub fn has_ingest(&self) -> bool {
        self.layout.key(&self.agency, Purpose::Ingest).exists()
    }

    /// Notification of one agency; its handle is for the routes, which may serve several agencies.
    pub fn notification(&self, storage: SharedStorage) -> Result<hutong_notification::Handle, Error> {
        let ports = hutong_notification::Ports {
            bus: self.bus.clone(),
            storage,
            clock: self.host.clock.clone(),
            metrics: self.host.metrics.clone(),
            invariants: self.host.invariants.clone(),
            contracts: contracts(self.host.record_types),
            outside: hutong_notification::Outside::system()
                .map_err(|error| Error::service("notification", error))?,
        };
        let path = self.folder("notification")?.join("cursors.redb");
        let config = self.notification.clone();
        let chain = self.genesis.chain();
        let opened = hutong_notification::NotificationService::open(chain, self.agency, config, &path, ports);
        let service = opened.map_err(|error| Error::service("notification", error))?;
        let handle = service.handle();
        self.host.supervisor.spawn(format!("notification {}", self.agency), |context| service.run(context));
        Ok(handle)
    }
}

/// What persons ask of the city.
pub fn portal(site: &Site<'_>, ports: hutong_portal::Ports) -> Face {
    let service = hutong_portal::PortalService::new(hutong_portal::Config::default(), ports);
    let running = service.clone();
    domains::run(site, "portal", |stop| running.run(stop));
    Face { routes: hutong_portal::routes(service), document: hutong_portal::document() }
}

/// Asking for sealed fields, registering persons.
pub fn disclosure(front: hutong_vault::api::Front) -> Face {
    Face { routes: hutong_vault::api::routes(front), document: hutong_vault::api::document() }
}

/// The event stream and the subscriptions of agencies' notifications behind one port.
pub fn events(handles: Vec<hutong_notification::Handle>, host: &Host) -> Face {
    let routes = hutong_notification::routes(handles, host.shutdown());
    Face { routes, document: hutong_notification::openapi() }
}

/// Whether an agency of the epoch may propose blocks.
pub fn orders(epoch: &Epoch, agency: &AgencyId) -> bool {
    epoch.orderers.contains(agency)
}

fn make_folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|source| Error::io(path, source))
}

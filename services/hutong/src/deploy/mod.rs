//! A city in parts: from genesis and keys, one folder for each user of the broker, with what its services need and
//! nothing of anyone else, and one for the broker's servers.
//!
//! ```text
//! city/                   all keys, genesis, trust file: its founders', and in no service
//! nats/                   <server>.conf, ca.pem, server.pem, server.key
//! keeper/                 keeper.toml: makes the streams
//! ingest/                 ingest.toml
//! orderers/<agency>/      ordering.toml
//! agencies/<agency>/      storage.toml, validation.toml, …, one for each of the agency's services
//! front/                  front.toml
//! ```
//!
//! Made again it leaves keys, seeds and certificates as they are, and writes the rest as membership says now. It must
//! not run anything: containers, units of systemd and tests alike start what stands here.

pub mod admission;
pub mod broker;
mod files;
pub mod newcomer;
mod overlays;
pub mod server;
mod settings;
mod tls;
pub mod units;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use hutong_keys::KeyFile;
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    genesis::Genesis,
    id::AgencyId,
};
use nkeys::KeyPair;

use self::{
    broker::Role,
    server::{Cluster, Server, User},
    units::Unit,
};
use crate::city::{CityError, layout::Layout};

/// The seed of a folder's user at the broker.
pub const SEED: &str = "broker.nk";

/// Why a deployment's files are not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{0} is not the seed of a user's nkey; remove it to have one made")]
    Seed(PathBuf),
    #[error("{agency} has no user at this broker yet: admit it with the file of its joining (--admit)")]
    NoUser { agency: String },
    #[error("{agency} is not admitted: {reason}")]
    Admission { agency: String, reason: String },
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("a settings file could not be written: {0}")]
    Settings(#[from] toml::ser::Error),
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    #[error(transparent)]
    City(#[from] CityError),
}

impl Error {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Where the parts run, which decides the addresses and paths in their settings.
#[derive(Clone, Debug)]
pub enum Place {
    /// Each in a container of its own, named after it, its folder at `/etc/hutong` and its state at `/var/lib/hutong`.
    Containers,
    /// In Kubernetes, as k8s/ has it: the city's parts in the namespace `hutong`, an agency's in `hutong-<agency>`.
    Kubernetes,
    /// All on this machine, on consecutive ports of loopback; 0 takes free ones.
    Here { first_port: u16 },
}

/// What is to be deployed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub place: Place,
    /// The names of the broker's servers: one, or the members of a cluster.
    pub servers: Vec<String>,
    /// Whom the files are given to.
    pub owner: Option<(u32, u32)>,
}

/// Writes the folders of a founded city's parts; returns the parts.
pub fn write(root: &Path, city: &Layout, genesis: &Genesis, plan: &Plan) -> Result<Vec<Unit>, Error> {
    // Paths in settings must hold wherever a service is started.
    fs::create_dir_all(root).map_err(|source| Error::io(root, source))?;
    let root = &root.canonicalize().map_err(|source| Error::io(root, source))?;
    let epoch = &genesis.epoch;
    let nats = root.join("nats");
    tls::make(&nats, names(plan))?;
    for role in Role::all(epoch) {
        let folder = root.join(folder(&role));
        seed(&folder.join(SEED))?;
        files::copy(&tls::authority(&nats), &folder.join("ca.pem"), files::PUBLIC)?;
        files::copy(&city.genesis(), &folder.join("genesis.json"), files::PUBLIC)?;
        files::copy(&city.trust(), &folder.join("trust.json"), files::PUBLIC)?;
        keys(city, &folder, &role, epoch)?;
    }
    broker_servers(root, epoch, plan)?;
    let units = units::of(epoch);
    let settings = settings::Writer { root, plan, units: &units };
    settings.write(epoch)?;
    if let Some(owner) = plan.owner {
        for entry in fs::read_dir(root).map_err(|source| Error::io(root, source))? {
            files::give(&entry.map_err(|source| Error::io(root, source))?.path(), owner)?;
        }
    }
    Ok(units)
}

/// Writes the configuration of the broker's servers alone, with the users of an epoch: those whose folders are here, and
/// those that were admitted; returns the users.
pub fn write_broker(root: &Path, epoch: &Epoch, plan: &Plan) -> Result<Vec<Role>, Error> {
    let root = &root.canonicalize().map_err(|source| Error::io(root, source))?;
    let users = broker_servers(root, epoch, plan)?;
    if let Some(owner) = plan.owner {
        files::give(&root.join("nats"), owner)?;
    }
    Ok(users)
}

fn broker_servers(root: &Path, epoch: &Epoch, plan: &Plan) -> Result<Vec<Role>, Error> {
    let nats = root.join("nats");
    let mut users = Vec::new();
    for role in Role::all(epoch) {
        let own = root.join(folder(&role)).join(SEED);
        let public = match (own.exists(), &role) {
            (true, _) => seed(&own)?,
            (false, Role::Agency(agency)) => admission::admitted(&nats, agency)?,
            (false, _) => return Err(Error::NoUser { agency: role.name() }),
        };
        users.push(User { permissions: role.permissions(epoch), role, public });
    }
    for server in servers(root, plan) {
        let file = nats.join(format!("{}.conf", server.name));
        files::write(&file, server::render(&server, &users).as_bytes(), files::PUBLIC)?;
    }
    Ok(users.into_iter().map(|user| user.role).collect())
}

/// The folder of a user, below a deployment's.
pub fn folder(role: &Role) -> PathBuf {
    match role {
        Role::Agency(agency) => Path::new("agencies").join(agency.as_str()),
        Role::Orderer(agency) => Path::new("orderers").join(agency.as_str()),
        Role::Ingest(_) => "ingest".into(),
        Role::Keeper => "keeper".into(),
    }
}

/// The user's seed, made if it is not there; its public key.
fn seed(path: &Path) -> Result<String, Error> {
    if !path.exists() {
        let pair = KeyPair::new_user();
        let seed = pair.seed().map_err(|_| Error::Seed(path.to_owned()))?;
        files::write(path, seed.as_bytes(), files::SECRET)?;
    }
    let text = fs::read_to_string(path).map_err(|source| Error::io(path, source))?;
    let pair = KeyPair::from_seed(text.trim()).map_err(|_| Error::Seed(path.to_owned()))?;
    let public = pair.public_key();
    if public.starts_with('U') { Ok(public) } else { Err(Error::Seed(path.to_owned())) }
}

/// Copies the keys that the role signs with, and no others.
fn keys(city: &Layout, folder: &Path, role: &Role, epoch: &Epoch) -> Result<(), Error> {
    let (agency, purposes): (&AgencyId, &[Purpose]) = match role {
        Role::Agency(agency) => (agency, &[Purpose::Signing, Purpose::Sealing, Purpose::Host, Purpose::Log]),
        Role::Orderer(agency) => (agency, &[Purpose::Orderer]),
        Role::Ingest(agency) => (agency, &[Purpose::Ingest]),
        Role::Keeper => return Ok(()),
    };
    let held =
        epoch.agency(agency).map(|agency| agency.keys.iter().map(|key| key.purpose).collect::<Vec<_>>());
    let to = Layout::new(folder);
    for purpose in purposes.iter().filter(|purpose| held.as_ref().is_some_and(|held| held.contains(purpose)))
    {
        let (from, to) = (city.key(agency, *purpose), to.key(agency, *purpose));
        // A key that is not in the founders' folder is its agency's own affair.
        if from.exists() {
            KeyFile::load(&from)?;
            files::copy(&from, &to, files::SECRET)?;
        }
    }
    Ok(())
}

fn names(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> = plan.servers.clone();
    // As a StatefulSet's members are called behind their headless service.
    names.extend(["localhost", "127.0.0.1", "nats", "*.nats", "*.nats.hutong.svc"].map(str::to_owned));
    names.dedup();
    names
}

fn servers(root: &Path, plan: &Plan) -> Vec<Server> {
    let many = plan.servers.len() > 1;
    let routes = || plan.servers.iter().map(|name| format!("tls://{}:6222", host(plan, name))).collect();
    let server = |(at, name): (usize, &String)| match plan.place {
        Place::Containers | Place::Kubernetes => Server {
            name: name.clone(),
            listen: "0.0.0.0:4222".into(),
            monitor: "127.0.0.1:8222".into(),
            cluster: many.then(|| Cluster { listen: "0.0.0.0:6222".into(), routes: routes() }),
            store: "/data".into(),
            tls: "/etc/nats".into(),
        },
        Place::Here { first_port } => Server {
            name: name.clone(),
            listen: format!("127.0.0.1:{}", broker_port(first_port, at)),
            monitor: "127.0.0.1:-1".into(),
            cluster: None,
            store: root.join("state").join(name).display().to_string(),
            tls: root.join("nats").display().to_string(),
        },
    };
    plan.servers.iter().enumerate().map(server).collect()
}

/// How a server of the broker is reached.
fn host(plan: &Plan, name: &str) -> String {
    match plan.place {
        Place::Kubernetes => format!("{name}.nats.hutong.svc"),
        Place::Containers => name.to_owned(),
        Place::Here { .. } => "127.0.0.1".to_owned(),
    }
}

/// The broker's servers come before the services; the server takes -1 for "any that is free".
fn broker_port(first: u16, at: usize) -> i32 {
    if first == 0 { -1 } else { i32::from(first) + 100 + at as i32 }
}

/// The upstreams of the front, by unit.
pub type Upstreams = BTreeMap<String, String>;

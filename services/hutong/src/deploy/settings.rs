//! The settings file of each part, as `hutong run` and `hutong deploy streams` read them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::Domain,
};
use serde::Serialize;

use super::{
    Error, Place, Plan, SEED, Upstreams, broker::Role, broker_port, files, folder, host,
    newcomer::Invitation, units::Unit,
};
use crate::cli::ServiceName;

/// In a container: its folder, its state, its port.
const FOLDER: &str = "/etc/hutong";
const STATE: &str = "/var/lib/hutong";
const LISTEN: &str = "0.0.0.0:8080";

pub(super) struct Writer<'a> {
    pub(super) root: &'a Path,
    pub(super) plan: &'a Plan,
    pub(super) units: &'a [Unit],
}

#[derive(Serialize)]
struct Service {
    agency: String,
    data: PathBuf,
    state: PathBuf,
    bus: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joining: Vec<Domain>,
    broker: Broker,
    http: Http,
    notification: Notification,
}

/// The parts of `crate::broker::BrokerSettings` that a deployment sets.
#[derive(Serialize)]
struct Broker {
    seed: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorities: Option<PathBuf>,
    inbox: String,
    by_subject: bool,
    make_streams: bool,
    replicas: usize,
}

#[derive(Serialize)]
struct Http {
    listen: String,
    /// Who may say for whom it calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proxies: Vec<String>,
}

/// Only the front reaches the services, and from a private address.
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

#[derive(Serialize)]
struct Notification {
    stream: bool,
}

#[derive(Serialize)]
struct Front {
    agency: String,
    http: Http,
    upstreams: Upstreams,
}

#[derive(Serialize)]
struct Keeper {
    bus: String,
    broker: Broker,
}

impl Writer<'_> {
    pub(super) fn write(&self, epoch: &Epoch) -> Result<(), Error> {
        for (at, unit) in self.units.iter().enumerate() {
            let folder = self.root.join(folder(&unit.role));
            let settings = Service {
                agency: unit.agency.to_string(),
                data: self.seen(&folder),
                state: self.state(unit),
                bus: self.bus(),
                broker: self.broker(&unit.role),
                http: Http { listen: self.listen(at + 1), proxies: PRIVATE.map(str::to_owned).to_vec() },
                notification: Notification { stream: true },
                joining: Vec::new(),
            };
            toml_file(&folder.join(format!("{}.toml", unit.service.name())), &settings)?;
        }
        let keeper = Keeper { bus: self.bus(), broker: self.broker(&Role::Keeper) };
        toml_file(&self.root.join(folder(&Role::Keeper)).join("keeper.toml"), &keeper)?;
        // What nobody asks for in an agency's name is answered by the one that runs ingest.
        let first = epoch.agencies.iter().find(|a| a.keys.iter().any(|k| k.purpose == Purpose::Ingest));
        let upstreams: Upstreams = self
            .units
            .iter()
            .enumerate()
            .filter(|(_, unit)| !matches!(unit.service, ServiceName::Ordering | ServiceName::Validation))
            .map(|(at, unit)| (unit.name.clone(), self.address(unit, at + 1)))
            .collect::<BTreeMap<_, _>>();
        let front = Front {
            agency: first.map(|agency| agency.id.to_string()).unwrap_or_default(),
            http: Http { listen: self.listen(0), proxies: Vec::new() },
            upstreams,
        };
        toml_file(&self.root.join("front").join("front.toml"), &front)
    }

    fn bus(&self) -> String {
        let servers = self.plan.servers.iter().enumerate().map(|(at, name)| match self.plan.place {
            Place::Containers | Place::Kubernetes => format!("tls://{}:4222", host(self.plan, name)),
            Place::Here { first_port } => format!("tls://127.0.0.1:{}", broker_port(first_port, at).max(0)),
        });
        servers.collect::<Vec<_>>().join(",")
    }

    fn broker(&self, role: &Role) -> Broker {
        let folder = self.seen(&self.root.join(folder(role)));
        Broker {
            seed: folder.join(SEED),
            authorities: Some(folder.join("ca.pem")),
            inbox: role.inbox(),
            by_subject: role.reads_by_subject(),
            make_streams: *role == Role::Keeper,
            // One, or three of a cluster: what a cluster of more servers keeps is as safe with three.
            replicas: self.plan.servers.len().min(3),
        }
    }

    /// A user's folder as its services see it.
    fn seen(&self, folder: &Path) -> PathBuf {
        match self.plan.place {
            Place::Containers | Place::Kubernetes => FOLDER.into(),
            Place::Here { .. } => folder.to_owned(),
        }
    }

    fn state(&self, unit: &Unit) -> PathBuf {
        match self.plan.place {
            Place::Containers | Place::Kubernetes => STATE.into(),
            Place::Here { .. } => self.root.join("state").join(&unit.name),
        }
    }

    fn listen(&self, at: usize) -> String {
        match self.plan.place {
            Place::Containers | Place::Kubernetes => LISTEN.into(),
            Place::Here { first_port: 0 } => "127.0.0.1:0".into(),
            Place::Here { first_port } => format!("127.0.0.1:{}", usize::from(first_port) + at),
        }
    }

    fn address(&self, unit: &Unit, at: usize) -> String {
        match self.plan.place {
            Place::Containers => format!("http://{}:8080", unit.name),
            Place::Kubernetes => match unit.role {
                Role::Agency(agency) => format!("http://{}.hutong-{agency}.svc:8080", unit.service.name()),
                _ => format!("http://{}.hutong.svc:8080", unit.name),
            },
            Place::Here { .. } => format!("http://{}", self.listen(at)),
        }
    }
}

/// Writes the settings of a newcomer's services into its folder.
pub(super) fn of_newcomer(folder: &Path, newcomer: &Setting<'_>) -> Result<(), Error> {
    let Setting { invitation, place, units, joining } = newcomer;
    for (at, unit) in units.iter().enumerate() {
        let (seen, state, listen) = match place {
            Place::Here { first_port } => (
                folder.to_owned(),
                folder.join("state").join(&unit.name),
                match first_port {
                    0 => "127.0.0.1:0".into(),
                    port => format!("127.0.0.1:{}", usize::from(*port) + at),
                },
            ),
            Place::Containers | Place::Kubernetes => (FOLDER.into(), STATE.into(), LISTEN.into()),
        };
        let settings = Service {
            agency: unit.agency.to_string(),
            bus: invitation.bus.clone(),
            broker: Broker {
                seed: seen.join(SEED),
                authorities: invitation.authorities.as_ref().map(|_| seen.join("ca.pem")),
                inbox: unit.role.inbox(),
                by_subject: unit.role.reads_by_subject(),
                make_streams: false,
                replicas: invitation.replicas,
            },
            data: seen,
            state,
            http: Http { listen, proxies: PRIVATE.map(str::to_owned).to_vec() },
            notification: Notification { stream: true },
            joining: joining.to_vec(),
        };
        toml_file(&folder.join(format!("{}.toml", unit.service.name())), &settings)?;
    }
    Ok(())
}

/// What a newcomer's settings are made of.
pub(super) struct Setting<'a> {
    pub(super) invitation: &'a Invitation,
    pub(super) place: &'a Place,
    pub(super) units: &'a [Unit],
    pub(super) joining: &'a [Domain],
}

fn toml_file(path: &Path, settings: &impl Serialize) -> Result<(), Error> {
    let text = toml::to_string(settings)?;
    files::write(path, format!("# Made by `hutong deploy`.\n{text}").as_bytes(), files::PUBLIC)
}

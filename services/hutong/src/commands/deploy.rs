//! `hutong deploy`: the files of a city in parts, and the streams that only their keeper may make.

use std::time::Duration;

use hutong_bus_nats::NatsBus;
use hutong_ledger::genesis::Genesis;
use hutong_membership::joint;
use hutong_runtime::{
    Clock, SystemClock,
    config::{self, Settings},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CommandError, Context, membership::in_force};
use crate::{
    broker::BrokerSettings,
    city::{CityError, domains::RECORD_TYPES, found, layout::Layout},
    cli::{Deploy, DeployBroker, DeployCity, DeployStreams, Whereabouts},
    deploy::{self, Place, Plan, admission},
};

const URL: &str = "http://127.0.0.1:8080";
/// The pause before a broker that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);

pub(super) async fn run(context: Context, args: Deploy) -> Result<(), CommandError> {
    match args {
        Deploy::City(args) => city(&context, &args),
        Deploy::Broker(args) => broker(&context, &args).await,
        Deploy::Streams(args) => streams(&context, &args).await,
    }
}

fn city(context: &Context, args: &DeployCity) -> Result<(), CommandError> {
    let layout = Layout::new(args.out.join("city"));
    let genesis: Genesis = if layout.genesis().exists() {
        let genesis: Genesis = found::read_json(&layout.genesis())?;
        genesis.check().map_err(CityError::Genesis)?;
        genesis
    } else {
        let url = match (context.global.url.as_deref(), args.place.here) {
            (Some(url), _) => url.to_owned(),
            (None, Some(port)) if port != 0 => format!("http://127.0.0.1:{port}"),
            _ => URL.to_owned(),
        };
        let time_ms = SystemClock::new().unix_ms();
        found::found(&layout, RECORD_TYPES, args.name, usize::from(args.agencies), time_ms, &url)?
    };
    let plan = plan(&args.place)?;
    let servers = plan.servers.clone();
    let units = deploy::write(&args.out, &layout, &genesis, &plan)?;
    let result = json!({
        "chain": genesis.chain(),
        "out": args.out,
        "servers": servers,
        "parts": units.iter().map(|unit| json!({
            "name": unit.name,
            "service": unit.service.name(),
            "agency": unit.agency,
            "config": deploy::folder(&unit.role).join(format!("{}.toml", unit.service.name())),
        })).collect::<Vec<_>>(),
    });
    context.output.result(&result, |_| {
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        format!("chain {}\nparts {}\nfiles {}", genesis.chain(), names.join(" "), args.out.display())
    });
    Ok(())
}

fn plan(args: &Whereabouts) -> Result<Plan, CommandError> {
    let place = match args.here {
        Some(first_port) => Place::Here { first_port },
        None if args.kubernetes => Place::Kubernetes,
        None => Place::Containers,
    };
    let servers = match place {
        Place::Kubernetes => ["nats-0", "nats-1", "nats-2"].map(str::to_owned).into(),
        _ => args.servers.clone(),
    };
    if matches!(place, Place::Here { .. }) && servers.len() > 1 {
        return Err(CommandError::Usage("a cluster needs a host for each server: leave out --here".into()));
    }
    Ok(Plan { place, servers, owner: args.owner })
}

/// The broker alone, under the epoch in force; what a newcomer says of its user counts by the key that membership names.
async fn broker(context: &Context, args: &DeployBroker) -> Result<(), CommandError> {
    let mut context = context.clone();
    context.global.data = args.out.join("city");
    let (epoch, genesis) = (in_force(&context.client()?).await?, context.city()?.genesis()?);
    if let Some(path) = &args.admit {
        let file: joint::File = found::read_json(path)?;
        let statement = file.broker_user.as_deref().ok_or_else(|| {
            CommandError::Usage(format!("{}: it names no user of the broker", path.display()))
        })?;
        let (agency, user) = admission::read(statement, &genesis.chain(), &epoch)?;
        admission::admit(&args.out.join("nats"), &agency, &user)?;
    }
    let users = deploy::write_broker(&args.out, &epoch, &plan(&args.place)?)?;
    let names: Vec<String> = users.iter().map(deploy::broker::Role::name).collect();
    context.output.result(&json!({ "epoch": epoch.number, "users": names }), |_| {
        format!("epoch {}\nusers {}\nreload the servers of the broker", epoch.number, names.join(" "))
    });
    Ok(())
}

/// The settings of the streams' keeper.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct KeeperSettings {
    bus: String,
    broker: BrokerSettings,
}

impl Settings for KeeperSettings {
    fn faults(&self) -> Vec<String> {
        self.broker.faults(&self.bus)
    }
}

async fn streams(context: &Context, args: &DeployStreams) -> Result<(), CommandError> {
    let settings: KeeperSettings = config::load(Some(&args.config), &json!({})).map_err(CityError::from)?;
    let clock = SystemClock::new();
    let until = clock.monotonic() + Duration::from_secs(args.wait);
    loop {
        let options = settings.broker.options(&settings.bus, "keeper of the streams")?;
        match NatsBus::connect(options).await {
            Ok(_) => break,
            // A broker that answers and does not fit will not fit later.
            Err(error @ hutong_bus::Error::Unfit { .. }) => {
                return Err(CityError::service("NATS", error).into());
            }
            Err(error) if clock.monotonic() >= until => return Err(CityError::service("NATS", error).into()),
            Err(error) => {
                context.output.note(format!("waiting for the broker: {error}"));
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    let streams: Vec<String> = hutong_bus::Stream::ALL.iter().map(ToString::to_string).collect();
    context.output.result(&json!({ "streams": streams }), |_| format!("streams {}", streams.join(" ")));
    Ok(())
}

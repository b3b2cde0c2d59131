//! What can be typed to deploy a city in parts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hutong_ledger::id::AgencyId;

#[derive(Debug, Subcommand)]
pub enum Deploy {
    /// Write the folder of each part: settings, keys, credentials, certificates, the broker's configuration; found the
    /// city first if there is none. Made again, it leaves keys and certificates as they are
    City(DeployCity),
    /// Write the broker's configuration again, with the users of the epoch in force: after a change of membership
    Broker(DeployBroker),
    /// Make the streams at the broker, and see that they are what they must be
    Streams(DeployStreams),
}

#[derive(Debug, Args)]
pub struct DeployCity {
    /// Where the folders are written; the city's own keys lie in <out>/city
    #[arg(long)]
    pub out: PathBuf,
    /// The name of a new city
    #[arg(long, default_value = "beijing")]
    pub name: AgencyId,
    /// How many agencies of a new city validate
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub agencies: u16,
    #[command(flatten)]
    pub place: Whereabouts,
}

#[derive(Debug, Args)]
pub struct DeployBroker {
    /// The folder that `hutong deploy city` wrote
    #[arg(long)]
    pub out: PathBuf,
    /// The file of a joining that is final: its agency's user is let in
    #[arg(long)]
    pub admit: Option<PathBuf>,
    #[command(flatten)]
    pub place: Whereabouts,
}

/// Where the parts run.
#[derive(Debug, Args)]
pub struct Whereabouts {
    /// The names of the broker's servers: one, or three of a cluster
    #[arg(long, value_delimiter = ',', default_value = "nats", value_parser = host_name)]
    pub servers: Vec<String>,
    /// Have everything run on this machine, on consecutive ports of loopback from this one on; 0 takes free ones.
    /// Without it each part runs in a container of its own
    #[arg(long, value_name = "PORT", conflicts_with = "kubernetes")]
    pub here: Option<u16>,
    /// Have everything run in Kubernetes, as k8s/ has it; the servers are then nats-0, nats-1 and nats-2
    #[arg(long, conflicts_with = "servers")]
    pub kubernetes: bool,
    /// Give the files to this user and group: 65532:65532
    #[arg(long, value_parser = owner)]
    pub owner: Option<(u32, u32)>,
}

#[derive(Debug, Args)]
pub struct DeployStreams {
    /// The keeper's settings, as `hutong deploy city` writes them
    #[arg(long)]
    pub config: PathBuf,
    /// Seconds to wait for a broker that does not answer yet
    #[arg(long, default_value_t = 60)]
    pub wait: u64,
}

#[derive(Debug, Args)]
pub struct HealthArgs {
    /// What to ask
    #[arg(default_value = "http://127.0.0.1:8080/readyz")]
    pub address: String,
}

fn host_name(text: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(valid) {
        Ok(text.to_owned())
    } else {
        Err("a host name of a-z, 0-9, - and .".into())
    }
}

fn owner(text: &str) -> Result<(u32, u32), String> {
    let parse = |part: &str| part.parse::<u32>().map_err(|error| error.to_string());
    let (user, group) = text.split_once(':').ok_or("two numbers, as in 65532:65532")?;
    Ok((parse(user)?, parse(group)?))
}

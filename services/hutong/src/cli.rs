//! The command line: what can be typed, with its help.

mod deploy;
mod disclosure;
mod membership;
mod subscriptions;
mod vault;

use std::{net::SocketAddr, path::PathBuf};

use clap::{
    ArgGroup, Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use hutong_ledger::id::{AgencyId, Domain, RecordKey, TxId};

use crate::city::domains::{RECORD_TYPES, RecordType};

pub use deploy::{Deploy, DeployBroker, DeployCity, DeployStreams, HealthArgs, Whereabouts};
pub use disclosure::{Accesses, Consent, Disclose, Erase, GiveConsent, Person};
pub use membership::{
    Activate, AddAgency, AgencyCommand, Asking, Invite, MembershipCommand, MembershipFile, RemoveAgency,
    RevokeKey, RotateKey, SignMembership, WaitAgency,
};
pub use subscriptions::{
    AsAgency, CreateSubscription, OneSubscription, ReplaySubscription, RotateSecret, Subscriptions,
};
pub use vault::{Vault, VaultBackup, VaultRestore};

/// A permissioned ledger of record for the agencies of a city.
#[derive(Debug, Parser)]
#[command(name = "hutong", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the city is and how to print; understood by every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The city's address [default: the url of <data>/city.json, else http://127.0.0.1:8080]
    #[arg(long, global = true, env = "HUTONG_URL", value_parser = address)]
    pub url: Option<String>,
    /// The folder of the city's files and keys
    #[arg(long, global = true, env = "HUTONG_DATA", default_value = "./data")]
    pub data: PathBuf,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole city in one process
    Up(Up),
    /// Run one service over NATS
    Run(Run),
    /// Make what the parts of a city start from when each runs on its own
    #[command(subcommand)]
    Deploy(Deploy),
    /// Say whether a service is ready, as its exit status
    Health(HealthArgs),
    /// Make keys
    #[command(subcommand)]
    Keys(Keys),
    /// Make the files a development city starts from: keys, genesis, trust file
    Genesis(GenesisArgs),
    /// Join, leave, and change keys
    #[command(subcommand)]
    Agency(AgencyCommand),
    /// Look at, sign and submit a change of who is in the city
    #[command(subcommand)]
    Membership(MembershipCommand),
    /// Print a bearer token of an agency, valid for at most 5 minutes, or of a development persona
    Token(Token),
    /// Submit transactions from a file or standard input
    Submit(Submit),
    /// Load a file of records into a domain; loading it again doubles nothing
    Load(Load),
    /// Get a record, its history, a transaction, a block or the city's status
    #[command(subcommand)]
    Get(Get),
    /// Get the offline receipt of a transaction
    Receipt(ReceiptArgs),
    /// Verify a receipt, a record's proof or a list of accesses offline
    Verify(Verify),
    /// Ask for sealed fields of a record, and open what the vault releases
    Disclose(Disclose),
    /// Show who looked at a person's data
    Accesses(Accesses),
    /// Give, withdraw or list consents
    #[command(subcommand)]
    Consent(Consent),
    /// Have the sealed fields of a record destroyed
    Erase(Erase),
    /// Back up and restore an agency's vault
    #[command(subcommand)]
    Vault(Vault),
    /// Look at a node and its services: heights, lag, hosts, quorum, invariants, disk, queues; fails when something is wrong
    Status(AsAgency),
    /// Derive everything again from an agency's archive and name the first difference
    Fsck(Fsck),
    /// Follow final changes as they happen
    Tail(Tail),
    /// Have final changes delivered by webhooks, and steer that
    #[command(subcommand)]
    Subscriptions(Subscriptions),
    /// Measure this machine: throughput, latency and the limits they are to be held against
    Bench(Bench),
}

#[derive(Debug, Args)]
pub struct Up {
    /// Where HTTP listens; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// A file of settings (TOML): TLS, rates and limits of the port, CORS, telemetry, identity providers, webhooks
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Print the settings in force, without secrets, and exit
    #[arg(long)]
    pub print_config: bool,
    /// How many validating agencies a new city has
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub agencies: u16,
    /// `embedded`, or the address of a NATS server with JetStream
    #[arg(long, default_value = "embedded", value_parser = bus)]
    pub bus: String,
    /// Load the bundled property sales and show the flow at work
    #[arg(long)]
    pub demo: bool,
    /// The name of a new city
    #[arg(long, default_value = "beijing")]
    pub name: AgencyId,
}

/// The address of a city, without a slash at its end.
fn address(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("an http:// or https:// address, such as http://127.0.0.1:8080".into()),
    }
}

/// A bus that there is: a slip of the pen is not taken for the name of a machine.
fn bus(text: &str) -> Result<String, String> {
    let addresses = || text.split(',').map(str::trim);
    match text == "embedded" || addresses().all(|url| url.starts_with("nats://") || url.starts_with("tls://"))
    {
        true => Ok(text.to_owned()),
        false => Err("`embedded`, or nats:// or tls:// addresses, comma-separated".into()),
    }
}

#[derive(Debug, Args)]
pub struct Run {
    /// Which service
    #[arg(value_parser = service())]
    pub service: ServiceName,
    /// Its configuration file (TOML)
    #[arg(long)]
    pub config: PathBuf,
    /// Print the configuration in force, without secrets, and exit
    #[arg(long)]
    pub print_config: bool,
}

/// The services that run as processes of their own.
#[derive(Clone, Copy, Debug)]
pub enum ServiceName {
    Ingest,
    Ordering,
    Validation,
    Storage,
    Notification,
    Vault,
    Portal,
    Front,
    Domain(&'static RecordType),
}

impl ServiceName {
    const PLATFORM: [Self; 8] = [
        Self::Ingest,
        Self::Ordering,
        Self::Validation,
        Self::Storage,
        Self::Notification,
        Self::Vault,
        Self::Portal,
        Self::Front,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Ordering => "ordering",
            Self::Validation => "validation",
            Self::Storage => "storage",
            Self::Notification => "notification",
            Self::Vault => "vault",
            Self::Portal => "portal",
            Self::Front => "front",
            Self::Domain(record_type) => record_type.name,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        Self::PLATFORM.into_iter().chain(RECORD_TYPES.iter().map(Self::Domain))
    }
}

fn service() -> impl TypedValueParser<Value = ServiceName> {
    PossibleValuesParser::new(ServiceName::all().map(ServiceName::name))
        .try_map(|name| ServiceName::all().find(|service| service.name() == name).ok_or("no such service"))
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key and write it to <data>/keys/<agency>/<purpose>.key
    New {
        #[arg(long)]
        agency: AgencyId,
        /// signing, host, orderer, sealing, ingest or log
        #[arg(long, default_value = "signing", value_parser = purpose)]
        purpose: hutong_ledger::epoch::Purpose,
    },
}

fn purpose(name: &str) -> Result<hutong_ledger::epoch::Purpose, String> {
    let all = hutong_ledger::epoch::Purpose::ALL;
    let names = || all.map(hutong_ledger::epoch::Purpose::name).join(", ");
    all.into_iter().find(|p| p.name() == name).ok_or_else(|| format!("one of {}", names()))
}

#[derive(Debug, Args)]
pub struct GenesisArgs {
    /// The city's name
    #[arg(long, default_value = "beijing")]
    pub name: AgencyId,
    /// How many agencies validate
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub agencies: u16,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true))]
pub struct Token {
    /// The agency whose token it is
    #[arg(long, group = "whose")]
    pub agency: Option<AgencyId>,
    /// The pseudonym of the official who acts for the agency
    #[arg(long, requires = "agency", conflicts_with = "persona")]
    pub official: Option<String>,
    /// A development persona, as in <data>/personas.json; its token lives for an hour
    #[arg(long, group = "whose")]
    pub persona: Option<String>,
    /// Seconds until an agency's token expires, at most 300
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub ttl: u64,
}

#[derive(Debug, Args)]
pub struct Submit {
    /// A JSON document {agency, domain, action (base64), signers?, actor?}, or signed transactions; `-` reads
    /// standard input
    pub file: PathBuf,
    /// Do not wait until the transactions are final
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct Load {
    pub domain: Domain,
    /// The file, in the format of its source
    pub file: PathBuf,
    /// Transactions under way at a time
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub in_flight: u32,
}

#[derive(Debug, Subcommand)]
pub enum Get {
    /// A record: domain/id
    Record {
        key: RecordKey,
        #[arg(long)]
        version: Option<u64>,
    },
    /// All versions of a record, newest first
    History { key: RecordKey },
    /// The proof of a record's current state
    Proof { key: RecordKey },
    /// A transaction's state and outcome
    Transaction { id: TxId },
    /// A block's header and finality
    Block { height: u64 },
    /// Heights, lag, hosts, epoch, invariants
    Status,
}

#[derive(Debug, Args)]
pub struct ReceiptArgs {
    pub id: TxId,
    /// Write it here instead of to standard output
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A receipt, or a proof from `hutong get proof`
    #[arg(required_unless_present_any = ["accesses", "evidence"])]
    pub receipt: Option<PathBuf>,
    /// A list of accesses from `hutong accesses --output`
    #[arg(long, conflicts_with = "receipt")]
    pub accesses: Option<PathBuf>,
    /// Evidence of misbehaviour, from the folder `evidence` of an agency's storage
    #[arg(long, conflicts_with_all = ["receipt", "accesses"])]
    pub evidence: Option<PathBuf>,
    /// The trust file
    #[arg(long)]
    pub trust: PathBuf,
}

#[derive(Debug, Args)]
pub struct Fsck {
    /// The folder of what storage keeps, where that is not the data folder
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Only this agency's archive
    #[arg(long)]
    pub agency: Option<AgencyId>,
}

#[derive(Debug, Args)]
pub struct Tail {
    /// Only this domain
    #[arg(long)]
    pub domain: Option<Domain>,
    /// Only this record
    #[arg(long)]
    pub record: Option<String>,
    /// Start after this position instead of at the end; 0 starts at the beginning
    #[arg(long)]
    pub after: Option<String>,
    /// Stop after this many changes
    #[arg(long)]
    pub limit: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// Validating agencies
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub agencies: u16,
    /// `embedded`, or the address of a NATS server with JetStream
    #[arg(long, default_value = "embedded", value_parser = bus)]
    pub bus: String,
    #[arg(long, value_enum, default_value_t = Via::Bus)]
    pub via: Via,
    /// Clients at work at the same time [default: 128 over http, 32 over the bus]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub clients: Option<u32>,
    /// Transactions per submit [default: 1 over http, 100 over the bus]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub batch: Option<u32>,
    /// Size of a transaction's body
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(512..=32768))]
    pub record_bytes: u32,
    /// How long to measure, after a warm-up of a fifth of it
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Measure disclosures of sealed fields instead: so many in a row, then as many at once
    #[arg(long, value_name = "COUNT", num_args = 0..=1, default_missing_value = "1000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        conflicts_with_all = ["via", "batch", "record_bytes", "seconds", "rate"])]
    pub disclosures: Option<u32>,
    /// Submit at this rate instead of as fast as possible, in transactions a second
    #[arg(long)]
    pub rate: Option<u32>,
    /// Records that the store holds before measuring begins; they are written through the flow
    #[arg(long, default_value_t = 0, conflicts_with = "disclosures")]
    pub records: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    Http,
    Bus,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
        let parsed =
            Cli::try_parse_from(["hutong", "get", "record", "property/1", "--version", "2"]).unwrap();
        assert!(matches!(parsed.command, Command::Get(Get::Record { version: Some(2), .. })));
    }

    #[test]
    fn what_is_mistyped_is_refused() {
        for wrong in [
            &["hutong", "get", "record", "property"][..],
            &["hutong", "get", "transaction", "00"],
            &["hutong", "token", "--agency", "Not A Name"],
            &["hutong", "get", "status", "--url", "nonsense"],
            &["hutong", "get", "status", "--url", "ftp://127.0.0.1"],
            &["hutong", "token", "--agency", "a", "--ttl", "301"],
            &["hutong", "token"],
            &["hutong", "token", "--agency", "a", "--persona", "b"],
            &["hutong", "token", "--persona", "b", "--official", "c"],
            &["hutong", "token", "--official", "c"],
            &["hutong", "keys", "new", "--agency", "a", "--purpose", "everything"],
            &["hutong", "up", "--agencies", "0"],
            &["hutong", "bench", "--via", "pigeon"],
            &["hutong", "up", "--bus", "embeded"],
            &["hutong", "bench", "--bus", "nats:/broker"],
        ] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}

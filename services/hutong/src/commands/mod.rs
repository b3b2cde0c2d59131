//! One command per file. Each takes its arguments, does one thing, prints one result.

mod accesses;
mod agency;
mod consent;
mod demo;
mod deploy;
pub(crate) mod disclose;
mod erase;
mod fsck;
mod genesis;
mod get;
mod health;
mod keys;
mod load;
mod membership;
mod person;
mod receipt;
mod run;
mod status;
mod submit;
mod subscriptions;
mod tail;
mod token;
mod up;
mod vault;
mod verify;

use std::{future::Future, process::ExitCode};

use clap::Parser;

use hutong_runtime::telemetry::{self, TelemetrySettings};

use crate::{
    bench,
    city::CityError,
    cli::{Cli, Command, Global},
    output::Output,
};

/// The whole program: reads the command line, runs the command, prints why it failed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.global.json };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    City(#[from] CityError),
    #[error(transparent)]
    Client(#[from] hutong_client::Error),
    #[error(transparent)]
    Deploy(#[from] crate::deploy::Error),
    #[error(transparent)]
    Membership(#[from] hutong_membership::joint::Fault),
    #[error(transparent)]
    Proposal(#[from] hutong_membership::proposal::Fault),
    #[error(transparent)]
    Bench(#[from] bench::BenchError),
    #[error("{path}: {source}")]
    Io {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// What was asked for is wrong, and what to do instead.
    #[error("{0}")]
    Usage(String),
    /// The command did its work, and the answer is no.
    #[error("{0}")]
    Negative(String),
}

/// What every command gets.
#[derive(Clone, Debug)]
pub struct Context {
    pub global: Global,
    pub output: Output,
}

/// What is told, as the environment asks for it.
fn log_filter() -> Option<String> {
    std::env::var("HUTONG_LOG").ok()
}

fn run(cli: Cli) -> Result<(), CommandError> {
    // Those that run services have settings of their own for this.
    let own = matches!(cli.command, Command::Run(_) | Command::Up(_));
    let filter = log_filter().unwrap_or_else(|| "warn".into());
    let settings = TelemetrySettings { filter, ..TelemetrySettings::default() };
    let _telemetry = if own {
        None
    } else {
        Some(telemetry::init(&settings, "hutong", "command").map_err(CityError::from)?)
    };
    let context = Context { output: Output { json: cli.global.json }, global: cli.global };
    match cli.command {
        Command::Up(args) => block_on(up::run(context, args)),
        Command::Deploy(args) => block_on(deploy::run(context, args)),
        Command::Health(args) => block_on(health::run(context, args)),
        Command::Keys(args) => keys::run(&context, args),
        Command::Genesis(args) => genesis::run(&context, &args),
        Command::Agency(command) => block_on(agency::run(context, command)),
        Command::Membership(command) => block_on(membership::run(context, command)),
        Command::Token(args) => token::run(&context, &args),
        Command::Run(args) => block_on(run::run(context, args)),
        Command::Submit(args) => block_on(submit::run(context, args)),
        Command::Load(args) => block_on(load::run(context, args)),
        Command::Get(args) => block_on(get::run(context, args)),
        Command::Receipt(args) => block_on(receipt::run(context, args)),
        Command::Verify(args) => verify::run(&context, &args),
        Command::Disclose(args) => block_on(disclose::run(context, args)),
        Command::Accesses(args) => block_on(accesses::run(context, args)),
        Command::Consent(args) => block_on(consent::run(context, args)),
        Command::Erase(args) => block_on(erase::run(context, args)),
        Command::Vault(command) => vault::run(&context, &command),
        Command::Fsck(args) => fsck::run(&context, &args),
        Command::Status(args) => block_on(status::run(context, args)),
        Command::Tail(args) => block_on(tail::run(context, args)),
        Command::Subscriptions(command) => block_on(subscriptions::run(context, command)),
        Command::Bench(args) => block_on(bench::run(context, args)),
    }
}

fn block_on(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let io = |source| CommandError::Io { path: "the async runtime".into(), source };
    runtime.map_err(io)?.block_on(work)
}

//! `hutong bench`: a city in this process, clients beside it, and the machine's ceilings in the same run.

mod ceilings;
mod clients;
mod disclosures;
mod report;
mod workload;

use std::{
    path::Path,
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use hutong_keys::{KeyFile, mint_token};
use hutong_ledger::epoch::Purpose;
use hutong_peer::ingest::IngestClient;
use hutong_runtime::{SharedClock, SystemClock};
use rustix::time::{ClockId, clock_gettime};

use self::{
    clients::{OverBus, OverHttp, Phases, Tally, Way},
    report::{LatencyMs, Report},
    workload::Workload,
};
use crate::{
    city::{
        CityError,
        layout::Layout,
        settings::CitySettings,
        up::{Options, Running},
    },
    cli::{Bench, Via},
    commands::{CommandError, Context},
};

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    City(#[from] CityError),
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    #[error(transparent)]
    Journal(#[from] hutong_journal::Error),
    #[error(transparent)]
    Store(#[from] hutong_store::Error),
    #[error("the state tree: {0}")]
    Tree(String),
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("a transaction was accepted and not final in time")]
    NotFinal,
    #[error("a transaction was rejected: {0}")]
    Rejected(String),
    #[error("a client failed: {0}")]
    Client(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Tls(#[from] hutong_client::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// How long one submit may take.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(60);
/// Clients that fill the store, and the transactions of each submit.
const FILLERS: u32 = 32;
const FILL_BATCH: u32 = 100;

pub async fn run(context: Context, args: Bench) -> Result<(), CommandError> {
    if let Some(count) = args.disclosures {
        return disclosures::run(&context, &args, count).await;
    }
    let report = measure(&context, &args).await?;
    context.output.result(&report, Report::text);
    Ok(())
}

async fn measure(context: &Context, args: &Bench) -> Result<Report, BenchError> {
    let folder = tempfile::tempdir()?;
    let cores = available_parallelism().map_or(1, Into::into);
    context.output.note("measuring the machine's ceilings");
    let (ceilings_folder, record_bytes) = (folder.path().join("ceilings"), args.record_bytes as usize);
    std::fs::create_dir_all(&ceilings_folder)?;
    let ceilings =
        tokio::task::spawn_blocking(move || ceilings::measure(&ceilings_folder, record_bytes, cores));
    let ceilings = ceilings.await??;
    let layout = Layout::new(folder.path().join("city"));
    let nats = (args.bus != "embedded").then(|| args.bus.clone());
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: usize::from(args.agencies),
        nats,
        name: "bench".parse().map_err(CityError::from)?,
    };
    let city = Running::start(layout.clone(), options).await?;
    let measured = drive(context, args, &city, &layout).await;
    city.stop().await?;
    let Measured { filled, tally, seconds, cpu_s, bytes, blocks } = measured?;
    let throughput_tps = tally.applied as f64 / seconds;
    let transactions = tally.applied.max(1) as f64;
    Ok(Report {
        agencies: args.agencies,
        bus: args.bus.clone(),
        via: format!("{:?}", args.via).to_ascii_lowercase(),
        clients: clients(args),
        batch: batch(args),
        record_bytes: args.record_bytes,
        records: filled,
        cores,
        transactions: tally.applied,
        refused: tally.refused,
        blocks,
        seconds,
        throughput_tps,
        latency_ms: LatencyMs { p50: tally.latency.quantile_ms(0.5), p99: tally.latency.quantile_ms(0.99) },
        cpu_ms_per_tx: cpu_s * 1000.0 / transactions,
        bytes_per_tx: bytes as f64 / transactions,
        ratio_to_limit: throughput_tps / ceilings.limit_tps,
        ceilings,
    })
}

fn clients(args: &Bench) -> u32 {
    args.clients.unwrap_or(match args.via {
        Via::Http => 128,
        Via::Bus => 32,
    })
}

fn batch(args: &Bench) -> u32 {
    args.batch.unwrap_or(match args.via {
        Via::Http => 1,
        Via::Bus => 100,
    })
}

/// What came out of the time that counts.
struct Measured {
    /// Records that were there before.
    filled: u64,
    tally: Tally,
    seconds: f64,
    cpu_s: f64,
    bytes: u64,
    blocks: u64,
}

async fn drive(
    context: &Context,
    args: &Bench,
    city: &Running,
    layout: &Layout,
) -> Result<Measured, BenchError> {
    let clock = SystemClock::shared();
    let domain = hutong_property::domain();
    let owner = city.genesis.epoch.rules(domain).map(|rules| rules.owner);
    let owner = owner.ok_or_else(|| CityError::Genesis("nobody owns the domain property".into()))?;
    let key = KeyFile::load(&layout.key(&owner, Purpose::Signing))?.signing_key()?;
    let way: Arc<dyn Way> = match args.via {
        Via::Bus => Arc::new(OverBus(IngestClient::new(city.bus.clone(), SUBMIT_TIMEOUT))),
        Via::Http => {
            let mint = move |clock: &SharedClock, chain: &str| {
                mint_token(&key, owner.as_str(), chain, clock.unix_ms() / 1000, 300)
            };
            let chain = city.genesis.chain();
            let (sender, token) = tokio::sync::watch::channel(mint(&clock, chain.as_str())?);
            let clock = clock.clone();
            tokio::spawn(async move {
                while !sender.is_closed() {
                    clock.sleep(Duration::from_secs(60)).await;
                    match mint(&clock, chain.as_str()) {
                        Ok(fresh) => drop(sender.send(fresh)),
                        Err(error) => tracing::warn!(%error, "no fresh token"),
                    }
                }
            });
            let client = hutong_client::tls::http(&city.city.url)?.timeout(SUBMIT_TIMEOUT).build()?;
            Arc::new(OverHttp { client, url: city.city.url.clone(), token })
        }
    };
    let workload = || {
        Workload::new(layout, city.genesis.chain(), owner, SystemClock::shared(), args.record_bytes as usize)
    };
    let filled = fill(context, city, args.records, workload()?).await?;
    let workload = workload()?;
    let phases = Phases::new();
    let mut running = clients::start(clients(args), batch(args), args.rate, way, workload, phases.clone());
    context.output.note("warming up");
    watch(&mut running, Duration::from_secs(args.seconds).div_f64(5.0)).await?;
    context.output.note(format!("measuring for {} s", args.seconds));
    let first = height(city).await?;
    let (began, cpu, bytes) = (Instant::now(), cpu_s(), folder_bytes(layout.root())?);
    phases.measure();
    watch(&mut running, Duration::from_secs(args.seconds)).await?;
    phases.end();
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_s() - cpu);
    let bytes = folder_bytes(layout.root())?.saturating_sub(bytes);
    let blocks = height(city).await? - first;
    let mut all = Tally::default();
    while let Some(tally) = running.join_next().await {
        let tally = tally??;
        all.applied += tally.applied;
        all.refused += tally.refused;
        all.latency.merge(&tally.latency);
    }
    Ok(Measured { filled, tally: all, seconds, cpu_s: cpu, bytes, blocks })
}

/// Writes records before anything is measured, by the way that takes them fastest; how many there are then.
async fn fill(
    context: &Context,
    city: &Running,
    records: u64,
    workload: Arc<Workload>,
) -> Result<u64, BenchError> {
    if records == 0 {
        return Ok(0);
    }
    let way = Arc::new(OverBus(IngestClient::new(city.bus.clone(), SUBMIT_TIMEOUT)));
    let phases = Phases::new();
    let mut running = clients::start(FILLERS, FILL_BATCH, None, way, workload, phases.clone());
    let mut tenths = 0;
    while phases.finals() < records {
        watch(&mut running, Duration::from_millis(100)).await?;
        let reached = phases.finals().saturating_mul(10) / records;
        if reached > tenths {
            tenths = reached;
            context.output.note(format!("the store holds {} records of {records}", phases.finals()));
        }
    }
    phases.end();
    while let Some(tally) = running.join_next().await {
        tally??;
    }
    Ok(phases.finals())
}

/// The last final height.
async fn height(city: &Running) -> Result<u64, BenchError> {
    let standing = city.storage.standing().await.map_err(|error| CityError::service("storage", error))?;
    Ok(standing.final_header.height)
}

/// Lets the clients work for a while; a client that ends before is an error.
async fn watch(
    running: &mut tokio::task::JoinSet<Result<Tally, BenchError>>,
    duration: Duration,
) -> Result<(), BenchError> {
    tokio::select! {
        () = tokio::time::sleep(duration) => Ok(()),
        Some(ended) = running.join_next() => match ended? {
            Ok(_) => Err(BenchError::NotFinal),
            Err(error) => Err(error),
        },
    }
}

/// CPU that this process has used.
fn cpu_s() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

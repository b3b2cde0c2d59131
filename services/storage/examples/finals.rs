//! How many transactions of 1 KB one agency's storage makes final in a second, alone: blocks are executed beforehand.
//!
//! `cargo run --release -p hutong-storage --example finals -- DIR [TRANSACTIONS_PER_BLOCK] [BLOCKS]`

use std::{
    env,
    error::Error,
    io::{Write, stdout},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hutong_bus_embedded::EmbeddedBus;
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::{Header, Proposal, Segment, SegmentRef},
    contract::{Change, Versioned},
    entry::{Changed, Entry, Opening, Outcome},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Executed, ExecutedSegment},
    genesis::{Genesis, RULES_VERSION},
    id::{AgencyId, Domain, KeyId},
    invariant::Invariant,
    transaction::{Body, Signature, Transaction},
};
use hutong_peer::{ExecutedBlock, SegmentResult, StoragePeer};
use hutong_runtime::{Clock, InvariantCounters, Metrics, SystemClock};
use hutong_storage::{Config, Setup, StorageService};
use tokio_util::sync::CancellationToken;

fn key(purpose: Purpose) -> SigningKey {
    SigningKey::from_seed(&[purpose as u8; 32])
}

fn genesis(agency: AgencyId, domain: Domain) -> Genesis {
    let keys = [Purpose::Signing, Purpose::Host, Purpose::Orderer];
    let keys = keys.map(|purpose| Key { purpose, public: key(purpose).public().0 }).to_vec();
    let rules = |domain, hosts| DomainRules { domain, owner: agency, contract: 1, hosts };
    let epoch = Epoch {
        number: 0,
        from_height: 1,
        agencies: vec![Agency { id: agency, name: "Bench".into(), validating: true, keys }],
        domains: vec![
            rules(domain, vec![Host { agency, ready: true }]),
            rules(Domain::MEMBERSHIP, Vec::new()),
        ],
        orderers: vec![agency],
    };
    let mut epoch = epoch;
    epoch.domains.sort_by_key(|rules| rules.domain);
    Genesis { name: agency, time_ms: SystemClock::new().unix_ms(), epoch }
}

/// A block in which each transaction makes one new record of 1 KB.
fn block(header: &Header, genesis: &Genesis, domain: Domain, count: u64) -> Arc<ExecutedBlock> {
    let agency = genesis.name;
    let height = header.height + 1;
    let mut transactions = Vec::new();
    let mut executed = Vec::new();
    for index in 0..count {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&height.to_be_bytes());
        nonce[8..].copy_from_slice(&index.to_be_bytes());
        let body = Body {
            chain: header.chain,
            domain,
            agency,
            signers: vec![agency],
            actor: "bench".into(),
            nonce,
            not_after_ms: header.time_ms + 60_000,
            action: vec![index as u8; 900].into(),
        };
        let bytes = hutong_wire::transaction::encode_body(&body);
        let signature = Signature { agency, key: KeyId([0; 8]), bytes: [0; 64] };
        let tx = Transaction::new(bytes, body, vec![signature]);
        // Spread over the tree as real ids are.
        let record = hex::encode(&tx.id.0[22..]);
        let Ok(record) = record.parse() else { continue };
        let change = Versioned::new(domain, &nonce, Change::put(record, vec![7u8; 1024]), 1);
        let changed = Changed { record: change.record.clone(), version: 1, hash: change.hash };
        let opening = Opening { nonce, outcome: Outcome::Applied, changes: vec![changed] };
        let entry = Entry { id: tx.id, height, index: index as u32, blind: opening.hash() };
        executed.push(Executed { entry, opening, changes: vec![change], refusal: None });
        transactions.push(tx);
    }
    let segment = Segment { domain, transactions };
    let header = Header {
        chain: header.chain,
        rules: RULES_VERSION,
        epoch: 0,
        height,
        prev: header.hash(),
        time_ms: header.time_ms,
        cursors: Vec::new(),
        segments: vec![SegmentRef { domain, root: segment.root() }],
    };
    let orderer = key(Purpose::Orderer);
    let message = Proposal::message(&header, 0, agency, &[]);
    let proposal = Proposal {
        view: 0,
        orderer: agency,
        key: KeyId::of(orderer.public().as_bytes()),
        statuses: Vec::new(),
        signature: orderer.sign(&message),
        header,
    };
    let hash = proposal.header.hash();
    let raw = hutong_wire::transaction::encode_segment(&hash, &segment);
    let result = ExecutedSegment { executed, voids: Vec::new() };
    let segments = vec![SegmentResult { domain, segment, raw, result }];
    Arc::new(ExecutedBlock { proposal: Arc::new(proposal), hash, segments, next_epoch: None })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let dir = arguments.next().ok_or("which directory?")?;
    let count: u64 = arguments.next().map_or(Ok(300), |text| text.parse())?;
    let blocks: u64 = arguments.next().map_or(Ok(300), |text| text.parse())?;
    let (agency, domain): (AgencyId, Domain) = ("bench".parse()?, "notes".parse()?);
    let genesis = genesis(agency, domain);
    let metrics = Metrics::new();
    let (service, storage) = StorageService::open(Setup {
        agency,
        dir: Path::new(&dir).to_owned(),
        genesis: genesis.clone(),
        host_key: key(Purpose::Host),
        log_keys: Vec::new(),
        contracts: Vec::new(),
        // Blocks are made long before they are submitted.
        config: Config { header_behind_ms_max: u64::MAX, ..Config::default() },
        journal: hutong_journal::Options::default(),
        tables: None,
        bus: EmbeddedBus::in_memory(hutong_bus_embedded::Options::default())?,
        clock: SystemClock::shared(),
        invariants: InvariantCounters::new(&metrics, &Invariant::ALL.map(|invariant| invariant.id())),
        metrics,
    })?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(service.run(stop.clone()));
    let mut header = genesis.header();
    let mut made = Vec::new();
    for _ in 0..blocks {
        let next = block(&header, &genesis, domain, count);
        header = next.proposal.header.clone();
        made.push(next);
    }
    let session = storage.standing().await?.session;
    let (started, cpu) = (Instant::now(), cpu_s()?);
    for block in made {
        storage.submit(session, block).await?;
    }
    storage.wait_final(blocks - 1, Duration::from_secs(600)).await?;
    let (seconds, spent) = (started.elapsed().as_secs_f64(), cpu_s()? - cpu);
    stop.cancel();
    running.await??;
    let (all, written) = (started.elapsed().as_secs_f64(), cpu_s()? - cpu);
    let total = (count * blocks) as f64;
    writeln!(
        stdout(),
        "{:.0} final transactions/s, {:.1} µs of CPU each",
        total / seconds,
        spent * 1e6 / total
    )?;
    writeln!(stdout(), "{:.0} written/s, {:.1} µs of CPU each", total / all, written * 1e6 / total)?;
    Ok(())
}

/// Seconds of CPU that this process has used.
fn cpu_s() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

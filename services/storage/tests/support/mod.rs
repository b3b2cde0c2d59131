//! A small city for tests: agencies with storages on one bus, and a maker of blocks that plays orderer and
//! validation for all of them.

#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub, reason = "support of tests")]

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hutong_bus::{Headers, Message, SharedBus};
use hutong_bus_embedded::EmbeddedBus;
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::{Header, Proposal, Segment, SegmentRef},
    contract::{Action, Change, Contract, Refusal, Verified, View},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Execution, Records, Step},
    genesis::{Genesis, RULES_VERSION},
    hash::Hash,
    id::{AgencyId, Domain, KeyId, RecordId, RecordKey},
    invariant::Invariant,
    transaction::{Body, Signature, Transaction},
    vote::{Ballot, HostSignature, Status, Vote},
};
use hutong_peer::{
    ExecutedBlock, SegmentResult, StoragePeer, Submitted,
    agency::{AgencyTip, Answer, Ask, ask},
};
use hutong_runtime::{Clock, InvariantCounters, Metrics, SharedClock, SystemClock};
use hutong_storage::{Config, Error, Setup, Storage, StorageService};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// `key=value` puts, `-key` deletes, anything else is refused; in membership, the bytes are the next epoch.
#[derive(Debug)]
pub struct TestContract(pub Domain);

impl TestContract {
    fn change(&self, action: &[u8]) -> Result<Change, Refusal> {
        if self.0 == Domain::MEMBERSHIP {
            return Ok(Change::put(Epoch::record(), action.to_vec()));
        }
        let text = std::str::from_utf8(action).map_err(|_| Refusal::new("not_text", "not text"))?;
        if let Some(key) = text.strip_prefix('-') {
            return Ok(Change::delete(key.parse().unwrap()));
        }
        let (key, value) = text.split_once('=').ok_or_else(|| Refusal::new("no_value", "key=value"))?;
        Ok(Change::put(key.parse().unwrap(), value.as_bytes().to_vec()))
    }
}

impl Contract for TestContract {
    fn domain(&self) -> Domain {
        self.0
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        Ok(Arc::new(self.change(action)?))
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let change: &Change = tx.action()?;
        Ok(vec![RecordKey { domain: self.0, record: change.record.clone() }])
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let change = tx.action::<Change>()?.clone();
        if self.0 == Domain::MEMBERSHIP {
            let mut epoch = Epoch::decode(change.value.as_ref().unwrap()).unwrap();
            epoch.from_height = state.height + 1;
            return Ok(vec![Change::put(change.record, epoch.encode())]);
        }
        Ok(vec![change])
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        std::str::from_utf8(value).ok().map(Into::into)
    }
}

pub fn key(agency: usize, purpose: Purpose) -> SigningKey {
    let mut seed = [agency as u8 + 1; 32];
    seed[0] = purpose as u8;
    SigningKey::from_seed(&seed)
}

pub fn name(agency: usize) -> AgencyId {
    format!("agency-{agency}").parse().unwrap()
}

pub fn notes() -> Domain {
    "notes".parse().unwrap()
}

pub fn contracts() -> Vec<Arc<dyn Contract>> {
    vec![Arc::new(TestContract(notes())), Arc::new(TestContract(Domain::MEMBERSHIP))]
}

pub fn epoch(agencies: usize) -> Epoch {
    let agency = |at: usize| {
        let keys = [Purpose::Signing, Purpose::Host, Purpose::Orderer, Purpose::Log];
        let keys = keys.map(|purpose| Key { purpose, public: key(at, purpose).public().0 });
        Agency { id: name(at), name: format!("Agency {at}"), validating: true, keys: keys.to_vec() }
    };
    let hosts = (0..agencies).map(|at| Host { agency: name(at), ready: true }).collect();
    let rules = |domain, hosts| DomainRules { domain, owner: name(0), contract: 1, hosts };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: (0..agencies).map(agency).collect(),
        domains: vec![rules(Domain::MEMBERSHIP, Vec::new()), rules(notes(), hosts)],
        orderers: vec![name(0)],
    }
}

pub fn genesis(agencies: usize) -> Genesis {
    let genesis = Genesis {
        name: "harbour".parse().unwrap(),
        time_ms: SystemClock::new().unix_ms() - 1000,
        epoch: epoch(agencies),
    };
    genesis.check().unwrap();
    genesis
}

/// Makes blocks and executes them, as all validations of the city would.
pub struct Maker {
    pub genesis: Genesis,
    pub header: Header,
    pub epoch: Arc<Epoch>,
    pub records: Records,
    nonce: u64,
}

impl Maker {
    pub fn new(genesis: &Genesis) -> Self {
        let mut records = Records::new();
        let key = RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
        let first =
            hutong_ledger::contract::Record { version: 1, value: Some(genesis.epoch.encode().into()) };
        records.insert(key, Some(first));
        Self {
            genesis: genesis.clone(),
            header: genesis.header(),
            epoch: Arc::new(genesis.epoch.clone()),
            records,
            nonce: 0,
        }
    }

    pub fn transaction(&mut self, domain: Domain, action: &[u8]) -> Transaction {
        self.nonce += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.nonce.to_be_bytes());
        let body = Body {
            chain: self.genesis.chain(),
            domain,
            agency: name(0),
            signers: vec![name(0)],
            actor: "clerk".into(),
            nonce,
            not_after_ms: self.header.time_ms + 100_000,
            action: action.to_vec().into(),
        };
        let bytes = hutong_wire::transaction::encode_body(&body);
        let mut tx = Transaction::new(bytes, body, Vec::new());
        let signer = key(0, Purpose::Signing);
        tx.signatures.push(Signature {
            agency: name(0),
            key: KeyId::of(signer.public().as_bytes()),
            bytes: signer.sign(&tx.message()),
        });
        tx
    }

    /// The next block with these actions in `notes`.
    pub fn block(&mut self, actions: &[&str]) -> Arc<ExecutedBlock> {
        let segments = actions.iter().map(|action| self.transaction(notes(), action.as_bytes())).collect();
        self.block_of(vec![Segment { domain: notes(), transactions: segments }])
    }

    /// The next block, which changes the epoch.
    pub fn epoch_block(&mut self, epoch: &Epoch) -> Arc<ExecutedBlock> {
        let tx = self.transaction(Domain::MEMBERSHIP, &epoch.encode());
        self.block_of(vec![Segment { domain: Domain::MEMBERSHIP, transactions: vec![tx] }])
    }

    pub fn block_of(&mut self, segments: Vec<Segment>) -> Arc<ExecutedBlock> {
        let now = SystemClock::new().unix_ms();
        let header = Header {
            chain: self.genesis.chain(),
            rules: RULES_VERSION,
            epoch: self.epoch.number,
            height: self.header.height + 1,
            prev: self.header.hash(),
            time_ms: now.max(self.header.time_ms),
            cursors: Vec::new(),
            segments: segments.iter().map(|s| SegmentRef { domain: s.domain, root: s.root() }).collect(),
        };
        let block = execute(&header, &self.epoch, segments, &mut self.records, 0, Vec::new());
        self.header = header;
        if let Some(next) = &block.next_epoch {
            self.epoch = next.clone();
        }
        block
    }
}

/// The proposal of a header in a view.
pub fn propose(header: &Header, view: u32, statuses: Vec<Status>) -> Proposal {
    let signer = key(0, Purpose::Orderer);
    let message = Proposal::message(header, view, name(0), &statuses);
    Proposal {
        header: header.clone(),
        view,
        orderer: name(0),
        key: KeyId::of(signer.public().as_bytes()),
        statuses,
        signature: signer.sign(&message),
    }
}

/// The same block in another view.
pub fn in_view(block: &ExecutedBlock, view: u32, statuses: Vec<Status>) -> Arc<ExecutedBlock> {
    let segments = block.segments.iter().map(|part| SegmentResult {
        domain: part.domain,
        segment: part.segment.clone(),
        raw: part.raw.clone(),
        result: hutong_ledger::execute::ExecutedSegment {
            executed: part.result.executed.clone(),
            voids: part.result.voids.clone(),
        },
    });
    Arc::new(ExecutedBlock {
        proposal: Arc::new(propose(&block.proposal.header, view, statuses)),
        hash: block.hash,
        segments: segments.collect(),
        next_epoch: block.next_epoch.clone(),
    })
}

pub fn execute(
    header: &Header,
    epoch: &Arc<Epoch>,
    segments: Vec<Segment>,
    records: &mut Records,
    view: u32,
    statuses: Vec<Status>,
) -> Arc<ExecutedBlock> {
    let hash = header.hash();
    let mut next_epoch = None;
    let mut results = Vec::new();
    for segment in segments {
        let contract = TestContract(segment.domain);
        let faults = vec![None; segment.transactions.len()];
        let mut execution = Execution::new(&contract, epoch, header, &segment.transactions, &faults);
        let result = loop {
            match execution.run(records) {
                Step::Done(result) => break result,
                Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        if segment.domain == Domain::MEMBERSHIP {
            let changes = result.executed.iter().flat_map(|executed| &executed.changes);
            let value = changes.filter_map(|change| change.value.as_ref()).next_back();
            next_epoch = value.map(|value| Arc::new(Epoch::decode(value).unwrap()));
        }
        let raw = hutong_wire::transaction::encode_segment(&hash, &segment);
        results.push(SegmentResult { domain: segment.domain, segment, raw, result });
    }
    let proposal = Arc::new(propose(header, view, statuses));
    Arc::new(ExecutedBlock { proposal, hash, segments: results, next_epoch })
}

/// A running storage.
pub struct Node {
    pub storage: Storage,
    pub invariants: InvariantCounters,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Node {
    pub fn start(agency: usize, genesis: &Genesis, bus: &SharedBus, dir: &Path) -> Self {
        Self::start_with(agency, genesis, bus, dir, config(), SystemClock::shared()).unwrap()
    }

    /// With the configuration as it is by default, and another clock.
    pub fn start_at(
        agency: usize,
        genesis: &Genesis,
        bus: &SharedBus,
        dir: &Path,
        clock: SharedClock,
    ) -> Self {
        let config = Config { cache_bytes: 8 << 20, ..Config::default() };
        Self::start_with(agency, genesis, bus, dir, config, clock).unwrap()
    }

    pub fn start_with(
        agency: usize,
        genesis: &Genesis,
        bus: &SharedBus,
        dir: &Path,
        config: Config,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        Self::kept(agency, genesis, bus, dir, config, clock, hutong_journal::Options::default(), None)
    }

    /// With archive and tables on disks of the test's choice.
    #[allow(clippy::too_many_arguments, reason = "what a storage is given, one by one")]
    pub fn kept(
        agency: usize,
        genesis: &Genesis,
        bus: &SharedBus,
        dir: &Path,
        config: Config,
        clock: SharedClock,
        journal: hutong_journal::Options,
        tables: Option<hutong_store::Backend>,
    ) -> Result<Self, Error> {
        let metrics = Metrics::new();
        let ids = Invariant::ALL.map(|invariant| invariant.id());
        let invariants = InvariantCounters::new(&metrics, &ids);
        let (service, storage) = StorageService::open(Setup {
            agency: name(agency),
            dir: dir.to_owned(),
            genesis: genesis.clone(),
            host_key: key(agency, Purpose::Host),
            log_keys: vec![key(agency, Purpose::Log)],
            contracts: contracts(),
            config,
            journal,
            tables,
            bus: bus.clone(),
            clock,
            metrics,
            invariants: invariants.clone(),
        })?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(service.run(stop.clone()));
        Ok(Self { storage, invariants, stop, task })
    }

    /// Submits, insisting that the block is taken.
    pub async fn submit(&self, block: &Arc<ExecutedBlock>) {
        let session = self.storage.standing().await.unwrap().session;
        let submitted = self.storage.submit(session, block.clone()).await.unwrap();
        assert!(matches!(submitted, Submitted::Taken { .. }), "{submitted:?}");
    }

    pub async fn offer(&self, block: &Arc<ExecutedBlock>) -> Submitted {
        let session = self.storage.standing().await.unwrap().session;
        self.storage.submit(session, block.clone()).await.unwrap()
    }

    /// Waits until a height is final.
    pub async fn final_at(&self, height: u64) {
        let reached = self.storage.wait_final(height - 1, Duration::from_secs(20)).await.unwrap();
        assert!(reached >= height, "height {height} was to become final; {reached} is");
    }

    pub async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.task.await.unwrap()
    }

    /// Waits until the service ends by itself, and says why.
    pub async fn ended(self) -> Error {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await;
        ended.unwrap().unwrap().unwrap_err()
    }
}

/// A vote in view 0 of an agency that runs no node, for a block at the height of the given one.
pub fn vote(agency: usize, at: &ExecutedBlock, block: Hash) -> Vote {
    let (key, header) = (key(agency, Purpose::Host), &at.proposal.header);
    let ballot = Ballot { chain: header.chain, height: header.height, view: 0, block };
    let bytes = key.sign(&ballot.message());
    let signature = HostSignature { agency: name(agency), key: KeyId::of(key.public().as_bytes()), bytes };
    Vote { ballot, signature }
}

/// How far an agency's storage says that it is, as soon as it answers: one that has just begun serves nobody yet, and whoever
/// answers also listens.
pub async fn tip(bus: &SharedBus, agency: usize) -> AgencyTip {
    loop {
        match ask(&**bus, &name(agency), &Ask::Tip, Duration::from_secs(20)).await {
            Ok(Answer::Tip(tip)) => return tip,
            Ok(other) => panic!("{other:?}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

pub async fn publish(bus: &SharedBus, subject: String, payload: Vec<u8>) {
    let message = Message { subject, headers: Headers::default(), payload: payload.into() };
    bus.publish(message).await.unwrap();
}

pub fn config() -> Config {
    Config { status_age_ms_min: 0, cache_bytes: 8 << 20, ..Config::default() }
}

pub fn bus() -> SharedBus {
    EmbeddedBus::in_memory(hutong_bus_embedded::Options::default()).unwrap()
}

/// What a crash now would leave: a copy of the directory.
pub fn crash_copy(dir: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            crash_copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
    to.to_owned()
}

/// Plays validation after a restart: executes what is archived above the final state again.
pub async fn replay(node: &Node, maker_of: &HashMap<u64, Arc<ExecutedBlock>>) -> u64 {
    let mut height = node.storage.standing().await.unwrap().next_height;
    while let Some(archived) = node.storage.archived(height).await.unwrap() {
        let proposal = Proposal::decode(&archived.proposal).unwrap();
        let block = &maker_of[&height];
        assert_eq!(proposal.header.hash(), block.hash);
        node.submit(&in_view(block, proposal.view, proposal.statuses)).await;
        height += 1;
    }
    height - 1
}

//! The loop: inputs to the core, its actions to the archive, the bus, the state thread and memory.
//!
//! The loop never waits for the disk. What was appended to the archive is synced by one request at a time; while it
//! runs, more is appended, and the next request covers all of it.

mod inputs;
mod others;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture};
use hutong_bus::{Filter, Headers, Message, Request, SharedBus};
use hutong_keys::SigningKey;
use hutong_ledger::{contract::Contract, genesis::Genesis, hash::Hash, id::AgencyId};
use hutong_peer::{
    ExecutedBlock, Session, Submitted,
    agency::{AgencyTip, Answer},
    subjects,
};
use hutong_runtime::{InvariantCounters, Metrics, SharedClock};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    agency::{Answers, reply},
    archive::Archive,
    core::{Action, Charge, Core, Finalized, Identity, Now, Token},
    evidence,
    gauges::Gauges,
    handle::{Input, Other, Storage},
    peers::{Found, Pace},
    read::Reads,
    recent::{FinalBlock, Recent},
    recovery,
    segment::FinalSegment,
    state::{Computed, State},
    tiles::TileCache,
    worker::{self, Results, Task, Tasks},
};

/// Submissions and questions that wait for the loop.
const INPUTS_MAX: usize = 256;
/// The longest that an agency says nothing of itself.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Receipts that are built at a time.
const RECEIPTS_IN_FLIGHT: usize = 4;

/// What storage is given; it does not know how it is deployed.
#[derive(Debug)]
pub struct Setup {
    pub agency: AgencyId,
    /// Where archive and final state are.
    pub dir: PathBuf,
    pub genesis: Genesis,
    /// Signs votes, statuses and cosignatures.
    pub host_key: SigningKey,
    /// The log keys of the domains that the agency owns.
    pub log_keys: Vec<SigningKey>,
    /// To show records' values.
    pub contracts: Vec<Arc<dyn Contract>>,
    pub config: Config,
    /// How the archive is kept.
    pub journal: hutong_journal::Options,
    /// Where the final state is kept instead of a file in `dir`: for tests.
    pub tables: Option<hutong_store::Backend>,
    pub bus: SharedBus,
    pub clock: SharedClock,
    pub metrics: Metrics,
    pub invariants: InvariantCounters,
}

/// Storage of one agency.
#[derive(Debug)]
pub struct StorageService {
    config: Config,
    bus: SharedBus,
    clock: SharedClock,
    invariants: InvariantCounters,
    gauges: Gauges,
    core: Core,
    identity: Identity,
    session: Session,
    /// What was signed before this storage was opened.
    recalled_height: u64,
    archive: Arc<Archive>,
    recent: Arc<Recent>,
    answers: Answers,
    reads: Reads,
    /// Where archive and final state are.
    folder: PathBuf,
    tasks: Tasks,
    results: Results,
    thread: Option<JoinHandle<()>>,
    inputs: mpsc::Receiver<Input>,
    /// Submissions that wait until fewer heights are held.
    waiting: VecDeque<(Arc<ExecutedBlock>, oneshot::Sender<Submitted>)>,
    /// Results of blocks that are not final.
    computed: HashMap<(u64, Hash), Vec<FinalSegment>>,
    /// Questions whose answers wait for the disk.
    promised: HashMap<Token, Request>,
    /// What was told last of how far this agency is, and when.
    told: Option<(AgencyTip, Duration)>,
    /// What the others told.
    others: BTreeMap<AgencyId, Other>,
    /// When to ask others for what is missing, and where their answers come in.
    pace: Pace,
    found: (mpsc::Sender<Found>, mpsc::Receiver<Found>),
}

impl StorageService {
    /// Opens archive and final state. Reads the disk, and after a crash may take a while.
    pub fn open(setup: Setup) -> Result<(Self, Storage), Error> {
        let Setup {
            agency, dir, genesis, host_key, log_keys, contracts, mut config, journal, tables, ..
        } = setup;
        config.heights_held_max = config.heights_held_max.clamp(1, recovery::HEIGHTS_HELD_MAX as usize);
        let recovered = recovery::open(&dir, &config, (journal, tables), &genesis, agency)?;
        let identity = Identity { chain: genesis.chain(), agency, host: host_key, logs: log_keys };
        let now = now(&setup.clock);
        let recovery::Recovered { archive, store, base, epoch, known } = recovered;
        let recent = Arc::new(Recent::new(base.header.clone(), epoch.clone(), config.recent_bytes_max));
        let state = State::open(config.clone(), store.clone(), recent.clone())?;
        let (tasks, results, thread) = worker::start(state, config.in_step)?;
        let session = Session(getrandom::u64().map_err(|_| Error::Random)?);
        let recalled_height = known.signed_height();
        let core = Core::new(identity.clone(), config.clone(), base, epoch, known, archive.last(), now);
        let reads = Reads {
            chain: identity.chain,
            session,
            recent: recent.clone(),
            store,
            archive: archive.clone(),
            epochs: Arc::default(),
            tiles: TileCache::default(),
        };
        let (sender, inputs) = mpsc::channel(INPUTS_MAX);
        let storage = Storage {
            inputs: sender,
            reads: reads.clone(),
            tasks: tasks.clone(),
            clock: setup.clock.clone(),
            contracts: contracts.into(),
            genesis: Arc::new(genesis),
            invariants: setup.invariants.clone(),
            receipts: Arc::new(Semaphore::new(RECEIPTS_IN_FLIGHT)),
            agency,
            folder: dir.as_path().into(),
            in_step: config.in_step,
        };
        let service = Self {
            pace: Pace::new(&config),
            config,
            bus: setup.bus,
            clock: setup.clock,
            invariants: setup.invariants,
            gauges: Gauges::new(&setup.metrics, agency),
            core,
            answers: Answers { reads: reads.clone(), identity: identity.clone() },
            reads,
            folder: dir,
            identity,
            session,
            recalled_height,
            archive,
            recent,
            tasks,
            results,
            thread,
            inputs,
            waiting: VecDeque::new(),
            computed: HashMap::new(),
            promised: HashMap::new(),
            told: None,
            others: BTreeMap::new(),
            found: mpsc::channel(1),
        };
        Ok((service, storage))
    }

    /// Runs until stopped, or until something is wrong that restarting may not cure.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            ended = self.follow() => ended,
        };
        if let Err(error) = &ended {
            if let Some(invariant) = error.invariant() {
                self.invariants.violated(invariant.id(), &error.to_string());
            }
            tracing::error!(agency = %self.identity.agency, %error, "storage stops");
        }
        // Whoever waits for an answer learns that there will be none.
        self.inputs.close();
        let thread = self.thread.take();
        let closed = self.tasks.send(Task::Close);
        if let (Some(thread), Ok(())) = (thread, closed) {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the state thread panicked");
            }
        }
        ended
    }

    async fn follow(&mut self) -> Result<(), Error> {
        let closed = || Error::Bus(hutong_bus::Error::Closed);
        let mut votes = self.bus.subscribe(Filter::one(subjects::VOTES)).await?;
        let mut cosignatures = self.bus.subscribe(Filter::one(subjects::COSIGNATURES)).await?;
        let mut tips = self.bus.subscribe(Filter::one(subjects::TIPS)).await?;
        let mut requests = self.bus.serve(&subjects::agency(&self.identity.agency)).await?;
        let mut syncing: Option<hutong_journal::Durable> = None;
        let mut ticking = self.pause();
        loop {
            self.perform().await?;
            self.tell().await?;
            if syncing.is_none() && self.archive.durable_position() < self.archive.last() {
                syncing = Some(self.archive.durable(self.archive.last()));
            }
            let synced = async {
                match &mut syncing {
                    Some(syncing) => syncing.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                synced = synced => {
                    synced?;
                    syncing = None;
                    self.core.durable(self.archive.durable_position(), now(&self.clock))?;
                }
                computed = self.results.recv() => {
                    self.rooted(computed.ok_or(Error::Gone { what: "state" })??)?;
                }
                vote = votes.next() => self.hear_vote(&vote.ok_or_else(closed)?)?,
                cosigned = cosignatures.next() => self.hear_cosigned(&cosigned.ok_or_else(closed)?)?,
                tip = tips.next() => self.hear_tip(&tip.ok_or_else(closed)?),
                found = self.found.1.recv() => self.hear_found(found.unwrap_or_default())?,
                request = requests.next() => self.answer(request.ok_or_else(closed)?)?,
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input)?,
                    // Nobody here needs storage any more; others may still need its answers.
                    None => self.inputs.close(),
                },
                () = &mut ticking => {
                    ticking = self.pause();
                    self.core.tick(now(&self.clock))?;
                    self.ask_for_missing();
                }
            }
            self.take_waiting()?;
        }
    }

    /// Until the next look at what is missing, or until a block comes of age.
    fn pause(&self) -> BoxFuture<'static, ()> {
        let now = now(&self.clock);
        let of_age = self.core.of_age_at(now).map(|at| Duration::from_millis(at - now.unix_ms));
        let pause = self.config.patience() / 2;
        let pause = of_age.map_or(pause, |of_age| of_age.min(pause)).max(Duration::from_millis(1));
        let clock = self.clock.clone();
        Box::pin(async move { clock.sleep(pause).await })
    }

    fn rooted(&mut self, computed: Computed) -> Result<(), Error> {
        let Computed { height, block, points, segments } = computed;
        self.computed.insert((height, block), segments);
        self.core.rooted(height, block, points, now(&self.clock))
    }

    /// Does what the core has decided.
    async fn perform(&mut self) -> Result<(), Error> {
        for action in self.core.take_actions() {
            match action {
                Action::Append(record) => {
                    self.archive.append(&record)?;
                }
                Action::AppendBlock { seen_ms, block } => {
                    let segments: Vec<_> =
                        block.segments.iter().map(|part| (part.domain, part.raw.clone())).collect();
                    self.archive.append_block(seen_ms, &block.proposal.encode(), &segments)?;
                }
                Action::Rewind { height } => {
                    self.computed.retain(|(of, _), _| *of < height);
                    self.tasks.send(Task::Rewind { height })?;
                }
                Action::Compute(block) => self.tasks.send(Task::Compute(block))?,
                Action::PublishVote(vote) => {
                    publish(&self.bus, subjects::vote(&self.identity.agency), vote.encode()).await?;
                }
                Action::PublishCosigned(cosigned) => {
                    publish(&self.bus, subjects::cosign(&self.identity.agency), cosigned.encode()).await?;
                }
                Action::AnswerStatus(token, status) => {
                    if let Some(request) = self.promised.remove(&token) {
                        tokio::spawn(reply(request, Answer::Status(status.encode())));
                    }
                }
                Action::Finalize(end) => self.finalize(*end)?,
                Action::Violation { invariant, evidence } => {
                    self.invariants.violated(invariant.id(), &evidence);
                }
                Action::Convict(charge) => self.keep_evidence(charge),
            }
        }
        Ok(())
    }

    /// Beside the loop: it may have to look up how the epochs came about.
    fn keep_evidence(&self, charge: Charge) {
        let (reads, folder) = (self.reads.clone(), self.folder.join(evidence::FOLDER));
        tokio::task::spawn_blocking(move || match evidence::keep(&reads, &folder, &charge) {
            Ok(path) => {
                tracing::error!(path = %path.display(), "evidence of misbehaviour is kept; see hutong verify --evidence")
            }
            Err(error) => tracing::error!(%error, ?charge, "evidence of misbehaviour can't be kept"),
        });
    }

    fn finalize(&mut self, end: Finalized) -> Result<(), Error> {
        let (height, hash) = (end.block.height(), end.block.hash);
        let segments = self.computed.remove(&(height, hash));
        let segments = segments.ok_or(Error::Gone { what: "the results of a final height" })?;
        self.computed.retain(|(of, _), _| *of > height);
        let bytes = end.block.segments.iter().map(|part| part.raw.len()).sum::<usize>() + 4096;
        let block = Arc::new(FinalBlock {
            proposal: end.block.proposal.clone(),
            hash,
            certificate: end.certificate,
            notes: end.notes,
            segments,
            position: end.position,
            epoch: end.epoch,
            bytes,
        });
        self.gauges.finalized(&block, now(&self.clock).unix_ms);
        self.recent.push(block.clone());
        self.tasks.send(Task::Settle(block))
    }

    /// Tells how far this agency is, when that has changed, and now and then that it is there.
    async fn tell(&mut self) -> Result<(), Error> {
        let (tip, now) = (self.tip(), self.clock.monotonic());
        let told = self.told.filter(|(_, at)| now.saturating_sub(*at) < TELL_EVERY).map(|(tip, _)| tip);
        if told != Some(tip) {
            self.told = Some((tip, now));
            self.gauges.tip(&tip);
            publish(&self.bus, subjects::tip(&self.identity.agency), tip.encode()).await?;
        }
        Ok(())
    }

    fn tip(&self) -> AgencyTip {
        AgencyTip {
            agency: self.identity.agency,
            executed: self.core.next_height() - 1,
            certified: self.core.certified_height(),
            final_height: self.core.base().header.height,
        }
    }
}

/// What is published is missed without harm: whoever needs it asks.
async fn publish(bus: &SharedBus, subject: String, payload: Vec<u8>) -> Result<(), Error> {
    let message = Message { subject, headers: Headers::default(), payload: Bytes::from(payload) };
    match bus.publish(message).await {
        Err(hutong_bus::Error::Closed) => Err(hutong_bus::Error::Closed.into()),
        Err(error) => {
            tracing::warn!(%error, "a message was not published");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn now(clock: &SharedClock) -> Now {
    Now { unix_ms: clock.unix_ms(), monotonic: clock.monotonic() }
}

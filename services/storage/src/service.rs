//! The loop: inputs to the core, its actions to the archive, the bus, the state thread and memory.
//!
//! The loop never waits for the disk. What was appended to the archive is synced by one request at a time; while it
//! runs, more is appended, and the next request covers all of it.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture};
use hutong_bus::{Filter, Headers, Message, Request, SharedBus};
use hutong_keys::SigningKey;
use hutong_ledger::{
    contract::Contract,
    genesis::Genesis,
    hash::Hash,
    id::{AgencyId, TxId},
    vote::Vote,
};
use hutong_peer::{
    ExecutedBlock, Session, Submitted,
    agency::{AgencyTip, Answer, Ask, Cosigned},
    storage::Standing,
    subjects,
};
use hutong_runtime::{InvariantCounters, Metrics, SharedClock};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    agency::{Answers, Lookup, Turn, reply, turn},
    archive::Archive,
    core::{Action, Core, Finalized, Identity, Now, StatusAnswer, Token},
    gauges::Gauges,
    handle::{Input, Pending, Progress, Storage},
    peers::{Found, Pace, ask_all},
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
    archive: Arc<Archive>,
    recent: Arc<Recent>,
    answers: Answers,
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
    told: Option<AgencyTip>,
    /// When to ask others for what is missing, and where their answers come in.
    pace: Pace,
    found: (mpsc::Sender<Found>, mpsc::Receiver<Found>),
}

impl StorageService {
    /// Opens archive and final state. Reads the disk, and after a crash may take a while.
    pub fn open(setup: Setup) -> Result<(Self, Storage), Error> {
        let Setup { agency, dir, genesis, host_key, log_keys, contracts, mut config, journal, .. } = setup;
        config.heights_held_max = config.heights_held_max.clamp(1, recovery::HEIGHTS_HELD_MAX as usize);
        let recovered = recovery::open(&dir, &config, journal, &genesis, agency)?;
        let identity = Identity { chain: genesis.chain(), agency, host: host_key, logs: log_keys };
        let now = now(&setup.clock);
        let recovery::Recovered { archive, store, base, epoch, known } = recovered;
        let recent = Arc::new(Recent::new(base.header.clone(), epoch.clone(), config.recent_bytes_max));
        let state = State::open(config.clone(), store.clone(), recent.clone())?;
        let (tasks, results, thread) = worker::start(state)?;
        let session = Session(getrandom::u64().map_err(|_| Error::Random)?);
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
        };
        let service = Self {
            pace: Pace::new(&config),
            config,
            bus: setup.bus,
            clock: setup.clock,
            invariants: setup.invariants,
            gauges: Gauges::new(&setup.metrics, agency),
            core,
            answers: Answers { reads, identity: identity.clone() },
            identity,
            session,
            archive,
            recent,
            tasks,
            results,
            thread: Some(thread),
            inputs,
            waiting: VecDeque::new(),
            computed: HashMap::new(),
            promised: HashMap::new(),
            told: None,
            found: mpsc::channel(1),
        };
        Ok((service, storage))
    }

    /// Runs until stopped, or until something is wrong that restarting may not cure.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let ended = tokio::select! {
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

    fn take(&mut self, input: Input) -> Result<(), Error> {
        match input {
            Input::Standing(answer) => {
                let standing = Standing {
                    session: self.session,
                    final_header: self.core.base().header.clone(),
                    epoch: self.core.epoch().clone(),
                    next_height: self.core.next_height(),
                };
                let _ = answer.send(standing);
            }
            Input::Held { height, answer } => {
                let _ = answer.send(self.core.archived_at(height));
            }
            Input::Progress(answer) => {
                let progress =
                    Progress { held: self.core.next_height() - 1, certified: self.core.certified_height() };
                let _ = answer.send(progress);
            }
            Input::Pending { id, answer } => {
                let _ = answer.send(self.pending(&id));
            }
            Input::Submit { session, block, answer } => {
                let full = self.core.held() >= self.config.heights_held_max;
                if full && session == self.session && block.height() == self.core.next_height() {
                    self.waiting.push_back((block, answer));
                } else {
                    self.submit(session, block, answer)?;
                }
            }
        }
        Ok(())
    }

    fn submit(
        &mut self,
        session: Session,
        block: Arc<ExecutedBlock>,
        answer: oneshot::Sender<Submitted>,
    ) -> Result<(), Error> {
        let submitted = if session == self.session {
            self.core.submit(block, now(&self.clock))?
        } else {
            Submitted::Refused { reason: "the session is that of an earlier life of storage".into() }
        };
        let _ = answer.send(submitted);
        Ok(())
    }

    fn pending(&self, id: &TxId) -> Option<Pending> {
        self.core.slots().find_map(|slot| {
            let mut parts = slot.block.segments.iter();
            parts.find_map(|part| {
                let tx = part.segment.transactions.iter().find(|tx| tx.id == *id)?;
                Some(Pending { domain: part.domain, agency: tx.body.agency, height: slot.height() })
            })
        })
    }

    /// Submissions wait while too much is held that is not final.
    fn take_waiting(&mut self) -> Result<(), Error> {
        while self.core.held() < self.config.heights_held_max
            && let Some((block, answer)) = self.waiting.pop_front()
        {
            self.submit(self.session, block, answer)?;
        }
        Ok(())
    }

    fn rooted(&mut self, computed: Computed) -> Result<(), Error> {
        let Computed { height, block, points, segments } = computed;
        self.computed.insert((height, block), segments);
        self.core.rooted(height, block, points, now(&self.clock))
    }

    fn hear_vote(&mut self, message: &Message) -> Result<(), Error> {
        match (Vote::decode(&message.payload), sender(message)) {
            (Ok(vote), Some(sender)) if vote.signature.agency == sender && sender != self.identity.agency => {
                self.core.hear_vote(vote, now(&self.clock))
            }
            _ => Ok(()),
        }
    }

    fn hear_cosigned(&mut self, message: &Message) -> Result<(), Error> {
        match (Cosigned::decode(&message.payload), sender(message)) {
            (Ok(cosigned), Some(sender)) if cosigned.agency == sender => {
                self.recent.keep_log_signatures(&cosigned);
                self.core.hear_cosigned(cosigned, now(&self.clock))
            }
            _ => Ok(()),
        }
    }

    fn hear_found(&mut self, found: Found) -> Result<(), Error> {
        self.pace.answered();
        let now = now(&self.clock);
        for (proposal, certificate) in found.certificates {
            self.core.hear_certificate(&proposal, certificate, now)?;
        }
        for (agency, vote) in found.votes {
            if vote.signature.agency == agency && agency != self.identity.agency {
                self.core.hear_vote(vote, now)?;
            }
        }
        for (agency, cosigned) in found.cosigned {
            if cosigned.agency == agency {
                self.core.hear_cosigned(cosigned, now)?;
            } else {
                self.core.hear_relayed(&cosigned, now)?;
            }
        }
        Ok(())
    }

    /// Asks the other agencies when something has been missing for long.
    fn ask_for_missing(&mut self) {
        let now = now(&self.clock);
        let wanted = self.core.wanted(now, self.config.patience());
        let progress = (self.core.base().header.height, self.core.certified_height());
        let Some(round) = self.pace.round(now, progress, wanted.is_empty()) else { return };
        let own = self.identity.agency;
        let others = self.core.epoch().validating().map(|agency| agency.id).filter(|id| *id != own).collect();
        let asked = ask_all(self.bus.clone(), others, wanted, round, self.config.ask_timeout());
        let found = self.found.0.clone();
        tokio::spawn(async move {
            // The service may be gone by then.
            let _ = found.send(asked.await).await;
        });
    }

    fn answer(&mut self, request: Request) -> Result<(), Error> {
        let question = match Ask::decode(&request.message.payload) {
            Ok(question) => question,
            Err(error) => {
                tokio::spawn(reply(request, Answer::Refused(error.to_string())));
                return Ok(());
            }
        };
        let lookup = match turn(&self.core, self.tip(), question) {
            Turn::Answer(answer) => {
                tokio::spawn(reply(request, answer));
                return Ok(());
            }
            Turn::Lookup(lookup) => lookup,
            Turn::Status { height, view } => match self.core.status(height, view, now(&self.clock)) {
                StatusAnswer::Final => Lookup::Status { height, view },
                StatusAnswer::Refused(reason) => {
                    tokio::spawn(reply(request, Answer::Refused(reason)));
                    return Ok(());
                }
                StatusAnswer::Promised(token) => {
                    self.promised.insert(token, request);
                    // It may be durable already.
                    return self.core.tick(now(&self.clock));
                }
            },
        };
        let answers = self.answers.clone();
        tokio::spawn(async move {
            let answer = tokio::task::spawn_blocking(move || answers.look_up(lookup)).await;
            reply(request, answer.unwrap_or(Answer::Absent)).await;
        });
        Ok(())
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
            }
        }
        Ok(())
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

    /// Tells how far this agency is, when that has changed.
    async fn tell(&mut self) -> Result<(), Error> {
        let tip = self.tip();
        if self.told != Some(tip) {
            self.told = Some(tip);
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

/// The agency that a subject of the form `<kind>.<agency>` belongs to.
fn sender(message: &Message) -> Option<AgencyId> {
    message.subject.split_once('.')?.1.parse().ok()
}

fn now(clock: &SharedClock) -> Now {
    Now { unix_ms: clock.unix_ms(), monotonic: clock.monotonic() }
}

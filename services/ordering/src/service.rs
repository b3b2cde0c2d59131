//! The loop: read the lane and the queue, act when it is one's turn or a block is overdue.

mod act;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use hutong_bus::{Entry, Filter, Message, SharedBus, Stream};
use hutong_keys::SigningKey;
use hutong_ledger::{
    chain::{Base, Lane, Placed},
    epoch::Epoch,
    hash::sha256,
    id::{AgencyId, Domain},
};
use hutong_peer::{
    SharedStorage,
    agency::{AgencyTip, Answer, Ask, ask},
    stream, subjects,
};
use hutong_runtime::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    pace::Pace,
    queue::{Queue, Recent},
    spacing::Spacing,
};

/// How often the own agency is asked where it is, in case a tip was missed.
const TIP_POLL: Duration = Duration::from_millis(100);

/// What ordering is given.
#[derive(Clone, Debug)]
pub struct Ports {
    pub bus: SharedBus,
    /// Storage of the agency that operates this orderer.
    pub storage: SharedStorage,
    pub clock: SharedClock,
    /// The agency's orderer key.
    pub key: Arc<SigningKey>,
}

/// One orderer.
#[derive(Debug)]
pub struct OrderingService {
    agency: AgencyId,
    config: Config,
    ports: Ports,
}

impl OrderingService {
    pub fn new(agency: AgencyId, config: Config, ports: Ports) -> Self {
        Self { agency, config, ports }
    }

    /// Runs until stopped; failures are passing, since nothing is kept that could be wrong.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let error = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                error = self.round() => error,
            };
            tracing::warn!(agency = %self.agency, %error, "ordering starts over");
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.ports.clock.sleep(self.config.retry()) => {}
            }
        }
    }

    async fn round(&self) -> Error {
        match Round::start(self).await {
            Ok(mut round) => match round.follow().await {
                Ok(never) => match never {},
                Err(error) => error,
            },
            Err(error) => error,
        }
    }

    fn now(&self) -> Duration {
        self.ports.clock.monotonic()
    }
}

/// Everything that is dropped when ordering starts over.
struct Round<'a> {
    service: &'a OrderingService,
    lane: Lane,
    epoch: Arc<Epoch>,
    queue: Queue,
    recent: Recent,
    pace: Pace,
    spacing: Spacing,
    /// The sequence of the last header on the stream, counted or not: what an append is conditional on.
    last_header: u64,
    tip: AgencyTip,
    /// Domains left out of fresh blocks, until when.
    left_out: HashMap<Domain, Duration>,
    /// Views tried in vain, by height.
    tried: BTreeMap<u64, u32>,
    /// The height that was tried last.
    last_tried: u64,
}

impl<'a> Round<'a> {
    async fn start(service: &'a OrderingService) -> Result<Self, Error> {
        let Ports { bus, storage, .. } = &service.ports;
        let standing = storage.standing().await?;
        let base = Base::new(standing.final_header);
        let height = base.header.height;
        let incarnation =
            bus.tip(Stream::Transactions, &subjects::transactions(Domain::MEMBERSHIP)).await?.incarnation;
        let active = stream::last_proposal(&**bus).await?.map(|(_, proposal)| proposal.orderer);
        let now = service.now();
        let jitter = sha256(&[service.agency.as_str().as_bytes(), &height.to_be_bytes()]).0[0];
        let take_over = Duration::from_millis(service.config.take_over_ms);
        let tip =
            AgencyTip { agency: service.agency, executed: height, certified: height, final_height: height };
        Ok(Self {
            service,
            lane: Lane::new(base),
            epoch: standing.epoch,
            queue: Queue::new(incarnation),
            recent: Recent::default(),
            pace: Pace::new(service.agency, take_over, active, now, jitter),
            spacing: Spacing::new(Duration::from_millis(service.config.spacing_ms_max)),
            last_header: 0,
            tip,
            left_out: HashMap::new(),
            tried: BTreeMap::new(),
            last_tried: 0,
        })
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, Error> {
        let service = self.service;
        let bus = &service.ports.bus;
        let mut tips = bus.subscribe(Filter::one(subjects::tip(&service.agency))).await?;
        let from = stream::seek_height(&**bus, self.lane.height() + 1).await?;
        let mut headers = bus.read(Stream::Blocks, Filter::one(subjects::HEADER), from).await?;
        // What is on the stream already is read before anything is decided.
        let end = bus.tip(Stream::Blocks, subjects::HEADER).await?.subject_sequence;
        while self.last_header < end {
            let entry = headers.next().await.ok_or(Error::Ended(Stream::Blocks))??;
            self.take_header(entry).await?;
        }
        let cursors = &self.lane.base().header.cursors;
        let ordered = |c: &hutong_ledger::block::Cursor| c.incarnation == self.queue.incarnation;
        let all = self.epoch.domains.len() == cursors.iter().filter(|c| ordered(c)).count();
        let from = if all { cursors.iter().map(|c| c.sequence).min().unwrap_or(0) + 1 } else { 1 };
        let mut groups = bus.read(Stream::Transactions, Filter::one(subjects::TRANSACTIONS), from).await?;
        loop {
            let acted = self.act().await?;
            if acted {
                continue;
            }
            let room = self.queue.bytes() < service.config.queue_bytes_max;
            let (wait, pause) = (self.wait(), self.pause());
            tokio::select! {
                biased;
                entry = headers.next() => {
                    let entry = entry.ok_or(Error::Ended(Stream::Blocks))??;
                    self.take_header(entry).await?;
                }
                message = tips.next() => match message {
                    Some(message) => self.take_tip(&message),
                    None => return Err(hutong_bus::Error::Closed.into()),
                },
                entry = groups.next(), if room => {
                    let entry = entry.ok_or(Error::Ended(Stream::Transactions))??;
                    self.take_group(entry);
                }
                () = service.ports.clock.sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                () = service.ports.clock.sleep(wait) => self.poll_tip().await?,
            }
        }
    }

    /// How long there is nothing to do unless something arrives.
    fn wait(&self) -> Duration {
        let busy = self.lane.height() > self.tip.final_height || self.has_work();
        if busy {
            self.pace.until_due(&self.epoch, self.service.now()).clamp(Duration::from_millis(1), TIP_POLL)
        } else {
            TIP_POLL * 10
        }
    }

    /// How long what is queued waits for the next block, if it has to.
    fn pause(&self) -> Option<Duration> {
        let left = self.spacing.until_next(self.service.now());
        (!left.is_zero() && self.has_work()).then_some(left)
    }

    fn has_work(&self) -> bool {
        let (below, _) = self.lane.tip();
        self.queue.has_work(below, &|domain| self.is_left_out(domain))
    }

    fn is_left_out(&self, domain: Domain) -> bool {
        self.left_out.get(&domain).is_some_and(|until| *until > self.service.now())
    }

    fn take_group(&mut self, entry: Entry) {
        let domain = entry.subject.split_once('.').and_then(|(_, domain)| domain.parse().ok());
        let Some(domain) = domain else { return };
        let had_work = self.has_work();
        self.queue.push(domain, entry.sequence, entry.headers, entry.payload);
        if !had_work && self.lane.height() <= self.tip.certified {
            self.pace.moved(self.service.now());
        }
    }

    async fn take_header(&mut self, entry: Entry) -> Result<(), Error> {
        if entry.sequence <= self.last_header {
            return Ok(());
        }
        self.last_header = entry.sequence;
        let Ok(proposal) = stream::decode(&entry.payload) else { return Ok(()) };
        let (height, named, orderer) = (proposal.header.height, proposal.header.epoch, proposal.orderer);
        if named > self.epoch.number && height > self.lane.base().header.height {
            self.refresh_epoch().await?;
            if named > self.epoch.number {
                return Err(Error::Epoch { height, named, known: self.epoch.number });
            }
        }
        match self.lane.offer(proposal, entry.sequence, &self.epoch) {
            Ok(placed) => self.placed(height, placed, orderer),
            Err(skip) => tracing::debug!(height, sequence = entry.sequence, %skip, "a proposal is skipped"),
        }
        Ok(())
    }

    fn placed(&mut self, height: u64, placed: Placed, orderer: AgencyId) {
        if placed == Placed::Supersedes {
            self.recent.drop_from(height);
        }
        self.pace.proposed(orderer, self.service.now());
    }

    fn take_tip(&mut self, message: &Message) {
        if let Ok(tip) = AgencyTip::decode(&message.payload) {
            self.advance(tip);
        }
    }

    fn advance(&mut self, tip: AgencyTip) {
        if tip.certified > self.tip.certified {
            let now = self.service.now();
            self.pace.moved(now);
            self.spacing.certified(tip.certified, now);
        }
        let known = &mut self.tip;
        // Executed may go back with a superseded block, and certified with a promise of the agency's above the certificate's
        // view; what is final does not.
        known.executed = tip.executed;
        known.final_height = known.final_height.max(tip.final_height);
        known.certified = tip.certified.max(known.final_height);
        let settled = known.final_height;
        self.tried = self.tried.split_off(&(settled + 1));
        self.lane.settle(settled);
        self.queue.settle(&self.lane.base().header);
        self.recent.settle(settled);
    }

    async fn poll_tip(&mut self) -> Result<(), Error> {
        let service = self.service;
        let answer = ask(&*service.ports.bus, &service.agency, &Ask::Tip, service.config.ask_timeout()).await;
        if let Ok(Answer::Tip(tip)) = answer {
            self.advance(tip);
        }
        Ok(())
    }

    async fn refresh_epoch(&mut self) -> Result<(), Error> {
        let standing = self.service.ports.storage.standing().await?;
        let settled = standing.final_header.height;
        self.tip.final_height = self.tip.final_height.max(settled);
        self.lane.settle(settled);
        self.epoch = standing.epoch;
        Ok(())
    }
}

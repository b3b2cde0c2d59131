//! The loop: follow the lane, execute the next block as soon as its segments are there, hand it to storage.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{Entry, Headers, SharedBus};
use hutong_keys::{SigningKey, VerifierCache};
use hutong_ledger::{
    block::{Proposal, Segment},
    chain::{Base, Lane, Placed, Skip, Slot},
    contract::Contract,
    epoch::Epoch,
    id::{AgencyId, Domain},
};
use hutong_peer::{ExecutedBlock, Session, SharedStorage, Submitted, stream, subjects};
use hutong_runtime::{ComputePool, SharedClock, trace};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    Config, Error,
    execute::Engine,
    feed::{self, Segments},
    overlay::Overlay,
};

/// What validation is given; it does not know how it is deployed.
#[derive(Clone, Debug)]
pub struct Ports {
    pub bus: SharedBus,
    pub storage: SharedStorage,
    pub pool: ComputePool,
    pub clock: SharedClock,
    /// The agency's host key: other hosts give a missing segment only to who signs for it.
    pub host_key: Arc<SigningKey>,
}

/// Validation of one agency.
pub struct ValidationService {
    pub(crate) agency: AgencyId,
    pub(crate) config: Config,
    pub(crate) bus: SharedBus,
    clock: SharedClock,
    pub(crate) host_key: Arc<SigningKey>,
    engine: Engine,
}

impl std::fmt::Debug for ValidationService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValidationService").field("agency", &self.agency).finish_non_exhaustive()
    }
}

impl ValidationService {
    pub fn new(agency: AgencyId, config: Config, contracts: Vec<Arc<dyn Contract>>, ports: Ports) -> Self {
        let contracts = contracts
            .into_iter()
            .map(|contract| ((contract.domain(), contract.version()), contract))
            .collect();
        let cache = Arc::new(VerifierCache::default());
        let engine = Engine { contracts, storage: ports.storage, pool: ports.pool, cache };
        let Ports { bus, clock, host_key, .. } = ports;
        Self { agency, config, bus, clock, host_key, engine }
    }

    /// Runs until stopped. What can pass is tried again; an error that comes back needs an operator.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            let error = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                error = self.round() => error,
            };
            if stop.is_cancelled() {
                // What ends beside us in a drain is no failure.
                return Ok(());
            }
            if error.is_final() {
                tracing::error!(agency = %self.agency, %error, "validation stops");
                return Err(error);
            }
            tracing::warn!(agency = %self.agency, %error, "validation starts over");
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.config.retry()) => {}
            }
        }
    }

    /// From where storage stands on, until something no longer fits.
    async fn round(&self) -> Error {
        let standing = match self.engine.storage.standing().await {
            Ok(standing) => standing,
            Err(error) => return error.into(),
        };
        let base = Base::new(standing.final_header);
        let height = base.header.height;
        let (finals, follow) = watch::channel(height);
        let round = Round {
            service: self,
            session: standing.session,
            overlay: Overlay::new(height, standing.epoch.clone()),
            hosted: self.hosted(&standing.epoch),
            lane: Lane::new(base),
            segments: Segments::new(self.config.segments_bytes_max),
            held: VecDeque::new(),
            origins: BTreeMap::new(),
            repeated: Vec::new(),
            first_header: FirstHeader::Awaited,
            able: None,
            held_below: standing.next_height,
        };
        tokio::select! {
            biased;
            error = round.run(follow) => error,
            error = self.follow_finals(height, finals) => error,
        }
    }

    async fn follow_finals(&self, mut height: u64, finals: watch::Sender<u64>) -> Error {
        loop {
            match self.engine.storage.wait_final(height, Duration::from_secs(5)).await {
                Ok(reached) => {
                    height = height.max(reached);
                    finals.send_replace(height);
                }
                Err(error) => return error.into(),
            }
        }
    }
}

/// The first header that the stream gave since it was opened tells whether it reaches back far enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstHeader {
    Awaited,
    /// It is above what comes next: what lies between is with other agencies.
    Above(u64),
    Fits,
}

/// Everything that is dropped when validation starts over.
pub(crate) struct Round<'a> {
    pub(crate) service: &'a ValidationService,
    session: Session,
    pub(crate) lane: Lane,
    pub(crate) overlay: Overlay,
    pub(crate) hosted: Vec<Domain>,
    segments: Segments,
    /// Proposals that can be judged only when the epoch in force at their height is known.
    held: VecDeque<(Proposal, u64)>,
    /// The traces that proposals came with, by height.
    origins: BTreeMap<u64, Headers>,
    /// Heights whose block came again in a higher view and is to be submitted in that.
    repeated: Vec<u64>,
    first_header: FirstHeader,
    /// The epoch whose contracts are known to be here.
    able: Option<u64>,
    /// Storage holds what is archived below this height as executed, from before validation started over: it is executed again
    /// for the overlay alone.
    held_below: u64,
}

impl Round<'_> {
    async fn run(mut self, mut finals: watch::Receiver<u64>) -> Error {
        match self.follow(&mut finals).await {
            Ok(()) => Error::Ended,
            Err(error) => error,
        }
    }

    async fn follow(&mut self, finals: &mut watch::Receiver<u64>) -> Result<(), Error> {
        self.replay_archive().await?;
        let service = self.service;
        let mut entries = self.open().await?;
        let patience = service.config.segment_patience();
        loop {
            self.check_contracts()?;
            self.settle(*finals.borrow_and_update());
            self.submit_repeated().await?;
            if self.advance().await? {
                let hosted = service.hosted(&self.overlay.epoch());
                if hosted != self.hosted {
                    // Another set of segments is to be read from here on.
                    self.hosted = hosted;
                    entries = self.open().await?;
                }
                continue;
            }
            if let FirstHeader::Above(height) = self.first_header {
                self.catch_up(height, finals).await?;
                entries = self.open().await?;
                continue;
            }
            let waits_for_segment = self.lane.slot(self.overlay.next_height()).is_some();
            tokio::select! {
                biased;
                entry = entries.next() => match entry {
                    Some(entry) => self.take(entry?),
                    None => return Err(Error::Ended),
                },
                changed = finals.changed() => changed.map_err(|_| Error::Ended)?,
                () = tokio::time::sleep(patience), if waits_for_segment => self.fetch_missing().await,
            }
        }
    }

    /// Whether this software has the contracts of the epoch in force at the next height. It stops before a height that it
    /// could not execute, and not in the middle of it; the height that brought the epoch it has voted for.
    fn check_contracts(&mut self) -> Result<(), Error> {
        let (epoch, height) = (self.overlay.epoch(), self.overlay.next_height());
        if self.able != Some(epoch.number) {
            for domain in self.service.hosted(&epoch) {
                self.service.engine.contract(domain, &epoch, height)?;
            }
            self.able = Some(epoch.number);
        }
        Ok(())
    }

    /// Opens the stream at what comes next.
    async fn open(&mut self) -> Result<BoxStream<'static, Result<Entry, hutong_bus::Error>>, Error> {
        self.first_header = FirstHeader::Awaited;
        feed::open(&self.service.bus, &self.hosted, self.overlay.next_height()).await
    }

    /// What storage archived above its final state is executed first: storage voted on it.
    async fn replay_archive(&mut self) -> Result<(), Error> {
        loop {
            let height = self.overlay.next_height();
            let Some(archived) = self.service.engine.storage.archived(height).await? else { return Ok(()) };
            let damaged = |reason: String| Error::Archive { height, reason };
            let proposal = Proposal::decode(&archived.proposal).map_err(|e| damaged(e.to_string()))?;
            let hash = proposal.header.hash();
            let epoch = self.overlay.epoch();
            self.lane.offer(proposal, 0, &epoch).map_err(|e| damaged(e.to_string()))?;
            for (domain, raw) in archived.segments {
                self.segments.put(hash, domain, raw);
            }
            if !self.advance().await? {
                return Err(damaged("a segment is missing or does not match its header".into()));
            }
        }
    }

    /// Whether a block that may change the epoch waits to be executed below this height. Until then nobody knows
    /// under which epoch the height is to be judged.
    fn awaits_epoch(&self, height: u64) -> bool {
        let waiting =
            self.lane.slots().filter(|slot| slot.proposal.header.height >= self.overlay.next_height());
        waiting
            .take_while(|slot| slot.proposal.header.height < height)
            .any(|slot| slot.proposal.header.segment(Domain::MEMBERSHIP).is_some())
    }

    fn take(&mut self, entry: Entry) {
        if entry.subject != subjects::HEADER {
            if let Some((block, domain)) = feed::segment_key(&entry.payload) {
                self.segments.put(block, domain, entry.payload);
            }
            return;
        }
        let proposal = match stream::decode(&entry.payload) {
            Ok(proposal) => proposal,
            Err(error) => {
                tracing::warn!(sequence = entry.sequence, %error, "a proposal is malformed");
                return;
            }
        };
        if self.first_header == FirstHeader::Awaited {
            let height = proposal.header.height;
            let next = self.lane.height() + 1;
            self.first_header = if height > next { FirstHeader::Above(height) } else { FirstHeader::Fits };
        }
        if !entry.headers.is_empty() {
            self.origins.insert(proposal.header.height, entry.headers);
        }
        self.offer(proposal, entry.sequence);
    }

    fn offer(&mut self, proposal: Proposal, sequence: u64) {
        let height = proposal.header.height;
        if self.awaits_epoch(height) {
            self.held.push_back((proposal, sequence));
            return;
        }
        match self.lane.offer(proposal, sequence, &self.overlay.epoch()) {
            Ok(Placed::Extends) => {}
            Ok(Placed::Supersedes) => {
                self.overlay.drop_from(height);
                self.held_below = self.held_below.min(height);
            }
            Ok(Placed::Repeats) => self.repeated.push(height),
            // Who proposed it may be alone with that; if the others follow, this node falls behind and here is why.
            Err(skip @ Skip::Rules(_)) => tracing::error!(height, sequence, %skip, "upgrade this node"),
            Err(skip) => tracing::debug!(height, sequence, %skip, "a proposal is skipped"),
        }
    }

    pub(crate) fn settle(&mut self, height: u64) {
        for slot in self.lane.slots().take_while(|slot| slot.proposal.header.height <= height) {
            for segment in &slot.proposal.header.segments {
                self.segments.remove(slot.hash, segment.domain);
            }
        }
        self.origins = self.origins.split_off(&(height + 1));
        self.overlay.settle(height);
        self.lane.settle(height.min(self.overlay.next_height() - 1));
    }

    /// Executes and submits the next block if it is there with its segments; whether it did.
    pub(crate) async fn advance(&mut self) -> Result<bool, Error> {
        let height = self.overlay.next_height();
        let Some(slot) = self.lane.slot(height).cloned() else { return Ok(false) };
        self.check_contracts()?;
        let epoch = self.overlay.epoch();
        let Some(segments) = self.collect(&slot) else { return Ok(false) };
        let span = tracing::info_span!("validate.block", agency = %self.service.agency, height);
        if let Some(origin) = self.origins.remove(&height) {
            trace::follow(&span, origin.iter());
        }
        let block = self.execute(&slot, &epoch, segments).instrument(span).await?;
        self.overlay.push(block);
        for (proposal, sequence) in std::mem::take(&mut self.held) {
            self.offer(proposal, sequence);
        }
        Ok(true)
    }

    async fn execute(
        &self,
        slot: &Slot,
        epoch: &Arc<Epoch>,
        segments: Vec<(Bytes, Segment)>,
    ) -> Result<Arc<ExecutedBlock>, Error> {
        let block = self.service.engine.execute(slot, epoch, segments, &self.overlay).await?;
        if let Some(next) = &block.next_epoch {
            // Before storage has it: this height is where an agency stops that cannot go on.
            self.check_past(block.height(), epoch, next)?;
        }
        let block = Arc::new(block);
        if block.height() >= self.held_below {
            self.submit(block.clone()).await?;
        }
        Ok(block)
    }

    /// What is executed stays so; storage votes for it in the new view.
    async fn submit_repeated(&mut self) -> Result<(), Error> {
        for height in std::mem::take(&mut self.repeated) {
            let proposal = self.lane.slot(height).map(|slot| slot.proposal.clone());
            if let Some(block) = proposal.and_then(|proposal| self.overlay.repeat(&proposal)) {
                self.submit(block).await?;
            }
        }
        Ok(())
    }

    async fn submit(&self, block: Arc<ExecutedBlock>) -> Result<(), Error> {
        let height = block.height();
        match self.service.engine.storage.submit(self.session, block).await? {
            Submitted::Taken { .. } => Ok(()),
            Submitted::Refused { reason } => Err(Error::Refused { height, reason }),
        }
    }

    /// The hosted segments that the header names, if all are here and right.
    fn collect(&self, slot: &Slot) -> Option<Vec<(Bytes, Segment)>> {
        let named = slot.proposal.header.segments.iter().filter(|named| self.hosted.contains(&named.domain));
        let held = named.map(|named| {
            let raw = self.segments.get(slot.hash, named.domain)?;
            Some((raw.clone(), feed::matching(raw, slot, named)?))
        });
        held.collect()
    }

    /// Asks other hosts for segments of the next block that are not here.
    pub(crate) async fn fetch_missing(&mut self) {
        let Some(slot) = self.lane.slot(self.overlay.next_height()).cloned() else { return };
        let epoch = self.overlay.epoch();
        let service = self.service;
        for named in slot.proposal.header.segments.iter().filter(|n| self.hosted.contains(&n.domain)) {
            let held = self.segments.get(slot.hash, named.domain);
            if held.is_some_and(|raw| feed::matching(raw, &slot, named).is_some()) {
                continue;
            }
            let timeout = service.config.ask_timeout();
            let not_after_ms = service.clock.unix_ms().saturating_add(service.config.question_ms);
            let question =
                feed::question(service.agency, &service.host_key, &slot, named.domain, not_after_ms);
            let others = epoch.hosts(named.domain).into_iter().filter(|host| *host != service.agency);
            match feed::fetch(&service.bus, others, &question, &slot, named, timeout).await {
                Some(raw) => self.segments.put(slot.hash, named.domain, raw),
                None => tracing::warn!(
                    height = slot.proposal.header.height,
                    domain = %named.domain,
                    "no host has the segment; waiting for it or for a later view"
                ),
            }
        }
    }
}

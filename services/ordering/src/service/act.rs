//! What an orderer does when it is its turn: cut a block and append it, or replace one that is stuck.
//!
//! It decides nothing alone: an append is conditional on the last header that it read, and a block in a higher view carries
//! the statuses that oblige it. What the stream refuses is read again by the loop.

use std::time::Duration;

use hutong_bus::{AppendError, Stream};
use hutong_ledger::{
    block::{Header, Proposal},
    chain::Placed,
    id::Domain,
    vote::Status,
};
use hutong_runtime::trace;
use tracing::Instrument;

use super::Round;
use crate::{
    Error,
    cut::{self, Block, Place},
    propose, takeover,
};

impl Round<'_> {
    /// Cuts a block or replaces one, if it is time; whether anything was done.
    pub(super) async fn act(&mut self) -> Result<bool, Error> {
        let service = self.service;
        let due = self.pace.until_due(&self.epoch, service.now()).is_zero();
        let stuck = self.tip.certified + 1;
        if due && stuck <= self.lane.height() && stuck > self.lane.base().header.height {
            self.poll_tip().await?;
            if stuck > self.tip.certified {
                return self.replace(self.to_replace(stuck)).await;
            }
        }
        let done = self.tip.certified.min(self.tip.executed).max(self.lane.base().header.height);
        let in_flight = self.lane.height().saturating_sub(done);
        if in_flight >= service.config.in_flight_max || !self.has_work() {
            return Ok(false);
        }
        if !due && (!self.pace.is_active(&self.epoch) || self.pause().is_some()) {
            return Ok(false);
        }
        if self.barrier().await? {
            return Ok(false);
        }
        let height = self.lane.height() + 1;
        let Some(block) = self.cut(height) else { return Ok(false) };
        self.spacing.cut(height, service.now());
        self.propose(block, 0, Vec::new()).await
    }

    /// The height to move. Where that above the last certificate was tried in vain, other agencies may have promised that
    /// certificate away, though the own has not: then the lowest that is not final has to come again, and it is its turn
    /// every other time.
    fn to_replace(&self, stuck: u64) -> u64 {
        let lowest = self.lane.base().header.height + 1;
        if lowest < stuck && self.last_tried == stuck { lowest } else { stuck }
    }

    /// Whether a block that may change the epoch is not final yet; nothing is ordered above it until it is.
    async fn barrier(&mut self) -> Result<bool, Error> {
        let may_change = |header: &Header| header.segment(Domain::MEMBERSHIP).is_some();
        if self.lane.slots().any(|slot| may_change(&slot.proposal.header)) {
            return Ok(true);
        }
        if may_change(&self.lane.base().header) {
            self.refresh_epoch().await?;
        }
        Ok(false)
    }

    fn cut(&self, height: u64) -> Option<Block> {
        let (below, below_hash) = self.lane.below(height);
        let now_ms = self.service.ports.clock.unix_ms();
        let place = Place { below, below_hash, epoch: &self.epoch, now_ms };
        cut::cut(&self.queue, &self.recent, &place, &|domain| self.is_left_out(domain))
    }

    /// Proposes a block at a stuck height in the next view.
    async fn replace(&mut self, height: u64) -> Result<bool, Error> {
        let service = self.service;
        let Some(slot) = self.lane.slot(height) else { return Ok(false) };
        let tried = self.tried.get(&height).copied().unwrap_or(0);
        let view = slot.proposal.view.max(tried) + 1;
        self.tried.insert(height, view);
        self.last_tried = height;
        self.pace.moved(service.now());
        let (bus, timeout) = (&service.ports.bus, service.config.ask_timeout());
        tracing::warn!(height, view, "a block got no certificate in time; collecting statuses");
        let chain = self.lane.base().header.chain;
        let heard = takeover::statuses(bus, chain, &self.epoch, height, view, timeout).await;
        if heard.statuses.len() < self.epoch.quorum() {
            tracing::warn!(height, view, statuses = heard.statuses.len(), "too few statuses");
            return Ok(true);
        }
        let until = service.now() + service.config.left_out();
        for domain in heard.stalled(&self.epoch) {
            tracing::warn!(%domain, "the domain's hosts do not answer; it is left out");
            self.left_out.insert(domain, until);
        }
        let statuses: Vec<Status> = heard.statuses.into_values().collect();
        match Proposal::obliged(&statuses) {
            Some(block) => {
                let own = self.lane.slot(height).filter(|slot| slot.hash == block);
                let header = match own {
                    Some(slot) => Some(slot.proposal.header.clone()),
                    None => takeover::certified_header(bus, &self.epoch, height, block, timeout).await,
                };
                match header {
                    // The segments need not be sent again: those who certified the block hold them.
                    Some(header) => {
                        let block = Block { header, segments: Vec::new(), origins: Vec::new() };
                        self.propose(block, view, statuses).await
                    }
                    None => Ok(true),
                }
            }
            None => {
                self.recent.drop_from(height);
                let block = self.cut(height).unwrap_or_else(|| self.empty(height));
                self.propose(block, view, statuses).await
            }
        }
    }

    /// A block without segments: it moves a stuck height when nothing else may be ordered.
    fn empty(&self, height: u64) -> Block {
        let (below, below_hash) = self.lane.below(height);
        let time_ms = self.service.ports.clock.unix_ms().max(below.time_ms);
        let header = Header {
            height,
            prev: below_hash,
            time_ms,
            epoch: self.epoch.number,
            segments: Vec::new(),
            ..below.clone()
        };
        Block { header, segments: Vec::new(), origins: Vec::new() }
    }

    async fn propose(&mut self, block: Block, view: u32, statuses: Vec<Status>) -> Result<bool, Error> {
        let span = tracing::info_span!("order.block", height = block.header.height, view);
        // The block goes on with the first trace, and knows the others.
        if let Some((first, others)) = block.origins.split_first() {
            trace::follow(&span, first.iter());
            others.iter().for_each(|other| trace::link(&span, other.iter()));
        }
        self.append(block, view, statuses).instrument(span).await
    }

    async fn append(&mut self, block: Block, view: u32, statuses: Vec<Status>) -> Result<bool, Error> {
        let Block { header, segments, .. } = block;
        let service = self.service;
        let height = header.height;
        let hash = header.hash();
        let proposal = propose::sign(header, view, statuses, service.agency, &service.ports.key);
        let batch = propose::batch(&proposal, hash, &segments, self.last_header);
        match service.ports.bus.append(Stream::Blocks, batch).await {
            Ok(appended) => {
                self.last_header = appended.sequence;
                let ids = segments.iter().flat_map(|s| s.transactions.iter().map(|tx| tx.id)).collect();
                match self.lane.offer(proposal, appended.sequence, &self.epoch) {
                    Ok(placed) => {
                        self.placed(height, placed, service.agency);
                        if placed != Placed::Repeats {
                            self.recent.add(height, ids);
                        }
                    }
                    Err(skip) => return Err(Error::Skipped { height, skip }),
                }
                Ok(true)
            }
            // Another header came first, or perhaps our own did: the reader will show which.
            Err(AppendError::Stale { .. } | AppendError::Unknown { .. }) => {
                tracing::info!(
                    height,
                    "another header came first, or the acknowledgement was lost; reading again"
                );
                service.ports.clock.sleep(Duration::from_millis(5)).await;
                Ok(false)
            }
            Err(source) => Err(Error::Append { height, source }),
        }
    }
}

//! Follows what becomes final: answers who waits, lets go of what is done, and looks for what the stream lost or a
//! block passed over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hutong_bus::Stream;
use hutong_ledger::{
    id::{Domain, TxId},
    transaction::Transaction,
};
use hutong_peer::{Position, ingest::Rejected, subjects};
use hutong_wire::transaction::decode_group;
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    Error,
    check::{View, check},
    core::{Core, Job, Origin},
    group::Command,
    verify::finality,
};

/// How long to wait for a final block before looking after the stream anyway.
const IDLE: Duration = Duration::from_secs(1);
/// Final transactions that are read at a time.
const FINALS_MAX: usize = 2048;
/// The stream is looked after, and the journal's mark moved, at most so often.
const CARE_EVERY: Duration = Duration::from_millis(500);

pub(crate) struct Follower {
    core: Arc<Core>,
    grouper: UnboundedSender<Command>,
    /// Everything final up to here is settled.
    settled: Position,
    height: u64,
    cared: Duration,
    marked: u64,
}

impl Follower {
    /// From a height on, whose final transactions are known already.
    pub(crate) fn new(core: Arc<Core>, grouper: UnboundedSender<Command>, height: u64) -> Self {
        let settled = Position { height, ordinal: u32::MAX };
        let cared = core.ports.clock.monotonic();
        let marked = core.journal.next_position();
        Self { core, grouper, settled, height, cared, marked }
    }

    /// Runs for ever; fails only with the journal.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            match self.step().await {
                Ok(()) => attempt = 0,
                Err(error) if error.is_final() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "what is final can't be followed now; trying again");
                    self.core.ports.clock.sleep(self.core.config.retry(attempt)).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn step(&mut self) -> Result<(), Error> {
        let storage = self.core.ports.storage.clone();
        let reached = storage.wait_final(self.height, IDLE).await?;
        if reached > self.height {
            let view = View::from(storage.standing().await?);
            self.settle(view.header.height).await?;
            self.height = view.header.height;
            self.core.set_view(view);
        }
        // Also when nothing new is final: a group may hear only now where it stands.
        if let Some(view) = self.core.view() {
            self.look_back(&view)?;
        }
        let now = self.core.ports.clock.monotonic();
        if now.saturating_sub(self.cared) >= CARE_EVERY || reached <= self.height {
            self.cared = now;
            self.look_after_stream().await?;
            self.mark()?;
        }
        Ok(())
    }

    /// Settles all that is final up to a height.
    async fn settle(&mut self, height: u64) -> Result<(), Error> {
        let target = Position { height, ordinal: 0 };
        while self.settled < target {
            let (finals, upto) = self.core.ports.storage.finals(self.settled, None, FINALS_MAX).await?;
            let is_end = finals.len() < FINALS_MAX;
            let mut table = self.core.table.lock();
            for transaction in &finals {
                table.settle(&transaction.id, || finality(transaction));
            }
            self.core.meters.pending(table.pending());
            let moved = upto > self.settled;
            self.settled = self.settled.max(upto);
            if is_end || !moved {
                break;
            }
        }
        Ok(())
    }

    /// Finds what was accepted and then passed over by the blocks that are final now.
    fn look_back(&self, view: &View) -> Result<(), Error> {
        let follows = |domain: Domain| view.epoch.stores(&self.core.agency, domain);
        let passed = self.core.table.lock().passed(&view.header, follows);
        for id in &passed.unordered {
            tracing::warn!(%id, "an accepted transaction was not ordered before it expired");
            self.core.meters.unordered();
        }
        for (position, ids) in passed.again {
            self.take_again(view, position, &ids)?;
        }
        self.core.meters.pending(self.core.table.lock().pending());
        Ok(())
    }

    /// Transactions whose block passed them over are checked anew: those that would be taken now go into a new group.
    fn take_again(&self, view: &View, position: u64, ids: &[TxId]) -> Result<(), Error> {
        let kept = self.core.journal.read(position)?;
        let group = decode_group(kept.payload)
            .map_err(|error| Error::Record { position, reason: error.to_string() })?;
        let left = group.into_iter().filter_map(Result::ok).filter(|tx: &Transaction| ids.contains(&tx.id));
        let mut jobs = Vec::new();
        for transaction in left {
            let id = transaction.id;
            match check(view, view.header.time_ms, &transaction) {
                Ok(wanted) => {
                    tracing::warn!(%id, domain = %kept.domain, "a block passed an accepted transaction over");
                    self.core.meters.appended_again();
                    jobs.push(Job { transaction, wanted, origin: Origin::Again, trace: Vec::new() });
                }
                Err(why) => self.core.table.lock().void(&id, &Rejected::new(why.code, why.detail)),
            }
        }
        if !jobs.is_empty() {
            // A grouper that is gone ends this task too.
            let _ = self.grouper.send(Command::Jobs(jobs));
        }
        Ok(())
    }

    /// A stream that was made again, or ends before where a group stood, has lost that group.
    async fn look_after_stream(&self) -> Result<(), Error> {
        // The places first: what is appended after that can only stand before the tip that is read then.
        let places = self.core.table.lock().places();
        if places.is_empty() {
            return Ok(());
        }
        let tip = self.core.ports.bus.tip(Stream::Transactions, subjects::TRANSACTIONS).await?;
        let mut lost: BTreeMap<Domain, Vec<u64>> = BTreeMap::new();
        {
            let mut table = self.core.table.lock();
            for (position, place) in places {
                if place.incarnation == tip.incarnation && place.sequence <= tip.sequence {
                    continue;
                }
                if let Some(domain) = table.lost(position, place) {
                    lost.entry(domain).or_default().push(position);
                }
            }
        }
        for (domain, positions) in lost {
            tracing::warn!(%domain, groups = positions.len(), "the stream lost groups; appending them again");
            let _ = self.grouper.send(Command::Refill(domain, positions));
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<(), Error> {
        let next = self.core.journal.next_position();
        let low = self.core.table.lock().low().unwrap_or(next);
        // A mark takes a position itself, and alone is no reason for another one.
        if low > self.marked + 1 {
            self.core.journal.mark(low)?;
            self.marked = low;
        }
        Ok(())
    }
}

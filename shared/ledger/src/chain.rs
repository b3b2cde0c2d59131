//! The lane of proposals above what is final: which of the proposals on the stream counts, by one rule that every
//! reader applies to the same stream and so agrees on.
//!
//! A proposal counts if it is well formed, signed by an orderer of the epoch, and either extends the tip in view
//! 0 or stands at a height of the lane in a higher view than the one there. The latter takes the place of what was at
//! that height; if it is another block, everything above goes too. All others are skipped, with the reason.
//!
//! A repeat of the same block leaves what is above: who has that block as final already skips the repeat, and must
//! not see another lane than who has not.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    block::{Header, Proposal},
    epoch::Epoch,
    genesis::RULES_VERSION,
    hash::Hash,
    id::{ChainId, Domain},
};

/// A proposal in the lane.
#[derive(Clone, Debug)]
pub struct Slot {
    pub proposal: Arc<Proposal>,
    pub hash: Hash,
    /// The sequence of its message in the stream.
    pub sequence: u64,
}

/// Where a proposal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    Extends,
    /// It took the place of another block at its height; all above that are gone from the lane.
    Supersedes,
    /// The block at its height has a higher view now; what is above it stays.
    Repeats,
}

/// Why a proposal does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    #[error("it belongs to another chain")]
    Chain,
    #[error("it follows rules {0}, this software follows rules {RULES_VERSION}")]
    Rules(u32),
    #[error("it names epoch {named}; epoch {current} is in force")]
    Epoch { named: u64, current: u64 },
    #[error("height {height} is final up to {settled}")]
    Settled { height: u64, settled: u64 },
    #[error("height {height} is beyond the tip {tip}")]
    Ahead { height: u64, tip: u64 },
    #[error("it names domain {0}, which the epoch does not list")]
    Domain(Domain),
    #[error("its previous hash is not that of the block below it")]
    Link,
    #[error("its time is before that of the block below it")]
    Time,
    #[error("a block in view {current} stands at height {height} already")]
    View { height: u64, current: u32 },
    #[error("it lacks a quorum of statuses for its view")]
    Statuses,
    #[error("its statuses oblige it to repeat block {0}")]
    Obliged(Hash),
    #[error("no orderer of the epoch signed it")]
    Signature,
}

/// What is below the lane: the last final block, or genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub header: Header,
    pub hash: Hash,
}

impl Base {
    pub fn new(header: Header) -> Self {
        let hash = header.hash();
        Self { header, hash }
    }
}

/// The proposals that count, from the first height above the base to the tip.
#[derive(Clone, Debug)]
pub struct Lane {
    chain: ChainId,
    base: Base,
    slots: VecDeque<Slot>,
}

impl Lane {
    pub fn new(base: Base) -> Self {
        Self { chain: base.header.chain, base, slots: VecDeque::new() }
    }

    /// Takes the next proposal of the stream. `epoch` is the one in force at its height.
    pub fn offer(&mut self, proposal: Proposal, sequence: u64, epoch: &Epoch) -> Result<Placed, Skip> {
        let placed = self.judge(&proposal, epoch)?;
        let hash = proposal.header.hash();
        let index = self.index(proposal.header.height);
        let slot = Slot { proposal: Arc::new(proposal), hash, sequence };
        match self.slots.get_mut(index) {
            Some(held) if placed == Placed::Repeats => *held = slot,
            _ => {
                self.slots.truncate(index);
                self.slots.push_back(slot);
            }
        }
        Ok(placed)
    }

    fn judge(&self, proposal: &Proposal, epoch: &Epoch) -> Result<Placed, Skip> {
        let header = &proposal.header;
        let (height, settled, tip) = (header.height, self.base.header.height, self.height());
        if header.chain != self.chain {
            return Err(Skip::Chain);
        }
        if height <= settled {
            return Err(Skip::Settled { height, settled });
        }
        if height > tip + 1 {
            return Err(Skip::Ahead { height, tip });
        }
        if header.rules != RULES_VERSION {
            return Err(Skip::Rules(header.rules));
        }
        if header.epoch != epoch.number {
            return Err(Skip::Epoch { named: header.epoch, current: epoch.number });
        }
        let named = header.segments.iter().map(|s| s.domain).chain(header.cursors.iter().map(|c| c.domain));
        if let Some(unknown) = named.into_iter().find(|domain| epoch.rules(*domain).is_none()) {
            return Err(Skip::Domain(unknown));
        }
        let (below, below_hash) = self.below(height);
        if header.prev != below_hash {
            return Err(Skip::Link);
        }
        if header.time_ms < below.time_ms {
            return Err(Skip::Time);
        }
        let placed = match self.slot(height) {
            None => Placed::Extends,
            Some(slot) if slot.proposal.view >= proposal.view => {
                return Err(Skip::View { height, current: slot.proposal.view });
            }
            Some(slot) if slot.hash == header.hash() => Placed::Repeats,
            Some(_) => Placed::Supersedes,
        };
        if !proposal.signed(epoch) {
            return Err(Skip::Signature);
        }
        if proposal.view > 0 || !proposal.statuses.is_empty() {
            self.judge_statuses(proposal, epoch)?;
        }
        Ok(placed)
    }

    fn judge_statuses(&self, proposal: &Proposal, epoch: &Epoch) -> Result<(), Skip> {
        let header = &proposal.header;
        let fits = |status: &crate::vote::Status| {
            status.chain == self.chain
                && status.height == header.height
                && status.view == proposal.view
                && status.verifies(epoch)
                // The certified block's segments are unknown here, so only the city-wide quorum is asked for:
                // repeating a block is always safe.
                && status.certificate.as_ref().is_none_or(|c| c.verifies(self.chain, epoch, &[]))
        };
        let statuses = &proposal.statuses;
        let each_once = crate::canon::ascending(statuses, |s| s.signature.agency);
        if !each_once || statuses.len() < epoch.quorum() || !statuses.iter().all(fits) {
            return Err(Skip::Statuses);
        }
        match Proposal::obliged(statuses) {
            Some(block) if block != header.hash() => Err(Skip::Obliged(block)),
            _ => Ok(()),
        }
    }

    /// Takes blocks up to a height out of the lane: they are final.
    pub fn settle(&mut self, height: u64) {
        while self.base.header.height < height {
            let Some(slot) = self.slots.pop_front() else { return };
            self.base = Base { header: slot.proposal.header.clone(), hash: slot.hash };
        }
    }

    /// Takes the blocks from a height on out of the lane: what they were judged by no longer holds.
    pub fn drop_from(&mut self, height: u64) {
        if height > self.base.header.height {
            self.slots.truncate(self.index(height));
        }
    }

    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The height of the tip.
    pub fn height(&self) -> u64 {
        self.base.header.height + self.slots.len() as u64
    }

    /// The tip's header and hash; the base's when the lane is empty.
    pub fn tip(&self) -> (&Header, Hash) {
        self.below(self.height() + 1)
    }

    pub fn slot(&self, height: u64) -> Option<&Slot> {
        if height <= self.base.header.height { None } else { self.slots.get(self.index(height)) }
    }

    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// Header and hash of the block below a height of the lane, or below the next one.
    pub fn below(&self, height: u64) -> (&Header, Hash) {
        match self.slot(height - 1) {
            Some(slot) => (&slot.proposal.header, slot.hash),
            None => (&self.base.header, self.base.hash),
        }
    }

    fn index(&self, height: u64) -> usize {
        usize::try_from(height - self.base.header.height - 1).unwrap_or(usize::MAX)
    }
}

//! Taking executed blocks: which one fits, and what becomes of those that it supersedes.

use std::sync::Arc;

use hutong_peer::{ExecutedBlock, Submitted};

use super::{Action, Core, Now, slot::Slot};
use crate::Error;

impl Core {
    /// Takes an executed block, as [`hutong_peer::StoragePeer::submit`] promises.
    pub(crate) fn submit(&mut self, block: Arc<ExecutedBlock>, now: Now) -> Result<Submitted, Error> {
        let height = block.height();
        if let Err(reason) = self.fits(&block) {
            return Ok(Submitted::Refused { reason });
        }
        if self.known.block(height).is_some_and(|known| known.hash != block.hash) {
            // What the archive has above stood on the block that this one supersedes: it is in the lane no more.
            self.known.blocks.split_off(&height);
        }
        let known = self.known.block(height).filter(|known| known.view == block.proposal.view);
        let (position, seen_ms) = known.map(|known| (known.position, known.seen_ms)).unwrap_or_else(|| {
            self.appended += 1;
            self.actions.push(Action::AppendBlock { seen_ms: now.unix_ms, block: block.clone() });
            (self.appended, now.unix_ms)
        });
        let at = usize::try_from(height - self.base.header.height - 1).unwrap_or(usize::MAX);
        match self.slots.get_mut(at) {
            // The same block in a higher view: what was computed, signed and built on it stands.
            Some(slot) if slot.block.hash == block.hash => slot.repeat(block, position, now),
            held => {
                if held.is_some() {
                    // What stood on the superseded block is gone from the lane with it.
                    self.slots.truncate(at);
                    self.actions.push(Action::Rewind { height });
                }
                let epoch = self.epoch_at(height).clone();
                self.actions.push(Action::Compute(block.clone()));
                self.slots.push_back(Slot::new(block, epoch, position, seen_ms, now));
                self.tip_since = now.monotonic;
            }
        }
        self.advance(now)?;
        Ok(Submitted::Taken { next_height: self.next_height() })
    }

    fn fits(&self, block: &ExecutedBlock) -> Result<(), String> {
        let (header, height, next) = (&block.proposal.header, block.height(), self.next_height());
        let settled = self.base.header.height;
        if header.chain != self.identity.chain {
            return Err(format!("the block is of chain {}", header.chain));
        }
        if height <= settled || height > next {
            return Err(format!("height {height} does not fit: {settled} is final, {next} is next"));
        }
        if let Some(slot) = self.slot(height)
            && slot.block.proposal.view >= block.proposal.view
        {
            let view = slot.block.proposal.view;
            return Err(format!(
                "height {height} is held in view {view}, which this block does not supersede"
            ));
        }
        if header.prev != self.hash_below(height) {
            return Err(format!("height {height} does not link to the block that is held below it"));
        }
        let epoch = self.epoch_at(height).number;
        if header.epoch != epoch {
            return Err(format!("height {height} names epoch {}; {epoch} is in force", header.epoch));
        }
        match self.known.block(height) {
            Some(known) if known.hash != block.hash && known.view >= block.proposal.view => {
                Err(format!("the archive has another block at height {height}, view {}", known.view))
            }
            _ => Ok(()),
        }
    }
}

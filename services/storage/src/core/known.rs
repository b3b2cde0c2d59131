//! What the archive remembered of the heights above the final state when storage started.

use std::collections::BTreeMap;

use hutong_ledger::{
    hash::Hash,
    vote::{Certificate, Commitments, Status, Vote},
};
use hutong_peer::agency::Cosigned;

use crate::archive::FinalRecord;

/// A block in the archive.
#[derive(Clone, Debug)]
pub(crate) struct KnownBlock {
    pub(crate) hash: Hash,
    pub(crate) view: u32,
    pub(crate) position: u64,
    pub(crate) seen_ms: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The wall time at which the last final block was seen first.
    pub(crate) base_seen_ms: Option<u64>,
    /// The lane as it was: what a block superseded is not in it.
    pub(crate) blocks: BTreeMap<u64, KnownBlock>,
    pub(crate) commitments: Commitments,
    pub(crate) votes: BTreeMap<(u64, u32), Vote>,
    pub(crate) statuses: BTreeMap<(u64, u32), Status>,
    pub(crate) certificates: BTreeMap<(u64, u32), Certificate>,
    pub(crate) cosigned: BTreeMap<(u64, u32), (Cosigned, u64)>,
    pub(crate) finals: BTreeMap<u64, FinalRecord>,
}

impl Known {
    pub(crate) fn block(&self, height: u64) -> Option<&KnownBlock> {
        self.blocks.get(&height)
    }

    /// The highest height that the agency cosigned or knew as final; 0 if none.
    pub(crate) fn signed_height(&self) -> u64 {
        let cosigned = self.cosigned.keys().next_back().map_or(0, |(height, _)| *height);
        cosigned.max(self.finals.keys().next_back().copied().unwrap_or(0))
    }

    /// Forgets what is below a height.
    pub(crate) fn forget_below(&mut self, height: u64) {
        self.blocks = self.blocks.split_off(&height);
        self.votes = self.votes.split_off(&(height, 0));
        self.statuses = self.statuses.split_off(&(height, 0));
        self.certificates = self.certificates.split_off(&(height, 0));
        self.cosigned = self.cosigned.split_off(&(height, 0));
        self.finals = self.finals.split_off(&height);
    }
}

//! An executed block, as validation hands it to storage.

use std::sync::Arc;

use bytes::Bytes;
use hutong_ledger::{
    block::{Proposal, Segment},
    epoch::Epoch,
    execute::ExecutedSegment,
    hash::Hash,
    id::Domain,
};

/// One hosted domain's part of a block.
#[derive(Clone, Debug)]
pub struct SegmentResult {
    pub domain: Domain,
    pub segment: Segment,
    /// The segment as it stood on the stream: what the archive keeps.
    pub raw: Bytes,
    pub result: ExecutedSegment,
}

/// A valid block with what its hosted segments came to. In one process it is handed over by reference.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    pub proposal: Arc<Proposal>,
    pub hash: Hash,
    /// The hosted segments, sorted by domain.
    pub segments: Vec<SegmentResult>,
    /// The epoch that holds from the next height, if this block changes it: a barrier.
    pub next_epoch: Option<Arc<Epoch>>,
}

impl ExecutedBlock {
    pub fn height(&self) -> u64 {
        self.proposal.header.height
    }
}

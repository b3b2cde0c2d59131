//! Finding one's way in the BLOCKS stream. Nobody keeps a durable position in it: heights are found by looking.

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Bus, Entry, Error, Filter, Stream};
use hutong_ledger::{block::Proposal, canon::Malformed};

use crate::subjects;

/// Blocks this far below the wanted height are read as well: a view change puts a lower height after a higher one.
const HEIGHTS_BACK: u64 = 16;

/// A sequence of the BLOCKS stream from which on reading misses no proposal at or above the height: by bisection
/// over what is kept, since heights ascend but for the few steps back of view changes.
pub async fn seek_height(bus: &dyn Bus, height: u64) -> Result<u64, Error> {
    let tip = bus.tip(Stream::Blocks, subjects::HEADER).await?;
    let wanted = height.saturating_sub(HEIGHTS_BACK);
    let (mut low, mut high) = (tip.first_sequence.max(1), tip.subject_sequence);
    while low < high {
        let middle = low + (high - low) / 2;
        // The first proposal at or after the middle; there is one, since `high` is one.
        match proposal_from(bus, middle).await? {
            Some((sequence, found)) if found >= wanted => high = sequence.min(middle),
            Some((sequence, _)) => low = sequence + 1,
            None => high = middle,
        }
    }
    // The segments of a block stand before its header: go back over them by starting after the header before.
    previous_header(bus, low, tip.first_sequence.max(1)).await
}

/// The last proposal on the stream with its sequence, if there is one that is well formed.
pub async fn last_proposal(bus: &dyn Bus) -> Result<Option<(u64, Proposal)>, Error> {
    let tip = bus.tip(Stream::Blocks, subjects::HEADER).await?;
    if tip.subject_sequence == 0 {
        return Ok(None);
    }
    let entry = first_header(bus, tip.subject_sequence).await?;
    Ok(entry.and_then(|entry| Some((entry.sequence, decode(&entry.payload).ok()?))))
}

/// Decodes the payload of a `block.header` entry.
pub fn decode(payload: &Bytes) -> Result<Proposal, Malformed> {
    Proposal::decode(payload)
}

async fn first_header(bus: &dyn Bus, from: u64) -> Result<Option<Entry>, Error> {
    let tip = bus.tip(Stream::Blocks, subjects::HEADER).await?;
    if tip.subject_sequence < from {
        return Ok(None);
    }
    let mut entries = bus.read(Stream::Blocks, Filter::one(subjects::HEADER), from).await?;
    entries.next().await.transpose()
}

async fn proposal_from(bus: &dyn Bus, mut from: u64) -> Result<Option<(u64, u64)>, Error> {
    while let Some(entry) = first_header(bus, from).await? {
        if let Ok(proposal) = decode(&entry.payload) {
            return Ok(Some((entry.sequence, proposal.header.height)));
        }
        from = entry.sequence + 1;
    }
    Ok(None)
}

/// A block has at most one segment per domain before its header.
async fn previous_header(bus: &dyn Bus, sequence: u64, first: u64) -> Result<u64, Error> {
    let reach = hutong_ledger::epoch::DOMAINS_MAX as u64 + 1;
    let tip = bus.tip(Stream::Blocks, subjects::HEADER).await?;
    Ok(sequence.saturating_sub(reach).clamp(first.min(tip.sequence + 1), tip.sequence + 1))
}

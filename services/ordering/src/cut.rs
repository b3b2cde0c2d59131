//! Making a block of what is queued. Pure: same queue, header below and time give the same block.

use std::collections::{BTreeMap, HashSet};

use hutong_bus::Headers;
use hutong_ledger::{
    block::{Cursor, GROUP_BYTES_MAX, Header, SEGMENT_TRANSACTIONS_MAX, Segment, SegmentRef},
    epoch::Epoch,
    genesis::RULES_VERSION,
    hash::Hash,
    id::Domain,
    transaction::Transaction,
};

use crate::queue::{Queue, Recent};

/// The most traces that a block is linked to.
const ORIGINS_MAX: usize = 16;

/// A block to propose.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) header: Header,
    pub(crate) segments: Vec<Segment>,
    /// Headers of some of the groups in it: the traces that the block goes on with.
    pub(crate) origins: Vec<Headers>,
}

/// Where the block goes.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) below: &'a Header,
    pub(crate) below_hash: Hash,
    pub(crate) epoch: &'a Epoch,
    pub(crate) now_ms: u64,
}

/// The next block above a header, or nothing when there is nothing to order. Whole groups only, so that a cursor says
/// all; domains left out keep their cursors.
pub(crate) fn cut(
    queue: &Queue,
    recent: &Recent,
    place: &Place<'_>,
    left_out: &dyn Fn(Domain) -> bool,
) -> Option<Block> {
    let below = place.below;
    let time_ms = place.now_ms.max(below.time_ms);
    let mut cursors: BTreeMap<Domain, Cursor> = below.cursors.iter().map(|c| (c.domain, *c)).collect();
    let mut segments = Vec::new();
    let mut moved = false;
    let mut origins = Vec::new();
    let mut seen = HashSet::new();
    let domains = queue.domains().filter(|domain| place.epoch.rules(*domain).is_some() && !left_out(*domain));
    for domain in domains {
        let mut transactions: Vec<Transaction> = Vec::new();
        let mut bytes = 0;
        for group in queue.after(below, domain) {
            let many = transactions.len() + group.transactions.len() > SEGMENT_TRANSACTIONS_MAX;
            if bytes > 0 && (many || bytes + group.bytes > GROUP_BYTES_MAX) {
                break;
            }
            bytes += group.bytes;
            moved = true;
            if !group.headers.is_empty() && origins.len() < ORIGINS_MAX {
                origins.push(group.headers.clone());
            }
            cursors
                .insert(domain, Cursor { domain, incarnation: queue.incarnation, sequence: group.sequence });
            let mut valid = |tx: &&Transaction| {
                tx.check_form(below.chain, domain).is_ok()
                    && tx.check_time(time_ms).is_ok()
                    && !recent.contains(&tx.id)
                    && seen.insert(tx.id)
            };
            transactions.extend(group.transactions.iter().filter(|tx| valid(tx)).cloned());
        }
        if !transactions.is_empty() {
            segments.push(Segment { domain, transactions });
        }
    }
    if !moved {
        return None;
    }
    let header = Header {
        chain: below.chain,
        rules: RULES_VERSION,
        epoch: place.epoch.number,
        height: below.height + 1,
        prev: place.below_hash,
        time_ms,
        cursors: cursors.into_values().collect(),
        segments: segments.iter().map(|s| SegmentRef { domain: s.domain, root: s.root() }).collect(),
    };
    Some(Block { header, segments, origins })
}

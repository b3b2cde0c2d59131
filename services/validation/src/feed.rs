//! Proposals and segments as they come from the stream, the archive, or another agency.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{Entry, Filter, SharedBus, Stream};
use hutong_ledger::{
    block::{Segment, SegmentRef},
    chain::Slot,
    hash::Hash,
    id::{AgencyId, Domain},
};
use hutong_peer::{
    agency::{Answer, Ask, ask},
    stream::seek_height,
    subjects,
};
use hutong_wire::transaction::decode_segment;

use crate::Error;

/// Segments by block and domain, with their age.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    held: BTreeMap<(Hash, Domain), (u64, Bytes)>,
    by_age: BTreeMap<u64, (Hash, Domain)>,
    next_age: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Segments {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// Keeps a segment; the oldest go when there are too many bytes (they can be asked for).
    pub(crate) fn put(&mut self, block: Hash, domain: Domain, raw: Bytes) {
        self.remove(block, domain);
        self.bytes += raw.len();
        self.by_age.insert(self.next_age, (block, domain));
        self.held.insert((block, domain), (self.next_age, raw));
        self.next_age += 1;
        while self.bytes > self.bytes_max {
            let Some((_, (block, domain))) = self.by_age.pop_first() else { return };
            self.remove(block, domain);
        }
    }

    pub(crate) fn get(&self, block: Hash, domain: Domain) -> Option<&Bytes> {
        self.held.get(&(block, domain)).map(|(_, raw)| raw)
    }

    pub(crate) fn remove(&mut self, block: Hash, domain: Domain) {
        if let Some((age, raw)) = self.held.remove(&(block, domain)) {
            self.by_age.remove(&age);
            self.bytes -= raw.len();
        }
    }
}

/// Opens the stream of proposals and hosted segments from a height on.
pub(crate) async fn open(
    bus: &SharedBus,
    hosted: &[Domain],
    height: u64,
) -> Result<BoxStream<'static, Result<Entry, hutong_bus::Error>>, Error> {
    let subjects = hosted.iter().map(|domain| subjects::segment(*domain));
    let filter = Filter::any(subjects.chain([subjects::HEADER.to_owned()]));
    let from = seek_height(&**bus, height).await?;
    Ok(bus.read(Stream::Blocks, filter, from).await?.boxed())
}

/// The block that a segment message says it is for, without decoding its transactions twice.
pub(crate) fn segment_key(payload: &Bytes) -> Option<(Hash, Domain)> {
    use hutong_wire::prost::Message;
    let message = hutong_wire::v1::Segment::decode(payload.clone()).ok()?;
    Some((Hash(message.block[..].try_into().ok()?), message.domain.parse().ok()?))
}

/// Decodes a segment and checks that it is the one that the header names.
pub(crate) fn matching(raw: &Bytes, slot: &Slot, named: &SegmentRef) -> Option<Segment> {
    let (block, segment) = decode_segment(raw.clone()).ok()?;
    let fits = block == slot.hash && segment.domain == named.domain && segment.root() == named.root;
    fits.then_some(segment)
}

/// Asks hosts for a segment, one after the other, until one gives the right bytes.
pub(crate) async fn fetch(
    bus: &SharedBus,
    hosts: impl Iterator<Item = AgencyId>,
    question: &Ask,
    slot: &Slot,
    named: &SegmentRef,
    timeout: Duration,
) -> Option<Bytes> {
    for host in hosts {
        match ask(&**bus, &host, question, timeout).await {
            Ok(Answer::Segment(raw)) => {
                let raw = Bytes::from(raw);
                if matching(&raw, slot, named).is_some() {
                    return Some(raw);
                }
                tracing::warn!(%host, domain = %named.domain, "a host gave bytes that are not the segment's");
            }
            Ok(Answer::Refused(reason)) => {
                tracing::warn!(%host, domain = %named.domain, reason, "a host refused a segment");
            }
            // It lacks the segment too, or does not answer; the next host may.
            Ok(_) | Err(_) => {}
        }
    }
    None
}

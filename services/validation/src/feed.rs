//! Proposals and segments as they come from the stream, the archive, or another agency.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{Entry, Filter, SharedBus, Stream};
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::{Segment, SegmentRef},
    chain::Slot,
    hash::Hash,
    id::{AgencyId, Domain, KeyId},
    segment_request::{SegmentRequest, Wanted},
    vote::HostSignature,
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

/// The question for a segment of a block, in an agency's name.
pub(crate) fn question(
    agency: AgencyId,
    host_key: &SigningKey,
    slot: &Slot,
    domain: Domain,
    not_after_ms: u64,
) -> Ask {
    let header = &slot.proposal.header;
    let wanted =
        Wanted { chain: header.chain, domain, height: header.height, block: slot.hash, not_after_ms };
    let bytes = host_key.sign(&wanted.message());
    let key = KeyId::of(host_key.public().as_bytes());
    Ask::Segment(Box::new(SegmentRequest { wanted, signature: HostSignature { agency, key, bytes } }))
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use hutong_bus_embedded::EmbeddedBus;
    use hutong_ledger::{
        block::{Header, Proposal},
        epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
        genesis::{Genesis, RULES_VERSION},
    };
    use hutong_peer::subjects;
    use hutong_wire::transaction::encode_segment;

    use super::*;

    const NOW_MS: u64 = 1_700_000_000_000;
    const HOSTS: [&str; 4] = ["absent", "asker", "giver", "liar"];

    fn host_key(name: &str) -> SigningKey {
        let mut seed = [7; 32];
        seed[..name.len()].copy_from_slice(name.as_bytes());
        SigningKey::from_seed(&seed)
    }

    fn id(name: &str) -> AgencyId {
        name.parse().unwrap()
    }

    fn genesis() -> Genesis {
        let agencies = HOSTS.map(|name| Agency {
            id: id(name),
            name: name.into(),
            validating: true,
            keys: vec![Key { purpose: Purpose::Host, public: host_key(name).public().0 }],
        });
        let hosts = HOSTS.map(|name| Host { agency: id(name), ready: true }).to_vec();
        let domain = "property".parse().unwrap();
        let epoch = Epoch {
            number: 0,
            from_height: 1,
            agencies: agencies.to_vec(),
            domains: vec![DomainRules { domain, owner: id("giver"), contract: 1, hosts }],
            orderers: Vec::new(),
        };
        Genesis { name: id("city"), time_ms: NOW_MS, epoch }
    }

    fn slot(genesis: &Genesis, segment: &Segment) -> (Slot, SegmentRef) {
        let named = SegmentRef { domain: segment.domain, root: segment.root() };
        let below = genesis.header();
        let header = Header {
            chain: genesis.chain(),
            rules: RULES_VERSION,
            height: 1,
            prev: below.hash(),
            segments: vec![named],
            ..below
        };
        let (orderer, key, hash) = (id("giver"), KeyId([0; 8]), header.hash());
        let proposal =
            Arc::new(Proposal { header, view: 0, orderer, key, statuses: Vec::new(), signature: [0; 64] });
        (Slot { proposal, hash, sequence: 1 }, named)
    }

    /// Answers as storage does: bytes to who is entitled, a refusal to anyone else.
    async fn serve(bus: &SharedBus, name: &str, genesis: Genesis, raw: Bytes) {
        let mut requests = bus.serve(&subjects::agency(&id(name))).await.unwrap();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let Ok(Ask::Segment(asked)) = Ask::decode(&request.message.payload) else {
                    panic!("a question")
                };
                let answer = match asked.entitled(genesis.chain(), &genesis.epoch, NOW_MS) {
                    Ok(()) => Answer::Segment(raw.to_vec()),
                    Err(denied) => Answer::Refused(denied.to_string()),
                };
                request.reply(answer.encode().into()).await.unwrap();
            }
        });
    }

    #[tokio::test]
    async fn a_segment_comes_from_whoever_has_the_right_bytes_to_who_may_have_them() {
        let genesis = genesis();
        let segment = Segment { domain: "property".parse().unwrap(), transactions: Vec::new() };
        let (slot, named) = slot(&genesis, &segment);
        let raw = encode_segment(&slot.hash, &segment);
        let bus: SharedBus = EmbeddedBus::in_memory(Default::default()).unwrap();
        serve(&bus, "giver", genesis.clone(), raw.clone()).await;
        // A segment of another block, under a signature that nobody asked for.
        serve(&bus, "liar", genesis.clone(), encode_segment(&Hash::ZERO, &segment)).await;
        let fetched = async |hosts: &[&str], question: &Ask| {
            let hosts: Vec<AgencyId> = hosts.iter().map(|host| id(host)).collect();
            fetch(&bus, hosts.into_iter(), question, &slot, &named, Duration::from_secs(10)).await
        };
        let asked = |by: &str, key: &str, until| question(id(by), &host_key(key), &slot, named.domain, until);
        let good = asked("asker", "asker", NOW_MS + 30_000);
        assert_eq!(fetched(&["absent", "liar", "giver"], &good).await, Some(raw));
        assert_eq!(fetched(&["absent", "liar"], &good).await, None);
        assert_eq!(
            fetched(&["giver"], &asked("asker", "liar", NOW_MS + 30_000)).await,
            None,
            "another's key"
        );
        assert_eq!(
            fetched(&["giver"], &asked("stranger", "stranger", NOW_MS + 30_000)).await,
            None,
            "no host"
        );
        assert_eq!(fetched(&["giver"], &asked("asker", "asker", NOW_MS - 1)).await, None, "it ended");
    }
}

//! Every decoder of canonical bytes: what was encoded reads back, and nothing else does. One value has one encoding,
//! so whatever decodes must encode to the very bytes it came from.

use std::fmt::Debug;

use hutong_ledger::{
    block::{Cursor, Header, Proposal, SegmentRef},
    canon::{Malformed, Reader, Writer},
    entry::{Changed, Entry, Opening, Outcome},
    epoch::Epoch,
    genesis::Genesis,
    hash::Hash,
    id::{AgencyId, Domain, KeyId, RecordId, TxId},
    segment_request::SegmentRequest,
    vote::{Ballot, Certificate, HostSignature, Status, Vote},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{FOUR, certificate, genesis, next, propose, statuses, vote};

/// Cuts, extends and alters good bytes; each must be refused or be the one encoding of another value.
fn strict<T: PartialEq + Debug>(
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, Malformed>,
) {
    let bytes = encode(value);
    assert_eq!(decode(&bytes).as_ref(), Ok(value));
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    for extra in [0, 1, 0xff] {
        assert!(decode(&[&bytes[..], &[extra]].concat()).is_err(), "{extra} after the end");
    }
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80, 0xff] {
            let mut altered = bytes.clone();
            altered[at] ^= bit;
            if let Ok(other) = decode(&altered) {
                assert_ne!(other, *value, "byte {at} changed unseen");
                assert_eq!(encode(&other), altered, "byte {at}: two encodings of one value");
            }
        }
    }
}

fn arb_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn arb_domain() -> impl Strategy<Value = Domain> {
    "[a-z][a-z0-9-]{0,21}[a-z0-9]".prop_map(|name| name.parse().unwrap())
}

fn arb_agency() -> impl Strategy<Value = AgencyId> {
    "[a-z][a-z0-9-]{0,29}[a-z0-9]".prop_map(|name| name.parse().unwrap())
}

fn arb_signature() -> impl Strategy<Value = HostSignature> {
    let bytes = (any::<[u8; 32]>(), any::<[u8; 32]>());
    (arb_agency(), any::<[u8; 8]>(), bytes).prop_map(|(agency, key, (r, s))| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        HostSignature { agency, key: KeyId(key), bytes }
    })
}

fn arb_header() -> impl Strategy<Value = Header> {
    let cursors = prop::collection::btree_map(arb_domain(), (any::<u64>(), any::<u64>()), 0..5);
    let segments = prop::collection::btree_map(arb_domain(), arb_hash(), 0..5);
    let numbers = (any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, arb_hash(), cursors, segments).prop_map(|(numbers, prev, cursors, segments)| {
        let (rules, epoch, height, time_ms) = numbers;
        let cursor = |(domain, (incarnation, sequence))| Cursor { domain, incarnation, sequence };
        let segment = |(domain, root)| SegmentRef { domain, root };
        Header {
            chain: FOUR.chain(),
            rules,
            epoch,
            height,
            prev,
            time_ms,
            cursors: cursors.into_iter().map(cursor).collect(),
            segments: segments.into_iter().map(segment).collect(),
        }
    })
}

fn arb_certificate() -> impl Strategy<Value = Certificate> {
    (any::<u64>(), any::<u32>(), arb_hash(), vec(arb_signature(), 0..5)).prop_map(
        |(height, view, block, mut votes)| {
            votes.sort_by_key(|v| v.agency);
            votes.dedup_by_key(|v| v.agency);
            Certificate { height, view, block, votes }
        },
    )
}

fn arb_status() -> impl Strategy<Value = Status> {
    let certificate = prop::option::of(arb_certificate());
    (any::<u64>(), any::<u32>(), certificate, arb_signature()).prop_map(
        |(height, view, certificate, signature)| Status {
            chain: FOUR.chain(),
            height,
            view,
            certificate,
            signature,
        },
    )
}

fn arb_opening() -> impl Strategy<Value = Opening> {
    let record = "[!-~&&[^?#%\\\\]]{1,128}".prop_map(|name| name.parse::<RecordId>().unwrap());
    let changed = (record, any::<u64>(), arb_hash()).prop_map(|(record, version, hash)| Changed {
        record,
        version,
        hash,
    });
    let outcome = prop::option::of(".{0,30}")
        .prop_map(|code| code.map_or(Outcome::Applied, |code| Outcome::Refused(code.into())));
    (any::<[u8; 16]>(), outcome, vec(changed, 0..5)).prop_map(|(nonce, outcome, changes)| Opening {
        nonce,
        outcome,
        changes,
    })
}

#[test]
fn epoch_and_genesis_are_strict() {
    let genesis = genesis(2);
    strict(&genesis.epoch, Epoch::encode, Epoch::decode);
    strict(&genesis, Genesis::encode, Genesis::decode);
}

#[test]
fn votes_certificates_and_statuses_are_strict() {
    let (chain, block) = (FOUR.chain(), Hash([3; 32]));
    strict(&vote(chain, &FOUR.epoch.agencies[0].id, 5, 1, block), Vote::encode, Vote::decode);
    let certificate = certificate(chain, 0..3, 5, 1, block);
    strict(&certificate, Certificate::encode, Certificate::decode);
    for status in statuses(chain, 2, 5, 2, Some(&certificate)) {
        strict(&status, Status::encode, Status::decode);
    }
}

#[test]
fn headers_and_proposals_are_strict() {
    let header = next(&FOUR.header(), 7);
    strict(&header, Header::encode, Header::decode);
    let certificate = certificate(FOUR.chain(), 0..3, 1, 0, header.hash());
    let statuses = statuses(FOUR.chain(), 3, 1, 1, Some(&certificate));
    let proposal = propose(header, 1, statuses, &FOUR.epoch.orderers[0]);
    strict(&proposal, Proposal::encode, Proposal::decode);
}

#[test]
fn entries_and_openings_are_strict() {
    let entry = Entry { id: TxId([1; 38]), height: 4, index: 5, blind: Hash([6; 32]) };
    strict(&entry, Entry::encode, Entry::decode);
    let changed = Changed { record: "parcel-1".parse().unwrap(), version: 2, hash: Hash([7; 32]) };
    let applied = Opening { nonce: [8; 16], outcome: Outcome::Applied, changes: vec![changed] };
    strict(&applied, Opening::encode, Opening::decode);
    let refused = Opening { outcome: Outcome::Refused("seized".into()), changes: Vec::new(), ..applied };
    strict(&refused, Opening::encode, Opening::decode);
}

#[test]
fn order_is_part_of_the_form() {
    let mut header = next(&FOUR.header(), 1);
    header.segments.push(header.segments[0]);
    assert!(Header::decode(&header.encode()).is_err());
    let mut certificate = certificate(FOUR.chain(), 0..3, 1, 0, Hash::ZERO);
    certificate.votes.swap(0, 2);
    assert!(Certificate::decode(&certificate.encode()).is_err());
}

/// A length or count that lies costs neither memory nor a panic.
#[test]
fn counts_that_lie_are_refused() {
    let mut w = Writer::new();
    w.u32(u32::MAX);
    let bytes = w.finish();
    assert!(Reader::new(&bytes).bytes().is_err());
    assert!(Reader::new(&bytes).text().is_err());
    assert!(Reader::new(&bytes).list(usize::MAX, Reader::u64).is_err());
    assert!(Reader::new(&bytes).list(10, Reader::u64).is_err());
    assert!(Reader::new(&[2]).flag().is_err());
    assert!(Reader::new(&[0, 0, 0, 1, 0xff]).text().is_err());
}

#[test]
fn a_fault_says_where() {
    let error = Header::decode(&[0, 0, 0, 2, b'x', b'y']).unwrap_err();
    assert_eq!(error.at, 6);
    assert!(error.to_string().contains("at byte 6"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_header_reads_back(header in arb_header()) {
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn any_vote_reads_back(height: u64, view: u32, block in arb_hash(), signature in arb_signature()) {
        let vote = Vote { ballot: Ballot { chain: FOUR.chain(), height, view, block }, signature };
        prop_assert_eq!(Vote::decode(&vote.encode()), Ok(vote));
    }

    #[test]
    fn any_proposal_reads_back(header in arb_header(), view: u32, statuses in vec(arb_status(), 0..4), by in arb_signature()) {
        let HostSignature { agency: orderer, key, bytes: signature } = by;
        let proposal = Proposal { header, view, orderer, key, statuses, signature };
        prop_assert_eq!(Proposal::decode(&proposal.encode()), Ok(proposal));
    }

    #[test]
    fn any_opening_reads_back(opening in arb_opening()) {
        prop_assert_eq!(Opening::decode(&opening.encode()), Ok(opening));
    }

    /// Different headers never have the same bytes, and so never the same hash.
    #[test]
    fn headers_do_not_collide(a in arb_header(), b in arb_header()) {
        prop_assert_eq!(a == b, a.hash() == b.hash());
    }

    #[test]
    fn noise_never_panics(noise in vec(any::<u8>(), 0..400)) {
        let _ = Epoch::decode(&noise);
        let _ = Genesis::decode(&noise);
        let _ = Header::decode(&noise);
        let _ = Proposal::decode(&noise);
        let _ = Vote::decode(&noise);
        let _ = SegmentRequest::decode(&noise);
        let _ = Certificate::decode(&noise);
        let _ = Status::decode(&noise);
        let _ = Entry::decode(&noise);
        let _ = Opening::decode(&noise);
    }

    /// Noise in the middle of something good gets further into the decoders than noise alone.
    #[test]
    fn spliced_noise_never_panics(at: prop::sample::Index, noise in vec(any::<u8>(), 1..40), kept: prop::sample::Index) {
        let header = next(&FOUR.header(), 7);
        let certificate = certificate(FOUR.chain(), 0..3, 1, 0, header.hash());
        let proposal = propose(header, 1, statuses(FOUR.chain(), 2, 1, 1, Some(&certificate)), &FOUR.epoch.orderers[0]);
        let bytes = proposal.encode();
        let at = at.index(bytes.len());
        let rest = at + kept.index(bytes.len() - at);
        let spliced = [&bytes[..at], &noise, &bytes[rest..]].concat();
        if let Ok(other) = Proposal::decode(&spliced) {
            prop_assert_eq!(other.encode(), spliced);
        }
        let bytes = FOUR.encode();
        let at = at % bytes.len();
        let spliced = [&bytes[..at], &noise, &bytes[at..]].concat();
        if let Ok(other) = Genesis::decode(&spliced) {
            prop_assert_eq!(other.encode(), spliced);
        }
    }
}

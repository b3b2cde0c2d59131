//! Votes, certificates and statuses: who must have signed, and what a forgery looks like.

use hutong_ledger::{
    epoch::{Host, Purpose},
    hash::Hash,
    id::Domain,
    vote::{Certificate, Vote},
};

use crate::support::{FOUR, agency, certificate, domain, key_id, pair, sign, status, vote};

const BLOCK: Hash = Hash([4; 32]);

#[test]
fn a_vote_is_of_a_validating_agency_with_its_host_key() {
    let chain = FOUR.chain();
    let good = vote(chain, &agency(0), 3, 1, BLOCK);
    assert!(good.verifies(&FOUR.epoch));
    let changed = |change: &dyn Fn(&mut Vote)| {
        let mut vote = good;
        change(&mut vote);
        vote.verifies(&FOUR.epoch)
    };
    assert!(!changed(&|v| v.ballot.height = 4));
    assert!(!changed(&|v| v.ballot.view = 0));
    assert!(!changed(&|v| v.ballot.block = Hash::ZERO));
    assert!(!changed(&|v| v.ballot.chain = "other-0123456789abcdef".parse().unwrap()));
    assert!(!changed(&|v| v.signature.agency = agency(1)));
    assert!(!changed(&|v| v.signature.bytes[63] ^= 1));
    let signing = sign(&agency(0), Purpose::Signing, &good.ballot.message());
    assert!(!changed(
        &|v| (v.signature.key, v.signature.bytes) = (key_id(&agency(0), Purpose::Signing), signing)
    ));
    let mut epoch = FOUR.epoch.clone();
    epoch.agencies[0].validating = false;
    assert!(!good.verifies(&epoch));
}

#[test]
fn a_certificate_needs_a_quorum_of_valid_votes_each_once() {
    let chain = FOUR.chain();
    let verifies = |c: &Certificate| c.verifies(chain, &FOUR.epoch, &[domain("property")]);
    let good = certificate(chain, 0..3, 3, 1, BLOCK);
    assert!(verifies(&good));
    assert!(verifies(&certificate(chain, 0..4, 3, 1, BLOCK)));
    assert!(!verifies(&certificate(chain, 0..2, 3, 1, BLOCK)));
    let mut repeated = certificate(chain, [0, 1, 1], 3, 1, BLOCK);
    assert!(!verifies(&repeated));
    repeated.votes[2].agency = agency(2);
    assert!(!verifies(&repeated), "a vote of another under a third's name");
    let mut forged = good.clone();
    forged.votes[1].bytes[0] ^= 1;
    assert!(!verifies(&forged));
    // One vote that does not verify spoils it, even where enough others do: certificates are compared as bytes.
    let mut padded = certificate(chain, 0..4, 3, 1, BLOCK);
    padded.votes[3].bytes[0] ^= 1;
    assert!(!verifies(&padded));
    let mut other_view = good.clone();
    other_view.view = 2;
    assert!(!verifies(&other_view));
    assert!(!good.verifies("other-0123456789abcdef".parse().unwrap(), &FOUR.epoch, &[]));
}

#[test]
fn a_certificate_needs_an_honest_holder_of_every_segment() {
    let mut epoch = crate::support::genesis(7).epoch;
    let host = |n: usize| Host { agency: agency(n), ready: true };
    epoch.domains[1].hosts = (0..4).map(host).collect();
    epoch.check().unwrap();
    let suffices = |domains: &[Domain], voters: &[usize]| {
        Certificate::suffices(&epoch, domains, |id| voters.iter().any(|n| agency(*n) == *id))
    };
    let property = [domain("property")];
    // Five of seven; of the four hosts two, one more than may be faulty.
    assert!(suffices(&property, &[0, 1, 4, 5, 6]));
    assert!(!suffices(&property, &[0, 1, 4, 5]));
    epoch.domains[1].hosts = vec![host(0), host(1)];
    let suffices = |voters: &[usize]| {
        Certificate::suffices(&epoch, &property, |id| voters.iter().any(|n| agency(*n) == *id))
    };
    assert!(!suffices(&[2, 3, 4, 5, 6]), "no host of the segment voted");
    assert!(suffices(&[0, 3, 4, 5, 6]));
    assert!(!Certificate::suffices(&epoch, &[domain("unknown")], |_| true));
}

#[test]
fn a_host_that_is_not_ready_does_not_hold_a_segment() {
    let mut epoch = FOUR.epoch.clone();
    epoch.domains[1].hosts =
        vec![Host { agency: agency(0), ready: true }, Host { agency: agency(1), ready: false }];
    let property = [domain("property")];
    assert!(!Certificate::suffices(&epoch, &property, |id| *id != agency(0)));
    assert!(Certificate::suffices(&epoch, &property, |id| *id != agency(1)));
}

#[test]
fn a_status_carries_a_certificate_of_its_height_and_a_lower_view() {
    let chain = FOUR.chain();
    let with = |height, view| Some(certificate(chain, 0..3, height, view, BLOCK));
    let verifies = |certificate| status(chain, &agency(1), 3, 2, certificate).verifies(&FOUR.epoch);
    assert!(verifies(None));
    assert!(verifies(with(3, 1)));
    assert!(!verifies(with(3, 2)), "who holds a certificate of the view has no reason to promise it");
    assert!(!verifies(with(2, 1)));
    let mut stripped = status(chain, &agency(1), 3, 2, with(3, 1));
    stripped.certificate = None;
    assert!(!stripped.verifies(&FOUR.epoch), "the certificate is in what is signed");
    let mut raised = status(chain, &agency(1), 3, 2, None);
    raised.view = 3;
    assert!(!raised.verifies(&FOUR.epoch));
}

/// Headers, votes and notes are verified strictly: an S that is not reduced is another signature of the same message,
/// and two forms of one vote must not exist.
#[test]
fn a_malleable_signature_is_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut vote = vote(FOUR.chain(), &agency(0), 3, 1, BLOCK);
    let mut carry = 0;
    for (byte, add) in vote.signature.bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(!vote.verifies(&FOUR.epoch));
    // The same message signed again is the same vote: Ed25519 draws nothing.
    let again = pair(&agency(0), Purpose::Host).sign(&vote.ballot.message());
    assert_eq!(again.as_ref(), crate::support::vote(FOUR.chain(), &agency(0), 3, 1, BLOCK).signature.bytes);
}

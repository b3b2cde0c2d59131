//! Keys: an agency changes its own, alone; a first key for a role is a new role and comes from a quorum.

use hutong_ledger::epoch::{KEYS_MAX, Key, Purpose};
use hutong_wire::v1::membership::{self as wire, action::Kind};

use crate::{replacing::unusable, support::*};

#[test]
fn an_agency_rotates_and_revokes_its_own_keys() {
    let mut council = Council::of(&epoch(4));
    let (old, new) = (key(1, Purpose::Signing, 0), key(1, Purpose::Signing, 1));
    let both = council.submit(&[1], rotate(&[new], &[])).unwrap();
    for key in [old, new] {
        assert_eq!(both.key(&agency(1), Purpose::Signing, &key.id()), Some(key.public), "both hold");
    }
    let one = council.submit(&[1], rotate(&[], &[old])).unwrap();
    assert_eq!(one.key(&agency(1), Purpose::Signing, &old.id()), None);
    assert_eq!(one.number, 2);
    let others = |epoch: &hutong_ledger::epoch::Epoch| {
        let mut others = epoch.agencies.clone();
        others.remove(1);
        others
    };
    assert_eq!(others(&one), others(&epoch(4)), "nobody else's keys changed");
}

#[test]
fn every_key_can_be_replaced_in_one_step() {
    let mut council = Council::of(&epoch(4));
    // The host key is the agency's only one; in between it would have none, and that is nobody's matter.
    for purpose in [Purpose::Signing, Purpose::Host, Purpose::Orderer] {
        let after = council.submit(&[0], rotate(&[key(0, purpose, 1)], &[key(0, purpose, 0)])).unwrap();
        assert_eq!(after.agency(&agency(0)).unwrap().key(purpose), Some(&key(0, purpose, 1)));
    }
}

#[test]
fn a_first_key_for_a_role_comes_from_a_quorum() {
    let mut council = Council::of(&epoch(4));
    for purpose in [Purpose::Orderer, Purpose::Ingest] {
        let new = key(1, purpose, 0);
        assert_eq!(council.refused(&[1, 0, 2, 3], rotate(&[new], &[])), "quorum_missing", "{purpose}");
        let mut next = council.next();
        next.agencies[1].keys.push(new);
        council.submit(&[0, 1, 2], replace(&next)).unwrap();
        council.submit(&[1], rotate(&[key(1, purpose, 1)], &[new])).unwrap();
    }
    let mut with_reader = council.next();
    with_reader.agencies.push(member(4, false, &[Purpose::Signing]));
    council.submit(&[0, 1, 2], replace(&with_reader)).unwrap();
    assert_eq!(council.refused(&[4], rotate(&[key(4, Purpose::Host, 0)], &[])), "quorum_missing");
    // These give no voice in the city.
    let base_point =
        Key { purpose: Purpose::Sealing, public: std::array::from_fn(|at| if at == 0 { 9 } else { 0 }) };
    council.submit(&[4], rotate(&[base_point, key(4, Purpose::Log, 0)], &[])).unwrap();
}

#[test]
fn a_key_that_is_not_there_cannot_be_revoked() {
    let mut council = Council::of(&epoch(4));
    let others = key(2, Purpose::Signing, 0);
    assert_eq!(council.refused(&[1], rotate(&[], &[others])), "key_unknown");
    let twice = key(1, Purpose::Host, 0);
    assert_eq!(council.refused(&[1], rotate(&[], &[twice, twice])), "key_unknown");
    for id in [&b""[..], &[0; 7], &[0; 9], &[0; 8]] {
        let kind = wire::RotateKeys { add: Vec::new(), revoke: vec![bytes::Bytes::copy_from_slice(id)] };
        assert_eq!(council.refused(&[1], Kind::RotateKeys(kind)), "key_unknown");
    }
}

#[test]
fn an_agency_keeps_its_voice_and_its_roles() {
    let mut council = Council::of(&epoch(4));
    assert_eq!(council.refused(&[0], rotate(&[], &[key(0, Purpose::Signing, 0)])), "last_signing_key");
    // It validates, and it is listed as an orderer: only a quorum takes these roles away.
    assert_eq!(council.refused(&[0], rotate(&[], &[key(0, Purpose::Host, 0)])), "epoch_invalid");
    assert_eq!(council.refused(&[0], rotate(&[], &[key(0, Purpose::Orderer, 0)])), "epoch_invalid");
}

#[test]
fn a_key_serves_one_agency_and_one_purpose() {
    let mut council = Council::of(&epoch(4));
    let own = key(1, Purpose::Signing, 0);
    assert_eq!(council.refused(&[1], rotate(&[own], &[])), "epoch_invalid", "a second time");
    let as_host = Key { purpose: Purpose::Host, public: own.public };
    assert_eq!(council.refused(&[1], rotate(&[as_host], &[])), "epoch_invalid", "for a second purpose");
    let others = key(2, Purpose::Signing, 0);
    assert_eq!(council.refused(&[1], rotate(&[others], &[])), "epoch_invalid", "another agency's");
}

#[test]
fn new_keys_are_usable_by_every_verifier() {
    let mut council = Council::of(&epoch(4));
    for purpose in [Purpose::Signing, Purpose::Host, Purpose::Sealing, Purpose::Log] {
        for public in unusable(purpose) {
            let refused = council.refused(&[1], rotate(&[Key { purpose, public }], &[]));
            assert_eq!(refused, "key_unusable", "{purpose} {public:?}");
        }
    }
}

#[test]
fn a_rotation_is_well_formed() {
    let mut council = Council::of(&epoch(4));
    let good = key(1, Purpose::Signing, 1).public;
    let added = |purpose, public: &[u8]| {
        let key = wire::NewKey { purpose, public: bytes::Bytes::copy_from_slice(public) };
        Kind::RotateKeys(wire::RotateKeys { add: vec![key], revoke: Vec::new() })
    };
    let odd = [
        added(0, &good),
        added(7, &good),
        added(-1, &good),
        added(1, &good[1..]),
        added(1, b""),
        rotate(&[], &[]),
    ];
    for kind in odd {
        assert_eq!(council.refused(&[1], kind), "malformed_action");
    }
    let many: Vec<_> =
        (0..KEYS_MAX as u8).map(|generation| key(1, Purpose::Signing, generation + 1)).collect();
    assert_eq!(
        council.refused(&[1], rotate(&many, &[])),
        "epoch_invalid",
        "more keys than an agency may hold"
    );
    assert_eq!(council.refused(&[9], rotate(&[key(9, Purpose::Signing, 0)], &[])), "agency_unknown");
}

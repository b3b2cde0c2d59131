//! Replacing the epoch: a quorum may, and not into anything that the city cannot run on.

use hutong_ledger::{
    epoch::{DomainRules, Key, Purpose},
    id::Domain,
};
use hutong_wire::{
    prost::Message,
    v1::membership::{self as wire, action::Kind},
};

use crate::support::*;

#[test]
fn a_quorum_of_four_is_three() {
    let mut council = Council::of(&epoch(4));
    let mut next = council.next();
    next.agencies[3].name = "Office of Roads".into();
    assert_eq!(council.refused(&[0, 1], replace(&next)), "quorum_missing");
    assert_eq!(council.refused(&[2], replace(&next)), "quorum_missing");
    let after = council.submit(&[3, 1, 2], replace(&next)).unwrap();
    assert_eq!((after.number, after.from_height), (1, council.height() + 1));
    assert_eq!(after.agencies[3].name, "Office of Roads");
}

#[test]
fn who_does_not_validate_does_not_count() {
    let mut first = epoch(4);
    first.agencies.push(member(4, false, &[Purpose::Signing]));
    let mut council = Council::of(&first);
    let next = council.next();
    assert_eq!(council.refused(&[4, 0, 1], replace(&next)), "quorum_missing");
    council.submit(&[4, 0, 1, 2], replace(&next)).unwrap();
}

#[test]
fn the_quorum_is_that_of_the_epoch_in_force() {
    let mut council = Council::of(&epoch(4));
    // Throwing the others out does not make one's own voice a quorum.
    let mut alone = council.next();
    alone.agencies.truncate(1);
    property(&mut alone).hosts.truncate(1);
    assert_eq!(council.refused(&[0], replace(&alone)), "quorum_missing");
    let mut more = council.next();
    more.agencies.extend((4..7).map(validator));
    (4..7).for_each(|n| joins(&mut more, n));
    council.submit(&[0, 1, 2], replace(&more)).unwrap();
    for n in 4..7 {
        council.submit(&[n], ready("membership")).unwrap();
    }
    let next = council.next();
    assert_eq!(council.refused(&[0, 1, 2, 3], replace(&next)), "quorum_missing", "5 of 7 now");
    council.submit(&[0, 1, 2, 4, 6], replace(&next)).unwrap();
}

#[test]
fn epochs_follow_each_other() {
    let mut council = Council::of(&epoch(4));
    for number in [0, 2, u64::MAX] {
        let mut next = council.next();
        next.number = number;
        assert_eq!(council.refused(&[0, 1, 2], replace(&next)), "epoch_number", "{number}");
    }
    // From when it holds is decided, whatever was proposed.
    let mut next = council.next();
    next.from_height = 77;
    let after = council.submit(&[0, 1, 2], replace(&next)).unwrap();
    assert_eq!(after.from_height, council.height() + 1);
    assert_eq!(council.refused(&[0, 1, 2], replace(&next)), "epoch_number", "a second time");
}

#[test]
fn an_epoch_that_is_none_is_refused() {
    let mut council = Council::of(&epoch(4));
    let good = council.next();
    let mut broken = Vec::new();
    let mut breaks = |change: &dyn Fn(&mut hutong_ledger::epoch::Epoch)| {
        let mut epoch = good.clone();
        change(&mut epoch);
        assert!(epoch.check().is_err());
        broken.push(epoch.encode());
    };
    breaks(&|epoch| epoch.agencies.swap(0, 1));
    breaks(&|epoch| epoch.agencies[1].name.clear());
    breaks(&|epoch| epoch.agencies[1].keys.retain(|key| key.purpose != Purpose::Host));
    breaks(&|epoch| epoch.agencies[1].keys[0].public = epoch.agencies[2].keys[0].public);
    breaks(&|epoch| epoch.agencies.iter_mut().for_each(|agency| agency.validating = false));
    breaks(&|epoch| epoch.domains.retain(|rules| rules.domain != Domain::MEMBERSHIP));
    breaks(&|epoch| property(epoch).owner = agency(9));
    breaks(&|epoch| property(epoch).hosts[0].agency = agency(9));
    breaks(&|epoch| property(epoch).hosts.clear());
    breaks(&|epoch| epoch.orderers.clear());
    breaks(&|epoch| epoch.orderers = vec![agency(1)]);
    let whole = good.encode();
    broken.extend([Vec::new(), whole[..whole.len() - 1].to_vec(), [&whole[..], b"x"].concat()]);
    for bytes in broken {
        let kind = Kind::Replace(wire::Replace { epoch: bytes.into() });
        assert_eq!(council.refused(&[0, 1, 2, 3], kind), "epoch_invalid");
    }
}

#[test]
fn a_city_domain_keeps_four_hosts() {
    let mut council = Council::of(&epoch(5));
    let mut three = council.next();
    property(&mut three).hosts = hosts(&[0, 1, 2]);
    assert_eq!(council.refused(&[0, 1, 2, 3, 4], replace(&three)), "hosts_too_few");
    // Four names of which one has yet to catch up are three hosts.
    let mut swapped = council.next();
    property(&mut swapped).hosts = hosts(&[0, 1, 2, 4]);
    property(&mut swapped).hosts[3].ready = false;
    assert_eq!(council.refused(&[0, 1, 2, 3, 4], replace(&swapped)), "hosts_too_few");
    // First the newcomer, then the leaver.
    let mut five = council.next();
    property(&mut five).hosts = hosts(&[0, 1, 2, 3, 4]);
    property(&mut five).hosts[4].ready = false;
    council.submit(&[0, 1, 2, 3], replace(&five)).unwrap();
    council.submit(&[4], ready(PROPERTY)).unwrap();
    let mut four = council.next();
    property(&mut four).hosts = hosts(&[1, 2, 3, 4]);
    let after = council.submit(&[1, 2, 3, 4], replace(&four)).unwrap();
    assert_eq!(after.hosts(domain(PROPERTY)), [1, 2, 3, 4].map(agency));
}

#[test]
fn a_small_city_keeps_the_hosts_it_can() {
    let mut council = Council::of(&epoch(4));
    // The fourth agency leaves: three validate, three host.
    let mut next = council.next();
    next.agencies.truncate(3);
    property(&mut next).hosts.truncate(3);
    council.submit(&[0, 1, 2], replace(&next)).unwrap();
    let mut two = council.next();
    property(&mut two).hosts.truncate(2);
    assert_eq!(council.refused(&[0, 1, 2], replace(&two)), "hosts_too_few");
    // What genesis said is less than four stays possible.
    let mut small = epoch(5);
    property(&mut small).hosts = hosts(&[0, 1]);
    let mut council = Council::of(&small);
    let mut next = council.next();
    next.agencies[1].name = "Renamed".into();
    council.submit(&[0, 1, 2, 3], replace(&next)).unwrap();
}

#[test]
fn hosts_of_a_new_domain_have_nothing_to_catch_up_with() {
    let mut council = Council::of(&epoch(4));
    let parking = |numbers: &[usize]| DomainRules {
        domain: domain("parking"),
        owner: agency(1),
        contract: 1,
        hosts: hosts(numbers),
    };
    let mut next = council.next();
    next.domains.insert(1, parking(&[0, 1, 2]));
    assert_eq!(council.refused(&[0, 1, 2], replace(&next)), "hosts_too_few");
    next.domains[1] = parking(&[0, 1, 2, 3]);
    let after = council.submit(&[0, 1, 2], replace(&next)).unwrap();
    assert_eq!(after.hosts(domain("parking")).len(), 4);
}

#[test]
fn who_validates_can_sign() {
    let mut council = Council::of(&epoch(4));
    let mut mute = council.next();
    mute.agencies[2].keys.retain(|key| key.purpose != Purpose::Signing);
    assert_eq!(council.refused(&[0, 1, 2, 3], replace(&mute)), "last_signing_key");
    let mut newcomer = council.next();
    newcomer.agencies.push(member(4, true, &[Purpose::Host]));
    joins(&mut newcomer, 4);
    assert_eq!(council.refused(&[0, 1, 2, 3], replace(&newcomer)), "last_signing_key");
    // Who only receives sealed fields need not.
    let mut reader = council.next();
    reader.agencies.push(member(4, false, &[Purpose::Log]));
    council.submit(&[0, 1, 2], replace(&reader)).unwrap();
}

#[test]
fn new_keys_are_usable_by_every_verifier() {
    let mut council = Council::of(&epoch(4));
    for purpose in Purpose::ALL {
        for public in unusable(purpose) {
            let mut next = council.next();
            let keys = &mut next.agencies[1].keys;
            keys.push(Key { purpose, public });
            keys.sort_by_key(|key| (key.purpose, key.public));
            assert_eq!(council.refused(&[0, 1, 2], replace(&next)), "key_unusable", "{purpose} {public:?}");
        }
    }
}

/// Keys under which verifiers disagree, or which give everyone the same secret.
pub(crate) fn unusable(purpose: Purpose) -> Vec<[u8; 32]> {
    let ends = |first: u8, middle: u8, last: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    if purpose == Purpose::Sealing {
        let hex = |text: &str| -> [u8; 32] {
            let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
            std::array::from_fn(byte)
        };
        return vec![
            [0; 32],
            ends(1, 0, 0),
            // Both points of order 8.
            hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
            hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
            // p - 1, p, p + 1, and one with the bit that X25519 ignores.
            ends(0xec, 0xff, 0x7f),
            ends(0xed, 0xff, 0x7f),
            ends(0xee, 0xff, 0x7f),
            ends(9, 0, 0x80),
        ];
    }
    vec![
        // The identity, a point of order 4, one of order 2: small order.
        ends(1, 0, 0),
        [0; 32],
        ends(0xec, 0xff, 0x7f),
        // The identity spelt as p + 1, and with a sign that it has not: not canonical.
        ends(0xee, 0xff, 0x7f),
        ends(1, 0, 0x80),
        // No point at all.
        ends(2, 0, 0),
    ]
}

#[test]
fn a_key_that_stood_before_is_not_judged_again() {
    // Genesis decides what it admits; later changes of other things must not fail for it.
    let mut first = epoch(4);
    first.agencies[1].keys.push(Key { purpose: Purpose::Sealing, public: [0; 32] });
    let mut council = Council::of(&first);
    let next = council.next();
    council.submit(&[0, 1, 2], replace(&next)).unwrap();
}

#[test]
fn two_changes_in_a_block_are_one_and_a_refusal() {
    let mut council = Council::of(&epoch(4));
    let encoded = |kind| bytes::Bytes::from(wire::Action { kind: Some(kind) }.encode_to_vec());
    let first = encoded(rotate(&[key(1, Purpose::Signing, 1)], &[]));
    let second = encoded(rotate(&[key(2, Purpose::Signing, 1)], &[]));
    let done = council.block(&[(&[1], first), (&[2], second.clone())]);
    let codes: Vec<_> = done.iter().map(|executed| executed.opening.outcome.code()).collect();
    assert_eq!(codes, [None, Some("epoch_changed_in_block")]);
    // Submitted again, it passes in the next block.
    let done = council.block(&[(&[2], second)]);
    assert_eq!(done[0].opening.outcome.code(), None);
    assert_eq!(council.epoch().number, 2);
    assert_eq!(council.epoch().agency(&agency(1)).unwrap().keys.len(), 3, "the first change stands");
}

#[test]
fn what_does_not_decode_is_malformed() {
    let mut council = Council::of(&epoch(4));
    for bytes in [&b""[..], b"\xff", &[0x12, 0x7f]] {
        let done = council.block(&[(&[0, 1, 2], bytes::Bytes::copy_from_slice(bytes))]);
        assert_eq!(done[0].opening.outcome.code(), Some("malformed_action"), "{bytes:?}");
    }
}

#[test]
fn the_epoch_is_shown_as_it_is() {
    use hutong_ledger::contract::Contract;
    let epoch = epoch(4);
    let shown = hutong_membership::Membership.render(&hutong_ledger::epoch::Epoch::record(), &epoch.encode());
    assert_eq!(shown, Some(serde_json::to_value(&epoch).unwrap()));
    assert_eq!(
        hutong_membership::Membership.render(&hutong_ledger::epoch::Epoch::record(), b"no epoch"),
        None
    );
}

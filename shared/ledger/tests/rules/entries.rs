//! Log entries, their openings, and the hashes and salts of records.

use bytes::Bytes;
use hutong_ledger::{
    contract::{Change, Versioned, record_hash, record_salt},
    entry::{Changed, Entry, Opening, Outcome},
    hash::Hash,
    id::{RecordId, TxId},
};

use crate::support::domain;

fn record(name: &str) -> RecordId {
    name.parse().unwrap()
}

#[test]
fn a_leaf_has_82_bytes_and_hides_what_it_says() {
    let changed = Changed { record: record("parcel-1"), version: 3, hash: Hash([5; 32]) };
    let opening = |nonce| Opening { nonce, outcome: Outcome::Applied, changes: vec![changed.clone()] };
    let entry = |nonce| Entry { id: TxId([1; 38]), height: 9, index: 2, blind: opening(nonce).hash() };
    let bytes = entry([1; 16]).encode();
    assert_eq!(bytes.len(), 38 + 8 + 4 + 32);
    assert_ne!(entry([1; 16]), entry([2; 16]), "the nonce blinds");
}

#[test]
fn an_opening_tells_outcomes_apart() {
    let opening = |outcome| Opening { nonce: [0; 16], outcome, changes: Vec::new() }.hash();
    let hashes = [
        opening(Outcome::Applied),
        opening(Outcome::Refused("".into())),
        opening(Outcome::Refused("seized".into())),
        opening(Outcome::Refused("seize".into())),
    ];
    for (i, one) in hashes.iter().enumerate() {
        assert!(hashes[i + 1..].iter().all(|other| other != one));
    }
    assert_eq!(Outcome::Applied.code(), None);
    assert_eq!(Outcome::Refused("seized".into()).code(), Some("seized"));
}

#[test]
fn every_part_of_a_record_is_in_its_hash() {
    let salt = [1; 16];
    let hash = |d: &str, r: &str, version, salt: &[u8; 16], value| {
        record_hash(domain(d), &record(r), version, salt, value)
    };
    let hashes = [
        hash("property", "a", 1, &salt, Some(&b"v"[..])),
        hash("propert", "ya", 1, &salt, Some(b"v")),
        hash("health", "a", 1, &salt, Some(b"v")),
        hash("property", "b", 1, &salt, Some(b"v")),
        hash("property", "a", 2, &salt, Some(b"v")),
        hash("property", "a", 1, &[2; 16], Some(b"v")),
        hash("property", "a", 1, &salt, Some(b"w")),
        hash("property", "a", 1, &salt, Some(b"")),
        hash("property", "a", 1, &salt, None),
    ];
    for (i, one) in hashes.iter().enumerate() {
        assert!(hashes[i + 1..].iter().all(|other| other != one), "{i}");
    }
}

#[test]
fn salts_differ_by_transaction_and_record() {
    let salts = [
        record_salt(&[1; 16], &record("a")),
        record_salt(&[1; 16], &record("b")),
        record_salt(&[2; 16], &record("a")),
    ];
    assert!(salts[0] != salts[1] && salts[0] != salts[2] && salts[1] != salts[2]);
    let change = Change::put(record("a"), Bytes::from_static(b"v"));
    let made = Versioned::new(domain("property"), &[1; 16], change, 4);
    assert_eq!(made.hash, record_hash(domain("property"), &record("a"), 4, &salts[0], Some(b"v")));
}

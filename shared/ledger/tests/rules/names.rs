//! Names and identifiers: their form, their text, their order.

use hutong_ledger::{
    hash::{Hash, Tag, sha256},
    id::{AgencyId, ChainId, Domain, KeyId, RecordId, RecordKey, TxId},
    invariant::Invariant,
};
use proptest::prelude::*;

#[test]
fn domains_and_agencies_are_labels() {
    for good in ["a", "property", "a1", "a-b", "x9-9"] {
        assert_eq!(good.parse::<Domain>().unwrap().to_string(), good);
        assert_eq!(good.parse::<AgencyId>().unwrap().as_str(), good);
    }
    for bad in ["", "-a", "a-", "1a", "A", "a b", "a.b", "a_b", "ä", "a/b", "a\0", "a\n"] {
        assert!(bad.parse::<Domain>().is_err(), "{bad:?}");
        assert!(bad.parse::<AgencyId>().is_err(), "{bad:?}");
    }
    assert!("a".repeat(23).parse::<Domain>().is_ok());
    assert!("a".repeat(24).parse::<Domain>().is_err());
    assert!("a".repeat(31).parse::<AgencyId>().is_ok());
    assert!("a".repeat(32).parse::<AgencyId>().is_err());
}

#[test]
fn platform_domains_are_two() {
    assert!(Domain::MEMBERSHIP.is_platform() && Domain::CATALOGUE.is_platform());
    assert_eq!("membership".parse(), Ok(Domain::MEMBERSHIP));
    assert_eq!("catalogue".parse(), Ok(Domain::CATALOGUE));
    assert!(!"property".parse::<Domain>().unwrap().is_platform());
}

#[test]
fn a_chain_is_a_name_and_eight_bytes_of_its_genesis() {
    let name: AgencyId = "a".repeat(31).parse().unwrap();
    let chain = ChainId::new(name, &Hash([0xab; 32]));
    assert_eq!(chain.as_str(), format!("{name}-abababababababab"));
    assert_eq!(chain.as_str().parse(), Ok(chain));
    for bad in [
        "",
        "city",
        "city-",
        "city-0123",
        "city-0123456789ABCDEF",
        "City-0123456789abcdef",
        "-0123456789abcdef",
    ] {
        assert!(bad.parse::<ChainId>().is_err(), "{bad:?}");
    }
}

#[test]
fn records_are_printable_and_fit_in_a_path() {
    for good in ["526301100", "parcel/526301100", "a:b@c", "~", &"x".repeat(128)] {
        assert_eq!(good.parse::<RecordId>().unwrap().as_str(), good);
    }
    for bad in ["", "a b", "a?b", "a#b", "a%20", "a\\b", "ä", "a\t", &"x".repeat(129)] {
        assert!(bad.parse::<RecordId>().is_err(), "{bad:?}");
    }
    let key: RecordKey = "property/parcel/5".parse().unwrap();
    assert_eq!((key.domain.as_str(), key.record.as_str()), ("property", "parcel/5"));
    assert!("property".parse::<RecordKey>().is_err());
    assert!("/x".parse::<RecordKey>().is_err());
}

#[test]
fn a_fault_in_a_name_is_told_shortly() {
    let error = "x y".repeat(10_000).parse::<RecordId>().unwrap_err();
    assert!(error.to_string().len() < 300);
}

/// One text for one value: were another accepted, a byte of a receipt could change and nobody would see it.
#[test]
fn hex_is_lower_case_only() {
    let (hash, id, key) = (Hash([0xab; 32]), TxId([0xcd; 38]), KeyId([0xef; 8]));
    assert_eq!(hash.to_string().parse::<Hash>(), Ok(hash));
    assert_eq!(id.to_string().parse::<TxId>(), Ok(id));
    assert_eq!(key.to_string().parse::<KeyId>(), Ok(key));
    assert!(hash.to_string().to_uppercase().parse::<Hash>().is_err());
    assert!(id.to_string().to_uppercase().parse::<TxId>().is_err());
    assert!(key.to_string().to_uppercase().parse::<KeyId>().is_err());
    assert!(hash.to_string()[2..].parse::<Hash>().is_err());
}

#[test]
fn an_id_carries_its_time_and_sorts_by_it() {
    let (early, late) = (TxId::new(5, b"z"), TxId::new(6, b"a"));
    assert!(early < late);
    assert_eq!((early.not_after_ms(), late.not_after_ms()), (5, 6));
    assert_eq!(early.0[6..], sha256(&[b"z"]).0);
    assert_eq!(TxId::new(u64::MAX, b"").not_after_ms(), TxId::TIME_MS_MAX);
}

#[test]
fn no_tag_begins_another() {
    let tags = [
        Tag::Transaction,
        Tag::Acceptance,
        Tag::Genesis,
        Tag::Header,
        Tag::Proposal,
        Tag::Vote,
        Tag::Status,
        Tag::Outcome,
        Tag::RecordSalt,
        Tag::Record,
        Tag::SealedField,
        Tag::Token,
        Tag::StateKey,
    ];
    for (i, one) in tags.iter().enumerate() {
        assert_eq!(one.prefix().iter().filter(|byte| **byte == 0).count(), 1);
        assert!(one.prefix().ends_with(&[0]));
        for other in &tags[i + 1..] {
            assert!(!one.prefix().starts_with(other.prefix()) && !other.prefix().starts_with(one.prefix()));
        }
    }
    assert_eq!(Tag::Vote.hash(&[b"a", b"b"]), sha256(&[&Tag::Vote.message(b"ab")]));
}

#[test]
fn invariants_are_ten_with_ids_of_their_own() {
    let ids: std::collections::BTreeSet<_> = Invariant::ALL.iter().map(|i| i.id()).collect();
    assert_eq!(ids.len(), 10);
}

proptest! {
    #[test]
    fn what_parses_is_written_the_same(text in ".{0,60}") {
        if let Ok(name) = text.parse::<Domain>() { prop_assert_eq!(name.to_string(), text.clone()); }
        if let Ok(name) = text.parse::<AgencyId>() { prop_assert_eq!(name.to_string(), text.clone()); }
        if let Ok(name) = text.parse::<ChainId>() { prop_assert_eq!(name.to_string(), text.clone()); }
        if let Ok(name) = text.parse::<RecordId>() { prop_assert_eq!(name.to_string(), text.clone()); }
        if let Ok(name) = text.parse::<RecordKey>() { prop_assert_eq!(name.to_string(), text); }
    }

    #[test]
    fn names_sort_as_their_texts(a in "[a-z][a-z0-9-]{0,20}[a-z0-9]", b in "[a-z][a-z0-9-]{0,20}[a-z0-9]") {
        let (x, y): (AgencyId, AgencyId) = (a.parse().unwrap(), b.parse().unwrap());
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
    }

    #[test]
    fn ids_sort_by_time_first(a in 0..TxId::TIME_MS_MAX, b in 0..TxId::TIME_MS_MAX, x: Vec<u8>, y: Vec<u8>) {
        prop_assume!(a != b);
        prop_assert_eq!(TxId::new(a, &x).cmp(&TxId::new(b, &y)), a.cmp(&b));
    }
}

//! Persons: registered once by the owner, updated under fresh salts.

use hutong_ledger::hash::Hash;
use hutong_wire::v1::disclosure::{AccessIndex, Person, RegisterPerson, SealedField, action::Kind};

use crate::{build::*, support::*};

const FIELDS: [(&str, &str); 2] = [("name", "Li"), ("phone", "1")];

#[test]
fn a_person_is_registered_with_an_empty_index() {
    let mut city = City::default();
    city.submit(OWNER, register(1, &FIELDS)).unwrap();
    let person: Person = city.get(&person(1)).unwrap();
    assert_eq!(person, Person { sealed: sealed(&FIELDS), since_ms: time_ms(1) });
    let index: AccessIndex = city.get(&format!("accesses/{}", hex::encode(handle(1)))).unwrap();
    assert_eq!((index.count, &index.head[..]), (0, &Hash::ZERO.0[..]));
    city.submit(OWNER, register(2, &[])).unwrap();
}

#[test]
fn the_owner_alone_registers_and_updates() {
    let mut city = City::default();
    assert_eq!(city.refused(CLINIC, register(1, &FIELDS)), "owner_required");
    city.submit(OWNER, register(1, &FIELDS)).unwrap();
    assert_eq!(city.refused(CLINIC, update(1, &[("name", "Wang")])), "owner_required");
}

#[test]
fn a_person_is_registered_once() {
    let mut city = City::default();
    city.submit(OWNER, register(1, &FIELDS)).unwrap();
    assert_eq!(city.refused(OWNER, register(1, &FIELDS)), "person_exists");
}

#[test]
fn an_index_that_an_access_made_is_kept() {
    let mut city = City::with_a_note();
    city.submit(CLINIC, ask(request(NOTE, &["text"], emergency()))).unwrap();
    city.submit(OWNER, register(1, &FIELDS)).unwrap();
    let index: AccessIndex = city.get(&format!("accesses/{}", hex::encode(handle(1)))).unwrap();
    assert_eq!(index.count, 1);
}

#[test]
fn an_update_replaces_by_name_and_never_keeps_a_commitment() {
    let mut city = City::default();
    assert_eq!(city.refused(OWNER, update(1, &FIELDS)), "person_unknown");
    city.submit(OWNER, register(1, &FIELDS)).unwrap();
    assert_eq!(city.refused(OWNER, update(1, &[("name", "Li")])), "commitment_unchanged");
    assert_eq!(city.refused(OWNER, update(1, &[("name", "Wang"), ("phone", "1")])), "commitment_unchanged");
    assert_eq!(city.refused(OWNER, update(1, &[])), "sealed_field_invalid");
    city.submit(OWNER, update(1, &[("email", "x"), ("name", "Wang")])).unwrap();
    let person: Person = city.get(&person(1)).unwrap();
    assert_eq!(person.sealed, sealed(&[("email", "x"), ("name", "Wang"), ("phone", "1")]));
    assert_eq!(person.since_ms, time_ms(2), "since it was registered");
}

#[test]
fn an_erased_person_is_not_updated() {
    let mut city = City::default();
    city.submit(OWNER, register(1, &FIELDS)).unwrap();
    city.submit(OWNER, erase(erasure(&person(1)))).unwrap();
    assert_eq!(city.refused(OWNER, update(1, &[("name", "Wang")])), "erased");
    assert_eq!(city.refused(OWNER, register(1, &FIELDS)), "person_exists");
}

#[test]
fn the_form_of_sealed_fields_is_checked() {
    let mut city = City::default();
    let long = "n".repeat(65);
    let many: Vec<String> = (0..33).map(|n| format!("f{n:02}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    for fields in [
        &[("phone", "1"), ("name", "2")][..],
        &[("name", "1"), ("name", "2")],
        &[("", "1")],
        &[("Name", "1")],
        &[("name of", "1")],
        &[(&long, "1")],
        &many,
    ] {
        assert_eq!(city.refused(OWNER, register(1, fields)), "sealed_field_invalid", "{fields:?}");
    }
    for (bytes, of) in [(15, 32), (17, 32), (0, 32), (16, 31), (16, 33), (16, 0)] {
        let sealed = vec![SealedField { name: "name".into(), commitment: vec![0; of].into() }];
        let action = Kind::RegisterPerson(RegisterPerson { handle: vec![0; bytes].into(), sealed });
        let code = if bytes == 16 { "sealed_field_invalid" } else { "handle_invalid" };
        assert_eq!(city.refused(OWNER, encoded(action)), code);
    }
    city.submit(OWNER, register(1, &many[..32])).unwrap();
    assert_eq!(city.refused(OWNER, update(1, &[("one-more", "1")])), "sealed_field_invalid");
}

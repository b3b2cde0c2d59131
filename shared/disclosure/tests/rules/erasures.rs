//! Erasure: the certificate, what stands against it, and what comes after it.

use hutong_wire::v1::disclosure::{AccessIndex, Erase, Erasure, ErasureStatus, ReadBy};

use crate::{build::*, support::*};

#[test]
fn the_certificate_says_what_is_gone_and_who_had_read_it() {
    let mut city = City::default();
    city.note(NOTE, &[1, 2], &[("name", "Li"), ("text", "cough")]);
    city.note("note/2", &[1], &[("text", "1")]);
    city.submit(CLINIC, ask(request("note/2", &["text"], emergency()))).unwrap();
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
    let index: AccessIndex = city.get(&format!("accesses/{}", hex::encode(handle(1)))).unwrap();
    let expected = Erasure {
        record: NOTE.into(),
        fields: sealed(&[("name", "Li"), ("text", "cough")]),
        requested_by: "person".into(),
        basis: "article 47".into(),
        status: ErasureStatus::Erased.into(),
        erased_ms: time_ms(4),
        unrecoverable_ms: 0,
        handle_destroyed: false,
        read_by: vec![
            ReadBy { handle: handle(1).to_vec().into(), count: 1, head: index.head },
            ReadBy { handle: handle(2).to_vec().into(), count: 0, head: vec![0; 32].into() },
        ],
    };
    assert_eq!(city.get::<Erasure>("erasure/note/1").unwrap(), expected);
    city.submit(OWNER, confirm(NOTE)).unwrap();
    let confirmed =
        Erasure { status: ErasureStatus::Unrecoverable.into(), unrecoverable_ms: time_ms(5), ..expected };
    assert_eq!(city.get::<Erasure>("erasure/note/1").unwrap(), confirmed);
    assert_eq!(city.refused(OWNER, confirm(NOTE)), "already_unrecoverable");
}

#[test]
fn a_hold_forbids_it_and_says_why() {
    let mut city = City::with_a_note();
    city.submit(OWNER, place(NOTE, "lawsuit 9", time_ms(5))).unwrap();
    let refusal = city.refusal(OWNER, erase(erasure(NOTE)));
    assert_eq!(refusal.code, "legal_hold");
    assert!(refusal.message.contains("lawsuit 9"), "{}", refusal.message);
    assert_eq!(city.refused(OWNER, erase(erasure(NOTE))), "legal_hold");
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
}

#[test]
fn it_is_erased_once_until_something_new_is_there() {
    let mut city = City::with_a_note();
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
    assert_eq!(city.refused(OWNER, erase(erasure(NOTE))), "already_erased");
    city.submit(OWNER, confirm(NOTE)).unwrap();
    city.note(NOTE, &[1], &[("name", "Li"), ("text", "better")]);
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
    let erasure: Erasure = city.get("erasure/note/1").unwrap();
    // What was erased before stays listed: a restored vault reads this alone.
    let mut gone = sealed(&[("name", "Li"), ("text", "cough"), ("text", "better")]);
    gone.sort_by(|a, b| (&a.name, &a.commitment).cmp(&(&b.name, &b.commitment)));
    assert_eq!(erasure.fields, gone);
    assert_eq!((erasure.status(), erasure.unrecoverable_ms), (ErasureStatus::Erased, 0));
}

#[test]
fn a_certificate_stays_within_its_bounds() {
    let mut city = City::default();
    let names: Vec<String> = (0..128).map(|n| format!("{}{n:03}", "f".repeat(61))).collect();
    for round in 0..6 {
        let contents: Vec<_> = names.iter().map(|name| format!("{name}{round}")).collect();
        let fields: Vec<_> =
            names.iter().map(String::as_str).zip(contents.iter().map(String::as_str)).collect();
        city.note(NOTE, &[1], &fields);
        city.submit(OWNER, erase(erasure(NOTE))).unwrap();
        let erasure: Erasure = city.get("erasure/note/1").unwrap();
        assert!(erasure.fields.len() >= 128 && erasure.fields.len() <= 512);
        for field in sealed(&fields) {
            assert!(erasure.fields.contains(&field));
        }
    }
}

#[test]
fn a_person_is_forgotten_with_the_handle() {
    let mut city = City::default();
    city.submit(OWNER, register(1, &[("name", "Li")])).unwrap();
    let forget = Erase { destroy_handle: true, ..erasure(&person(1)) };
    city.submit(OWNER, erase(erasure(&person(1)))).unwrap();
    assert_eq!(city.refused(OWNER, erase(erasure(&person(1)))), "already_erased");
    // The data first, the handle later.
    city.submit(OWNER, erase(forget.clone())).unwrap();
    assert!(city.get::<Erasure>(&format!("erasure/{}", person(1))).unwrap().handle_destroyed);
    assert_eq!(city.refused(OWNER, erase(forget.clone())), "already_erased");
    // A person of whom nothing is sealed still has a handle.
    city.submit(OWNER, register(2, &[])).unwrap();
    assert_eq!(city.refused(OWNER, erase(erasure(&person(2)))), "nothing_sealed");
    city.submit(OWNER, erase(Erase { record: person(2), ..forget })).unwrap();
}

#[test]
fn its_form_is_checked() {
    let mut city = City::with_a_note();
    assert_eq!(city.refused(CLINIC, erase(erasure(NOTE))), "owner_required");
    assert_eq!(city.refused(CLINIC, confirm(NOTE)), "owner_required");
    assert_eq!(city.refused(OWNER, confirm(NOTE)), "erasure_unknown");
    assert_eq!(city.refused(OWNER, erase(erasure("note/2"))), "record_unknown");
    assert_eq!(city.refused(OWNER, erase(erasure(&"n".repeat(97)))), "record_id_invalid");
    let mut broken = |change: &dyn Fn(&mut Erase)| {
        let mut erasure = erasure(NOTE);
        change(&mut erasure);
        city.refused(OWNER, erase(erasure))
    };
    assert_eq!(broken(&|e| e.requested_by = "police".into()), "erasure_invalid");
    assert_eq!(broken(&|e| e.requested_by = String::new()), "erasure_invalid");
    assert_eq!(broken(&|e| e.basis = String::new()), "erasure_invalid");
    assert_eq!(broken(&|e| e.basis = "b".repeat(257)), "erasure_invalid");
    assert_eq!(broken(&|e| e.destroy_handle = true), "erasure_invalid");
    city.submit(OWNER, "put public/1 text".into()).unwrap();
    assert_eq!(city.refused(OWNER, erase(erasure("public/1"))), "nothing_sealed");
    city.submit(OWNER, erase(Erase { requested_by: "owner".into(), ..erasure(NOTE) })).unwrap();
}

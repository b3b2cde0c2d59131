//! Access: what is asked for must be there and sealed, by an official, for a purpose; and it is counted.

use hutong_disclosure::{RELEASE_WINDOW_MS, SEALED_AHEAD_MS_MAX, SUBJECTS_MAX, access_head};
use hutong_ledger::{hash::Hash, id::TxId};
use hutong_wire::v1::disclosure::{Access, AccessEntry, AccessIndex, Basis, RequestAccess, basis};

use crate::{build::*, notes::note, support::*};

fn index(city: &City, n: u8) -> (u64, Hash) {
    let index: AccessIndex = city.get(&format!("accesses/{}", hex::encode(handle(n)))).unwrap();
    (index.count, Hash(index.head[..].try_into().unwrap()))
}

fn access(city: &City, id: &TxId) -> Access {
    city.get(&format!("access/{id}")).unwrap()
}

#[test]
fn an_access_says_all_that_matters() {
    let mut city = City::with_a_note();
    let id = city.submit(CLINIC, ask(request(NOTE, &["text"], emergency()))).unwrap();
    let expected = Access {
        record: NOTE.into(),
        record_type: "note".into(),
        fields: sealed(&[("text", "cough")]),
        requester: CLINIC.into(),
        official: "official-7".into(),
        purpose: PURPOSE.into(),
        basis: Some(Basis { kind: Some(emergency()), court_order: String::new() }),
        subjects: vec![handle(1).to_vec().into()],
        time_ms: time_ms(2),
        release_until_ms: time_ms(2) + RELEASE_WINDOW_MS,
        sealed_until_ms: 0,
    };
    assert_eq!(access(&city, &id), expected);
}

#[test]
fn each_access_advances_the_index_of_each_subject() {
    let mut city = City::default();
    city.note("note/1", &[3, 1, 3], &[("text", "both")]);
    city.note("note/2", &[1], &[("text", "one")]);
    let mut heads = Vec::new();
    for name in ["note/1", "note/2", "note/1"] {
        let id = city.submit(CLINIC, ask(request(name, &["text"], emergency()))).unwrap();
        let (count, head) = index(&city, 1);
        let entry: AccessEntry =
            city.get(&format!("accesses/{}/{count:016x}", hex::encode(handle(1)))).unwrap();
        let changes = &city.executed.last().unwrap().changes;
        let details =
            changes.iter().find(|change| change.record.as_str() == format!("access/{id}")).unwrap().hash;
        let before = heads.last().copied().unwrap_or(Hash::ZERO);
        assert_eq!(head, access_head(&before, count, 0, &details));
        assert_eq!(
            (&entry.access[..], &entry.details[..], &entry.head[..]),
            (&id.0[..], &details.0[..], &head.0[..])
        );
        assert_eq!((entry.number, entry.time_ms), (count, time_ms(city.height)));
        heads.push(head);
    }
    assert_eq!((index(&city, 1).0, index(&city, 3).0), (3, 2));
    let id = city.executed.last().unwrap().entry.id;
    assert_eq!(access(&city, &id).subjects, [&handle(1)[..], &handle(3)[..]]);
}

#[test]
fn accesses_of_one_block_follow_each_other() {
    let mut city = City::with_a_note();
    let block: Vec<_> = (0..3)
        .map(|nonce| transaction(CLINIC, "a", nonce, ask(request(NOTE, &["text"], emergency()))))
        .collect();
    let done = execute(&city.epoch, 9, &block, &mut city.records);
    assert!(done.executed.iter().all(|executed| executed.refusal.is_none()));
    assert_eq!(index(&city, 1).0, 3);
}

#[test]
fn a_persons_own_record_is_read_the_same_way() {
    let mut city = City::default();
    city.submit(OWNER, register(5, &[("name", "Li"), ("phone", "1")])).unwrap();
    let id = city.submit(CLINIC, ask(request(&person(5), &["phone"], emergency()))).unwrap();
    let access = access(&city, &id);
    assert_eq!((access.record_type.as_str(), &access.subjects[0][..]), ("person", &handle(5)[..]));
    assert_eq!(access.fields, sealed(&[("phone", "1")]));
    assert_eq!(index(&city, 5).0, 1);
}

#[test]
fn a_record_without_subjects_can_be_read() {
    let mut city = City::default();
    city.note(NOTE, &[], &[("text", "a trade secret")]);
    let id = city.submit(CLINIC, ask(request(NOTE, &["text"], emergency()))).unwrap();
    assert!(access(&city, &id).subjects.is_empty());
}

#[test]
fn what_is_asked_for_must_be_there_and_sealed() {
    let mut city = City::with_a_note();
    let mut refused = |request| city.refused(CLINIC, ask(request));
    assert_eq!(refused(request("note/2", &["text"], emergency())), "record_unknown");
    assert_eq!(refused(request(NOTE, &["shoe"], emergency())), "field_unknown");
    assert_eq!(refused(request(NOTE, &["shoe", "text"], emergency())), "field_unknown");
    assert_eq!(refused(request("no spaces", &["text"], emergency())), "record_id_invalid");
    assert_eq!(refused(request("", &["text"], emergency())), "record_id_invalid");
    assert_eq!(refused(request(&"n".repeat(97), &["text"], emergency())), "record_id_invalid");
    for fields in [&[][..], &["text", "name"], &["text", "text"], &["Text"], &[""]] {
        assert_eq!(refused(request(NOTE, fields, emergency())), "fields_invalid", "{fields:?}");
    }
    let many: Vec<String> = (0..33).map(|n| format!("f{n:02}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(refused(request(NOTE, &many, emergency())), "fields_invalid");

    city.submit(OWNER, "put public/1 text".into()).unwrap();
    assert_eq!(city.refused(CLINIC, ask(request("public/1", &["text"], emergency()))), "nothing_sealed");
    let id = city.submit(CLINIC, ask(request(NOTE, &["text"], emergency()))).unwrap();
    let of_disclosure = [format!("access/{id}"), format!("accesses/{}", hex::encode(handle(1)))];
    for name in of_disclosure {
        assert_eq!(city.refused(CLINIC, ask(request(&name, &["text"], emergency()))), "nothing_sealed");
    }
}

#[test]
fn an_official_asks_for_a_purpose() {
    let mut city = City::with_a_note();
    let good = ask(request(NOTE, &["text"], emergency()));
    assert_eq!(city.submit_by(CLINIC, "", good).unwrap_err().code, "official_missing");
    for purpose in ["", "two\nlines", &"p".repeat(129)] {
        let action = RequestAccess { purpose: purpose.into(), ..request(NOTE, &["text"], emergency()) };
        assert_eq!(city.refused(CLINIC, ask(action)), "purpose_invalid");
    }
    let longest = RequestAccess { purpose: "p".repeat(128), ..request(NOTE, &["text"], emergency()) };
    city.submit(CLINIC, ask(longest)).unwrap();
}

#[test]
fn an_access_needs_a_basis() {
    let mut city = City::with_a_note();
    let bare = request(NOTE, &["text"], emergency());
    let without = RequestAccess { basis: None, ..bare.clone() };
    assert_eq!(city.refused(CLINIC, ask(without)), "basis_missing");
    let empty = RequestAccess { basis: Some(Basis::default()), ..bare };
    assert_eq!(city.refused(CLINIC, ask(empty)), "basis_missing");
}

#[test]
fn an_emergency_is_told() {
    let mut city = City::with_a_note();
    for told in ["", "a\0b", &"e".repeat(257)] {
        let kind = basis::Kind::Emergency(told.into());
        assert_eq!(city.refused(CLINIC, ask(request(NOTE, &["text"], kind))), "basis_invalid");
    }
    for agency in ALL {
        city.submit(agency, ask(request(NOTE, &["text"], emergency()))).unwrap();
    }
}

#[test]
fn duty_is_the_owners_own() {
    let mut city = City::with_a_note();
    city.submit(OWNER, ask(request(NOTE, &["text"], duty()))).unwrap();
    assert_eq!(city.refused(CLINIC, ask(request(NOTE, &["text"], duty()))), "duty_not_owner");
    for reference in ["", "\u{7f}", &"r".repeat(65)] {
        let kind = basis::Kind::Duty(reference.into());
        assert_eq!(city.refused(OWNER, ask(request(NOTE, &["text"], kind))), "basis_invalid");
    }
    let other_word = basis::Kind::Duty("a".into());
    assert_eq!(city.refused(COURT, ask(request(NOTE, &["text"], other_word))), "duty_not_owner");
}

#[test]
fn what_was_erased_is_not_released() {
    let mut city = City::with_a_note();
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
    assert_eq!(city.refused(CLINIC, ask(request(NOTE, &["text"], emergency()))), "erased");
    assert_eq!(city.refused(OWNER, ask(request(NOTE, &["name"], duty()))), "erased");
    // One field is sealed anew: it alone can be read.
    city.note(NOTE, &[1], &[("name", "Li"), ("text", "better")]);
    city.submit(CLINIC, ask(request(NOTE, &["text"], emergency()))).unwrap();
    assert_eq!(city.refused(CLINIC, ask(request(NOTE, &["name", "text"], emergency()))), "erased");
}

#[test]
fn a_court_seals_for_a_time() {
    let mut city = City::with_a_note();
    let at = time_ms(3);
    let sealed = |until, order: &str| RequestAccess {
        basis: Some(Basis { kind: Some(emergency()), court_order: order.into() }),
        sealed_until_ms: until,
        ..request(NOTE, &["text"], emergency())
    };
    let id = city.submit(COURT, ask(sealed(at + 1, "order 5"))).unwrap();
    assert_eq!(access(&city, &id).sealed_until_ms, at + 1);
    let id = city.submit(COURT, ask(sealed(at + SEALED_AHEAD_MS_MAX, "order 5"))).unwrap();
    let changes = &city.executed.last().unwrap().changes;
    let details =
        changes.iter().find(|change| change.record.as_str() == format!("access/{id}")).unwrap().hash;
    let entry =
        |n| city.get::<AccessEntry>(&format!("accesses/{}/{n:016x}", hex::encode(handle(1)))).unwrap();
    let before = Hash(entry(1).head[..].try_into().unwrap());
    let head = access_head(&before, 2, at + SEALED_AHEAD_MS_MAX, &details);
    assert_eq!((entry(2).sealed_until_ms, &entry(2).head[..]), (at + SEALED_AHEAD_MS_MAX, &head.0[..]));

    for (until, order, code) in [
        (at + 60_000, "", "court_order_invalid"),
        (at + 60_000, &"o".repeat(65)[..], "court_order_invalid"),
        (at + 60_000, "a\nb", "court_order_invalid"),
        (0, "order 5", "court_order_invalid"),
        (at, "order 5", "sealed_until_invalid"),
        (at + SEALED_AHEAD_MS_MAX + 60_000, "order 5", "sealed_until_invalid"),
        (u64::MAX, "order 5", "sealed_until_invalid"),
    ] {
        assert_eq!(city.refused(COURT, ask(sealed(until, order))), code, "{until} {order:?}");
    }
}

#[test]
fn the_most_subjects_fit_and_no_more() {
    let mut city = City::default();
    let handles: Vec<_> = (0..=SUBJECTS_MAX).map(|n| [n as u8; 16]).collect();
    let put = |handles: &[_]| format!("put {NOTE} {}", note(handles, &[("text", "many")])).into();
    assert_eq!(city.refused(OWNER, put(&handles)), "too_many_subjects");
    city.submit(OWNER, put(&handles[..SUBJECTS_MAX])).unwrap();
    city.catalogue("agreement/care", hutong_wire::prost::Message::encode_to_vec(&agreement()));
    city.submit(CLINIC, ask(request(NOTE, &["text"], by_agreement()))).unwrap();
    city.executed.iter().filter(|executed| executed.refusal.is_none()).for_each(check);
    assert_eq!(index(&city, SUBJECTS_MAX as u8 - 1).0, 1);
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
}

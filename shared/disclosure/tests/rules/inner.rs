//! What a domain's own contract may do with the records of disclosure, and with sealed fields of its own.

use crate::{build::*, notes::note, support::*};

#[test]
fn it_reads_the_records_of_disclosure_and_changes_none() {
    let mut city = City::default();
    city.submit(OWNER, register(1, &[("name", "Li")])).unwrap();
    city.submit(CLINIC, format!("read {}", person(1)).into()).unwrap();
    assert_eq!(city.refused(CLINIC, format!("read {}", person(2)).into()), "nothing_there");
    let names = [
        person(1),
        "access/x".into(),
        "accesses/x".into(),
        "consent/x".into(),
        "hold/note/1".into(),
        "erasure/note/1".into(),
        "agreement-use/care".into(),
    ];
    for name in names {
        assert_eq!(city.refused(OWNER, format!("put {name} x").into()), "contract_fault", "{name}");
    }
}

#[test]
fn its_sealed_fields_have_their_form() {
    let mut city = City::default();
    let long = "n".repeat(65);
    let many: Vec<String> = (0..129).map(|n| format!("f{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    for fields in [&[("Name", "1")][..], &[("a", "1"), ("a", "2")], &[(&long, "1")], &many] {
        let action = format!("put {NOTE} {}", note(&[handle(1)], fields));
        assert_eq!(city.refused(OWNER, action.into()), "sealed_field_invalid");
    }
    let action = format!("put {NOTE} {}", note(&[handle(1)], &many[..128]));
    city.submit(OWNER, action.into()).unwrap();
    let name = format!("note/{}", "n".repeat(92));
    let action = format!("put {name} {}", note(&[handle(1)], &[("a", "1")]));
    assert_eq!(city.refused(OWNER, action.into()), "record_id_invalid");
    city.submit(OWNER, format!("put {name} public").into()).unwrap();
}

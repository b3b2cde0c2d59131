//! The records as people read them.

use hutong_disclosure::Disclosing;
use hutong_ledger::contract::Contract;
use serde_json::{Value, json};

use crate::{build::*, notes::Notes, support::*};

fn rendered(city: &City, name: &str) -> Value {
    Disclosing(Notes).render(&record(name), &city.value(name).unwrap()).unwrap()
}

#[test]
fn every_record_can_be_read() {
    let mut city = City::with_a_note();
    city.submit(OWNER, register(1, &[("name", "Li")])).unwrap();
    city.submit(OWNER, give(consent(1))).unwrap();
    let access = city.submit(CLINIC, ask(request(NOTE, &["text"], by_agreement()))).unwrap();
    city.submit(OWNER, place(&person(1), "lawsuit 9", 0)).unwrap();
    city.submit(OWNER, erase(erasure(NOTE))).unwrap();
    let handle = hex::encode(handle(1));
    assert_eq!(rendered(&city, NOTE), json!(String::from_utf8(city.value(NOTE).unwrap().to_vec()).unwrap()));

    let person = rendered(&city, &person(1));
    assert_eq!((&person["handle"], &person["sealed"][0]["name"]), (&json!(handle), &json!("name")));
    let shown = rendered(&city, &format!("access/{access}"));
    assert_eq!(shown["access"], json!(access.to_string()));
    assert_eq!((&shown["requester"], &shown["official"]), (&json!(CLINIC), &json!("official-7")));
    assert_eq!((&shown["basis"], &shown["emergency"]), (&json!({ "agreement": "care" }), &json!(false)));
    assert_eq!((&shown["subjects"], &shown["sealed_until_ms"]), (&json!([handle]), &Value::Null));
    let index = rendered(&city, &format!("accesses/{handle}"));
    assert_eq!((&index["count"], &index["handle"]), (&json!(1), &json!(handle)));
    let entry = rendered(&city, &format!("accesses/{handle}/0000000000000001"));
    assert_eq!((&entry["access"], &entry["head"]), (&json!(access.to_string()), &index["head"]));
    let consent = rendered(&city, &format!("consent/{handle}/{CONSENT}"));
    assert_eq!((&consent["consumer"], &consent["withdrawn_ms"]), (&json!(CLINIC), &Value::Null));
    let hold = rendered(&city, &format!("hold/person/{handle}"));
    assert_eq!((&hold["reason"], &hold["until_ms"]), (&json!("lawsuit 9"), &Value::Null));
    let erasure = rendered(&city, "erasure/note/1");
    assert_eq!((&erasure["status"], &erasure["read_by"][0]["count"]), (&json!("erased"), &json!(1)));
    assert_eq!(rendered(&city, "agreement-use/care"), json!({ "agreement": "care", "count": 1 }));
}

//! Who looked: whole, in pages, sealed by a court until its date, and as a document that verifies offline.

use std::{sync::atomic::Ordering, time::Duration};

use hutong_disclosure::accesses::{self, Fault, PersonFault};
use hutong_portal::Config;
use hutong_runtime::Clock as _;
use serde_json::{Value, json};

use crate::{
    city::BEGAN_MS,
    proofs::trust,
    setting::{Setting, WANG, person_named},
};

const PATH: &str = "/v1/subjects/me/accesses";

fn numbers(page: &Value) -> Vec<(String, u64)> {
    let seen = page["accesses"].as_array().expect("a page").iter();
    seen.map(|seen| (seen["domain"].as_str().unwrap().to_owned(), seen["number"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn a_person_sees_who_looked_and_why() {
    let setting = Setting::new().await;
    setting.settle_in();
    assert_eq!(setting.get(WANG, PATH).await.1, json!({ "accesses": [], "next": null, "unreachable": [] }));
    let id = setting.look("health", "note/wang", "text", 0);
    setting.look("health", "note/li", "text", 0);
    let (status, page) = setting.get(WANG, PATH).await;
    assert_eq!((status, numbers(&page)), (200, vec![("health".into(), 1)]));
    let seen = &page["accesses"][0];
    let expected = json!({
        "domain": "health", "number": 1, "sealed": false, "access": id.to_string(),
        "time_ms": seen["time_ms"], "agency": "clinic", "official": "nurse-7", "purpose": "treatment",
        "basis": { "emergency": "unconscious at the door" }, "emergency": true, "record": "note/wang",
        "record_type": "note", "fields": ["text"], "receipt": format!("/v1/subjects/me/receipts/{id}"),
    });
    assert_eq!(*seen, expected);
    let (status, receipt) = setting.get(WANG, seen["receipt"].as_str().unwrap()).await;
    assert_eq!((status, &receipt["transaction"]), (200, &json!(id.to_string())));
}

#[tokio::test]
async fn pages_follow_each_other_and_miss_nothing() {
    let setting = Setting::new().await;
    setting.settle_in();
    for _ in 0..5 {
        setting.look("health", "note/both", "text", 0);
        setting.look("property", "note/wang", "text", 0);
    }
    let all: Vec<(String, u64)> = ["health", "property"]
        .into_iter()
        .flat_map(|domain| (1..=5).map(move |number| (domain.to_owned(), number)))
        .collect();
    for limit in [1, 2, 3, 5, 9, 10, 11] {
        let mut found = Vec::new();
        let mut next = Some(format!("{PATH}?limit={limit}"));
        while let Some(path) = next {
            let (status, page) = setting.get(WANG, &path).await;
            assert_eq!(status, 200, "{page}");
            assert!(numbers(&page).len() <= limit);
            found.extend(numbers(&page));
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(found, all, "limit {limit}");
    }
    let (_, page) = setting.get(WANG, &format!("{PATH}?domain=property&limit=2&after=property.1")).await;
    assert_eq!(numbers(&page), [("property".into(), 2), ("property".into(), 3)]);
    assert_eq!(page["next"], format!("{PATH}?domain=property&after=property.3&limit=2"));
}

#[tokio::test]
async fn a_query_that_is_none_is_refused() {
    let setting = Setting::new().await;
    for query in ["limit=0", "limit=201", "limit=x", "after=health", "after=health.x", "domain=A%20b", "x=1"]
    {
        let (status, problem) = setting.get(WANG, &format!("{PATH}?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("malformed_query")), "{query}");
    }
    for domain in ["nowhere", "membership"] {
        let (status, problem) = setting.get(WANG, &format!("{PATH}?domain={domain}")).await;
        assert_eq!((status, &problem["code"]), (404, &json!("unknown_domain")), "{domain}");
    }
}

#[tokio::test]
async fn what_a_court_seals_shows_its_number_and_date_until_then() {
    let setting = Setting::new().await;
    setting.settle_in();
    let until_ms = BEGAN_MS + 3_600_000;
    setting.look("health", "note/wang", "text", 0);
    let sealed = setting.look("health", "note/wang", "text", until_ms);
    setting.look("health", "note/wang", "text", 0);
    let (_, page) = setting.get(WANG, PATH).await;
    let expected = json!({ "domain": "health", "number": 2, "sealed": true, "sealed_until_ms": until_ms });
    assert_eq!(page["accesses"][1], expected);
    assert!(!page.to_string().contains(&sealed.to_string()) && page["accesses"][2]["access"].is_string());
    let receipt = format!("/v1/subjects/me/receipts/{sealed}");
    let (status, problem) = setting.get(WANG, &receipt).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_transaction")));
    let (_, document) = setting.get(WANG, &format!("{PATH}/document")).await;
    assert!(!document.to_string().contains(&sealed.to_string()));
    let verified = accesses::verify(document.to_string().as_bytes(), &trust()).unwrap();
    assert!(verified.persons[0].entries[1].opened.is_none());

    setting.city.clock.advance(Duration::from_millis(until_ms - setting.city.clock.unix_ms()));
    let (_, page) = setting.get(WANG, PATH).await;
    let opened = &page["accesses"][1];
    assert_eq!((&opened["sealed"], &opened["basis"]["court_order"]), (&json!(false), &json!("order 5")));
    assert_eq!(setting.get(WANG, &receipt).await.0, 200);
    let (_, document) = setting.get(WANG, &format!("{PATH}/document")).await;
    let verified = accesses::verify(document.to_string().as_bytes(), &trust()).unwrap();
    assert!(verified.persons[0].entries[1].opened.is_some());
}

#[tokio::test]
async fn the_document_shows_itself_whole_and_with_one_less_it_does_not() {
    let setting = Setting::new().await;
    setting.settle_in();
    for record in ["note/wang", "note/both", "note/li", "note/wang"] {
        setting.look("health", record, "text", 0);
    }
    setting.look("property", "note/wang", "text", 0);
    let (status, mut document) = setting.get(WANG, &format!("{PATH}/document")).await;
    assert_eq!(status, 200);
    let verified = accesses::verify(document.to_string().as_bytes(), &trust()).unwrap();
    let counts: Vec<_> = verified.persons.iter().map(|person| person.entries.len()).collect();
    assert_eq!(counts, [3, 1]);
    let (_, one) = setting.get(WANG, &format!("{PATH}/document?domain=property")).await;
    assert_eq!(accesses::verify(one.to_string().as_bytes(), &trust()).unwrap().persons.len(), 1);
    document["persons"][0]["entries"].as_array_mut().unwrap().remove(1);
    match accesses::verify(document.to_string().as_bytes(), &trust()).unwrap_err() {
        Fault::Person { fault, .. } => assert!(matches!(*fault, PersonFault::Incomplete { missing: 2, .. })),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_document_is_whole_or_not_given() {
    let setting = Setting::new().await;
    setting.settle_in();
    setting.look("health", "note/wang", "text", 0);
    setting.look("property", "note/wang", "text", 0);
    setting.land.away.store(true, Ordering::SeqCst);
    let (status, problem) = setting.get(WANG, &format!("{PATH}/document")).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
    assert_eq!(setting.get(WANG, &format!("{PATH}/document?domain=health")).await.0, 200);
    // The list says what is missing.
    let (status, page) = setting.get(WANG, PATH).await;
    assert_eq!((status, numbers(&page)), (200, vec![("health".into(), 1)]));
    assert_eq!(page["unreachable"], json!(["natural-resources"]));
    let (status, problem) = setting.get(WANG, &format!("{PATH}?domain=property")).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
    setting.city.away.store(true, Ordering::SeqCst);
    let (status, problem) = setting.get(WANG, PATH).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
}

#[tokio::test]
async fn a_document_has_its_bound() {
    let mut setting = Setting::new().await;
    setting.settle_in();
    for _ in 0..3 {
        setting.look("health", "note/wang", "text", 0);
    }
    setting.routes = setting.bounded(Config { document_accesses_max: 2, ..Config::default() });
    let (status, problem) = setting.get(WANG, &format!("{PATH}/document?domain=health")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("too_many_items")));
}

#[tokio::test]
async fn one_without_a_resident_id_is_told_so() {
    let setting = Setting::new().await;
    let mut person = person_named(WANG);
    person.resident_id = None;
    let (status, problem) =
        setting.call(&hutong_runtime::auth::Caller::Person(person), "GET", PATH, None).await;
    assert_eq!((status, &problem["code"]), (403, &json!("resident_id_missing")));
}

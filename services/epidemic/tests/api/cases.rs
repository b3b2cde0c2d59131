//! The line list: reported through the desk with its personal data in the vault, found, shown, revised.

use hutong_runtime::auth::Caller;
use hutong_wire::v1::epidemic::{Origin, Status};
use serde_json::{Value, json};

use crate::{
    Running, agency, case,
    city::{CLINIC, City, HANDLE, HEALTH, RESIDENT},
    report, today,
};
use hutong_epidemic::{build, day};

const CASES: &str = "/epidemic/v1/cases";

fn new() -> Value {
    json!({
        "id": "a-1",
        "facts": { "disease": "dengue", "status": "suspected", "origin": "local", "age_band": "5-9", "sex": "female",
                   "district": "110105", "onset": "2023-11-10" },
        "sealed": { "name": "Zhang San", "resident_id": RESIDENT, "contact": "13800000000" },
    })
}

#[tokio::test]
async fn a_case_is_reported_and_nobody_sees_who_it_is() {
    let running = Running::over(City::new());
    let answer = running.post(CASES, new()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.headers["location"], "/epidemic/v1/cases/a-1");
    assert!(answer.body["receipt"].as_str().unwrap().ends_with("/receipt"));
    running.until_found("", &["a-1"]).await;
    let shown = running.get(&format!("{CASES}/a-1")).await;
    for secret in ["Zhang", RESIDENT, "13800000000"] {
        assert!(!shown.text.contains(secret) && !answer.text.contains(secret));
    }
    let names: Vec<_> = shown.body["sealed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
    assert_eq!(names, ["contact", "name", "resident_id"]);
    assert_eq!(shown.body["person"], hex::encode(HANDLE));
    assert_eq!(shown.body["report"], day::text(today()), "the day of the report is today unless told");
    let sealed = running.city.vault.sealed.lock().pop().unwrap();
    assert_eq!(
        (sealed.record.record.as_str(), sealed.subjects.clone(), sealed.values.len()),
        ("case/a-1", vec![HANDLE], 3)
    );
    // Nothing of it is anywhere on the ledger.
    assert!(!running.city.ledger_contains(&["Zhang San", RESIDENT, "13800000000"]));
}

#[tokio::test]
async fn a_case_gets_an_id_and_needs_no_person() {
    let running = Running::over(City::new());
    let mut body = new();
    body.as_object_mut().unwrap().remove("id");
    body.as_object_mut().unwrap().remove("sealed");
    let answer = running.post(CASES, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.body["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    running.until_found("", &[&id]).await;
    assert!(running.city.vault.sealed.lock().is_empty());
}

#[tokio::test]
async fn what_the_contract_would_refuse_is_not_sealed() {
    let running = Running::over(City::new());
    let with = |field: &str, value: Value| {
        let mut body = new();
        body["facts"][field] = value;
        body
    };
    for (field, value, code) in [
        ("status", json!("sick"), "case_invalid"),
        ("origin", json!("elsewhere"), "case_invalid"),
        ("sex", json!("x"), "case_invalid"),
        ("age_band", json!("7"), "case_invalid"),
        ("disease", json!("Dengue!"), "case_invalid"),
        ("onset", json!("yesterday"), "dates_invalid"),
        ("onset", json!("2031-01-01"), "dates_invalid"),
        ("onset", json!("2023-11-30"), "dates_invalid"),
    ] {
        let answer = running.post(CASES, with(field, value)).await;
        assert_eq!(answer.code(), (422, code), "{field}");
        assert_eq!(answer.body["field"], field);
    }
    let mut wrong = new();
    wrong["sealed"]["resident_id"] = "110101199003070055".into();
    let answer = running.post(CASES, wrong).await;
    assert_eq!(answer.code(), (422, "resident_id_invalid"));
    assert!(!answer.text.contains("110101199003070055"), "the answer does not repeat it");
    let mut odd = new();
    odd["id"] = "A B".into();
    assert_eq!(running.post(CASES, odd).await.code(), (400, "malformed_path"));
    let mut more = new();
    more["name"] = "Zhang San".into();
    assert_eq!(running.post(CASES, more).await.code(), (422, "unexpected_json"));
    assert!(running.city.vault.sealed.lock().is_empty());
    // What only the ledger knows, it refuses itself.
    assert_eq!(running.post(CASES, new()).await.status, 201);
    assert_eq!(running.post(CASES, new()).await.code(), (422, "case_exists"));
}

#[tokio::test]
async fn only_the_owner_writes_here() {
    let running = Running::over(City::new());
    assert_eq!(
        running.post_as(Caller::Anonymous, CASES, new().to_string()).await.code(),
        (401, "authentication_required")
    );
    assert_eq!(
        running.post_as(agency(CLINIC), CASES, new().to_string()).await.code(),
        (403, "not_the_owner")
    );
    let path = format!("{CASES}/a-1/revisions");
    let body = json!({ "facts": new()["facts"] }).to_string();
    assert_eq!(
        running.post_as(Caller::Anonymous, &path, &*body).await.code(),
        (401, "authentication_required")
    );
    assert_eq!(running.post_as(agency(CLINIC), &path, &*body).await.code(), (403, "not_the_owner"));
    assert_eq!(running.post_as(agency(HEALTH), &path, &*body).await.code(), (404, "case_unknown"));
}

#[tokio::test]
async fn a_revision_is_a_version() {
    let running = Running::over(City::new());
    assert_eq!(running.post(CASES, new()).await.status, 201);
    let path = format!("{CASES}/a-1/revisions");
    let mut facts = new()["facts"].clone();
    facts["status"] = "confirmed".into();
    facts["report"] = day::text(today()).into();
    facts["diagnosis"] = "2023-11-12".into();
    let body = json!({ "facts": facts, "sealed": { "address": "1 Lane" }, "expected_version": 1 });
    let answer = running.post(&path, body.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(running.post(&path, body).await.code(), (422, "stale_version"));
    facts["status"] = "discarded".into();
    assert_eq!(running.post(&path, json!({ "facts": facts })).await.code(), (422, "reason_missing"));
    assert_eq!(
        running.post(&path, json!({ "facts": facts, "reason": "laboratory error" })).await.status,
        201
    );
    let versions = running.all(agency(CLINIC), &format!("{CASES}/a-1/history?limit=2"), "versions").await;
    let seen: Vec<_> =
        versions.iter().map(|v| (v["revision"].as_u64(), v["status"].as_str().unwrap())).collect();
    assert_eq!(seen, [(Some(3), "discarded"), (Some(2), "confirmed"), (Some(1), "suspected")]);
    assert_eq!(versions[0]["reason"], "laboratory error");
    assert_eq!(versions[1]["sealed"].as_array().unwrap().len(), 4);
    running.until_found("status=discarded", &["a-1"]).await;
    running.until_found("status=counted", &[]).await;
}

#[tokio::test]
async fn cases_are_found_by_all_of_a_query_page_by_page() {
    let city = City::new();
    city.submit(&[HEALTH], build::set_reporters([CLINIC.to_owned()]));
    for n in 0..9 {
        let agency = if n % 3 == 0 { CLINIC } else { HEALTH };
        let change = |facts: &mut hutong_wire::v1::epidemic::Facts| {
            facts.status = if n % 2 == 0 { Status::Confirmed } else { Status::Suspected }.into();
            facts.origin = if n == 4 { Origin::Imported } else { Origin::Local }.into();
            facts.district = if n < 5 { "110105" } else { "" }.into();
            facts.facility = if n == 7 { "H-1" } else { "" }.into();
            facts.onset = (n != 8).then_some(today() - 30);
            facts.report = Some(today() - n);
            facts.disease = if n == 6 { "measles" } else { "dengue" }.into();
            facts.age_band = if n == 5 { "" } else { "5-9" }.into();
            facts.sex = n % 3;
        };
        city.submit(&[agency], report(&format!("c-{n}"), change));
    }
    let running = Running::over(city);
    let all: Vec<_> = (0..9).map(|n| format!("c-{n}")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    for limit in [1, 4, 9, 200] {
        running.until_found(&format!("limit={limit}"), &all).await;
    }
    let searches: [(&str, &[&str]); 16] = [
        ("status=suspected", &["c-1", "c-3", "c-5", "c-7"]),
        ("status=counted&disease=measles", &["c-6"]),
        ("origin=imported", &["c-4"]),
        ("district=", &["c-5", "c-6", "c-7", "c-8"]),
        ("district=110105&status=confirmed&limit=1", &["c-0", "c-2", "c-4"]),
        ("district=110105&status=confirmed&agency=clinic", &["c-0"]),
        ("facility=H-1", &["c-7"]),
        ("sex=", &["c-0", "c-3", "c-6"]),
        ("sex=male", &["c-2", "c-5", "c-8"]),
        ("age_band=", &["c-5"]),
        ("onset=2023-10-15", &["c-0", "c-1", "c-2", "c-3", "c-4", "c-5", "c-6", "c-7"]),
        ("report=2023-11-12", &["c-2"]),
        ("after=c-6", &["c-7", "c-8"]),
        ("disease=plague", &[]),
        ("status=discarded", &[]),
        ("agency=clinic&sex=female", &[]),
    ];
    for (query, wanted) in searches {
        assert_eq!(running.found(query).await, wanted, "{query}");
    }
    for query in
        ["status=ill", "origin=x", "sex=x", "report=today", "limit=0", "limit=201", "name=Zhang", "onset="]
    {
        assert_eq!(
            running.get(&format!("{CASES}?{query}")).await.code(),
            (400, "malformed_query"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_line_list_is_for_agencies() {
    let city = City::new();
    city.submit(&[HEALTH], build::report(case("a", |_| {})));
    let running = Running::over(city);
    for part in ["", "/a", "/a/history", "/b", "?limit=0"] {
        let answer = running.public(&format!("{CASES}{part}")).await;
        assert_eq!(answer.code(), (401, "authentication_required"), "{part}");
    }
    assert_eq!(running.get_as(agency(CLINIC), &format!("{CASES}/a")).await.status, 200);
    for part in ["/b", "/b/history"] {
        assert_eq!(running.get(&format!("{CASES}{part}")).await.code(), (404, "case_unknown"));
    }
    for part in ["/A", "/A/history"] {
        assert_eq!(running.get(&format!("{CASES}{part}")).await.code(), (400, "malformed_path"));
    }
    running.until_found("", &["a"]).await;
    running.city.away.store(true, std::sync::atomic::Ordering::SeqCst);
    for part in ["", "/a", "/a/history"] {
        assert_eq!(running.get(&format!("{CASES}{part}")).await.code(), (503, "unavailable"), "{part}");
    }
}

//! Issuing and deciding, for the owner alone; reading, for agencies.

use std::{sync::atomic::Ordering, time::Duration};

use hutong_licensing::{build, document, import};
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{Running, SECOND, USCC, city::JUSTICE, new_licence, owner};

const LICENCES: &str = "/licensing/v1/licences";

impl Running {
    /// Numbers that a search finds, over all its pages.
    async fn search(&self, query: &str) -> Vec<String> {
        let mut next = Some(format!("{LICENCES}?{query}"));
        let mut ids = Vec::new();
        while let Some(path) = next {
            let page = self.get_as(Caller::agency(JUSTICE), &path).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let licences = page.body["licences"].as_array().unwrap();
            ids.extend(licences.iter().map(|licence| licence["id"].as_str().unwrap().to_owned()));
            next = page.body["next"].as_str().map(str::to_owned);
        }
        ids
    }
}

#[tokio::test]
async fn a_licence_is_issued_and_found() {
    let running = Running::new();
    let answer = running.post(LICENCES, new_licence()).await;
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.headers["location"], format!("{LICENCES}/{id}"));
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("valid")));
    let one = running.get_as(Caller::agency(JUSTICE), &format!("{LICENCES}/{id}")).await;
    assert_eq!((&one.body["sealed"], &one.body["uscc"]), (&json!(["claims"]), &json!(USCC)));
    assert!(!one.text.contains("Lane Road") && one.body.get("credential").is_none());
    let business = running.get_as(owner(), &format!("/licensing/v1/businesses/{USCC}")).await;
    assert_eq!((&business.body["name"], &business.body["status"]), (&json!("Noodles & Co"), &json!("open")));
    assert_eq!(running.search(&format!("uscc={USCC}")).await, [id]);
}

#[tokio::test]
async fn searches_filter_and_page() {
    let running = Running::new();
    let mut food = Vec::new();
    for n in 0..5 {
        let (id, _) =
            running.issue(|new| new["kind"] = if n < 3 { "food" } else { "fire safety" }.into()).await;
        food.extend((n < 3).then_some(id));
    }
    let (other, _) = running.issue(|new| new["business"]["uscc"] = SECOND.into()).await;
    food.sort();
    assert_eq!(running.search(&format!("uscc={USCC}&kind=food&limit=1")).await, food);
    assert_eq!(running.search("kind=fire%20safety&limit=1").await.len(), 2);
    assert_eq!(running.search(&format!("uscc={SECOND}")).await, [other.as_str()]);
    assert_eq!(
        (running.search("status=valid&limit=4").await.len(), running.search("kind=x").await.len()),
        (6, 0)
    );
    running.post(&format!("{LICENCES}/{other}/revoke"), json!({ "reason": "danger" })).await;
    assert_eq!(running.search("status=revoked").await, [other.as_str()]);
    // Time alone ends the others.
    running.pass(500);
    assert_eq!(
        (running.search("status=expired").await.len(), running.search("status=valid").await.len()),
        (5, 0)
    );
    for query in ["limit=0", "limit=201", "limit=x", "status=good", "colour=red"] {
        let answer = running.get_as(owner(), &format!("{LICENCES}?{query}")).await;
        assert_eq!(answer.code(), (400, "malformed_query"), "{query}");
    }
}

#[tokio::test]
async fn the_owner_alone_issues_and_decides() {
    let running = Running::new();
    let (id, _) = running.issue(|_| ()).await;
    let reason = json!({ "reason": "an inspection" });
    let calls = [
        (LICENCES.to_owned(), new_licence()),
        (format!("{LICENCES}/{id}/revoke"), reason.clone()),
        (format!("{LICENCES}/{id}/suspend"), reason.clone()),
        (format!("{LICENCES}/{id}/reinstate"), reason.clone()),
        (format!("{LICENCES}/{id}/renew"), json!({ "valid_until": "2030-01-01" })),
        (format!("{LICENCES}/{id}/credential"), json!({})),
    ];
    for (path, body) in calls {
        let other = running.post_as(Caller::agency(JUSTICE), &path, body.clone()).await;
        assert_eq!(other.code(), (403, "not_the_owner"), "{path}");
        let nobody = running.post_as(Caller::Anonymous, &path, body).await;
        assert_eq!(nobody.code(), (401, "authentication_required"), "{path}");
    }
    for path in [LICENCES.to_owned(), format!("{LICENCES}/{id}"), format!("/licensing/v1/businesses/{USCC}")]
    {
        assert_eq!(running.get(&path).await.status, 401);
    }
}

#[tokio::test]
async fn what_cannot_be_issued_is_told() {
    let running = Running::new();
    let long: String = "x".repeat(70_000);
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("c{n}"), Value::Null)).collect();
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/business/uscc", "911100001011011130".into(), "uscc_invalid"),
        ("/business/name", "".into(), "business_invalid"),
        ("/kind", "".into(), "licence_invalid"),
        ("/valid_from", "yesterday".into(), "period_invalid"),
        ("/valid_until", "2023-11-01T00:00:00Z".into(), "period_invalid"),
        ("/valid_until", json!(5), "period_invalid"),
        ("/valid_until", json!(-5), "unexpected_json"),
        ("/claims", json!({ "iss": 1 }), "claims_invalid"),
        ("/claims", json!({ "a": [{ "_sd": [] }] }), "claims_invalid"),
        ("/claims", json!({ "a": long }), "claims_invalid"),
        ("/claims", many.into(), "claims_invalid"),
        ("/claims", json!([]), "unexpected_json"),
    ];
    for (place, value, code) in cases {
        let mut new = new_licence();
        *new.pointer_mut(place).unwrap() = value;
        let answer = running.post(LICENCES, new).await;
        assert_eq!(answer.code(), (422, code), "{place}: {}", answer.text);
    }
    for cnf in [
        json!({}),
        json!({ "jwk": { "kty": "EC" } }),
        json!({ "jwk": { "kty": "OKP", "crv": "Ed25519", "x": "AA" } }),
    ] {
        let mut new = new_licence();
        new["cnf"] = cnf;
        assert_eq!(running.post(LICENCES, new).await.code(), (422, "claims_invalid"));
    }
    let mut new = new_licence();
    new["resident_id"] = "11010119900307005X".into();
    let answer = running.post(LICENCES, new).await;
    assert_eq!(answer.code(), (422, "resident_id_invalid"));
    assert!(!answer.text.contains("11010119900307005X"));
    assert_eq!(running.search("").await, Vec::<String>::new());
}

#[tokio::test]
async fn claims_may_be_about_a_person() {
    let running = Running::new();
    let (id, credential) = running.issue(|new| new["resident_id"] = "110101199003070054".into()).await;
    assert!(!credential.contains("110101199003070054"));
    // The claims are read again as that person's data.
    let again = running.post(&format!("{LICENCES}/{id}/credential"), json!({})).await;
    assert_eq!(again.status, 200, "{}", again.text);
}

#[tokio::test]
async fn decisions_are_refused_by_their_rules() {
    let running = Running::new();
    let (id, _) = running.issue(|_| ()).await;
    let post = async |what: &str, body: Value| running.post(&format!("{LICENCES}/{id}/{what}"), body).await;
    let reason = json!({ "reason": "danger" });
    assert_eq!(post("reinstate", reason.clone()).await.code(), (422, "licence_not_suspended"));
    assert_eq!(post("revoke", json!({ "reason": "" })).await.code(), (422, "reason_missing"));
    assert_eq!(post("revoke", json!({})).await.code(), (422, "unexpected_json"));
    assert_eq!(post("renew", json!({ "valid_until": "2024-10-31" })).await.code(), (422, "period_invalid"));
    assert_eq!(post("revoke", reason.clone()).await.body["status"], "revoked");
    assert_eq!(post("revoke", reason.clone()).await.code(), (422, "licence_revoked"));
    let unknown = running.post(&format!("{LICENCES}/0123/revoke"), reason.clone()).await;
    assert_eq!(unknown.code(), (404, "licence_unknown"));
    let malformed = running.post(&format!("{LICENCES}/A_B/revoke"), reason).await;
    assert_eq!(malformed.code(), (400, "malformed_path"));
    let business = running.get_as(owner(), &format!("/licensing/v1/businesses/{SECOND}")).await;
    assert_eq!(business.code(), (404, "business_unknown"));
    assert_eq!(running.get_as(owner(), "/licensing/v1/businesses/x").await.code(), (400, "malformed_path"));
}

#[tokio::test]
async fn an_older_register_is_loaded_and_gets_credentials_later() {
    let running = Running::new();
    let row = |kind: &str| json!({ "uscc": USCC, "name": "Noodles", "kind": kind, "valid_from": "2023-01-01", "valid_until": "2025-12-31" });
    let file = format!("{}\n{}\n", row("food"), row("tobacco"));
    let (entries, errors) = import::import(file.as_bytes());
    assert!(errors.is_empty());
    for entry in &entries {
        running.city.submit(entry.action.clone());
    }
    let wait = async {
        while running.search("status=valid").await.len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    let answer = running.post(&format!("{LICENCES}/{}/credential", entries[0].id), json!({})).await;
    let verified = running.verify(answer.body["credential"].as_str().unwrap()).await;
    assert_eq!((&verified["valid"], &verified["claims"]), (&json!(true), &json!({})));
}

#[tokio::test]
async fn storage_that_is_away_is_told() {
    let running = Running::new();
    let (id, credential) = running.issue(|_| ()).await;
    running.city.away.store(true, Ordering::SeqCst);
    for path in [
        format!("/licensing/v1/check/{USCC}"),
        format!("/licensing/v1/check/licence/{id}"),
        format!("/licensing/check?licence={id}"),
    ] {
        assert_eq!(running.get(&path).await.code(), (503, "unavailable"), "{path}");
    }
    let verify = running.post("/licensing/v1/verify", json!({ "credential": credential })).await;
    assert_eq!(verify.code(), (503, "unavailable"));
    assert_eq!(running.get_as(owner(), &format!("{LICENCES}/{id}")).await.code(), (503, "unavailable"));
    // The status list is served from what the view knows, and resident ids need nobody.
    assert_eq!(running.get("/licensing/v1/status/0").await.status, 200);
    running.city.away.store(false, Ordering::SeqCst);
    running.city.submit(build::suspend(&id, "back again"));
}

#[test]
fn every_route_is_described() {
    let described = serde_json::to_value(document()).unwrap();
    let paths = described["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 17, "{:?}", paths.keys().collect::<Vec<_>>());
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            assert!(operation["responses"].get("200").or(operation["responses"].get("201")).is_some());
        }
    }
}

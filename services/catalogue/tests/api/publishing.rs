//! Publishing and withdrawing over HTTP: the node signs for its own agency, and the owner of a domain for its own.

use http::header::LOCATION;
use hutong_catalogue::build;
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{
    Running, agency_calls,
    city::{BEGAN_MS, BUREAU, City, JUSTICE, LAND},
    dataset,
};

const PATH: &str = "/catalogue/datasets";

fn new(id: &str) -> Value {
    json!({
        "id": id,
        "domain": "property",
        "record_type": "parcel",
        "title": "Titles",
        "description": "Parcels and titles",
        "fields": [{ "name": "area" }, { "name": "holder", "sealed": true, "description": "Who holds it" }],
        "sharing": "conditional",
        "keywords": ["cadastre"],
        "endpoint": "/property/v1/parcels",
    })
}

#[tokio::test]
async fn the_owner_publishes_replaces_and_withdraws() {
    let running = Running::over(City::new());
    let made = running.post(agency_calls(LAND), PATH, new("parcels")).await;
    assert_eq!((made.status, made.header(LOCATION)), (201, "/catalogue/datasets/parcels"), "{}", made.body);
    assert_eq!(
        made.body["fields"][1],
        json!({ "name": "holder", "sealed": true, "description": "Who holds it" })
    );
    assert_eq!(made.body, running.plain("/catalogue/datasets/parcels").await, "what is answered is final");

    let mut better = new("parcels");
    better["title"] = "All titles".into();
    let replaced = running.post(agency_calls(LAND), PATH, better).await;
    assert_eq!((replaced.status, &replaced.body["version"]), (200, &2.into()));
    assert_eq!(
        (replaced.body["issued_ms"].as_u64(), &replaced.body["title"]),
        (Some(BEGAN_MS + 1), &"All titles".into())
    );

    running.until_found("datasets", "q=all", &["parcels"]).await;
    let withdraw = "/catalogue/datasets/parcels/withdraw";
    let gone = running.post(agency_calls(LAND), withdraw, Value::Null).await;
    assert_eq!((gone.status, gone.body["withdrawn_ms"].as_u64()), (200, Some(BEGAN_MS + 3)));
    running.until_found("datasets", "", &[]).await;
    let again = running.post(agency_calls(LAND), withdraw, Value::Null).await;
    assert_eq!(again.code(), (422, "dataset_withdrawn"));
}

#[tokio::test]
async fn others_publish_and_withdraw_nothing_here() {
    let city = City::new();
    city.submit(&[BUREAU], build::publish(dataset("lines", "health")));
    let running = Running::over(city);
    assert_eq!(
        running.post(Caller::Anonymous, PATH, new("a")).await.code(),
        (401, "authentication_required")
    );
    let other_node = running.post(agency_calls(JUSTICE), PATH, new("a")).await;
    assert_eq!(other_node.code(), (403, "not_the_owner"));
    let mut health = new("a");
    health["domain"] = "health".into();
    let other_domain = running.post(agency_calls(LAND), PATH, health).await;
    assert_eq!(
        (other_domain.code(), &other_domain.body["field"]),
        ((403, "not_the_owner"), &"domain".into())
    );
    let theirs = running.post(agency_calls(LAND), "/catalogue/datasets/lines/withdraw", Value::Null).await;
    assert_eq!(theirs.code(), (403, "not_the_owner"));
    let nothing = running.post(agency_calls(LAND), "/catalogue/datasets/x/withdraw", Value::Null).await;
    assert_eq!(nothing.code(), (404, "dataset_unknown"));
    // An id that is taken is found out by the contract alone, and its answer comes back.
    let taken = running.post(agency_calls(LAND), PATH, new("lines")).await;
    assert_eq!(taken.code(), (422, "dataset_taken"));
    assert!(taken.body["transaction"].is_string(), "it is on the ledger that it was tried");
}

#[tokio::test]
async fn what_would_be_refused_is_not_signed() {
    let running = Running::over(City::new());
    let with = |name: &str, value: Value| {
        let mut body = new("parcels");
        body[name] = value;
        body
    };
    for (body, code) in [
        (with("id", "../x".into()), "dataset_invalid"),
        (with("sharing", "secret".into()), "dataset_invalid"),
        (with("endpoint", "http://evil.example".into()), "dataset_invalid"),
        (with("fields", json!([])), "dataset_invalid"),
        (with("domain", "weather".into()), "unknown_domain"),
        (with("domain", "No domain".into()), "unknown_domain"),
        (with("issued_ms", 1.into()), "unexpected_json"),
        (with("title", 7.into()), "unexpected_json"),
    ] {
        let refused = running.post(agency_calls(LAND), PATH, body.clone()).await;
        assert_eq!(refused.code(), (422, code), "{body}");
    }
    assert_eq!(running.search("datasets", "").await, Vec::<String>::new());
}

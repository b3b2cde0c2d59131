//! Batches and transactions.

use crate::{City, list, text};

fn statuses(bundle: &fhirkit::Json) -> Vec<String> {
    list(bundle, "entry").iter().map(|entry| text(entry, "response.status")[..3].to_owned()).collect()
}

const PATIENT_AND_WEIGHT: &str = r#"{"resourceType":"Bundle","type":"transaction","entry":[
    {"fullUrl":"urn:uuid:o","resource":{"resourceType":"Observation","status":"final","code":{"text":"w"},"subject":{"reference":"urn:uuid:p"},"valueQuantity":{"value":72.50}},"request":{"method":"POST","url":"Observation"}},
    {"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","identifier":[{"system":"urn:m","value":"1"}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:m|1"}}]}"#;

#[tokio::test]
async fn a_transaction_resolves_its_own_names() {
    let city = City::new().await;
    let done = city.post("", PATIENT_AND_WEIGHT).await.is(200).json();
    assert_eq!(
        (text(&done, "type"), statuses(&done)),
        ("transaction-response".into(), vec!["201".into(), "201".into()])
    );
    let location = text(&done, "entry.1.response.location");
    let patient = location.strip_suffix("/_history/1").unwrap();
    assert_eq!(text(&done, "entry.1.response.etag"), "W/\"1\"");
    let found = city.get("/Observation").await.json();
    assert_eq!(text(&found, "entry.0.resource.subject.reference"), patient);
    assert!(city.get("/Observation").await.text.contains("72.50"));
    // One transaction on the ledger, and the patient is the observation's subject.
    let height = city.ledger.height();
    let again = city.post("", PATIENT_AND_WEIGHT).await.is(200).json();
    assert_eq!(statuses(&again), ["201", "200"]);
    assert_eq!(city.ledger.height(), height + 1);
    assert_eq!(city.ids(&format!("/Observation?patient={patient}")).await.len(), 2);
}

#[tokio::test]
async fn entries_are_done_in_their_order() {
    let city = City::new().await;
    city.hold(r#"{"resourceType":"Patient","id":"old","identifier":[{"system":"urn:m","value":"1"}]}"#).await;
    let bundle = r#"{"resourceType":"Bundle","type":"transaction","entry":[
        {"request":{"method":"GET","url":"Patient?_count=0"}},
        {"request":{"method":"GET","url":"Patient/p"}},
        {"resource":{"resourceType":"Patient","id":"p","gender":"male"},"request":{"method":"PUT","url":"Patient/p"}},
        {"resource":{"resourceType":"Patient","identifier":[{"system":"urn:m","value":"1"}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:m|1"}},
        {"request":{"method":"DELETE","url":"Patient?identifier=urn:m|1"}}]}"#;
    let done = city.post("", bundle).await.is(200).json();
    assert_eq!(statuses(&done), ["200", "200", "201", "201", "204"]);
    assert_eq!(
        (text(&done, "entry.0.resource.total"), text(&done, "entry.1.resource.gender")),
        ("2".into(), "male".into())
    );
    city.get("/Patient/old").await.is(410);
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let city = City::new().await;
    city.hold(r#"{"resourceType":"Patient","id":"p"}"#).await;
    let with = |entry: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{{"resourceType":"Patient","id":"n"}},"request":{{"method":"PUT","url":"Patient/n"}}}},{entry}]}}"#
        )
    };
    let cases = [
        (
            422,
            r#"{"resource":{"resourceType":"Patient","gender":"x"},"request":{"method":"POST","url":"Patient"}}"#,
        ),
        (400, r#"{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Observation"}}"#),
        (
            400,
            r#"{"resource":{"resourceType":"Patient","id":"n"},"request":{"method":"PUT","url":"Patient/n"}}"#,
        ),
        (
            412,
            r#"{"resource":{"resourceType":"Patient","id":"p"},"request":{"method":"PUT","url":"Patient/p","ifMatch":"W/\"9\""}}"#,
        ),
        (404, r#"{"resource":{"resourceType":"Medication"},"request":{"method":"POST","url":"Medication"}}"#),
        (400, r#"{"resource":{"resourceType":"Patient"}}"#),
        (400, r#"{"request":{"method":"FETCH","url":"Patient"}}"#),
        (
            412,
            r#"{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient?identifier=none"}},"request":{"method":"POST","url":"Observation"}}"#,
        ),
        (404, r#"{"resource":{"gender":"male"},"request":{"method":"PATCH","url":"Patient/none"}}"#),
    ];
    for (status, entry) in cases {
        let height = city.ledger.height();
        let failed = city.post("", &with(entry)).await.is(status);
        assert!(
            text(&failed.json(), "issue.0.expression.0").starts_with("Bundle.entry[1]"),
            "{}",
            failed.text
        );
        assert_eq!(city.ledger.height(), height, "{entry}");
    }
    city.get("/Patient/n").await.is(404);
    city.post("", r#"{"resourceType":"Bundle","type":"collection"}"#).await.is(400);
    city.post("", r#"{"resourceType":"Patient"}"#).await.is(400);
}

#[tokio::test]
async fn references_may_be_conditions_and_patches_entries() {
    let city = City::new().await;
    city.hold(r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:m","value":"1"}]}"#).await;
    let bundle = r#"{"resourceType":"Bundle","type":"transaction","entry":[
        {"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient?identifier=urn:m|1"}},"request":{"method":"PUT","url":"Observation/o"}},
        {"resource":{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2dlbmRlciIsInZhbHVlIjoibWFsZSJ9XQ=="},"request":{"method":"PATCH","url":"Patient/p"}}]}"#;
    let done = city.post("", bundle).await.is(200).json();
    assert_eq!(statuses(&done), ["201", "200"]);
    assert_eq!(text(&city.get("/Observation/o").await.json(), "subject.reference"), "Patient/p");
    assert_eq!(text(&city.get("/Patient/p").await.json(), "gender"), "male");
}

#[tokio::test]
async fn a_batch_does_each_entry_on_its_own() {
    let city = City::new().await;
    let bundle = r#"{"resourceType":"Bundle","type":"batch","entry":[
        {"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}},
        {"resource":{"resourceType":"Patient","gender":"x"},"request":{"method":"POST","url":"Patient"}},
        {"request":{"method":"GET","url":"Patient/a"}},
        {"request":{"method":"GET","url":"Patient/none"}},
        {"request":{"method":"POST","url":""},"resource":{"resourceType":"Bundle","type":"batch"}},
        {"nothing":1}]}"#;
    let done = city.post("", bundle).await.is(200).json();
    assert_eq!(
        (text(&done, "type"), statuses(&done)),
        ("batch-response".into(), ["201", "422", "200", "404", "400", "400"].map(str::to_owned).to_vec())
    );
    assert_eq!(text(&done, "entry.1.response.outcome.resourceType"), "OperationOutcome");
    assert_eq!(text(&done, "entry.2.resource.id"), "a");
}

//! Create, read, vread, update, patch, delete, history, and the forms of requests.

use axum::http::Request;
use fhirkit::Json;
use hutong_runtime::auth::Caller;

use crate::{City, ledger::HOSPITAL, link, list, text, url};

const WEIGHT: &str = r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">72.50 kg, \u00e9</div>"},
    "status":"final","code":{"text":"Body weight"},"valueQuantity":{"value":72.50,"unit":"kg"}}"#;

#[tokio::test]
async fn a_resource_is_created_and_read_as_it_was_sent() {
    let city = City::new().await;
    let made = city.post("/Observation", WEIGHT).await.is(201);
    let id = text(&made.json(), "id");
    assert_eq!(made.header("location"), format!("http://city/fhir/R4/Observation/{id}/_history/1"));
    assert_eq!((made.header("etag"), made.header("last-modified").is_empty()), ("W/\"1\"", false));
    let read = city.get(&format!("/Observation/{id}")).await.is(200);
    assert!(read.header("content-type").starts_with("application/fhir+json"));
    assert_eq!(read.header("etag"), "W/\"1\"");
    assert!(read.text.contains("72.50,") && read.text.contains("72.50 kg, é</div>"), "{}", read.text);
    assert_eq!((text(&read.json(), "meta.versionId"), read.json().same_as(&made.json())), ("1".into(), true));
    let found = city.get(&format!("/Observation?_id={id}")).await.is(200);
    assert!(found.text.contains("\"value\":72.50,"));
    // A client's id in a create is not used.
    let own = city.post("/Patient", r#"{"resourceType":"Patient","id":"mine"}"#).await.is(201);
    assert_ne!(text(&own.json(), "id"), "mine");
}

#[tokio::test]
async fn versions_follow_each_other_and_outlive_a_delete() {
    let city = City::new().await;
    let of = |gender: &str| format!(r#"{{"resourceType":"Patient","id":"p1","gender":"{gender}"}}"#);
    let made = city.put("/Patient/p1", &of("male")).await.is(201);
    assert_eq!(made.header("location"), "http://city/fhir/R4/Patient/p1/_history/1");
    assert_eq!(city.put("/Patient/p1", &of("female")).await.is(200).header("etag"), "W/\"2\"");
    let first = city.get("/Patient/p1/_history/1").await.is(200);
    assert_eq!((text(&first.json(), "gender"), first.header("etag")), ("male".into(), "W/\"1\""));
    city.delete("/Patient/p1").await.is(204);
    city.get("/Patient/p1").await.is(410);
    city.delete("/Patient/p1").await.is(204);
    city.delete("/Patient/never").await.is(204);
    city.get("/Patient/p1/_history/2").await.is(200);
    city.get("/Patient/p1/_history/3").await.is(410);
    city.get("/Patient/p1/_history/4").await.is(404);
    city.get("/Patient/p1/_history/x").await.is(404);
    assert_eq!(city.put("/Patient/p1", &of("other")).await.is(201).header("etag"), "W/\"4\"");
    let history = city.get("/Patient/p1/_history").await.is(200).json();
    let entries: Vec<_> = list(&history, "entry")
        .iter()
        .map(|entry| {
            (text(entry, "response.etag"), text(entry, "request.method"), text(entry, "resource.gender"))
        })
        .collect();
    let expected =
        [("4", "PUT", "other"), ("3", "DELETE", ""), ("2", "PUT", "female"), ("1", "POST", "male")];
    assert_eq!(entries, expected.map(|(v, m, g)| (format!("W/\"{v}\""), m.to_owned(), g.to_owned())));
    assert_eq!((text(&history, "type"), text(&history, "total")), ("history".into(), "4".into()));
    city.get("/Patient/none/_history").await.is(404);
}

#[tokio::test]
async fn histories_page_newest_first() {
    let city = City::new().await;
    for id in 0..5 {
        city.hold(&format!(r#"{{"resourceType":"Practitioner","id":"d{id}"}}"#)).await;
    }
    city.hold(r#"{"resourceType":"Organization","id":"o","name":"A"}"#).await;
    city.delete("/Practitioner/d4").await.is(204);
    for (path, expected) in [
        ("/Practitioner/_history?_count=2", vec!["d4", "d4", "d3", "d2", "d1", "d0"]),
        ("/_history?_count=3", vec!["d4", "o", "d4", "d3", "d2", "d1", "d0"]),
    ] {
        let (mut next, mut found) = (Some(path.to_owned()), Vec::new());
        while let Some(path) = next {
            let bundle = city.get(&path).await.is(200).json();
            assert_eq!(text(&bundle, "total"), expected.len().to_string());
            found.extend(list(&bundle, "entry").iter().map(|entry| text(entry, "fullUrl")));
            next = link(&bundle, "next");
        }
        let ids: Vec<_> = found.iter().map(|url| url.rsplit('/').next().unwrap()).collect();
        assert_eq!(ids, expected, "{path}");
    }
    let none = city.get("/_history?_since=2999").await.is(200).json();
    assert_eq!(text(&none, "total"), "0");
    city.get("/Practitioner/_history?_count=x").await.is(400);
}

#[tokio::test]
async fn patches_of_both_kinds() {
    let city = City::new().await;
    let id = text(&city.post("/Observation", WEIGHT).await.json(), "id");
    let path = format!("/Observation/{id}");
    let merged = city
        .patch(
            &path,
            "application/json",
            r#"{"status":"amended","valueQuantity":{"unit":null},"code":{"text":"Weight"}}"#,
        )
        .await
        .is(200);
    assert!(merged.text.contains("\"valueQuantity\":{\"value\":72.50}"), "{}", merged.text);
    assert_eq!((text(&merged.json(), "status"), merged.header("etag")), ("amended".into(), "W/\"2\""));
    city.patch(&path, "application/merge-patch+json", r#"{"status":"final"}"#).await.is(200);
    let patched = city
        .patch(&path, "application/json-patch+json", r#"[{"op":"test","path":"/status","value":"final"},{"op":"add","path":"/valueQuantity/unit","value":"g"}]"#)
        .await
        .is(200);
    assert!(patched.text.contains("\"value\":72.50,\"unit\":\"g\""));
    let json_patch = "application/json-patch+json";
    city.patch(&path, json_patch, r#"[{"op":"test","path":"/status","value":"x"}]"#).await.is(422);
    city.patch(&path, json_patch, r#"[{"op":"remove","path":"/status"}]"#).await.is(422);
    city.patch(&path, json_patch, r#"[{"op":"replace","path":"/id","value":"x"}]"#).await.is(422);
    city.patch(&path, json_patch, r#"{"op":"x"}"#).await.is(400);
    city.patch(&path, "application/json", r#"{"status":null}"#).await.is(422);
    city.patch(&path, "application/json", "[1]").await.is(400);
    city.patch(&path, "text/plain", "{}").await.is(415);
    city.patch("/Observation/none", "application/json", "{}").await.is(404);
    assert_eq!(city.get(&path).await.header("etag"), "W/\"4\"", "what failed changed nothing");
    city.delete(&path).await.is(204);
    city.patch(&path, "application/json", "{}").await.is(410);
}

#[tokio::test]
async fn what_is_wrong_is_told_as_an_outcome() {
    let city = City::new().await;
    city.post("/Patient", "{").await.is(400);
    city.post("/Patient", "[]").await.is(400);
    city.post("/Patient", r#"{"resourceType":"Observation"}"#).await.is(400);
    city.post("/Patient", r#"{"resourceType":"Patient","foo":1}"#).await.is(422);
    city.post("/Patient", r#"{"resourceType":"Patient","birthDate":19}"#).await.is(422);
    let missing =
        city.post("/Observation", r#"{"resourceType":"Observation","status":"final"}"#).await.is(422);
    assert_eq!(text(&missing.json(), "issue.0.expression.0"), "Observation.code");
    city.put("/Patient/a", r#"{"resourceType":"Patient","id":"b"}"#).await.is(400);
    city.put("/Patient/a", r#"{"resourceType":"Patient"}"#).await.is(400);
    city.put("/Patient/a_b", r#"{"resourceType":"Patient","id":"a_b"}"#).await.is(400);
    city.get("/Patient/none").await.is(404);
    city.get("/Medication/1").await.is(404);
    city.get("/Medication").await.is(404);
    city.post("/Medication", "{}").await.is(404);
    city.get("/Patient/1/$everything/x").await.is(404);
    city.send(Request::patch(url("/Patient/1/_history/1")), "").await.is(405);
    city.send(Request::delete(url("/metadata")), "").await.is(405);
    city.send(Request::post(url("/Patient")).header("content-type", "application/fhir+xml"), "<a/>")
        .await
        .is(415);
    city.send(Request::get(url("/Patient")).header("accept", "application/fhir+xml"), "").await.is(406);
    city.get("/Patient?_format=xml").await.is(406);
    let huge = format!(r#"{{"resourceType":"Patient","name":[{{"text":"{}"}}]}}"#, "x".repeat(300_000));
    city.post("/Patient", &huge).await.is(413);
}

#[tokio::test]
async fn the_owner_alone_is_served() {
    let city = City::new().await;
    city.hold(r#"{"resourceType":"Patient","id":"p"}"#).await;
    let get = || Request::get(url("/Patient/p"));
    city.send_as(Caller::Anonymous, get(), "").await.is(401);
    city.send_as(Caller::agency(HOSPITAL), get(), "").await.is(403);
    let put = Request::put(url("/Patient/p")).header("content-type", "application/json");
    city.send_as(Caller::agency(HOSPITAL), put, r#"{"resourceType":"Patient","id":"p"}"#).await.is(403);
    city.send_as(Caller::Anonymous, Request::get(url("/metadata")), "").await.is(200);
}

#[tokio::test]
async fn the_capability_statement_is_one() {
    let city = City::new().await;
    let statement = city.get("/metadata").await.is(200);
    let parsed = fhirkit::from_json_strict::<fhirkit::r4::Resource>(&statement.text).unwrap();
    assert_eq!(parsed.resource_type(), "CapabilityStatement");
    let json = statement.json();
    assert_eq!(text(&json, "fhirVersion"), "4.0.1");
    let Some(Json::Array(rest)) = json.get("rest") else { panic!("no rest") };
    assert_eq!(list(&rest[0], "resource").len(), 12);
    assert!(city.get("/metadata?_pretty=true").await.is(200).text.starts_with("{\n"));
}

#[tokio::test]
async fn the_slash_of_the_base_and_plain_json_are_taken() {
    let city = City::new().await;
    let empty = r#"{"resourceType":"Bundle","type":"batch"}"#;
    city.post("", empty).await.is(200);
    city.post("/", empty).await.is(200);
    city.get("/Patient/").await.is(200);
    let plain = Request::get(url("/Patient")).header("accept", "application/json");
    assert!(city.send(plain, "").await.is(200).header("content-type").starts_with("application/json"));
    city.send(Request::head(url("/Patient")), "").await.is(200);
    let form =
        Request::post(url("/Patient/_search")).header("content-type", "application/x-www-form-urlencoded");
    city.send(form, "name=a&_count=1").await.is(200);
}

#[tokio::test]
async fn writers_are_answered_as_they_prefer() {
    let city = City::new().await;
    let put = |prefer: &str| {
        Request::put(url("/Patient/p")).header("content-type", "application/json").header("prefer", prefer)
    };
    let body = r#"{"resourceType":"Patient","id":"p"}"#;
    let minimal = city.send(put("return=minimal"), body).await.is(201);
    assert_eq!((minimal.text.as_str(), minimal.header("etag")), ("", "W/\"1\""));
    let outcome = city.send(put("return=OperationOutcome"), body).await.is(200);
    assert_eq!(text(&outcome.json(), "resourceType"), "OperationOutcome");
    let whole = city.send(put("return=representation"), body).await.is(200);
    assert_eq!(text(&whole.json(), "meta.versionId"), "3");
}

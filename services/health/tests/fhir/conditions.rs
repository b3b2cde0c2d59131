//! Conditions on requests: versions, times, and resources that are there or not.

use axum::http::Request;

use crate::{City, FHIR_JSON, list, text, url};

const P: &str = r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:m","value":"1"}]}"#;

#[tokio::test]
async fn a_version_is_matched_before_a_change() {
    let city = City::new().await;
    city.put("/Patient/p", P).await.is(201);
    let put =
        |tag: &str| Request::put(url("/Patient/p")).header("content-type", FHIR_JSON).header("if-match", tag);
    assert_eq!(city.send(put("W/\"1\""), P).await.is(200).header("etag"), "W/\"2\"");
    city.send(put("W/\"1\""), P).await.is(412);
    city.send(put("\"2\""), P).await.is(200);
    let patch =
        Request::patch(url("/Patient/p")).header("content-type", FHIR_JSON).header("if-match", "W/\"1\"");
    city.send(patch, "{}").await.is(412);
    let delete = |tag: &str| Request::delete(url("/Patient/p")).header("if-match", tag);
    city.send(delete("W/\"1\""), "").await.is(412);
    city.send(delete("W/\"3\""), "").await.is(204);
    city.send(put("W/\"4\""), P).await.is(412);
    let fresh =
        Request::put(url("/Patient/p")).header("content-type", FHIR_JSON).header("if-none-match", "*");
    city.send(fresh, P).await.is(201);
    let again =
        Request::put(url("/Patient/p")).header("content-type", FHIR_JSON).header("if-none-match", "*");
    city.send(again, P).await.is(412);
}

#[tokio::test]
async fn who_has_it_is_not_sent_it_again() {
    let city = City::new().await;
    let modified = city.put("/Patient/p", P).await.is(201).header("last-modified").to_owned();
    let get = |name: &str, value: &str| Request::get(url("/Patient/p")).header(name, value);
    for tag in ["W/\"1\"", "\"1\"", "1", "W/\"7\", W/\"1\"", "*"] {
        let reply = city.send(get("if-none-match", tag), "").await;
        assert_eq!((reply.status, reply.text.as_str(), reply.header("etag")), (304, "", "W/\"1\""), "{tag}");
    }
    assert_eq!(city.ledger.names("access/").len(), 0, "nothing was shown");
    city.send(get("if-none-match", "W/\"2\""), "").await.is(200);
    assert_eq!(city.send(get("if-modified-since", &modified), "").await.status, 304);
    city.send(get("if-modified-since", "Mon, 01 Jan 2001 00:00:00 GMT"), "").await.is(200);
    city.send(get("if-modified-since", "yesterday"), "").await.is(200);
}

#[tokio::test]
async fn a_create_may_depend_on_what_is_there() {
    let city = City::new().await;
    let create = |condition: &str| {
        Request::post(url("/Patient")).header("content-type", FHIR_JSON).header("if-none-exist", condition)
    };
    let body = P.replace("\"id\":\"p\",", "");
    let made = city.send(create("identifier=urn:m|1"), &body).await.is(201);
    let found = city.send(create("?identifier=urn:m|1"), &body).await.is(200);
    assert_eq!(text(&found.json(), "id"), text(&made.json(), "id"));
    let by_url = city.post("/Patient?identifier=urn:m|1", &body).await.is(200);
    assert_eq!(text(&by_url.json(), "id"), text(&made.json(), "id"));
    assert_eq!(city.total("/Patient").await, 1);
    city.post("/Patient?_format=json", &body).await.is(201);
    city.send(create("identifier=urn:m|1"), &body).await.is(412);
    city.send(create("nothing=1"), &body).await.is(400);
    city.send(create(""), &body).await.is(412);
}

#[tokio::test]
async fn concurrent_creates_on_a_condition_make_one() {
    let city = City::new().await;
    let body = P.replace("\"id\":\"p\",", "");
    let create = || async {
        let request = Request::post(url("/Patient")).header("content-type", FHIR_JSON);
        city.send(request.header("if-none-exist", "identifier=urn:m|1"), &body).await.status
    };
    let mut statuses = futures::future::join_all((0..8).map(|_| create())).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert_eq!(city.total("/Patient").await, 1);
}

#[tokio::test]
async fn concurrent_updates_all_happen() {
    let city = City::new().await;
    let put = || async { city.put("/Patient/p", P).await.status };
    let statuses = futures::future::join_all((0..4).map(|_| put())).await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
    let history = city.get("/Patient/p/_history").await.json();
    assert_eq!(list(&history, "entry").len(), 4);
}

#[tokio::test]
async fn updates_patches_and_deletes_by_query() {
    let city = City::new().await;
    let body = P.replace("\"id\":\"p\",", "");
    let made = city.put("/Patient?identifier=urn:m|1", &body).await.is(201);
    let id = text(&made.json(), "id");
    let again = city.put("/Patient?identifier=urn:m|1", &body).await.is(200);
    assert_eq!((text(&again.json(), "id"), again.header("etag")), (id.clone(), "W/\"2\""));
    city.put("/Patient?identifier=urn:m|1", P).await.is(400);
    city.put("/Patient?identifier=urn:m|2", &P.replace("\"1\"", "\"2\"")).await.is(201);
    city.get("/Patient/p").await.is(200);
    let patched =
        city.patch("/Patient?identifier=urn:m|2", "application/json", r#"{"gender":"male"}"#).await.is(200);
    assert_eq!(text(&patched.json(), "gender"), "male");
    city.patch("/Patient?identifier=urn:m|9", "application/json", "{}").await.is(404);
    city.put("/Patient", &body).await.is(412);
    city.put("/Patient?identifier=urn:m|", &body).await.is(412);
    city.delete("/Patient?identifier=urn:m|").await.is(412);
    city.delete("/Patient?identifier=urn:m|1").await.is(204);
    city.get(&format!("/Patient/{id}")).await.is(410);
    city.delete("/Patient?identifier=urn:m|1").await.is(204);
    city.delete("/Patient?foo=1").await.is(400);
}

//! What agencies see and do under `/requests/v1`.

use std::sync::atomic::Ordering;

use axum::{body::Body, http::Request};
use hutong_keys::mint_token_for;
use hutong_test_city::{chain, signing_key};
use serde_json::{Value, json};

use crate::{
    LEAK, Running, WATER,
    city::{BEGAN_MS, LINE, ROADS},
};

fn ids(page: &Value) -> Vec<String> {
    let requests = page["requests"].as_array().unwrap();
    requests.iter().map(|request| request["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_takes_its_course() {
    let city = Running::equipped().await;
    let id = city.make(&[("service_code", "hole"), ("address_string", "8 Lane")]).await;
    let open = city.agency_get(&format!("/requests/v1/requests/{id}")).await;
    assert_eq!((&open["status"], &open["agencies"]), (&json!("open"), &json!([])));
    let sent = city.act(LINE, &id, "dispatch", json!({ "agencies": [WATER, ROADS] })).await;
    assert_eq!((&sent["status"], &sent["agencies"]), (&json!("dispatched"), &json!([WATER, ROADS])));
    let answered = city.act(WATER, &id, "answer", json!({ "notes": "Filled.", "contacted": true })).await;
    assert_eq!((&answered["status"], &answered["contacted"]), (&json!("answered"), &json!(true)));
    let called =
        city.act(LINE, &id, "callback", json!({ "valid": true, "contacted": true, "resolved": true })).await;
    assert_eq!(called["call_back"]["satisfied"], false);
    let closed = city.act(WATER, &id, "close", json!({})).await;
    assert_eq!((&closed["status"], &closed["version"]), (&json!("closed"), &json!(5)));
    let history = city.agency_get(&format!("/requests/v1/requests/{id}/history?limit=2")).await;
    let statuses = |page: &Value| -> Vec<String> {
        page["versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(statuses(&history), ["closed", "answered"]);
    let older = city.agency_get(history["next"].as_str().unwrap()).await;
    assert_eq!(statuses(&older), ["answered", "dispatched"]);
}

#[tokio::test]
async fn refusals_come_back_under_their_codes() {
    let city = Running::equipped().await;
    let id = city.leak().await;
    let post = async |agency: &str, step: &str, body: Value| {
        city.post_as(agency, &format!("/requests/v1/requests/{id}/{step}"), body).await.code()
    };
    let refused = |code: &str| (422, code.to_owned());
    assert_eq!(
        post(WATER, "dispatch", json!({ "agencies": [ROADS], "notes": "n" })).await,
        refused("not_the_lead")
    );
    assert_eq!(post(WATER, "callback", json!({ "valid": true })).await, refused("owner_required"));
    assert_eq!(post(WATER, "answer", json!({ "notes": "" })).await, refused("reason_missing"));
    assert_eq!(post(LINE, "callback", json!({ "valid": true })).await, refused("not_answered"));
    assert_eq!(post(LINE, "duplicate", json!({ "of": id })).await, refused("duplicate_invalid"));
    assert_eq!(post(LINE, "close", json!({})).await, refused("reason_missing"));
    assert_eq!(post(LINE, "answer", json!({ "note": "n" })).await, refused("unexpected_json"));
    let elsewhere =
        city.post_as(ROADS, &format!("/requests/v1/requests/{id}/answer"), json!({ "notes": "n" })).await;
    assert_eq!(elsewhere.code(), (403, "not_the_owner".into()));
    let nowhere = city.post_as(LINE, "/requests/v1/requests/none/answer", json!({ "notes": "n" })).await;
    assert_eq!(nowhere.code(), (404, "request_unknown".into()));
    let misnamed = city.post_as(LINE, "/requests/v1/requests/a%20b/answer", json!({ "notes": "n" })).await;
    assert_eq!(misnamed.code(), (400, "malformed_path".into()));
}

#[tokio::test]
async fn everything_here_needs_an_agency() {
    let city = Running::equipped().await;
    for path in [
        "requests",
        "requests/x",
        "requests/x/history",
        "requests/x/duplicates",
        "rates",
        "services",
        "services/x",
        "areas",
        "weights",
    ] {
        let reply = city.get(&format!("/requests/v1/{path}")).await;
        assert_eq!(reply.code(), (401, "authentication_required".into()), "{path}");
    }
    for step in ["dispatch", "answer", "callback", "close", "duplicate"] {
        let request =
            Request::post(format!("/requests/v1/requests/x/{step}")).body(Body::from("{}")).unwrap();
        assert_eq!(city.send(request).await.status, 401, "{step}");
    }
    for path in ["services/x", "areas", "weights"] {
        let request = Request::put(format!("/requests/v1/{path}")).body(Body::from("{}")).unwrap();
        assert_eq!(city.send(request).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn the_official_is_the_actor() {
    let city = Running::equipped().await;
    let id = city.leak().await;
    let token =
        mint_token_for(&signing_key(WATER), WATER, chain().as_str(), Some("official-7"), BEGAN_MS / 1000, 60)
            .unwrap();
    let request = Request::post(format!("/requests/v1/requests/{id}/answer"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({ "notes": "Dry." }).to_string()));
    assert_eq!(city.send(request.unwrap()).await.status, 200);
    assert_eq!(city.city.last_actor(), "official-7");
}

#[tokio::test]
async fn lists_filter_and_page() {
    let city = Running::equipped().await;
    let (a, b) = (city.leak().await, city.leak().await);
    let c = city.make(&[("service_code", "hole"), ("lat", "40"), ("long", "116.4")]).await;
    city.act(WATER, &a, "answer", json!({ "notes": "Dry." })).await;
    let list = async |query: &str| ids(&city.agency_get(&format!("/requests/v1/requests?{query}")).await);
    assert_eq!(list("").await, [c.clone(), b.clone(), a.clone()]);
    assert_eq!(list("status=answered").await, [a.as_str()]);
    assert_eq!(list("agency=north-office").await, [c.as_str()]);
    assert_eq!(list("district=north&service_code=leak").await, [b.clone(), a.clone()]);
    assert_eq!(list("district=south").await, [""; 0]);
    assert_eq!(list("breached=false&agency=water-works&status=dispatched").await, [b.as_str()]);
    assert_eq!(list("breached=true").await, [""; 0]);
    let one = city.agency_get(&format!("/requests/v1/requests/{b}")).await;
    let at = one["requested_ms"].as_u64().unwrap();
    assert_eq!(list(&format!("from={at}&to={at}")).await, [b.as_str()]);
    let page = city.agency_get("/requests/v1/requests?limit=2&breached=false").await;
    assert_eq!(ids(&page), [c, b]);
    let rest = city.agency_get(page["next"].as_str().unwrap()).await;
    assert_eq!((ids(&rest), &rest["next"]), (vec![a], &Value::Null));
    for query in ["status=lost", "after=x", "after=1", "limit=0", "limit=501", "breached=maybe", "colour=red"]
    {
        let path = format!("/requests/v1/requests?{query}");
        let reply = city.send(city.with_token(LINE, "GET", &path, None)).await;
        assert_eq!(reply.code(), (400, "malformed_query".into()), "{query}");
    }
}

#[tokio::test]
async fn what_may_be_the_same_is_near_in_place_and_time() {
    let city = Running::equipped().await;
    let at = |lat: &'static str| [("service_code", "leak"), ("lat", lat), ("long", "116.3976")];
    let first = city.leak().await;
    // 0.0004 degrees are 44 metres, 0.002 are 222.
    let (near, far) = (city.make(&at("39.9058")).await, city.make(&at("39.9074")).await);
    city.make(&[("service_code", "hole"), ("lat", "39.9054"), ("long", "116.3976")]).await;
    let path = format!("/requests/v1/requests/{first}/duplicates");
    let found = city.agency_get(&path).await;
    assert_eq!(ids(&found), [near.as_str()]);
    let metres = found["requests"][0]["distance_m"].as_f64().unwrap();
    assert!((44.0..45.0).contains(&metres), "{metres}");
    assert_eq!(ids(&city.agency_get(&format!("{path}?radius=300")).await), [near.clone(), far.clone()]);
    assert_eq!(ids(&city.agency_get(&format!("{path}?radius=300&limit=1")).await), [near.as_str()]);
    city.city.clock.advance(std::time::Duration::from_secs(8 * 24 * 3600));
    let late = city.leak().await;
    assert_eq!(ids(&city.agency_get(&path).await), [near.as_str()]);
    assert_eq!(ids(&city.agency_get(&format!("{path}?days=9")).await), [late.as_str(), near.as_str()]);
    for query in ["radius=-1", "radius=10001", "radius=NaN", "days=366", "limit=0"] {
        let reply = city.send(city.with_token(LINE, "GET", &format!("{path}?{query}"), None)).await;
        assert_eq!(reply.code(), (400, "malformed_query".into()), "{query}");
    }
    // Marked, it is closed and says what it repeats.
    let marked = city.act(LINE, &near, "duplicate", json!({ "of": first })).await;
    assert_eq!((&marked["status"], &marked["duplicate_of"]), (&json!("closed"), &json!(first)));
    let original = city.agency_get(&format!("/requests/v1/requests/{first}")).await;
    assert_eq!(original["duplicates"], 1);
    // What has no point has nothing near it.
    let id = city.make(&[("service_code", "leak"), ("address_string", "8 Lane")]).await;
    assert_eq!(ids(&city.agency_get(&format!("/requests/v1/requests/{id}/duplicates")).await), [""; 0]);
}

#[tokio::test]
async fn configuration_is_set_and_shown() {
    let city = Running::equipped().await;
    let service = city.agency_get("/requests/v1/services/leak").await;
    assert_eq!((&service["deadline"], &service["rules"][0]["agency"]), (&json!("utilities"), &json!(WATER)));
    assert_eq!(city.agency_get("/requests/v1/services").await["services"].as_array().unwrap().len(), 2);
    assert_eq!(city.agency_get("/requests/v1/areas").await["areas"][0]["boundary"][0]["lat"], 39.9);
    assert_eq!(city.agency_get("/requests/v1/weights").await["response"], 1);
    city.put("/requests/v1/weights", json!({ "response": 1, "resolution": 4, "satisfaction": 5 })).await;
    assert_eq!(city.agency_get("/requests/v1/weights").await["satisfaction"], 5);

    let put = async |agency: &str, path: &str, body: Value| {
        city.send(city.with_token(agency, "PUT", &format!("/requests/v1/{path}"), Some(body))).await.code()
    };
    let refused = |code: &str| (422, code.to_owned());
    assert_eq!(put(LINE, "services/x", json!({ "name": "" })).await, refused("service_invalid"));
    assert_eq!(
        put(LINE, "services/x", json!({ "name": "X", "type": "slow" })).await,
        refused("service_invalid")
    );
    assert_eq!(
        put(LINE, "services/x", json!({ "name": "X", "deadline": "never" })).await,
        refused("service_invalid")
    );
    assert_eq!(put(LINE, "services/x.y", json!({ "name": "X" })).await, refused("service_code_invalid"));
    assert_eq!(
        put(LINE, "areas", json!({ "areas": [{ "code": "N", "name": "n", "agency": "a" }] })).await,
        refused("areas_invalid")
    );
    let far = json!({ "areas": [{ "code": "n", "name": "n", "agency": "a", "boundary": [{ "lat": 91, "long": 0 }] }] });
    assert_eq!(put(LINE, "areas", far).await, refused("location_invalid"));
    assert_eq!(
        put(LINE, "weights", json!({ "response": 0, "resolution": 0, "satisfaction": 0 })).await,
        refused("weights_invalid")
    );
    assert_eq!(put(WATER, "services/x", json!({ "name": "X" })).await, refused("owner_required"));
    assert_eq!(put(ROADS, "services/x", json!({ "name": "X" })).await, (403, "not_the_owner".into()));
    let unknown = city.send(city.with_token(LINE, "GET", "/requests/v1/services/none", None)).await;
    assert_eq!(unknown.code(), (404, "service_unknown".into()));
}

#[tokio::test]
async fn storage_that_is_away_is_503() {
    let city = Running::equipped().await;
    let id = city.make(&LEAK).await;
    city.city.away.store(true, Ordering::SeqCst);
    let path = format!("/requests/v1/requests/{id}");
    let reply = city.send(city.with_token(LINE, "GET", &path, None)).await;
    assert_eq!(reply.code(), (503, "unavailable".into()));
}

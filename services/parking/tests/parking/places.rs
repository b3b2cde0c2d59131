//! Sites: lists and their pages, one site, what lies around a place, GeoJSON.

use std::sync::atomic::Ordering;

use http::header;
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{BUREAU, Body, City, Request, Running, build, sent, site, three, wire};

fn uids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["source_uid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sites_page_in_order_of_uid_and_by_source() {
    let city = three();
    let mut own = site("", 470_000_000, 90_000_000);
    (own.source, own.source_uid, own.uid) = (String::new(), String::new(), "zoo".into());
    city.submit(&[BUREAU], build::put_site(own));
    let running = Running::over(city);
    running.until_known("zoo").await;
    let first = running.found("/parking/v1/sites?limit=3").await;
    assert_eq!(uids(&first), ["1", "2", "3"]);
    let next = first["next"].as_str().unwrap();
    assert_eq!(next, "/parking/v1/sites?after=test%3A3&limit=3");
    let second = running.found(next).await;
    assert_eq!((uids(&second), &second["next"]), (vec!["zoo"], &Value::Null));
    let of_feed = running.found("/parking/v1/sites?source=test&limit=2").await;
    assert_eq!(of_feed["next"], "/parking/v1/sites?source=test&after=test%3A2&limit=2");
    assert_eq!(uids(&running.found(of_feed["next"].as_str().unwrap()).await), ["3"]);
    assert_eq!(uids(&running.found("/parking/v1/sites?source=tes").await), Vec::<&str>::new());
}

#[tokio::test]
async fn a_site_is_told_in_the_names_of_parkapi() {
    let city = City::new();
    let mut garage = site("P:1", 487_753_356, 91_740_553);
    garage.max_height_cm = 200;
    garage.fee = wire::Fee::Yes.into();
    garage.opening_hours = "24/7".into();
    garage.restrictions = vec![wire::Restriction { r#type: wire::Audience::Women.into(), capacity: 0 }];
    city.submit(&[BUREAU], build::put_site(garage));
    let running = Running::over(city);
    running.until_known("test:P:1").await;
    let found = running.found("/parking/v1/sites/test:P:1").await;
    assert_eq!(
        found,
        json!({
            "uid": "test:P:1",
            "source": "test",
            "source_uid": "P:1",
            "original_uid": "P:1",
            "name": "Garage P:1",
            "purpose": "CAR",
            "type": "CAR_PARK",
            "lat": 48.7753356,
            "lon": 9.1740553,
            "capacity": 100,
            "address": null,
            "description": null,
            "public_url": null,
            "operator": null,
            "operator_name": null,
            "has_realtime_data": false,
            "static_data_updated_at": "2023-11-14T22:13:20Z",
            "max_height": 200,
            "max_stay": null,
            "has_fee": true,
            "opening_hours": "24/7",
            "restrictions": [{ "type": "WOMEN", "capacity": 0 }],
            "retired_at": null,
            "version": 1,
            "realtime_data_outdated": false,
            "realtime_data_updated_at": null,
            "realtime_opening_status": null,
            "realtime_capacity": null,
            "realtime_free_capacity": null,
        })
    );
    assert_eq!(running.problem("/parking/v1/sites/test:9").await, (404, "site_unknown".into()));
    assert_eq!(running.problem("/parking/v1/sites/%20").await, (404, "site_unknown".into()));
}

#[tokio::test]
async fn near_is_sorted_by_distance_and_filtered() {
    let running = Running::over(three());
    running.until_known("test:3").await;
    let near = |query: &str| format!("/parking/v1/near?lat=48.019&lon=9&{query}");
    let found = running.found(&near("radius=5000")).await;
    assert_eq!(uids(&found), ["3", "2", "1"]);
    assert_eq!(found["items"][0]["distance"], 111.2);
    assert_eq!(uids(&running.found(&near("")).await), ["3"], "a kilometre unless told");
    assert_eq!(uids(&running.found(&near("radius=1000.7")).await), ["3"]);
    assert_eq!(uids(&running.found(&near("radius=1000.8")).await), ["3", "2"]);
    assert_eq!(uids(&running.found(&near("radius=5000&limit=1")).await), ["3"]);
    assert_eq!(uids(&running.found(&near("radius=5000&type=UNDERGROUND")).await), Vec::<&str>::new());
    assert_eq!(uids(&running.found(&near("radius=5000&type=CAR_PARK&purpose=CAR")).await).len(), 3);
    assert_eq!(uids(&running.found(&near("radius=5000&free=1")).await), Vec::<&str>::new(), "none is known");
    let mut closed = sent("test:2", "2026-11-20T09:00:00Z", 7);
    closed["realtime_opening_status"] = "CLOSED".into();
    let updates =
        json!([sent("test:1", "2026-11-20T09:00:00Z", 1), closed, sent("test:3", "2026-11-20T09:00:00Z", 0)]);
    assert_eq!(running.post("/parking/v1/realtime", updates).await.0, 200);
    assert_eq!(uids(&running.found(&near("radius=5000&free=1")).await), ["2", "1"]);
    assert_eq!(uids(&running.found(&near("radius=5000&free=2")).await), ["2"]);
    assert_eq!(uids(&running.found(&near("radius=5000&free=true&open=true")).await), ["1"]);
    assert_eq!(uids(&running.found(&near("radius=5000&free=0")).await).len(), 3);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_told() {
    let running = Running::over(three());
    for query in [
        "near",
        "near?lat=48",
        "near?lat=91&lon=9",
        "near?lat=-90.1&lon=9",
        "near?lat=48&lon=180.5",
        "near?lat=NaN&lon=9",
        "near?lat=inf&lon=9",
        "near?lat=1e999&lon=9",
        "near?lat=x&lon=9",
        "near?lat=48&lon=9&radius=0",
        "near?lat=48&lon=9&radius=-1",
        "near?lat=48&lon=9&radius=50001",
        "near?lat=48&lon=9&radius=NaN",
        "near?lat=48&lon=9&limit=0",
        "near?lat=48&lon=9&limit=1001",
        "near?lat=48&lon=9&free=some",
        "near?lat=48&lon=9&free=-1",
        "near?lat=48&lon=9&type=HOUSE",
        "near?lat=48&lon=9&type=SITE_TYPE_UNSPECIFIED",
        "near?lat=48&lon=9&purpose=DOG",
        "near?lat=48&lon=9&colour=red",
        "sites?limit=0",
        "sites?limit=1001",
        "sites?limit=-1",
        "sites?what=ever",
        "sites.geojson?limit=x",
    ] {
        let path = format!("/parking/v1/{query}");
        assert_eq!(running.problem(&path).await, (400, "malformed_query".into()), "{query}");
    }
}

#[tokio::test]
async fn geojson_has_the_longitude_first() {
    let running = Running::over(three());
    running.until_known("test:3").await;
    let page = running.found("/parking/v1/sites.geojson?limit=2").await;
    assert_eq!(page["type"], "FeatureCollection");
    assert_eq!(page["next"], "/parking/v1/sites.geojson?after=test%3A2&limit=2");
    let feature = &page["features"][1];
    assert_eq!(feature["geometry"], json!({ "type": "Point", "coordinates": [9.0, 48.01] }));
    assert_eq!((&feature["id"], &feature["properties"]["source_uid"]), (&"test:2".into(), &"2".into()));
    for path in ["/parking/v1/sites", "/parking/v1/near?lat=48&lon=9", "/parking/v1/sites/test:1"] {
        let request = Request::get(path).header(header::ACCEPT, "text/html, application/geo+json;q=0.9");
        let routes = running.routes.clone().layer(crate::Extension(Caller::Anonymous));
        let response =
            tower::ServiceExt::oneshot(routes, request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/geo+json", "{path}");
    }
}

#[tokio::test]
async fn what_was_retired_is_found_no_longer_and_its_history_stays() {
    let city = three();
    let running = Running::over(city.clone());
    running.until_known("test:3").await;
    let (status, _) = running.post("/parking/v1/sites/test:2/retire", json!({ "reason": "torn down" })).await;
    assert_eq!(status, 200);
    assert_eq!(uids(&running.found("/parking/v1/sites").await), ["1", "3"]);
    assert_eq!(uids(&running.found("/parking/v1/near?lat=48.01&lon=9&radius=5000").await).len(), 2);
    assert_eq!(running.problem("/parking/v1/sites/test:2").await.0, 404);
    let history = running.found("/parking/v1/sites/test:2/history?limit=1").await;
    assert_eq!(history["items"][0]["version"], 2);
    assert!(history["items"][0]["retired_at"].is_string());
    let next = history["next"].as_str().unwrap();
    let older = running.found(next).await;
    assert_eq!((&older["items"][0]["version"], &older["next"]), (&1.into(), &Value::Null));
    assert_eq!(running.problem("/parking/v1/sites/test:9/history").await, (404, "site_unknown".into()));
    city.away.store(true, Ordering::SeqCst);
    let away = running.problem("/parking/v1/sites/test:1/history").await;
    assert_eq!(away, (503, "unavailable".into()));
    assert_eq!(uids(&running.found("/parking/v1/sites").await), ["1", "3"], "the view shows what it knew");
}

//! One dataset: its two forms, its tag, and what is answered when there is nothing to show.

use std::sync::atomic::Ordering;

use http::header::{self, ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use hutong_catalogue::build;
use serde_json::json;

use crate::{
    Running,
    city::{BEGAN_MS, City, LAND},
    dataset,
};

const PATH: &str = "/catalogue/datasets/parcels";
const PLAIN: (header::HeaderName, &str) = (ACCEPT, "application/json");

#[tokio::test]
async fn plain_json_for_who_asks_for_it() {
    let city = City::new();
    let transaction = city.submit(&[LAND], build::publish(dataset("parcels", "property")));
    let running = Running::over(city);
    let answer = running.get_with(PATH, &[PLAIN]).await;
    assert_eq!(answer.header(CONTENT_TYPE), "application/json");
    assert_eq!(
        answer.body,
        json!({
            "id": "parcels",
            "domain": "property",
            "record_type": "parcel",
            "title": "Titles parcels",
            "description": "Parcels & <titles>",
            "fields": [
                { "name": "area", "sealed": false, "description": "" },
                { "name": "holder", "sealed": true, "description": "" },
            ],
            "sharing": "conditional",
            "keywords": ["cadastre"],
            "theme": null,
            "endpoint": "/property/v1/parcels",
            "media_type": "application/json",
            "issued_ms": BEGAN_MS + 1,
            "modified_ms": BEGAN_MS + 1,
            "withdrawn_ms": null,
            "version": 1,
            "height": 1,
            "transaction": transaction.to_string(),
        })
    );
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let city = City::new();
    city.submit(&[LAND], build::publish(dataset("parcels", "property")));
    let running = Running::over(city);
    let linked = running.get(PATH).await;
    let plain = running.get_with(PATH, &[PLAIN]).await;
    assert_ne!(linked.header(ETAG), plain.header(ETAG), "two forms are two things to a cache");
    for (form, accept) in [(&linked, "*/*"), (&plain, "application/json")] {
        assert_eq!((form.header(CACHE_CONTROL), form.header(VARY)), ("no-cache", "accept"));
        let known = running.get_with(PATH, &[(ACCEPT, accept), (IF_NONE_MATCH, form.header(ETAG))]).await;
        assert_eq!((known.status, &known.body), (304, &serde_json::Value::Null));
        assert_eq!(known.header(ETAG), form.header(ETAG));
    }
    let other = running.get_with(PATH, &[PLAIN, (IF_NONE_MATCH, linked.header(ETAG))]).await;
    assert_eq!(other.status, 200);
    running.city.submit(&[LAND], build::withdraw("parcels"));
    let changed = running.get_with(PATH, &[PLAIN, (IF_NONE_MATCH, plain.header(ETAG))]).await;
    assert_eq!((changed.status, &changed.body["version"]), (200, &2.into()));
    assert_eq!(changed.body["withdrawn_ms"], BEGAN_MS + 2);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_code() {
    let running = Running::over(City::new());
    for (path, expected) in [
        ("/catalogue/datasets/parcels", (404, "dataset_unknown")),
        ("/catalogue/datasets/Parcels", (400, "malformed_path")),
        ("/catalogue/datasets/a%2Fb", (400, "malformed_path")),
        ("/catalogue/agreements/courts", (404, "agreement_unknown")),
        ("/catalogue/agreements/draft", (404, "agreement_unknown")),
        ("/catalogue/agreements/%20", (400, "malformed_path")),
        ("/catalogue/datasets?limit=0", (400, "malformed_query")),
        ("/catalogue/datasets?limit=201", (400, "malformed_query")),
        ("/catalogue/datasets?class=secret", (400, "malformed_query")),
        ("/catalogue/datasets?order=id", (400, "malformed_query")),
        ("/catalogue/datasets?q=a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q", (400, "malformed_query")),
        ("/catalogue/agreements?active=yes", (400, "malformed_query")),
        ("/catalogue/agreements?limit=x", (400, "malformed_query")),
    ] {
        assert_eq!(running.get(path).await.code(), expected, "{path}");
    }
}

#[tokio::test]
async fn storage_that_is_away_is_said_to_be() {
    let city = City::new();
    city.submit(&[LAND], build::publish(dataset("parcels", "property")));
    let running = Running::over(city);
    running.until_found("datasets", "", &["parcels"]).await;
    running.city.away.store(true, Ordering::SeqCst);
    for path in ["/catalogue/catalog.jsonld", "/catalogue/datasets", PATH, "/catalogue/agreements/a"] {
        assert_eq!(running.get(path).await.code(), (503, "unavailable"), "{path}");
    }
    running.city.away.store(false, Ordering::SeqCst);
    running.city.submit(&[LAND], build::publish(dataset("a", "property")));
    running.until_found("datasets", "", &["a", "parcels"]).await;
}

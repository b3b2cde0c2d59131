//! The lists: filters, words, pages, and agreements that begin and end with time.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, LINK};
use hutong_catalogue::build;
use hutong_wire::v1::catalogue::SharingClass;

use crate::{
    HOST, Running, agreement,
    city::{BUREAU, City, JUSTICE, LAND},
    dataset,
};

#[tokio::test]
async fn datasets_are_found_by_domain_class_and_words() {
    let city = City::new();
    for (id, domain, owner) in
        [("p-2", "property", LAND), ("h-1", "health", BUREAU), ("p-10", "property", LAND)]
    {
        city.submit(&[owner], build::publish(dataset(id, domain)));
    }
    let mut open = dataset("p-open", "property");
    open.sharing = SharingClass::Unconditional.into();
    open.title = "不动产 parcels, open".into();
    city.submit(&[LAND], build::publish(open));
    let running = Running::over(city);
    for limit in [1, 2, 3, 4, 200] {
        running.until_found("datasets", &format!("limit={limit}"), &["h-1", "p-10", "p-2", "p-open"]).await;
    }
    for (query, wanted) in [
        ("domain=property", &["p-10", "p-2", "p-open"][..]),
        ("domain=property&class=conditional&limit=1", &["p-10", "p-2"]),
        ("class=not_shared", &[]),
        ("record_type=parcel&domain=health", &["h-1"]),
        ("record_type=person", &[]),
        ("q=open", &["p-open"]),
        ("q=CADAST+10", &["p-10"]),
        ("q=%E4%BA%A7&limit=1", &["p-open"]),
        ("q=%26", &["h-1", "p-10", "p-2", "p-open"]),
        ("after=p-10", &["p-2", "p-open"]),
        ("after=o", &["p-10", "p-2", "p-open"]),
    ] {
        assert_eq!(running.search("datasets", query).await, wanted, "{query}");
    }
    let full = running.plain("/catalogue/datasets?limit=4").await;
    assert!(full["next"].is_null(), "a last page that is full has no next one: {full}");
    let first = running.plain("/catalogue/datasets?limit=1&q=titles+%26&domain=property").await;
    assert_eq!(first["next"], "/catalogue/datasets?domain=property&q=titles+%26&after=p-10&limit=1");
}

#[tokio::test]
async fn agreements_are_found_by_side_domain_and_time() {
    let city = City::new();
    for (id, consumer) in [("b-2", JUSTICE), ("b-1", BUREAU), ("a", JUSTICE)] {
        city.submit(&[LAND, consumer], build::agree(agreement(id, consumer)));
    }
    let mut health = agreement("h", LAND);
    (health.owner, health.domain, health.until_ms) = (BUREAU.into(), "health".into(), u64::MAX >> 20);
    city.submit(&[LAND, BUREAU], build::agree(health));
    let running = Running::over(city);
    running.until_found("agreements", "", &["a", "b-1", "b-2", "h"]).await;
    for (query, wanted) in [
        ("owner=land&limit=2", &["a", "b-1", "b-2"][..]),
        ("consumer=justice", &["a", "b-2"]),
        ("domain=health", &["h"]),
        ("owner=justice", &[]),
        ("consumer=justice&q=civil+enforce", &["a", "b-2"]),
        ("q=contact+h", &["a", "b-1", "b-2", "h"]),
        ("active=true", &[]),
        ("active=false&limit=1", &["a", "b-1", "b-2", "h"]),
    ] {
        assert_eq!(running.search("agreements", query).await, wanted, "{query}");
    }
    // No transaction makes an agreement begin or end.
    running.city.clock.advance(Duration::from_millis(1000));
    assert_eq!(running.search("agreements", "active=true&limit=1").await, ["a", "b-1", "b-2", "h"]);
    running.city.submit(&[LAND], build::revoke("b-1", "no longer needed"));
    running.until_found("agreements", "active=true", &["a", "b-2", "h"]).await;
    assert_eq!(running.search("agreements", "active=true&consumer=justice").await, ["a", "b-2"]);
    running.city.clock.advance(Duration::from_millis(9000));
    assert_eq!(running.search("agreements", "active=true").await, ["h"]);
    assert_eq!(running.search("agreements", "active=false&owner=land").await, ["a", "b-1", "b-2"]);
}

#[tokio::test]
async fn lists_are_graphs_for_who_wants_linked_data() {
    let city = City::new();
    for id in ["a", "b"] {
        city.submit(&[LAND], build::publish(dataset(id, "property")));
        city.submit(&[LAND, JUSTICE], build::agree(agreement(id, JUSTICE)));
    }
    let running = Running::over(city);
    running.until_found("agreements", "", &["a", "b"]).await;
    for list in ["datasets", "agreements"] {
        let path = format!("/catalogue/{list}?limit=1");
        let answer = running.get_with(&path, &[(ACCEPT, "application/ld+json")]).await;
        assert_eq!(answer.header(CONTENT_TYPE), "application/ld+json");
        assert_eq!(answer.header(LINK), format!("</catalogue/{list}?after=a&limit=1>; rel=\"next\""));
        let item = &answer.body["@graph"][0];
        let id = item["@id"].as_str().or(item["uid"].as_str()).unwrap();
        assert_eq!(id, format!("http://{HOST}/catalogue/{list}/a"));
        assert!(item.get("@context").is_none() && !answer.body["@context"].is_null());
        let last = running.get_with(&format!("{path}&after=a"), &[(ACCEPT, "application/ld+json")]).await;
        assert_eq!(last.header(LINK), "");
        assert_eq!(running.get(&path).await.header(CONTENT_TYPE), "application/json");
    }
}

#[tokio::test]
async fn a_new_view_is_built_from_the_beginning() {
    let city = City::new();
    for id in ["1", "2", "3", "4", "5"] {
        city.submit(&[LAND], build::publish(dataset(id, "property")));
    }
    city.submit(&[LAND], build::withdraw("3"));
    for _ in 0..2 {
        Running::over(city.clone()).until_found("datasets", "limit=2", &["1", "2", "4", "5"]).await;
    }
}

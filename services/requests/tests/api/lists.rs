//! Lists: what they find, in what order, and what they refuse.

use std::time::Duration;

use serde_json::json;

use crate::{LEAK, Running, WATER, city::LINE, items};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn filters_work_together_newest_first() {
    let city = Running::equipped().await;
    let hole = [("service_code", "hole"), ("address_string", "8 Lane")];
    let (a, b, c) = (city.leak().await, city.make(&hole).await, city.leak().await);
    city.act(WATER, &a, "answer", json!({ "notes": "Dry." })).await;
    city.act(WATER, &a, "close", json!({})).await;
    let all = [c.clone(), b.clone(), a.clone()];
    assert_eq!(city.ids("").await, all);
    assert_eq!(city.ids("service_code=leak").await, [c.clone(), a.clone()]);
    assert_eq!(city.ids("service_code=leak,hole").await, all);
    assert_eq!(city.ids("service_code=none").await, [""; 0]);
    assert_eq!(city.ids("status=closed").await, [a.as_str()]);
    assert_eq!(city.ids("status=open").await, [c.clone(), b.clone()]);
    assert_eq!(city.ids("status=open,closed").await, all);
    assert_eq!(city.ids("service_code=leak&status=open").await, [c.as_str()]);
    // Ids override everything else; those that are not there are left out.
    let ids = format!("service_request_id={a},none,{b}&service_code=none&status=open&start_date=x");
    assert_eq!(city.ids(&ids).await, [a.as_str(), b.as_str()]);
    assert_eq!(city.ids("service_request_id=none").await, [""; 0]);
    let closed = city.found(&format!("/open311/v2/requests/{a}.json")).await;
    assert_eq!((&closed[0]["status"], &closed[0]["status_notes"]), (&json!("closed"), &json!("Dry.")));
}

#[tokio::test]
async fn dates_are_inclusive_at_both_ends() {
    let city = Running::equipped().await;
    let ids = [city.leak().await, city.leak().await, city.leak().await];
    let time = |list: &serde_json::Value| list[0]["requested_datetime"].as_str().unwrap().to_owned();
    let mut times = Vec::new();
    for id in &ids {
        times.push(time(&city.found(&format!("/open311/v2/requests/{id}.json")).await));
    }
    let between = |from: &str, to: &str| format!("start_date={from}&end_date={to}");
    assert_eq!(city.ids(&between(&times[1], &times[1])).await, [ids[1].as_str()]);
    assert_eq!(city.ids(&between(&times[0], &times[1])).await, [ids[1].clone(), ids[0].clone()]);
    assert_eq!(city.ids(&format!("start_date={}", times[1])).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(city.ids(&format!("end_date={}", times[1])).await, [ids[1].clone(), ids[0].clone()]);
    assert_eq!(city.ids(&between("2026-01-15", "2026-01-15")).await.len(), 3);
    assert_eq!(city.ids(&between("2026-01-16", "2026-01-16")).await.len(), 0);
    // The same moment in another zone, with a plus that nobody encoded.
    let there = times[1].replace("T12", "T20").replace('Z', "+08:00");
    assert_eq!(city.ids(&between(&there, &there)).await, [ids[1].as_str()]);
}

#[tokio::test]
async fn ninety_days_are_the_bound_and_the_default() {
    let city = Running::equipped().await;
    let id = city.leak().await;
    let span = |from: &str, to: &str| format!("/open311/v2/requests.json?start_date={from}&end_date={to}");
    assert_eq!(city.get(&span("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z")).await.status, 200);
    for (from, to) in [
        ("2026-01-01T00:00:00Z", "2026-04-01T00:00:01Z"),
        ("2026-01-01", "2026-04-02"),
        ("2026-01-02", "2026-01-01"),
        ("yesterday", "2026-01-01"),
        ("2026-01-01", "2026-02-30"),
        ("2026-01-01T25:00:00Z", "2026-01-02"),
    ] {
        let reply = city.get(&span(from, to)).await;
        assert_eq!((reply.status, &reply.json()[0]["code"]), (400, &json!(400)), "{from} {to}");
        let xml = city.get(&span(from, to).replace(".json", ".xml")).await;
        assert_eq!(items(&xml.text, "errors", "error")[0]["code"], "400");
    }
    city.city.clock.advance(DAY * 90);
    assert_eq!(city.ids("").await, [id.as_str()]);
    city.city.clock.advance(DAY);
    assert_eq!(city.ids("").await, [""; 0]);
    // Who says when finds it all the same.
    assert_eq!(city.ids("start_date=2026-01-01").await, [id.as_str()]);
}

#[tokio::test]
async fn wrong_parameters_are_400() {
    let city = Running::equipped().await;
    let many = vec!["x"; 1001].join(",");
    for query in [
        "status=done",
        "status=open,done",
        "page=0",
        "page=x",
        "page_size=0",
        "page_size=1001",
        "start_date=a&start_date=b",
        "status=%ff",
        &format!("service_request_id={many}"),
    ] {
        let reply = city.get(&format!("/open311/v2/requests.json?{query}")).await;
        assert_eq!((reply.status, &reply.json()[0]["code"]), (400, &json!(400)), "{query}");
    }
}

#[tokio::test]
async fn pages_are_linked() {
    let city = Running::equipped().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(city.leak().await);
    }
    made.reverse();
    let mut next = Some("/open311/v2/requests.json?page_size=2&status=open".to_owned());
    let (mut found, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let reply = city.get(&path).await;
        let page = reply.json();
        found.extend(
            page.as_array().unwrap().iter().map(|r| r["service_request_id"].as_str().unwrap().to_owned()),
        );
        let link = reply.headers.get(http::header::LINK).map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned());
        pages += 1;
    }
    assert_eq!((found, pages), (made, 3));
}

#[tokio::test]
async fn five_hundred_come_in_one_answer() {
    let city = Running::equipped().await;
    for _ in 0..500 {
        city.leak().await;
    }
    assert_eq!(city.ids("").await.len(), 500);
    let xml = city.get("/open311/v2/requests.xml").await.text;
    assert_eq!(items(&xml, "service_requests", "request").len(), 500);
}

#[tokio::test]
async fn the_status_is_open_until_it_is_closed() {
    let city = Running::equipped().await;
    let id = city.make(&LEAK).await;
    let status = |list: serde_json::Value| list[0]["status"].as_str().unwrap().to_owned();
    let path = format!("/open311/v2/requests/{id}.json");
    city.act(WATER, &id, "answer", json!({ "notes": "Dry.", "contacted": true })).await;
    assert_eq!(status(city.found(&path).await), "open");
    city.act(LINE, &id, "callback", json!({ "valid": true, "resolved": true })).await;
    city.act(LINE, &id, "close", json!({ "notes": "Done." })).await;
    assert_eq!(status(city.found(&path).await), "closed");
}

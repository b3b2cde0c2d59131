//! Deadlines that pass: each becomes a change of the request, once.

use std::time::Duration;

use hutong_runtime::Clock;
use serde_json::json;

use crate::{Running, WATER, until};

const HOUR: Duration = Duration::from_secs(3600);

async fn breached(city: &Running) -> Vec<String> {
    let page = city.agency_get("/requests/v1/requests?breached=true").await;
    let requests = page["requests"].as_array().unwrap().iter();
    requests.map(|request| request["id"].as_str().unwrap().to_owned()).collect()
}

/// Lets time pass once the watch sleeps.
async fn pass(city: &Running, time: Duration) {
    until(|| async { city.city.clock.sleepers() > 0 }).await;
    city.city.clock.advance(time);
}

#[tokio::test]
async fn a_deadline_that_passes_is_told_once() {
    let city = Running::equipped().await;
    let (late, in_time) = (city.leak().await, city.leak().await);
    pass(&city, HOUR * 23).await;
    city.act(WATER, &in_time, "answer", json!({ "notes": "Dry.", "contacted": true })).await;
    assert!(breached(&city).await.is_empty());
    let due_ms =
        city.agency_get(&format!("/requests/v1/requests/{late}")).await["expected_ms"].as_u64().unwrap();
    pass(&city, HOUR + Duration::from_secs(4)).await;
    until(|| async { breached(&city).await == [late.clone()] }).await;
    let height = city.city.height();
    let found = city.agency_get(&format!("/requests/v1/requests/{late}")).await;
    assert!(found["breached_ms"].as_u64().unwrap() > due_ms);
    assert_eq!((&found["status"], &found["version"]), (&json!("dispatched"), &json!(2)));
    assert_eq!(city.city.last_actor(), "deadlines");
    for _ in 0..5 {
        pass(&city, HOUR).await;
        tokio::task::yield_now().await;
    }
    pass(&city, HOUR).await;
    assert_eq!(city.city.height(), height, "it is told once");
    assert!(city.city.refusals().is_empty());
}

#[tokio::test]
async fn two_watchers_do_no_harm() {
    let city = Running::equipped().await;
    let id = city.leak().await;
    // Another process of the same agency watches too.
    let other = Running::over(city.city.clone());
    until(|| async { city.city.clock.sleepers() > 1 }).await;
    city.city.clock.advance(HOUR * 25);
    until(|| async { breached(&city).await == [id.clone()] && breached(&other).await == [id.clone()] }).await;
    let found = city.agency_get(&format!("/requests/v1/requests/{id}")).await;
    assert_eq!(found["version"], 2);
    assert!(city.city.refusals().iter().all(|code| code == "already_breached"), "{:?}", city.city.refusals());
}

#[tokio::test]
async fn many_late_ones_are_told_in_several_looks() {
    let config = hutong_requests::Config { breaches_at_once: 3, ..Default::default() };
    let city = Running::configured(crate::city::City::new(), config);
    city.put("/requests/v1/services/leak", crate::leak()).await;
    for _ in 0..8 {
        city.leak().await;
    }
    pass(&city, HOUR * 25).await;
    for expected in [3, 6, 8] {
        until(|| async { breached(&city).await.len() == expected }).await;
        pass(&city, Duration::from_secs(2)).await;
    }
    assert!(city.city.clock.unix_ms() > 0);
}

#[tokio::test]
async fn a_service_that_reads_on_reports_nothing_that_is_over() {
    let city = Running::equipped().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(city.leak().await);
    }
    for id in &ids {
        city.act(WATER, id, "answer", json!({ "notes": "Dry." })).await;
    }
    drop(city.stop.clone().drop_guard());
    city.city.clock.advance(HOUR * 25);
    let height = city.city.height();
    // It starts again and reads one transaction at a time.
    let again =
        Running::configured(city.city.clone(), hutong_requests::Config { page: 1, ..Default::default() });
    let answered = "/requests/v1/requests?status=answered";
    until(|| async { again.agency_get(answered).await["requests"].as_array().unwrap().len() == 20 }).await;
    for _ in 0..5 {
        pass(&again, Duration::from_secs(2)).await;
        tokio::task::yield_now().await;
    }
    assert_eq!((city.city.height(), city.city.refusals().len()), (height, 0));
}

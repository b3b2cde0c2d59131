//! A day's occupancy: its lines, their digest on the ledger once it is over, restarts in between.

use std::{sync::Arc, time::Duration};

use hutong_ledger::hash::sha256;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    BUREAU, Running, bus,
    city::{City, ROADS},
    sent, three,
};

const PATH: &str = "/parking/v1/realtime";
const DAY: &str = "/parking/v1/sites/test:1/days/2026-11-20";
/// The morning of the day, and its updates' times.
const TIMES: [&str; 2] = ["2026-11-20T09:00:00Z", "2026-11-20T09:10:00Z"];

async fn send(running: &Running, at: &str, free: u32) {
    let (status, answer) = running.post(PATH, sent("test:1", at, free)).await;
    assert_eq!(status, 200, "{answer}");
}

fn digest_of(lines: &Value) -> String {
    let lines: Vec<&[u8]> =
        lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().as_bytes()).collect();
    hex::encode(sha256(&lines).0)
}

async fn until_anchored(running: &Running) -> Value {
    running.until(|| async { running.found(DAY).await["anchored"].is_object() }).await;
    running.found(DAY).await
}

/// A new day has come, and those who sleep find out: the anchoring must be asleep by now.
async fn let_the_day_pass(city: &City) {
    while city.clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    city.clock.advance(Duration::from_secs(86_400));
}

/// The day ends while nobody looks.
fn let_the_day_pass_unseen(city: &City) {
    city.clock.set_unix_ms(city.clock_ms() + 86_400_000);
}

#[tokio::test]
async fn a_day_that_is_over_is_anchored_by_itself_once() {
    let city = three();
    let running = Running::over(city.clone());
    send(&running, TIMES[0], 40).await;
    send(&running, TIMES[0], 40).await;
    send(&running, TIMES[1], 39).await;
    let before = running.found(DAY).await;
    assert_eq!((&before["updates"], &before["anchored"]), (&2.into(), &Value::Null), "{before}");
    assert_eq!(running.service.anchor_once().await.unwrap(), 0, "the day is not over");
    let_the_day_pass(&city).await;
    let after = until_anchored(&running).await;
    assert_eq!(
        after["lines"],
        json!(["test:1\t1795165200000\tOPEN\t-\t40\t\n", "test:1\t1795165800000\tOPEN\t-\t39\t\n",])
    );
    assert_eq!(after["anchored"]["sha256"], digest_of(&after["lines"]));
    assert_eq!((&after["anchored"]["updates"], &after["sha256"]), (&2.into(), &after["anchored"]["sha256"]));
    // The log may be closing the day still.
    running.until(|| async { running.service.anchor_once().await.unwrap() == 0 }).await;
    // What comes now belongs to the new day.
    send(&running, "2026-11-21T09:00:00Z", 1).await;
    assert_eq!(running.found(DAY).await["updates"], 2);
    assert_eq!(running.found(&DAY.replace("20", "21").replace("2126", "2026")).await["updates"], 1);
}

#[tokio::test]
async fn what_was_accepted_outlives_a_restart_and_is_anchored_after_it() {
    let city = three();
    let dir = {
        let running = Running::over(city.clone());
        send(&running, TIMES[0], 40).await;
        let_the_day_pass_unseen(&city);
        running.dir.clone()
    };
    // The old service lets go of its log when its tasks have ended.
    let running = reopened(city, dir).await;
    let shown = running.found("/parking/v1/sites/test:1").await;
    assert_eq!(shown["realtime_free_capacity"], 40, "the latest is known at once");
    assert_eq!(shown["realtime_data_outdated"], true);
    let (status, answer) = running.post(PATH, sent("test:1", "2026-11-20T08:00:00Z", 1)).await;
    assert_eq!((status, &answer["code"]), (409, &"stale_update".into()));
    let day = until_anchored(&running).await;
    assert_eq!(day["anchored"]["sha256"], digest_of(&day["lines"]));
}

async fn reopened(city: Arc<City>, dir: Arc<TempDir>) -> Running {
    use hutong_parking::{Config, ParkingService};
    let opens = || {
        let config = Config { dir: dir.path().join("log"), ..Config::default() };
        ParkingService::new(config, city.storage(), city.desk(BUREAU), bus(), city.clock.clone()).is_ok()
    };
    let waited = async {
        while !opens() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap();
    let running = Running::at(city, BUREAU, dir, bus());
    running.until_known("test:3").await;
    running
}

#[tokio::test]
async fn a_clock_that_goes_back_adds_nothing_to_an_anchored_day() {
    let city = three();
    let running = Running::over(city.clone());
    send(&running, TIMES[0], 40).await;
    let_the_day_pass(&city).await;
    until_anchored(&running).await;
    city.clock.set_unix_ms(city.clock_ms() - 86_400_000);
    send(&running, TIMES[1], 39).await;
    assert_eq!(running.found(DAY).await["updates"], 1);
}

#[tokio::test]
async fn only_the_owner_anchors_and_what_nobody_knows_is_told() {
    let city = three();
    let running = Running::at(city.clone(), ROADS, Arc::new(TempDir::new().unwrap()), bus());
    running.until_known("test:1").await;
    let (status, answer) = running.post(PATH, sent("test:1", TIMES[0], 1)).await;
    assert_eq!((status, &answer["code"]), (403, &"not_the_owner".into()), "this is another agency's node");
    let_the_day_pass(&city).await;
    assert_eq!(running.service.anchor_once().await.unwrap(), 0);
    assert_eq!(running.problem(DAY).await, (404, "day_unknown".into()));
    assert_eq!(running.problem("/parking/v1/sites/test:1/days/today").await, (400, "malformed_path".into()));
    assert_eq!(
        running.problem("/parking/v1/sites/a%20b/days/2026-11-20").await,
        (404, "site_unknown".into())
    );
}

//! Webhooks: everything that matches, in order, through whatever receivers and crashes do; and nothing to whom it may
//! not go.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, response::IntoResponse};
use http::{StatusCode, header};
use hutong_notification::{Config, Webhooks};
use hutong_runtime::{ManualClock, SharedClock, SystemClock};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use support::{
    DOMAINS, FakeStorage, Running, agency::call, bus, config, epoch, receiver::Receiver, start_with, until,
};

struct City {
    storage: Arc<FakeStorage>,
    running: Running,
    app: Router,
}

fn webhooks() -> Webhooks {
    Webhooks {
        allow_networks: vec!["127.0.0.1".into()],
        backoff_first_ms: 1,
        backoff_max_ms: 5,
        // A slow machine is no reason to give up: tests that want that say so.
        attempts_max: u32::MAX,
        page_transactions_max: 7,
        ..Webhooks::default()
    }
}

fn city_at(path: &Path, storage: Arc<FakeStorage>, webhooks: Webhooks, clock: SharedClock) -> City {
    let config = Config { stream: false, webhooks, ..config() };
    let running = start_with(path, config, bus(), storage.clone(), clock);
    let app = hutong_notification::routes([running.handle.clone()], running.shutdown.clone());
    City { storage, running, app }
}

fn city(heights: u64, webhooks: Webhooks) -> (City, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let storage = FakeStorage::new();
    storage.advance(heights);
    (city_at(dir.path(), storage, webhooks, SystemClock::shared()), dir)
}

impl City {
    /// Calls as `land`; the answer must be a success.
    async fn land(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = call(&self.app, Some("land"), method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// Subscribes from the beginning; the id and the secret.
    async fn subscribe(&self, receiver: &Receiver, more: Value) -> (String, String) {
        let mut asked = json!({ "endpoint": receiver.url(), "from_height": 1 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.land("POST", "", Some(asked)).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }

    async fn show(&self, id: &str) -> Value {
        self.land("GET", &format!("/{id}"), None).await
    }

    /// Waits until a subscription looks as it should.
    async fn shows(&self, id: &str, condition: impl Fn(&Value) -> bool) -> Value {
        loop {
            let shown = self.show(id).await;
            if condition(&shown) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ends it as a crash would, with whatever it does.
    async fn kill(self) {
        drop(self.app);
        self.running.kill().await;
    }
}

fn in_order(receiver: &Receiver) {
    for (at, delivery) in (1..).zip(receiver.took()) {
        assert_eq!(delivery.sequence(), at);
    }
}

#[tokio::test]
async fn a_receiver_that_is_down_for_ten_thousand_changes_gets_them_all_in_order() {
    let (city, _dir) = city(20, webhooks());
    let mut receiver = Receiver::start().await;
    let (id, secret) = city.subscribe(&receiver, json!({})).await;
    let first = city.storage.expected(&DOMAINS, None).len();
    until(|| receiver.count() == first).await;
    receiver.down().await;
    city.storage.advance(3800);
    let failing = city.shows(&id, |shown| shown["attempts"]["failed"].as_u64() > Some(3)).await;
    assert_eq!(failing["attempts"]["last_failure"]["reason"], "unreachable");
    receiver.up().await;
    let expected = city.storage.expected(&DOMAINS, None);
    assert!(expected.len() > first + 10_000, "{}", expected.len());
    until(|| receiver.count() >= expected.len()).await;
    assert!(receiver.expected() == expected, "what came differs from what was final");
    in_order(&receiver);
    let reader = Webhook::new(&secret).unwrap();
    for delivery in receiver.took() {
        reader.verify(&delivery.body, &delivery.headers).unwrap();
        let event = &delivery.event;
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["receipt"], format!("/v1/transactions/{}/receipt", event["txid"].as_str().unwrap()));
        assert!(event["height"].as_str().unwrap().parse::<u64>().is_ok());
    }
    let shown = city.shows(&id, |shown| shown["sequence"] == expected.len()).await;
    assert_eq!(shown["dead_letters"], 0, "{shown}");
    assert_eq!(city.running.invariants.count("TOLD"), 0);
}

#[tokio::test]
async fn one_that_fails_for_ever_ends_in_dead_letters_and_hurts_nobody() {
    let limits = Webhooks { dead_letters_max: 20, ..webhooks() };
    let (city, _dir) = city(30, limits);
    let (bad, hung, good) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    bad.answers_status(500);
    hung.hangs();
    let (id, _) = city.subscribe(&bad, json!({ "retry": { "attempts_max": 3 } })).await;
    city.subscribe(&hung, json!({})).await;
    city.subscribe(&good, json!({})).await;
    city.storage.advance(200);
    let expected = city.storage.expected(&DOMAINS, None);
    until(|| good.count() >= expected.len()).await;
    assert_eq!(good.expected(), expected);
    // It stops before it would lay aside more than may be.
    let shown = city.shows(&id, |shown| shown["status"] == "stopped").await;
    assert_eq!(shown["stopped"]["reason"], "dead_letters_full");
    assert_eq!((&shown["dead_letters"], &shown["sequence"]), (&json!(20), &json!(20)));
    assert_eq!(bad.seen(), 21 * 3);
    let page = city.land("GET", &format!("/{id}/dead-letters?limit=15"), None).await;
    let rest = city.land("GET", &format!("/{id}/dead-letters?after={}", page["next_after"]), None).await;
    assert_eq!(rest["next_after"], Value::Null);
    let letters = [&page, &rest].map(|page| page["dead_letters"].as_array().unwrap().clone()).concat();
    for (at, letter) in letters.iter().enumerate() {
        assert_eq!((&letter["sequence"], &letter["attempts"]), (&json!(at + 1), &json!(3)), "{letter}");
        assert_eq!(letter["event"], expected[at].id);
        assert_eq!(letter["failure"]["reason"], "status");
    }
    assert_eq!(letters.len(), 20);
    let metrics = city.running.metrics.encode().unwrap();
    for line in [
        "hutong_webhook_laid_aside_total{node=\"land\",subscriber=\"land\"} 20\n".to_owned(),
        "hutong_webhook_failures_total{node=\"land\",subscriber=\"land\",reason=\"status\"} 63\n".to_owned(),
        format!("hutong_webhook_deliveries_total{{node=\"land\",subscriber=\"land\"}} {}\n", expected.len()),
    ] {
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    // Well again: first what was laid aside, with the numbers that it has, then the rest.
    bad.answers_status(200);
    city.land("POST", &format!("/{id}/replay"), Some(json!({ "dead_letters": true }))).await;
    city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "active" }))).await;
    until(|| bad.count() >= expected.len()).await;
    assert_eq!(bad.expected(), expected);
    in_order(&bad);
    city.shows(&id, |shown| shown["dead_letters"] == 0).await;
}

#[tokio::test]
async fn dead_letters_that_fail_again_stay_and_can_be_dropped() {
    let (city, _dir) = city(5, webhooks());
    let receiver = Receiver::start().await;
    // Every second event is poison.
    receiver.answers(|delivery| match delivery.sequence() % 2 {
        0 => StatusCode::BAD_REQUEST.into_response(),
        _ => StatusCode::OK.into_response(),
    });
    let (id, _) = city.subscribe(&receiver, json!({ "retry": { "attempts_max": 2 } })).await;
    let expected = city.storage.expected(&DOMAINS, None).len();
    let poison = (expected / 2) as u64;
    let shown = city.shows(&id, |shown| shown["sequence"].as_u64() == Some(expected as u64)).await;
    assert_eq!(shown["dead_letters"], poison);
    let seen = receiver.seen();
    city.land("POST", &format!("/{id}/replay"), Some(json!({ "dead_letters": true }))).await;
    until(|| receiver.seen() >= seen + 2 * poison as usize).await;
    // It goes on with what is new.
    city.storage.advance(5);
    let expected = city.storage.expected(&DOMAINS, None).len() as u64;
    let shown = city.shows(&id, |shown| shown["sequence"].as_u64() == Some(expected)).await;
    assert_eq!(shown["dead_letters"], expected / 2);
    city.land("DELETE", &format!("/{id}/dead-letters"), None).await;
    let letters = city.land("GET", &format!("/{id}/dead-letters"), None).await;
    assert_eq!(letters["dead_letters"], json!([]));
    assert_eq!(city.show(&id).await["dead_letters"], 0);
}

#[tokio::test]
async fn whoever_is_gone_gets_no_more_until_it_is_asked_for_again() {
    let (city, _dir) = city(10, webhooks());
    let receiver = Receiver::start().await;
    receiver.answers_status(410);
    let (id, _) = city.subscribe(&receiver, json!({})).await;
    let shown = city.shows(&id, |shown| shown["status"] == "stopped").await;
    assert_eq!(shown["stopped"]["reason"], "gone");
    assert_eq!(shown["attempts"]["last_failure"]["reason"], "gone");
    assert_eq!((receiver.seen(), receiver.asked()), (1, 1));
    receiver.answers_status(200);
    city.storage.advance(5);
    city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "active" }))).await;
    let expected = city.storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= expected.len()).await;
    assert_eq!(receiver.asked(), 2);
    assert_eq!(receiver.expected(), expected);
    in_order(&receiver);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (city, _dir) = city(3, webhooks());
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let to = elsewhere.url();
    receiver
        .answers(move |_| (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response());
    let (id, _) = city.subscribe(&receiver, json!({ "retry": { "attempts_max": 1 } })).await;
    let expected = city.storage.expected(&DOMAINS, None).len() as u64;
    city.shows(&id, |shown| shown["dead_letters"].as_u64() == Some(expected)).await;
    let letters = city.land("GET", &format!("/{id}/dead-letters"), None).await;
    assert_eq!(letters["dead_letters"][0]["failure"]["reason"], "redirect");
    assert_eq!((elsewhere.asked(), elsewhere.seen()), (0, 0));
}

#[tokio::test]
async fn without_leave_nothing_is_sent() {
    let (city, _dir) = city(3, webhooks());
    let receiver = Receiver::start().await;
    receiver.leave(&[("webhook-allowed-origin", "someone.else")]);
    let (id, _) = city.subscribe(&receiver, json!({})).await;
    let shown = city.shows(&id, |shown| shown["status"] == "stopped").await;
    assert_eq!(shown["stopped"]["reason"], "handshake_refused");
    assert_eq!((receiver.asked(), receiver.seen()), (1, 0));
    let origin = format!("land.{}", support::chain());
    receiver.leave(&[("webhook-allowed-origin", &origin)]);
    city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "active" }))).await;
    let expected = city.storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= expected.len()).await;
    // Another receiver is asked too.
    let other = Receiver::start().await;
    city.land("PATCH", &format!("/{id}"), Some(json!({ "endpoint": other.url() }))).await;
    city.storage.advance(3);
    let all = city.storage.expected(&DOMAINS, None);
    until(|| other.count() >= all.len() - expected.len()).await;
    assert_eq!((receiver.expected(), other.expected()), (expected.clone(), all[expected.len()..].to_vec()));
    assert_eq!(other.asked(), 1);
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_old_one_for_a_while() {
    let (city, _dir) = city(2, webhooks());
    let receiver = Receiver::start().await;
    let (id, old) = city.subscribe(&receiver, json!({ "mode": "binary" })).await;
    let count = || city.storage.expected(&DOMAINS, None).len();
    until(|| receiver.count() >= count()).await;
    let reader = |secret: &str| Webhook::new(secret).unwrap();
    let signed = |secret: &str| {
        let last = receiver.took().pop().unwrap();
        reader(secret).verify(&last.body, &last.headers).is_ok()
    };
    assert!(signed(&old));
    let rotated = city.land("POST", &format!("/{id}/secret"), Some(json!({ "overlap_s": 3600 }))).await;
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    city.storage.advance(3);
    until(|| receiver.count() >= count()).await;
    assert!(signed(&old) && signed(&new));
    let shown = city.show(&id).await;
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 2);
    assert!(!shown.to_string().contains("whsec_"), "{shown}");
    // Without an overlap only the newest signs.
    let rotated = city.land("POST", &format!("/{id}/secret"), Some(json!({ "overlap_s": 0 }))).await;
    let newest = rotated["secret"].as_str().unwrap().to_owned();
    city.storage.advance(3);
    until(|| receiver.count() >= count()).await;
    assert!(!signed(&old) && !signed(&new) && signed(&newest));
}

#[tokio::test]
async fn a_replay_begins_where_it_is_told_and_numbers_go_on() {
    let (city, _dir) = city(30, webhooks());
    let receiver = Receiver::start().await;
    let (id, _) = city.subscribe(&receiver, json!({})).await;
    let all = city.storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= all.len()).await;
    let from = city.storage.expected_where(|tx, _| tx.position.height >= 20);
    let replayed = city.land("POST", &format!("/{id}/replay"), Some(json!({ "from_height": 20 }))).await;
    assert_eq!(replayed["sequence"], all.len());
    until(|| receiver.count() >= all.len() + from.len()).await;
    assert_eq!(receiver.expected(), [all, from].concat());
    in_order(&receiver);
}

#[tokio::test]
async fn a_pause_loses_nothing() {
    let (city, _dir) = city(10, webhooks());
    let receiver = Receiver::start().await;
    let (id, _) = city.subscribe(&receiver, json!({})).await;
    let before = city.storage.expected(&DOMAINS, None).len();
    until(|| receiver.count() >= before).await;
    let paused = city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "paused" }))).await;
    assert_eq!(paused["status"], "paused");
    city.storage.advance(10);
    // Another one shows that there was time enough.
    let other = Receiver::start().await;
    city.subscribe(&other, json!({})).await;
    let all = city.storage.expected(&DOMAINS, None);
    until(|| other.count() >= all.len()).await;
    assert_eq!(receiver.count(), before);
    city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "active" }))).await;
    until(|| receiver.count() >= all.len()).await;
    assert_eq!(receiver.expected(), all);
    assert_eq!(receiver.asked(), 1, "its leave still holds");
    city.land("DELETE", &format!("/{id}"), None).await;
    assert_eq!(call(&city.app, Some("land"), "GET", &format!("/{id}"), None).await.0, 404);
    city.storage.advance(10);
    let more = city.storage.expected(&DOMAINS, None);
    until(|| other.count() >= more.len()).await;
    assert_eq!(receiver.count(), all.len());
}

#[tokio::test]
async fn only_what_matches_is_delivered() {
    let (city, _dir) = city(300, webhooks());
    let cases = [
        (json!({ "domains": ["property"] }), 1),
        (json!({ "records": ["r7", "r8"] }), 1),
        (json!({ "changes": ["deleted"] }), 1),
        (json!({ "agencies": ["clinic"] }), 1),
        (
            json!({ "domains": ["property", "health"], "records": ["r1", "r2", "r3"], "changes": ["changed"], "agencies": ["land"] }),
            1,
        ),
        (json!({}), 250),
    ];
    for (filter, from) in cases {
        let receiver = Receiver::start().await;
        let asked = json!({ "filter": filter, "from_height": from });
        let (id, _) = city.subscribe(&receiver, asked).await;
        let lets = |list: &str, value: &str| {
            filter[list].as_array().is_none_or(|list| list.iter().any(|name| name == value))
        };
        let expected = city.storage.expected_where(|tx, change| {
            let kind = match (&change.value, change.version) {
                (None, _) => "deleted",
                (_, 1) => "created",
                _ => "changed",
            };
            lets("domains", tx.domain.as_str())
                && lets("records", change.record.as_str())
                && lets("changes", kind)
                && lets("agencies", tx.agency.as_str())
                && tx.position.height >= from
        });
        assert!(!expected.is_empty(), "{filter}");
        until(|| receiver.count() >= expected.len()).await;
        city.shows(&id, |shown| shown["lag_heights"] == 0).await;
        assert_eq!(receiver.expected(), expected, "{filter}");
        in_order(&receiver);
    }
}

#[tokio::test]
async fn crashes_repeat_the_last_event_at_most_with_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let storage = FakeStorage::new();
    storage.advance(300);
    let expected = storage.expected(&DOMAINS, None);
    let receiver = Receiver::start().await;
    let start = || city_at(dir.path(), storage.clone(), webhooks(), SystemClock::shared());
    let city = start();
    let (id, _) = city.subscribe(&receiver, json!({})).await;
    let (mut crashes, mut seed) = (0, 3_u64);
    let mut city = Some(city);
    let done = || receiver.last_sequence() == expected.len() as u64;
    while !done() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let further = receiver.seen() + (seed >> 33) as usize % 90 + 1;
        while receiver.seen() < further && !done() {
            tokio::task::yield_now().await;
        }
        city.take().unwrap().kill().await;
        city = Some(start());
        crashes += 1;
    }
    assert!(crashes > 8, "{crashes}");
    let (mut told, mut last) = (Vec::new(), 0);
    for delivery in receiver.took() {
        // The number says what is a repetition, and nothing else ever is.
        match delivery.sequence() {
            again if again == last => assert_eq!(told.last(), Some(&delivery.expected())),
            next => {
                assert_eq!(next, last + 1);
                last = next;
                told.push(delivery.expected());
            }
        }
    }
    assert_eq!(told, expected);
    assert_eq!(city.unwrap().show(&id).await["status"], "active");
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_copy_from_before_a_crash_goes_on_where_it_was() {
    let (dir, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let storage = FakeStorage::new();
    storage.advance(20);
    let receiver = Receiver::start().await;
    let city = city_at(dir.path(), storage.clone(), webhooks(), SystemClock::shared());
    let (id, secret) = city.subscribe(&receiver, json!({ "description": "kept" })).await;
    let kept = storage.expected(&DOMAINS, None).len();
    city.shows(&id, |shown| shown["sequence"] == kept).await;
    city.kill().await;
    copy(dir.path(), copied.path());
    // What is delivered now, the copy does not know.
    let city = city_at(dir.path(), storage.clone(), webhooks(), SystemClock::shared());
    storage.advance(10);
    let expected = storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= expected.len()).await;
    city.kill().await;
    let city = city_at(copied.path(), storage.clone(), webhooks(), SystemClock::shared());
    until(|| receiver.count() >= expected.len() + expected.len() - kept).await;
    let took = receiver.took();
    assert_eq!(receiver.expected(), [&expected[..], &expected[kept..]].concat());
    for (again, first) in took[expected.len()..].iter().zip(&took[kept..]) {
        assert_eq!(again.event, first.event, "the same event is the same to the last byte");
        Webhook::new(&secret).unwrap().verify(&again.body, &again.headers).unwrap();
    }
    assert_eq!(city.show(&id).await["description"], "kept");
}

#[tokio::test]
async fn who_is_no_longer_a_host_gets_no_more() {
    let (city, _dir) = city(10, webhooks());
    let receiver = Receiver::start().await;
    let (id, _) = city.subscribe(&receiver, json!({ "filter": { "domains": ["property"] } })).await;
    let expected = city.storage.expected(&["property"], None);
    until(|| receiver.count() >= expected.len()).await;
    *city.storage.epoch.lock() = epoch(2, &["clinic"]);
    city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "paused" }))).await;
    city.storage.advance(20);
    city.land("PATCH", &format!("/{id}"), Some(json!({ "status": "active" }))).await;
    let shown = city.shows(&id, |shown| shown["status"] == "stopped").await;
    assert_eq!(shown["stopped"]["reason"], "not_a_host");
    assert_eq!(receiver.expected(), expected);
}

/// A clock that stands still, at the true time: signatures are of now.
fn standing_clock() -> Arc<ManualClock> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Arc::new(ManualClock::at(now.as_millis() as u64))
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let (dir, clock, storage) = (tempfile::tempdir().unwrap(), standing_clock(), FakeStorage::new());
    storage.advance(2);
    let city = city_at(dir.path(), storage, webhooks(), clock.clone());
    let receiver = Receiver::start().await;
    receiver.answers(|_| (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "120")]).into_response());
    // One attempt is all it has, and being asked to wait is none.
    let (id, _) = city.subscribe(&receiver, json!({ "retry": { "attempts_max": 1 } })).await;
    let shown = city.shows(&id, |shown| !shown["attempts"]["next"].is_null()).await;
    let next: jiff::Timestamp = shown["attempts"]["next"].as_str().unwrap().parse().unwrap();
    assert_eq!(next.as_millisecond() as u64, hutong_runtime::Clock::unix_ms(&*clock) + 120_000);
    assert_eq!(shown["attempts"]["last_failure"]["reason"], "later");
    // The pause is kept before it begins: it has begun when the courier sleeps beside the survey of metrics.
    until(|| clock.sleepers() >= 2).await;
    clock.advance(Duration::from_millis(119_999));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(receiver.seen(), 1);
    receiver.answers_status(200);
    clock.advance(Duration::from_millis(1));
    let expected = city.storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= expected.len()).await;
    assert_eq!(receiver.expected(), expected);
    assert_eq!(city.show(&id).await["dead_letters"], 0);
}

#[tokio::test]
async fn a_receivers_rate_is_kept() {
    let (dir, clock, storage) = (tempfile::tempdir().unwrap(), standing_clock(), FakeStorage::new());
    storage.advance(3);
    let city = city_at(dir.path(), storage, webhooks(), clock.clone());
    let receiver = Receiver::start().await;
    receiver.leave(&[("webhook-allowed-origin", "*"), ("webhook-allowed-rate", "30")]);
    let (id, _) = city.subscribe(&receiver, json!({})).await;
    let expected = city.storage.expected(&DOMAINS, None);
    for count in 1..=expected.len() {
        until(|| receiver.count() == count).await;
        city.shows(&id, |shown| shown["sequence"] == count).await;
        clock.advance(Duration::from_millis(1999));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(receiver.seen(), count);
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(city.show(&id).await["rate_per_minute"], 30);
    assert_eq!(receiver.expected(), expected);
}

#[tokio::test]
async fn the_body_of_an_answer_is_of_no_consequence() {
    let (city, _dir) = city(5, webhooks());
    let receiver = Receiver::start().await;
    receiver.answers(|_| vec![b'x'; 4 << 20].into_response());
    city.subscribe(&receiver, json!({})).await;
    let expected = city.storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= expected.len()).await;
    assert_eq!(receiver.expected(), expected);
}

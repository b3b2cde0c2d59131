//! Subscriptions: each change exactly once and in order, however often a client comes back; and who gets none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hutong_ledger::epoch::Epoch;
use hutong_notification::Config;
use hutong_runtime::{ManualClock, auth::Caller};
use serde_json::Value;
use support::{
    DOMAINS, Expected, FakeStorage, Running, agency, bus, config, domain, epoch, start, start_with, until,
};
use tower::ServiceExt;

struct City {
    storage: Arc<FakeStorage>,
    running: Running,
    app: Router,
    _dir: tempfile::TempDir,
}

fn city(heights: u64, config: Config) -> City {
    let dir = tempfile::tempdir().unwrap();
    let storage = FakeStorage::new();
    storage.advance(heights);
    let config = Config { stream: false, ..config };
    let running = start(dir.path(), config, bus(), storage.clone());
    let app = hutong_notification::routes([running.handle.clone()], running.shutdown.clone());
    City { storage, running, app, _dir: dir }
}

/// Asks as an agency; `last` is the Last-Event-ID.
async fn ask(app: &Router, caller: Option<&str>, query: &str, last: Option<&str>) -> Response<Body> {
    let mut request = Request::get(format!("/v1/events{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let caller = caller.map_or(Caller::Anonymous, Caller::agency);
    request.extensions_mut().insert(caller);
    app.clone().oneshot(request).await.unwrap()
}

/// A client of an event stream, as the standard describes one.
struct Client {
    body: Body,
    text: String,
    last_id: Option<String>,
}

#[derive(Debug, Default)]
struct Block {
    event: Option<String>,
    data: Option<Value>,
    comment: Option<String>,
}

impl Client {
    async fn open(app: &Router, caller: &str, query: &str, last: Option<&str>) -> Self {
        let response = ask(app, Some(caller), query, last).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { body: response.into_body(), text: String::new(), last_id: last.map(Into::into) }
    }

    /// The next block; None when the server ended the stream.
    async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut read = Block::default();
                for line in block.lines() {
                    match line.split_once(':').unwrap() {
                        ("id", id) => self.last_id = Some(id.trim_start().to_owned()),
                        ("data", data) => read.data = Some(serde_json::from_str(data).unwrap()),
                        ("event", event) => read.event = Some(event.trim_start().to_owned()),
                        ("", comment) => read.comment = Some(comment.trim_start().to_owned()),
                        // What a client does not know, it passes over.
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                return Some(read);
            }
            let frame = self.body.frame().await?.unwrap();
            self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next event, with blocks that carry none passed over.
    async fn event(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            if let (None, Some(data)) = (block.event, block.data) {
                return Some(data);
            }
        }
    }

    async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await.unwrap());
        }
        events
    }
}

fn told(events: &[Value]) -> Vec<Expected> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = |event: &Value| Expected {
        id: text(&event["id"]),
        domain: text(&event["domain"]),
        record: text(&event["subject"]),
    };
    events.iter().map(told).collect()
}

#[tokio::test]
async fn first_what_was_then_what_comes_without_a_gap() {
    let city = city(60, config());
    let mut client = Client::open(&city.app, "land", "", None).await;
    let mut events = client.events(40).await;
    city.storage.advance(30);
    let expected = city.storage.expected(&DOMAINS, None);
    events.extend(client.events(expected.len() - 40).await);
    city.storage.advance(30);
    let expected = city.storage.expected(&DOMAINS, None);
    events.extend(client.events(expected.len() - events.len()).await);
    assert_eq!(told(&events), expected);
    for (at, event) in (1..).zip(&events) {
        assert_eq!(event["sequence"], format!("{at:020}"));
        assert_eq!(event["specversion"], "1.0");
    }
    assert_eq!(city.running.invariants.count("TOLD"), 0);
}

#[tokio::test]
async fn whoever_comes_back_again_and_again_sees_each_change_once_in_order() {
    let city = city(1500, config());
    let expected = city.storage.expected(&DOMAINS, None);
    assert!(expected.len() > 4000, "{}", expected.len());
    let (mut events, mut last, mut seed) = (Vec::new(), None::<String>, 1_u64);
    while events.len() < expected.len() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let stay = ((seed >> 33) as usize % 120).min(expected.len() - events.len());
        // What stands in the address is what the client was first given; the header wins.
        let mut client = Client::open(&city.app, "land", "?after=3-1", last.as_deref().or(Some("0-0"))).await;
        events.extend(client.events(stay).await);
        last = client.last_id;
    }
    assert_eq!(told(&events), expected);
}

#[tokio::test]
async fn a_restart_of_the_server_is_only_one_more_reconnect() {
    let first = city(50, config());
    let mut client = Client::open(&first.app, "land", "?domain=property", None).await;
    let mut events = client.events(20).await;
    let last = client.last_id.clone();
    let storage = first.storage.clone();
    first.running.kill().await;
    storage.advance(20);
    let dir = tempfile::tempdir().unwrap();
    let second = start(dir.path(), Config { stream: false, ..config() }, bus(), storage.clone());
    let app = hutong_notification::routes([second.handle.clone()], second.shutdown.clone());
    let mut client = Client::open(&app, "land", "?domain=property", last.as_deref()).await;
    let expected = storage.expected(&["property"], None);
    events.extend(client.events(expected.len() - events.len()).await);
    assert_eq!(told(&events), expected);
}

#[tokio::test]
async fn only_what_was_asked_for_comes() {
    let city = city(200, config());
    for (query, domains, record) in [
        ("?domain=property", &["property"][..], None),
        ("?domain=property,%20health", &["property", "health"], None),
        ("?record=r7", &DOMAINS, Some("r7")),
        ("?domain=health&record=r11", &["health"], Some("r11")),
    ] {
        let expected = city.storage.expected(domains, record);
        let mut client = Client::open(&city.app, "land", query, None).await;
        assert_eq!(told(&client.events(expected.len()).await), expected, "{query}");
        // Nothing follows: the next event is one that happens now.
        let mut more = Vec::new();
        while more.len() <= expected.len() {
            city.storage.advance(1);
            more = city.storage.expected(domains, record);
        }
        assert_eq!(told(&[client.event().await.unwrap()]), more[expected.len()..][..1], "{query}");
    }
    for (query, kinds, agency, from) in [
        ("?change=created,deleted", &["created", "deleted"][..], None, 0),
        ("?agency=clinic", &["created", "changed", "deleted"], Some("clinic"), 0),
        ("?change=changed&agency=land&from_height=150", &["changed"], Some("land"), 150),
        ("?change=changed&agency=land&after=149", &["changed"], Some("land"), 150),
        ("?agency=clinic&after=0", &["created", "changed", "deleted"], Some("clinic"), 0),
    ] {
        let expected = city.storage.expected_where(|tx, change| {
            let kind = match (&change.value, change.version) {
                (None, _) => "deleted",
                (_, 1) => "created",
                _ => "changed",
            };
            let by = agency.is_none_or(|agency| agency == tx.agency.as_str());
            kinds.contains(&kind) && by && tx.position.height >= from
        });
        let mut client = Client::open(&city.app, "land", query, None).await;
        assert_eq!(told(&client.events(expected.len()).await), expected, "{query}");
    }
    // Without a domain, an agency gets what it hosts.
    let expected = city.storage.expected(&["health", "membership"], None);
    let mut client = Client::open(&city.app, "clinic", "", None).await;
    assert_eq!(told(&client.events(expected.len()).await), expected);
}

#[tokio::test]
async fn now_means_from_now_on_and_survives_a_reconnect() {
    let city = city(40, config());
    let before = city.storage.expected(&DOMAINS, None).len();
    let mut client = Client::open(&city.app, "land", "?after=now", None).await;
    client.block().await.unwrap();
    // It leaves before anything has happened; what happens meanwhile is not lost.
    let last = client.last_id.clone();
    drop(client);
    city.storage.advance(40);
    let mut client = Client::open(&city.app, "land", "?after=now", last.as_deref()).await;
    let expected = city.storage.expected(&DOMAINS, None).split_off(before);
    assert_eq!(told(&client.events(expected.len()).await), expected);
}

async fn problem(app: &Router, caller: Option<&str>, query: &str, last: Option<&str>) -> (u16, String) {
    let response = ask(app, caller, query, last).await;
    let status = response.status().as_u16();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{query}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let document: Value = serde_json::from_slice(&body).unwrap();
    (status, document["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn bad_questions_get_a_problem() {
    let city = city(5, config());
    let land = Some("land");
    for (caller, query, last, status, code) in [
        (None, "", None, 401, "authentication_required"),
        (land, "?after=x", None, 400, "bad_cursor"),
        (land, "?after=", None, 400, "bad_cursor"),
        (land, "?after=18446744073709551615", None, 400, "bad_cursor"),
        (land, "?after=5-0-1", None, 400, "bad_cursor"),
        (land, "?after=1-1", Some("99999999999999999999-1"), 400, "bad_cursor"),
        (land, "", Some("now"), 400, "bad_cursor"),
        (land, "?domain=nowhere", None, 404, "unknown_domain"),
        (land, "?domain=", None, 404, "unknown_domain"),
        (land, "?domain=property,,health", None, 404, "unknown_domain"),
        (land, "?domain=NO%00", None, 404, "unknown_domain"),
        (land, "?record=a%20b", None, 400, "invalid_record_id"),
        (land, "?domain=a&domain=b", None, 400, "malformed_query"),
        (land, "?change=moved", None, 400, "filter_invalid"),
        (land, "?change=", None, 400, "filter_invalid"),
        (land, "?agency=NO", None, 400, "filter_invalid"),
        (land, "?from_height=x", None, 400, "malformed_query"),
        (Some("clinic"), "?domain=property", None, 403, "not_a_host"),
        (Some("clinic"), "?domain=health,property", None, 403, "not_a_host"),
        (Some("kiosk"), "", None, 403, "not_a_host"),
    ] {
        let found = problem(&city.app, caller, query, last).await;
        assert_eq!(found, (status, code.into()), "{query} {last:?}");
    }
    city.storage.away.store(true, Ordering::SeqCst);
    assert_eq!(problem(&city.app, land, "", None).await, (503, "unavailable".into()));
}

#[tokio::test]
async fn places_are_limited_and_free_again() {
    let city = city(5, Config { subscribers_per_agency_max: 1, ..config() });
    let first = Client::open(&city.app, "land", "", None).await;
    assert_eq!(problem(&city.app, Some("land"), "", None).await, (503, "too_many_subscribers".into()));
    let _other = Client::open(&city.app, "clinic", "", None).await;
    let metrics = city.running.metrics.encode().unwrap();
    assert!(metrics.contains("hutong_event_subscribers{node=\"land\",subscriber=\"land\"} 1\n"), "{metrics}");
    drop(first);
    let _again = Client::open(&city.app, "land", "", None).await;
}

#[tokio::test]
async fn one_who_does_not_read_costs_a_page_and_slows_nobody() {
    let city = city(300, config());
    let mut slow = Client::open(&city.app, "land", "", None).await;
    slow.event().await.unwrap();
    let before = city.storage.pages.load(Ordering::SeqCst);
    let expected = city.storage.expected(&["health"], None);
    let mut quick = Client::open(&city.app, "clinic", "?domain=health", None).await;
    assert_eq!(told(&quick.events(expected.len()).await), expected);
    let quick_alone = city.storage.pages.load(Ordering::SeqCst) - before;
    let mut again = Client::open(&city.app, "clinic", "?domain=health", None).await;
    again.events(expected.len()).await;
    // The one who stopped reading made storage read nothing meanwhile.
    assert_eq!(city.storage.pages.load(Ordering::SeqCst) - before, 2 * quick_alone);
    let all = city.storage.expected(&DOMAINS, None);
    assert_eq!(told(&slow.events(all.len() - 1).await), all[1..]);
}

#[tokio::test]
async fn who_is_no_longer_a_host_is_told_so_and_gets_no_more() {
    let city = city(20, config());
    let mut client = Client::open(&city.app, "land", "?domain=property", None).await;
    client.events(city.storage.expected(&["property"], None).len()).await;
    *city.storage.epoch.lock() = epoch(2, &["clinic"]);
    city.storage.advance(10);
    let block = loop {
        let block = client.block().await.unwrap();
        if block.comment.is_none() {
            break block;
        }
    };
    assert_eq!(block.event.as_deref(), Some("problem"));
    assert_eq!(block.data.unwrap()["code"], "not_a_host");
    assert!(client.block().await.is_none());
}

#[tokio::test]
async fn an_owner_that_does_not_host_gets_events_as_it_may_query_records() {
    let city = city(20, config());
    let mut epoch = Epoch::clone(&epoch(1, &["land"]));
    epoch.domains.iter_mut().find(|rules| rules.domain == domain("property")).unwrap().owner =
        agency("kiosk");
    *city.storage.epoch.lock() = Arc::new(epoch);
    let expected = city.storage.expected(&["property"], None);
    let mut named = Client::open(&city.app, "kiosk", "?domain=property", None).await;
    assert_eq!(told(&named.events(expected.len()).await), expected);
    // Asked for nothing in particular, it gets what it may read and nothing else.
    let mut all = Client::open(&city.app, "kiosk", "", None).await;
    assert_eq!(told(&all.events(expected.len()).await), expected);
    assert_eq!(problem(&city.app, Some("kiosk"), "?domain=health", None).await, (403, "not_a_host".into()));
}

#[tokio::test]
async fn silence_is_broken_by_signs_of_life_that_move_the_position() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, clock) = (FakeStorage::new(), Arc::new(ManualClock::at(0)));
    storage.advance(30);
    let config = Config { stream: false, ..config() };
    let heartbeat = Duration::from_millis(config.heartbeat_ms);
    let running = start_with(dir.path(), config, bus(), storage.clone(), clock.clone());
    let app = hutong_notification::routes([running.handle.clone()], running.shutdown.clone());
    // Nothing matches this record, ever.
    let mut client = Client::open(&app, "land", "?record=none", None).await;
    assert_eq!(client.block().await.unwrap().comment.as_deref(), Some("connected"));
    assert_eq!(client.last_id.as_deref(), Some("0-0"));
    let (block, ()) = tokio::join!(client.block(), async {
        until(|| clock.sleepers() > 0).await;
        clock.advance(heartbeat);
    });
    assert_eq!(block.unwrap().comment.as_deref(), Some("alive"));
    let height: u64 = client.last_id.unwrap().split('-').next().unwrap().parse().unwrap();
    assert_eq!(height, 30);
}

#[tokio::test]
async fn subscriptions_end_with_the_drain() {
    let city = city(5, config());
    let mut client = Client::open(&city.app, "land", "", None).await;
    client.events(city.storage.expected(&DOMAINS, None).len()).await;
    let ((), end) = tokio::join!(async { city.running.shutdown.drain() }, client.event());
    assert!(end.is_none());
    city.running.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_storage_that_skips_is_found_out() {
    let city = city(50, config());
    let mut client = Client::open(&city.app, "land", "?domain=property", None).await;
    client.events(3).await;
    city.storage.lies.store(true, Ordering::SeqCst);
    while client.block().await.is_some() {}
    assert_eq!(city.running.invariants.count("TOLD"), 1);
}

#[tokio::test]
async fn health_says_when_storage_is_away() {
    let city = city(5, config());
    until(|| city.running.health.is_ready()).await;
    city.storage.away.store(true, Ordering::SeqCst);
    until(|| !city.running.health.is_ready()).await;
    assert!(city.running.health.is_alive());
    city.storage.away.store(false, Ordering::SeqCst);
    until(|| city.running.health.is_ready()).await;
}

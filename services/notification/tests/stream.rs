//! The EVENTS stream: every change once and in order, through crashes, lost answers, rivals and lost state.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::StreamExt;
use hutong_bus::{Batch, Entry, Filter, Headers, Outgoing, SharedBus, Stream};
use hutong_bus_embedded::{EmbeddedBus, Fate, Faults, Options};
use serde_json::Value;
use support::{DOMAINS, Expected, FakeStorage, bus, config, start, until};

const ALL: &str = "event.land.*";

/// Everything on the stream, once there are so many entries.
async fn entries(bus: &SharedBus, count: usize) -> Vec<Entry> {
    let entries = bus.read(Stream::Events, Filter::one(ALL), 1).await.unwrap();
    entries.take(count).map(Result::unwrap).collect().await
}

fn told(entries: &[Entry]) -> Vec<Expected> {
    let header = |entry: &Entry, name: &str| entry.headers.get(name).unwrap().to_owned();
    let told = |entry: &Entry| Expected {
        id: header(entry, "ce-id"),
        domain: header(entry, "ce-domain"),
        record: header(entry, "ce-subject"),
    };
    entries.iter().map(told).collect()
}

/// That the stream holds exactly what it must: in order, once, counted without gaps, and no more.
async fn check(bus: &SharedBus, storage: &FakeStorage) {
    let expected = storage.expected(&DOMAINS, None);
    let found = entries(bus, expected.len()).await;
    assert!(told(&found) == expected, "the stream differs from what was final");
    let tip = bus.tip(Stream::Events, "event.land.property").await.unwrap();
    assert_eq!(tip.sequence, expected.len() as u64, "there are more entries than events");
    let mut sequences = BTreeMap::new();
    for entry in &found {
        let sequence = sequences.entry(entry.subject.clone()).or_insert(0_u64);
        *sequence += 1;
        assert_eq!(entry.headers.get("ce-sequence"), Some(&*format!("{sequence:020}")), "{}", entry.subject);
        assert_eq!(entry.headers.get("ce-specversion"), Some("1.0"));
        assert_eq!(entry.headers.get("ce-datacontenttype"), Some("application/json"));
        let data: Value = serde_json::from_slice(&entry.payload).unwrap();
        assert_eq!(
            Some(entry.subject.as_str()),
            data["domain"].as_str().map(|d| format!("event.land.{d}")).as_deref()
        );
    }
}

async fn count(bus: &SharedBus) -> u64 {
    bus.tip(Stream::Events, "event.land.property").await.unwrap().sequence
}

#[tokio::test]
async fn every_change_is_written_once_and_in_order() {
    let (dir, bus, storage) = (tempfile::tempdir().unwrap(), bus(), FakeStorage::new());
    storage.advance(400);
    let running = start(dir.path(), config(), bus.clone(), storage.clone());
    check(&bus, &storage).await;
    storage.advance(100);
    check(&bus, &storage).await;
    until(|| running.health.is_ready()).await;
    let metrics = running.metrics.encode().unwrap();
    let delivered = storage.expected(&DOMAINS, None).len();
    let line = format!("hutong_events_delivered_total{{node=\"land\",subscriber=\"EVENTS\"}} {delivered}\n");
    assert!(metrics.contains(&line), "{metrics}");
    running.shutdown.drain();
    running.task.await.unwrap().unwrap();
    assert_eq!(running.invariants.count("TOLD"), 0);
}

#[tokio::test]
async fn crashes_leave_no_gap_and_no_double() {
    let (dir, bus, storage) = (tempfile::tempdir().unwrap(), bus(), FakeStorage::new());
    storage.advance(500);
    let total = storage.expected(&DOMAINS, None).len() as u64;
    let mut seed = 7_u64;
    let mut crashes = 0;
    while count(&bus).await < total {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let further = count(&bus).await + (seed >> 33) % 90;
        // Some start without what the one before kept.
        let forgotten = tempfile::tempdir().unwrap();
        let path = if crashes % 3 == 2 { forgotten.path() } else { dir.path() };
        let running = start(path, config(), bus.clone(), storage.clone());
        while count(&bus).await < further.min(total) {
            tokio::task::yield_now().await;
        }
        running.kill().await;
        crashes += 1;
    }
    assert!(crashes > 10, "{crashes}");
    let running = start(dir.path(), config(), bus.clone(), storage.clone());
    storage.advance(10);
    check(&bus, &storage).await;
    running.kill().await;
}

/// Loses every third answer and every fifth batch.
#[derive(Debug, Default)]
struct Lossy(AtomicU64);

impl Faults for Lossy {
    fn append(&self, _: Stream, _: &Batch) -> Fate {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            at if at % 3 == 2 => Fate::LoseAck,
            at if at % 5 == 4 => Fate::LoseBatch,
            at if at % 7 == 6 => Fate::Refuse,
            _ => Fate::Accept,
        }
    }
}

#[tokio::test]
async fn lost_answers_leave_no_gap_and_no_double() {
    let options = Options { faults: Some(Arc::new(Lossy::default())), ..Options::default() };
    let bus: SharedBus = EmbeddedBus::in_memory(options).unwrap();
    let (dir, storage) = (tempfile::tempdir().unwrap(), FakeStorage::new());
    storage.advance(200);
    let running = start(dir.path(), config(), bus.clone(), storage.clone());
    check(&bus, &storage).await;
    running.kill().await;
}

#[tokio::test]
async fn of_two_writers_only_one_writes_an_event() {
    // A window of no ids: nothing but the expected sequence keeps them apart.
    let options = Options { duplicates_max: 0, ..Options::default() };
    let bus: SharedBus = EmbeddedBus::in_memory(options).unwrap();
    let (one, two, storage) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), FakeStorage::new());
    let first = start(one.path(), config(), bus.clone(), storage.clone());
    let second = start(two.path(), config(), bus.clone(), storage.clone());
    for _ in 0..60 {
        storage.advance(5);
        tokio::task::yield_now().await;
    }
    check(&bus, &storage).await;
    first.kill().await;
    second.kill().await;
}

#[tokio::test]
async fn a_stream_that_was_lost_is_written_again() {
    let (dir, storage) = (tempfile::tempdir().unwrap(), FakeStorage::new());
    storage.advance(100);
    for _ in 0..2 {
        let bus = bus();
        let running = start(dir.path(), config(), bus.clone(), storage.clone());
        check(&bus, &storage).await;
        running.shutdown.drain();
        running.task.await.unwrap().unwrap();
        storage.advance(10);
    }
}

/// What a stream no longer holds but still remembers is passed over, and what follows is written.
#[tokio::test]
async fn ids_that_are_remembered_without_their_entries_do_not_stop_it() {
    // In memory this stream keeps only its last entries, but all ids.
    let options = Options { retain_bytes: 60_000, ..Options::default() };
    let bus: SharedBus = EmbeddedBus::in_memory(options).unwrap();
    let storage = FakeStorage::new();
    storage.advance(200);
    let total = storage.expected(&DOMAINS, None).len() as u64;
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), config(), bus.clone(), storage.clone());
    while count(&bus).await < total {
        tokio::task::yield_now().await;
    }
    first.kill().await;
    // Other agencies' events push out the rest.
    for at in 0..100 {
        let message = Outgoing {
            subject: "event.clinic.health".into(),
            headers: Headers::default(),
            payload: vec![0; 1000].into(),
            message_id: Some(format!("clinic/{at}")),
        };
        bus.append(Stream::Events, Batch { messages: vec![message], expected_last: None }).await.unwrap();
    }
    // The next one starts without what the first kept: everything is told again, and nothing is there twice.
    let fresh = tempfile::tempdir().unwrap();
    let second = start(fresh.path(), config(), bus.clone(), storage.clone());
    storage.advance(3);
    let expected = storage.expected(&DOMAINS, None);
    while count(&bus).await < expected.len() as u64 + 100 {
        tokio::task::yield_now().await;
    }
    let from = total + 100 + 1;
    let entries = bus.read(Stream::Events, Filter::one(ALL), from).await.unwrap();
    let found: Vec<_> = entries.take(expected.len() - total as usize).map(Result::unwrap).collect().await;
    assert_eq!(told(&found), expected[total as usize..]);
    second.kill().await;
}

#[tokio::test]
async fn a_storage_that_skips_stops_the_stream_and_is_counted() {
    let (dir, bus, storage) = (tempfile::tempdir().unwrap(), bus(), FakeStorage::new());
    storage.advance(50);
    storage.lies.store(true, Ordering::SeqCst);
    let running = start(dir.path(), config(), bus, storage);
    let error = running.task.await.unwrap().unwrap_err();
    assert!(matches!(error, hutong_notification::Error::Gap { .. }), "{error}");
    assert_eq!(running.invariants.count("TOLD"), 1);
}

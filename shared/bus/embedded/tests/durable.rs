//! What the embedded bus adds to the port: restarts, reads from the journal, retention.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{AppendError, Appended, Batch, Bus, Error, Filter, Headers, Outgoing, Stream};
use hutong_bus_embedded::{EmbeddedBus, Options};

fn small() -> Options {
    Options {
        journal: hutong_journal::Options { segment_bytes_max: 4096, ..Default::default() },
        recent_bytes_max: 1000,
        ..Options::default()
    }
}

fn batch(subject: &str, payload: Vec<u8>, id: Option<&str>) -> Batch {
    let message_id = id.map(Into::into);
    let mut headers = Headers::default();
    headers.set("traceparent", "00-1-2-01");
    let message = Outgoing { subject: subject.into(), headers, payload: Bytes::from(payload), message_id };
    Batch { messages: vec![message], expected_last: None }
}

async fn append(bus: &EmbeddedBus, stream: Stream, subject: &str, count: u8) -> u64 {
    let mut last = 0;
    for at in 0..count {
        last = bus.append(stream, batch(subject, vec![at; 100], None)).await.unwrap().sequence;
    }
    last
}

fn open(dir: &Path, options: Options) -> Arc<EmbeddedBus> {
    EmbeddedBus::open(dir, options).unwrap()
}

#[tokio::test]
async fn a_far_reader_reads_from_the_journal_and_then_follows() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), small());
    append(&bus, Stream::Transactions, "tx.a", 30).await;
    append(&bus, Stream::Blocks, "block.header", 30).await;
    append(&bus, Stream::Transactions, "tx.b", 30).await;
    let mut all = bus.read(Stream::Transactions, Filter::one("tx.>"), 0).await.unwrap();
    let mut half = bus.read(Stream::Transactions, Filter::one("tx.b"), 20).await.unwrap();
    for sequence in 1..=60 {
        let entry = all.next().await.unwrap().unwrap();
        assert_eq!(entry.sequence, sequence);
        assert_eq!(entry.headers.get("traceparent"), Some("00-1-2-01"));
        assert_eq!(entry.payload, vec![((sequence - 1) % 30) as u8; 100]);
        if sequence > 30 {
            assert_eq!(half.next().await.unwrap().unwrap().sequence, sequence);
        }
    }
    append(&bus, Stream::Transactions, "tx.b", 1).await;
    assert_eq!(all.next().await.unwrap().unwrap().sequence, 61);
    assert_eq!(half.next().await.unwrap().unwrap().sequence, 61);
    drop(bus);
    assert!(matches!(all.next().await, Some(Err(Error::Closed))));
    assert!(all.next().await.is_none());
}

#[tokio::test]
async fn a_restart_keeps_sequences_ids_and_incarnation() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), small());
    append(&bus, Stream::Transactions, "tx.a", 7).await;
    let first = bus.append(Stream::Transactions, batch("tx.b", vec![1], Some("id"))).await.unwrap();
    let before = bus.tip(Stream::Transactions, "tx.a").await.unwrap();
    assert_eq!((before.sequence, before.subject_sequence, before.first_sequence), (8, 7, 1));
    drop(bus);
    let bus = open(dir.path(), small());
    assert_eq!(bus.tip(Stream::Transactions, "tx.a").await.unwrap(), before);
    let again = bus.append(Stream::Transactions, batch("tx.b", vec![1], Some("id"))).await.unwrap();
    assert_eq!(again, Appended { duplicate: true, ..first });
    let stale = Batch { expected_last: Some(("tx.a".into(), 6)), ..batch("tx.a", vec![2], None) };
    assert!(matches!(bus.append(Stream::Transactions, stale).await, Err(AppendError::Stale { .. })));
    assert_eq!(append(&bus, Stream::Transactions, "tx.a", 1).await, 9);
    let other = tempfile::tempdir().unwrap();
    let other = open(other.path(), small()).tip(Stream::Transactions, "tx.a").await.unwrap();
    assert_ne!(other.incarnation, before.incarnation);
}

#[tokio::test]
async fn what_is_dropped_is_gone_and_still_counted() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { retain_bytes: 12 << 10, ..small() };
    let bus = open(dir.path(), options.clone());
    append(&bus, Stream::Events, "event.a.b", 3).await;
    append(&bus, Stream::Transactions, "tx.old", 2).await;
    let mut behind = bus.read(Stream::Transactions, Filter::one("tx.>"), 0).await.unwrap();
    while bus.tip(Stream::Transactions, "tx.old").await.unwrap().first_sequence < 50 {
        append(&bus, Stream::Transactions, "tx.new", 1).await;
    }
    assert!(matches!(behind.next().await, Some(Err(Error::Gone { sequence: 1, .. }))));
    let before = bus.tip(Stream::Transactions, "tx.old").await.unwrap();
    assert_eq!(before.subject_sequence, 2);
    let events = bus.tip(Stream::Events, "event.a.b").await.unwrap();
    assert_eq!((events.sequence, events.subject_sequence, events.first_sequence), (3, 3, 4));
    drop((bus, behind));
    let bus = open(dir.path(), options);
    let after = bus.tip(Stream::Transactions, "tx.old").await.unwrap();
    assert_eq!((after.incarnation, after.subject_sequence), (before.incarnation, 2));
    assert_eq!(after.sequence, before.sequence);
    assert!(after.first_sequence >= before.first_sequence);
    assert_eq!(bus.tip(Stream::Events, "event.a.b").await.unwrap(), events);
    let gone = bus.read(Stream::Transactions, Filter::one("tx.>"), 1).await;
    assert!(matches!(gone, Err(Error::Gone { .. })));
    let mut kept = bus.read(Stream::Transactions, Filter::one("tx.>"), after.first_sequence).await.unwrap();
    for sequence in after.first_sequence..=after.sequence {
        assert_eq!(kept.next().await.unwrap().unwrap().sequence, sequence);
    }
    assert_eq!(append(&bus, Stream::Events, "event.a.b", 1).await, 4);
}

#[tokio::test]
async fn without_files_the_memory_is_bounded() {
    let bus = EmbeddedBus::in_memory(Options { retain_bytes: 2000, ..Options::default() }).unwrap();
    let last = append(&bus, Stream::Blocks, "block.header", 100).await;
    let tip = bus.tip(Stream::Blocks, "block.header").await.unwrap();
    assert!((80..100).contains(&tip.first_sequence), "{tip:?}");
    let mut kept = bus.read(Stream::Blocks, Filter::one("block.header"), tip.first_sequence).await.unwrap();
    for sequence in tip.first_sequence..=last {
        assert_eq!(kept.next().await.unwrap().unwrap().sequence, sequence);
    }
    assert!(matches!(
        bus.read(Stream::Blocks, Filter::one("block.header"), 1).await,
        Err(Error::Gone { first, .. }) if first == tip.first_sequence
    ));
}

#[tokio::test]
async fn a_journal_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = hutong_journal::Journal::open(dir.path(), Default::default()).unwrap().0;
    journal.append(1, b"not a batch").unwrap();
    drop(journal);
    let refused = EmbeddedBus::open(dir.path(), Options::default());
    assert!(matches!(refused, Err(hutong_bus_embedded::Error::Record { position: 1, .. })));
}

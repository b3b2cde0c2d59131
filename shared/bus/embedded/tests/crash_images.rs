//! After a power cut at any call, the bus has every batch that it said was appended, whole and under its sequence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Batch, Bus, Filter, Headers, Outgoing, Stream};
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_journal::faulty::{FaultyDisk, Kept};

const BATCHES: u64 = 12;

/// Batch n: two messages.
fn batch(n: u64) -> Batch {
    let message = |part: u64| Outgoing {
        subject: "tx.a".into(),
        headers: Headers::default(),
        payload: Bytes::from(vec![(n * 2 + part) as u8; 200 + 300 * (n as usize % 4)]),
        message_id: Some(format!("{n}-{part}")),
    };
    Batch { messages: vec![message(0), message(1)], expected_last: None }
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_power_cut_at_any_call() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let faults: Arc<dyn hutong_journal::Faults> = Arc::new(disk.clone());
    let journal =
        hutong_journal::Options { segment_bytes_max: 4096, faults: Some(faults), ..Default::default() };
    let bus = EmbeddedBus::open(dir.path(), Options { journal, ..Options::default() }).unwrap();
    let mut told = vec![(0, 0)];
    for n in 0..BATCHES {
        let appended = bus.append(Stream::Transactions, batch(n)).await.unwrap();
        told.push((disk.calls(), appended.sequence));
    }
    drop(bus);
    for calls in 0..=disk.calls() {
        for kept in
            [Kept::Nothing, Kept::Everything, Kept::Some(calls as u64), Kept::Some(7919 * calls as u64)]
        {
            let context = format!("after {calls} calls, {kept:?}");
            let left = tempfile::tempdir().unwrap();
            disk.image(calls, kept).write(dir.path(), left.path()).unwrap();
            let bus = EmbeddedBus::open(left.path(), Options::default()).expect(&context);
            let least = told.iter().rfind(|(at, _)| *at <= calls).unwrap().1;
            let last = bus.tip(Stream::Transactions, "tx.a").await.unwrap().sequence;
            assert!(last >= least, "{context}: {least} were appended, {last} are there");
            assert_eq!(last % 2, 0, "{context}: half of a batch");
            let mut entries = bus.read(Stream::Transactions, Filter::one("tx.>"), 0).await.unwrap();
            for sequence in 1..=last {
                let entry = entries.next().await.unwrap().expect(&context);
                let (n, part) = ((sequence - 1) / 2, (sequence - 1) % 2);
                assert_eq!(
                    (entry.sequence, &entry.payload),
                    (sequence, &batch(n).messages[part as usize].payload)
                );
            }
            // A repeat is known as one, whichever side of the cut it is on.
            if last > 0 {
                assert!(bus.append(Stream::Transactions, batch(last / 2 - 1)).await.is_err(), "{context}");
            }
            bus.append(Stream::Transactions, batch(last / 2)).await.expect(&context);
        }
    }
}

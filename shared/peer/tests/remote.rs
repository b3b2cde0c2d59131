//! Storage over the bus answers as storage itself, whatever the size, and whoever else shouts at it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{fmt::Debug, sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use hutong_bus::{Headers, SharedBus};
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_ledger::id::RecordKey;
use hutong_peer::{Error, Position, RemoteStorage, Session, StoragePeer, Submitted, serve_storage, subjects};
use hutong_wire::{prost::Message, v1::storage as v1};
use support::{FakeStorage, agency, block, domain, id};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A bus with a served storage, the storage itself and a caller.
async fn served(value_bytes: usize) -> (SharedBus, Arc<FakeStorage>, RemoteStorage) {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let storage = FakeStorage::new(value_bytes);
    let (serving, shared) = (bus.clone(), storage.clone());
    tokio::spawn(async move {
        serve_storage(serving, agency(), shared, |_| tracing::Span::none(), std::future::pending()).await
    });
    let remote = RemoteStorage::new(bus.clone(), agency(), TIMEOUT);
    while matches!(remote.standing().await, Err(Error::Unavailable { .. })) {
        tokio::task::yield_now().await;
    }
    (bus, storage, remote)
}

fn same<T: Debug, E: Debug>(local: Result<T, E>, remote: Result<T, E>) {
    assert_eq!(format!("{local:?}"), format!("{remote:?}"));
}

fn key(text: &str) -> RecordKey {
    text.parse().unwrap()
}

#[tokio::test]
async fn every_call_has_the_same_answer_near_and_far() {
    // The second size makes answers of several parts.
    for value_bytes in [20, 60 << 10] {
        let (_bus, local, remote) = served(value_bytes).await;
        same(local.standing().await, remote.standing().await);
        let keys: Vec<_> = (0..50).map(|at| key(&format!("property/parcel-{at}"))).collect();
        for keys in [keys, vec![]] {
            let ids = vec![id(1), id(2)];
            let prefetched = local.prefetch(domain("property"), keys.clone(), ids.clone()).await;
            same(prefetched, remote.prefetch(domain("property"), keys, ids).await);
        }
        for height in [3, 8] {
            same(local.archived(height).await, remote.archived(height).await);
        }
        let after = Position { height: 3, ordinal: 2 };
        for domains in [None, Some(vec![]), Some(vec![domain("property")]), Some(vec![domain("health")])] {
            same(local.finals(after, domains.clone(), 40).await, remote.finals(after, domains, 40).await);
        }
        for byte in 0..4 {
            same(local.transaction(id(byte)).await, remote.transaction(id(byte)).await);
            same(local.receipt(id(byte)).await, remote.receipt(id(byte)).await);
        }
        for (name, version) in [("property/gone", None), ("property/here", None), ("property/here", Some(2))]
        {
            same(local.state_receipt(key(name)).await, remote.state_receipt(key(name)).await);
            same(local.record(key(name), version).await, remote.record(key(name), version).await);
        }
        for below in [None, Some(7)] {
            let name = key("property/here");
            same(local.history(name.clone(), below, 30).await, remote.history(name, below, 30).await);
        }
        for after in [None, Some("abc".parse().unwrap())] {
            let scanned = local.scan(domain("property"), "p-".into(), after.clone(), 30).await;
            same(scanned, remote.scan(domain("property"), "p-".into(), after, 30).await);
        }
    }
}

#[tokio::test]
async fn a_block_of_any_size_arrives_whole() {
    let (_bus, storage, remote) = served(20).await;
    for (transactions, action_bytes) in [(1, 10), (2, 0), (500, 100), (400, 15_000)] {
        let block = Arc::new(block(9, "property", transactions, action_bytes));
        let taken = remote.submit(Session(1), block.clone()).await.unwrap();
        assert_eq!(taken, Submitted::Taken { next_height: 10 });
        let arrived = storage.last_block.lock().take().unwrap();
        assert_eq!(arrived.hash, block.hash);
        assert!(format!("{arrived:?}") == format!("{block:?}"), "a block of {transactions} differs");
    }
    let small = Arc::new(block(9, "property", 3, 10));
    let refused = remote.submit(Session(2), small.clone()).await.unwrap();
    assert_eq!(refused, Submitted::Refused { reason: "another session".into() });
    let stopped = remote.submit(Session(3), small).await.unwrap_err();
    // It is started again, perhaps; whoever asks from another process goes on asking, and knows why.
    let Error::Unavailable { source, .. } = stopped else { panic!("{stopped:?}") };
    let cause = std::error::Error::source(&source).map(ToString::to_string).unwrap_or_default();
    assert!(format!("{source}: {cause}").contains("the archive is damaged at height 3"), "{source}: {cause}");
}

#[tokio::test]
async fn one_that_waits_keeps_nobody_waiting() {
    let (_bus, storage, remote) = served(0).await;
    let remote = Arc::new(remote);
    let held: Vec<_> = (0..20)
        .map(|byte| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.receipt(id(byte)).await })
        })
        .collect();
    let waiting = tokio::spawn({
        let remote = remote.clone();
        async move { remote.wait_final(7, TIMEOUT).await }
    });
    while storage.held.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(remote.standing().await.unwrap().next_height, 8);
    storage.final_height.send_replace(12);
    assert_eq!(waiting.await.unwrap().unwrap(), 12);
    assert!(held.iter().all(|task| !task.is_finished()));
    for _ in 0..20 {
        storage.hold_receipts.notify_one();
        tokio::task::yield_now().await;
    }
    storage.hold_receipts.notify_waiters();
    for receipt in join_all(held).await {
        assert!(receipt.unwrap().unwrap().is_some());
    }
}

#[tokio::test]
async fn waiting_ends_with_its_time_also_when_it_is_longer_than_a_request_may_take() {
    let (bus, storage, _) = served(20).await;
    let remote = RemoteStorage::new(bus, agency(), Duration::from_millis(40));
    let began = tokio::time::Instant::now();
    assert_eq!(remote.wait_final(7, Duration::from_millis(150)).await.unwrap(), 7);
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert_eq!(remote.wait_final(6, Duration::from_secs(3600)).await.unwrap(), 7);
    assert_eq!(remote.wait_final(7, Duration::ZERO).await.unwrap(), 7);
    let waiting = tokio::spawn(async move { remote.wait_final(7, Duration::from_secs(3600)).await });
    storage.final_height.send_replace(8);
    assert_eq!(waiting.await.unwrap().unwrap(), 8);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let remote = RemoteStorage::new(bus, agency(), TIMEOUT);
    let error = remote.standing().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { callee: "storage", .. }), "{error}");
}

/// A frame as a stranger would send it; what comes back.
async fn shout(bus: &SharedBus, payload: impl Into<Bytes>) -> v1::FrameAnswer {
    let subject = subjects::storage(&agency());
    let answer = bus.request(&subject, Headers::default(), payload.into(), TIMEOUT).await.unwrap();
    v1::FrameAnswer::decode(answer.payload).unwrap()
}

fn frame(call: u8, kind: v1::frame::Kind) -> Vec<u8> {
    v1::Frame { call: vec![call; 16].into(), kind: Some(kind) }.encode_to_vec()
}

fn is_fault(answer: &v1::FrameAnswer) -> bool {
    match &answer.kind {
        Some(v1::frame_answer::Kind::Fault(_)) => true,
        Some(v1::frame_answer::Kind::Answer(part)) => {
            let answer = v1::Answer::decode(part.bytes.clone()).unwrap();
            matches!(answer.outcome, Some(v1::answer::Outcome::Fault(_)))
        }
        _ => false,
    }
}

#[tokio::test]
async fn rubbish_is_answered_and_forgotten() {
    let (bus, _, remote) = served(20).await;
    let part = |number, count, len: usize| v1::Part { number, count, bytes: vec![0xff; len].into() };
    let mut rubbish = vec![
        vec![],
        vec![0xff; 100],
        v1::Frame { call: vec![1; 5].into(), kind: Some(v1::frame::Kind::Fetch(1)) }.encode_to_vec(),
        v1::Frame { call: vec![1; 16].into(), kind: None }.encode_to_vec(),
        frame(1, v1::frame::Kind::Part(part(0, u32::MAX, 1))),
        frame(1, v1::frame::Kind::Part(part(5, 2, 1))),
        frame(1, v1::frame::Kind::Part(part(0, 0, 1))),
        frame(1, v1::frame::Kind::Run(part(3, 9, 1))),
        frame(1, v1::frame::Kind::Run(part(0, 1, 1000))),
        frame(1, v1::frame::Kind::Run(part(0, 1, 0))),
        frame(1, v1::frame::Kind::Fetch(u32::MAX)),
    ];
    // Calls with fields that are not what they should be.
    let text = || String::from("\u{0}not a name");
    let bytes = || Bytes::from_static(&[9; 5]);
    let key = || Some(v1::RecordKey { domain: text(), record: text() });
    for call in [
        v1::request::Call::Transaction(bytes()),
        v1::request::Call::Receipt(bytes()),
        v1::request::Call::Record(v1::RecordCall { key: key(), version: None }),
        v1::request::Call::Record(v1::RecordCall { key: None, version: None }),
        v1::request::Call::History(v1::HistoryCall { key: key(), below: Some(0), limit: u64::MAX }),
        v1::request::Call::Scan(v1::ScanCall { domain: text(), ..Default::default() }),
        v1::request::Call::Prefetch(v1::PrefetchCall { domain: text(), ..Default::default() }),
        v1::request::Call::Finals(v1::FinalsCall::default()),
        v1::request::Call::Submit(v1::SubmitCall { proposal: bytes(), ..Default::default() }),
    ] {
        let request = v1::Request { call: Some(call) }.encode_to_vec();
        rubbish.push(frame(2, v1::frame::Kind::Run(v1::Part { number: 0, count: 1, bytes: request.into() })));
    }
    for payload in rubbish {
        let answer = shout(&bus, payload.clone()).await;
        assert!(is_fault(&answer), "{payload:02x?} was answered with {answer:?}");
    }
    assert_eq!(remote.standing().await.unwrap().next_height, 8);
}

/// Every true request, cut short and with single bytes changed: an answer each time, whatever it says.
#[tokio::test]
async fn damaged_requests_never_take_the_server_down() {
    let (bus, _, remote) = served(20).await;
    let block = block(9, "property", 4, 10);
    let segment = &block.segments[0];
    let submit = v1::SubmitCall {
        session: 1,
        proposal: block.proposal.encode().into(),
        segments: vec![v1::SegmentResult {
            raw: segment.raw.clone(),
            executed: vec![v1::Executed { index: 0, ..Default::default() }],
            voids: vec![v1::Void { index: 1, code: "expired".into() }],
        }],
        next_epoch: None,
    };
    let request = v1::Request { call: Some(v1::request::Call::Submit(submit)) }.encode_to_vec();
    let run = |bytes: Vec<u8>| {
        let part = v1::Part { number: 0, count: 1, bytes: bytes.into() };
        frame(3, v1::frame::Kind::Run(part))
    };
    assert!(!is_fault(&shout(&bus, run(request.clone())).await));
    for at in (0..request.len()).step_by(3) {
        shout(&bus, run(request[..at].to_vec())).await;
        let mut changed = request.clone();
        changed[at] ^= 1 << (at % 8);
        shout(&bus, run(changed)).await;
    }
    assert_eq!(remote.standing().await.unwrap().next_height, 8);
}

/// One that starts many large calls and finishes none is stopped by the bound, and true callers go on.
#[tokio::test]
async fn unfinished_calls_are_bounded() {
    let (bus, _, remote) = served(20).await;
    let part = v1::Part { number: 0, count: 100, bytes: vec![0; 1 << 19].into() };
    let mut refused = 0;
    for caller in 0..u16::MAX {
        let call = [&caller.to_be_bytes()[..], &[0; 14]].concat().into();
        let frame = v1::Frame { call, kind: Some(v1::frame::Kind::Part(part.clone())) };
        if is_fault(&shout(&bus, frame.encode_to_vec()).await) {
            refused += 1;
            break;
        }
    }
    assert_eq!(refused, 1);
    assert_eq!(remote.standing().await.unwrap().next_height, 8);
    let large = Arc::new(block(9, "property", 400, 15_000));
    let error = remote.submit(Session(1), large).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn the_server_ends_when_told() {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let storage = FakeStorage::new(20);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = serve_storage(bus.clone(), agency(), storage, |_| tracing::Span::none(), async move {
        drop(stopped.await)
    });
    let (ended, ()) = tokio::join!(serving, async move { stop.send(()).unwrap() });
    assert!(ended.is_ok());
    let error = RemoteStorage::new(bus, agency(), TIMEOUT).standing().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}

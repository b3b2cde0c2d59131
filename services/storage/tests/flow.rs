//! From a submitted block to final records, with one agency and with four.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::{collections::HashMap, sync::Arc};

use hutong_ledger::{
    id::RecordKey,
    receipt::{self, TrustFile},
};
use hutong_peer::{Position, StoragePeer};
use support::*;

fn record(id: &str) -> RecordKey {
    RecordKey { domain: notes(), record: id.parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agency_alone_makes_blocks_final() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let node = Node::start(0, &genesis, &bus, dir.path());
    let mut ids = Vec::new();
    for height in 1..=20u64 {
        let block = maker.block(&[&format!("a={height}"), &format!("k{height}=x"), "nonsense"]);
        ids.extend(block.segments[0].segment.transactions.iter().map(|tx| tx.id));
        node.submit(&block).await;
    }
    node.final_at(20).await;
    let storage = &node.storage;
    let current = storage.record(record("a"), None).await.unwrap().unwrap();
    assert_eq!((current.version, current.value.as_deref()), (20, Some(&b"20"[..])));
    let old = storage.record(record("a"), Some(3)).await.unwrap().unwrap();
    assert_eq!((old.height, old.value.as_deref()), (3, Some(&b"3"[..])));
    let history = storage.history(record("a"), None, 7).await.unwrap();
    assert_eq!(history.versions.iter().map(|v| v.version).collect::<Vec<_>>(), [20, 19, 18, 17, 16, 15, 14]);
    assert_eq!(history.more_below, Some(14));
    let rest = storage.history(record("a"), history.more_below, 100).await.unwrap();
    assert_eq!((rest.versions.len(), rest.more_below), (13, None));

    let known = storage.prefetch(notes(), vec![record("k3"), record("no")], ids[..2].to_vec()).await.unwrap();
    assert_eq!((known.height, known.known.len()), (20, 2));
    assert!(known.records[0].is_some() && known.records[1].is_none());

    let mut after = Position::default();
    let mut seen = Vec::new();
    loop {
        let (finals, complete) = storage.finals(after, None, 7).await.unwrap();
        if finals.is_empty() {
            assert_eq!(complete, Position { height: 20, ordinal: 3 });
            break;
        }
        seen.extend(finals.iter().map(|tx| tx.id));
        after = complete;
    }
    assert_eq!(seen, ids);
    let refused = storage.transaction(ids[2]).await.unwrap().unwrap();
    assert_eq!((refused.outcome.code(), refused.log_index), (Some("no_value"), 2));
    let trust = TrustFile::of(&genesis);
    for (place, id) in ids.iter().enumerate() {
        let receipt = storage.receipt(*id).await.unwrap().unwrap();
        let verified = receipt::verify(&receipt, &trust).unwrap();
        assert_eq!((verified.id, verified.height), (*id, place as u64 / 3 + 1));
    }
    for (id, expected) in [("a", Some(&b"20"[..])), ("k7", Some(&b"x"[..])), ("nothing", None)] {
        let proof = storage.state_receipt(record(id)).await.unwrap().unwrap();
        let verified = receipt::verify_state(&proof, &trust).unwrap();
        assert_eq!(verified.current.and_then(|(_, value)| value).as_deref(), expected);
        assert_eq!(verified.height, 20);
    }
    let scanned = storage.scan(notes(), "k1".into(), Some("k1".parse().unwrap()), 3).await.unwrap();
    assert_eq!(scanned.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["k10", "k11", "k12"]);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn four_agencies_agree_and_a_late_one_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let start = |at: usize| Node::start(at, &genesis, &bus, &dir.path().join(at.to_string()));
    let nodes: Vec<Node> = (0..3).map(start).collect();
    let mut blocks = HashMap::new();
    for height in 1..=30 {
        let block = maker.block(&[&format!("a={height}"), &format!("k{height}=x")]);
        blocks.insert(height, block.clone());
        for node in &nodes {
            node.submit(&block).await;
        }
    }
    for node in &nodes {
        node.final_at(30).await;
    }
    // The fourth was not there: it asks for everything.
    let late = start(3);
    for height in 1..=30 {
        late.submit(&blocks[&height]).await;
    }
    late.final_at(30).await;
    for node in nodes.iter().chain([&late]) {
        assert_eq!(node.invariants.iter().map(|(_, count)| count).sum::<u64>(), 0);
        let current = node.storage.record(record("a"), None).await.unwrap().unwrap();
        assert_eq!(current.value.as_deref(), Some(&b"30"[..]));
    }
    for node in nodes.into_iter().chain([late]) {
        node.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_archive_and_final_state() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let mut blocks: HashMap<u64, Arc<_>> = HashMap::new();
    let mut at = dir.path().join("0");
    for round in 0..6u64 {
        let node = Node::start(0, &genesis, &bus, &at);
        let reached = replay(&node, &blocks).await;
        assert_eq!(reached, round * 5, "everything that was final is at least archived");
        for _ in 0..5 {
            let block = maker.block(&[&format!("a={round}"), &format!("r{round}=x")]);
            blocks.insert(block.height(), block.clone());
            node.submit(&block).await;
        }
        node.final_at(reached + 5).await;
        // In every other round the process is killed: what it wrote so far is all there is.
        let next = dir.path().join((round + 1).to_string());
        if round % 2 == 0 {
            crash_copy(&at, &next);
            node.stop().await.unwrap();
        } else {
            node.stop().await.unwrap();
            crash_copy(&at, &next);
        }
        at = next;
    }
    let node = Node::start(0, &genesis, &bus, &at);
    replay(&node, &blocks).await;
    node.final_at(30).await;
    let history = node.storage.history(record("a"), None, 100).await.unwrap();
    assert_eq!(history.versions.len(), 30);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_follow_the_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let node = Node::start(0, &genesis, &bus, dir.path());
    let mut ids = Vec::new();
    for number in 1..=3 {
        let block = maker.block(&["a=1"]);
        ids.push(block.segments[0].segment.transactions[0].id);
        node.submit(&block).await;
        let mut next = (*maker.epoch).clone();
        next.number = number;
        next.agencies[0].name = format!("Agency in epoch {number}");
        let barrier = maker.epoch_block(&next);
        ids.push(barrier.segments[0].segment.transactions[0].id);
        node.submit(&barrier).await;
    }
    node.submit(&maker.block(&["a=2"])).await;
    node.final_at(7).await;
    let trust = TrustFile::of(&genesis);
    for (id, epoch) in ids.iter().zip([0, 0, 1, 1, 2, 2]) {
        let receipt = node.storage.receipt(*id).await.unwrap().unwrap();
        assert_eq!(receipt::verify(&receipt, &trust).unwrap().standing.epoch, epoch);
    }
    let proof = node.storage.state_receipt(record("a")).await.unwrap().unwrap();
    assert_eq!(receipt::verify_state(&proof, &trust).unwrap().standing.epoch, 3);
    let later = TrustFile { epoch: (*maker.epoch).clone(), ..trust };
    receipt::verify_state(&proof, &later).unwrap();
    node.stop().await.unwrap();
}

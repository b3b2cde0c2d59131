//! Killed after any step, storage goes on: nothing that was final is lost, nothing is signed twice, fsck is content.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::{collections::HashMap, path::Path};

use hutong_peer::StoragePeer;
use hutong_storage::fsck;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_the_archive_is_a_place_to_go_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let mut maker = Maker::new(&genesis);
    let whole = dir.path().join("whole");
    let node = Node::start(0, &genesis, &bus(), &whole);
    let mut blocks = HashMap::new();
    for height in 1..=5 {
        let block = maker.block(&[&format!("a={height}"), "nonsense"]);
        node.submit(&block).await;
        blocks.insert(height, block);
        // One after the other, so that the archive has all of a height before the next.
        node.final_at(height).await;
    }
    node.stop().await.unwrap();
    let records = fsck(&whole, &contracts(), &genesis).unwrap().records;
    // A crash leaves any beginning of the archive; the final state is never ahead of it, here it is not there at all.
    for kept in 1..=records {
        let copy = dir.path().join(kept.to_string());
        cut(&whole, &copy, kept);
        let before = fsck(&copy, &contracts(), &genesis).unwrap();
        assert_eq!(before.difference, None, "{kept} records");
        let node = Node::start(0, &genesis, &bus(), &copy);
        let archived = replay(&node, &blocks).await;
        for height in archived + 1..=5 {
            node.submit(&blocks[&height]).await;
        }
        node.final_at(5).await;
        let current = node.storage.record(record("a"), None).await.unwrap().unwrap();
        assert_eq!(current.value.as_deref(), Some(&b"5"[..]));
        node.stop().await.unwrap();
        let after = fsck(&copy, &contracts(), &genesis).unwrap();
        assert_eq!(
            (after.difference, after.final_height, after.written_height),
            (None, 5, 5),
            "{kept} records"
        );
        assert!(before.final_height <= archived);
    }
}

/// The first records of an archive in a directory of their own.
fn cut(whole: &Path, to: &Path, kept: u64) {
    let open =
        |dir: &Path| hutong_journal::Journal::open(&dir.join("archive"), Default::default()).unwrap().0;
    std::fs::create_dir_all(to).unwrap();
    let (old, new) = (open(whole), open(to));
    for record in old.iter(1).take(kept as usize) {
        let record = record.unwrap();
        new.append(record.kind, &record.payload).unwrap();
    }
}

fn record(id: &str) -> hutong_ledger::id::RecordKey {
    hutong_ledger::id::RecordKey { domain: notes(), record: id.parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_that_are_killed_together_in_the_middle_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let mut maker = Maker::new(&genesis);
    let place = |life: usize, at: usize| dir.path().join(format!("{life}-{at}"));
    let mut blocks = HashMap::new();
    let mut reached = 0;
    for life in 0..4usize {
        let bus = bus();
        let nodes: Vec<Node> = (0..4).map(|at| Node::start(at, &genesis, &bus, &place(life, at))).collect();
        // Who saw a height final knows, before any of it is back, that there was one.
        if let Some(witness) = life.checked_sub(1) {
            let standing = nodes[witness].storage.standing().await.unwrap();
            assert!(standing.recalled_height.max(standing.final_header.height) >= reached, "{standing:?}");
        }
        for node in &nodes {
            replay(node, &blocks).await;
        }
        // Some may have lost what others still have: as from the stream, it is submitted again.
        let last = blocks.len() as u64;
        for node in &nodes {
            for height in node.storage.standing().await.unwrap().next_height..=last {
                node.submit(&blocks[&height]).await;
            }
        }
        for height in last + 1..=last + 4 {
            let block = maker.block(&[&format!("a={height}")]);
            for node in &nodes {
                node.submit(&block).await;
            }
            blocks.insert(height, block);
        }
        // In the last life all of it becomes final; in the others they are killed on the way.
        reached = if life == 3 { last + 4 } else { last + 2 };
        nodes[life].final_at(reached).await;
        for at in 0..4 {
            crash_copy(&place(life, at), &place(life + 1, at));
        }
        for node in nodes {
            if life == 3 {
                node.final_at(reached).await;
            }
            assert_eq!(node.invariants.iter().map(|(_, count)| count).sum::<u64>(), 0);
            node.stop().await.unwrap();
        }
    }
    for at in 0..4 {
        let report = fsck(&place(3, at), &contracts(), &genesis).unwrap();
        assert_eq!((report.difference, report.final_height), (None, 16));
    }
}

//! Power cuts at any call of archive and tables: whatever storage let out before, it still holds after.
//!
//! One life of an agency runs on a disk that remembers every write and sync of both files in one order, and a bus
//! that remembers after how many of them each vote, cosignature, status and final height was let out. Then come the
//! images: of each, fsck must be content, everything that was let out must be in the archive, and a storage opened on
//! it must come to the same final blocks without breaking an invariant.
//!
//! `IMAGES` asks for more images than fit a test run: `make crash-images IMAGES=5000`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod power;
mod support;

use std::{collections::HashMap, io::ErrorKind, path::Path, sync::Arc};

use hutong_journal::faulty::{FaultyDisk, Kept};
use hutong_ledger::{genesis::Genesis, hash::Hash};
use hutong_peer::{ExecutedBlock, StoragePeer};
use hutong_storage::fsck;
use power::*;
use support::*;

const HEIGHTS: u64 = 5;
/// Without being asked for more.
const IMAGES: usize = 160;

type Blocks = HashMap<u64, Arc<ExecutedBlock>>;

fn blocks(genesis: &Genesis) -> Blocks {
    let mut maker = Maker::new(genesis);
    let made = |height: u64| {
        let many: Vec<String> = (0..4).map(|n| format!("k{n}={height}")).collect();
        let mut actions: Vec<&str> = many.iter().map(String::as_str).collect();
        actions.push(if height == 3 { "-k2" } else { "nonsense" });
        (height, maker.block(&actions))
    };
    (1..=HEIGHTS).map(made).collect()
}

/// A life of the one agency of a city: all blocks, each when the one before is final.
struct Life {
    disk: FaultyDisk,
    spy: Arc<Spy>,
    told: Vec<(usize, u64, Hash)>,
    ended: Result<(), hutong_storage::Error>,
}

async fn live(genesis: &Genesis, dir: &Path, blocks: &Blocks, fail: Option<(usize, ErrorKind)>) -> Life {
    let disk = FaultyDisk::default();
    if let Some((calls, kind)) = fail {
        disk.fail_from(calls, kind);
    }
    let spy = Spy::on(bus(), disk.clone());
    let mut life = Life { disk: disk.clone(), spy: spy.clone(), told: Vec::new(), ended: Ok(()) };
    // Synced commits of the tables come between the others.
    let config = hutong_storage::Config { sync_every_ms: 0, ..patient() };
    let node = match Node::on_disk(0, genesis, spy, dir, config, &disk) {
        Ok(node) => node,
        Err(error) => return Life { ended: Err(error), ..life },
    };
    for height in 1..=HEIGHTS {
        if node.try_submit(&blocks[&height]).await.is_err() || !node.reaches(height).await {
            life.ended = Err(node.ended().await);
            return life;
        }
        life.told.push((disk.calls(), height, blocks[&height].hash));
    }
    assert_eq!(node.invariants.iter().map(|(_, count)| count).sum::<u64>(), 0);
    life.ended = node.stop().await;
    life
}

/// Holds what a power cut left against what was let out before it.
async fn judge(genesis: &Genesis, dir: &Path, blocks: &Blocks, life: &Life, calls: usize, kept: Kept) {
    let context = format!("a power cut after {calls} calls, {kept:?}");
    let left = tempfile::tempdir().unwrap();
    life.disk.image(calls, kept).write(dir, left.path()).unwrap();
    let let_out: Vec<_> = life.spy.let_out().into_iter().filter(|out| out.calls <= calls).collect();
    let told = life.told.iter().rfind(|(at, ..)| *at <= calls).map_or(0, |told| told.1);

    let archived = archived(left.path());
    for out in &let_out {
        assert!(archived.contains(&(out.kind, out.bytes.clone())), "{context}: {out:?} is lost");
    }
    // An archive that has not even its first record is a new one.
    if !archived.is_empty() {
        let report = fsck(left.path(), &contracts(), genesis).expect(&context);
        assert_eq!(report.difference, None, "{context}");
    }
    let node = Node::start_with(0, genesis, &bus(), left.path(), patient(), clock()).expect(&context);
    let standing = node.storage.standing().await.unwrap();
    assert!(standing.recalled_height.max(standing.final_header.height) >= told, "{context}: {standing:?}");
    let held = replay(&node, blocks).await;
    assert!(held >= told, "{context}: {told} was final, the archive goes to {held}");
    for height in held + 1..=HEIGHTS {
        node.submit(&blocks[&height]).await;
    }
    node.final_at(HEIGHTS).await;
    for (_, height, hash) in life.told.iter().filter(|(at, ..)| *at <= calls) {
        let archived = node.storage.archived(*height).await.unwrap().unwrap();
        let proposal = hutong_ledger::block::Proposal::decode(&archived.proposal).unwrap();
        assert_eq!(proposal.header.hash(), *hash, "{context}: another block at height {height}");
    }
    assert_eq!(node.invariants.iter().map(|(_, count)| count).sum::<u64>(), 0, "{context}");
    node.stop().await.unwrap();
    let report = fsck(left.path(), &contracts(), genesis).expect(&context);
    assert_eq!((report.difference, report.final_height), (None, HEIGHTS), "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_power_cut_at_any_call_nothing_that_was_let_out_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let blocks = blocks(&genesis);
    let life = live(&genesis, dir.path(), &blocks, None).await;
    life.ended.as_ref().unwrap();
    assert!(life.spy.let_out().len() as u64 >= 2 * HEIGHTS, "a vote and a cosignature for every height");
    let all = life.disk.calls();
    let wanted = images_wanted(IMAGES);
    let mut images = 0;
    // Every sync and change of names, the moment before it and the moment after; both ends of what may be kept.
    for calls in (0..=all).filter(|call| life.disk.orders(*call) || *call == all) {
        for kept in [Kept::Nothing, Kept::Everything, Kept::Some(calls as u64)] {
            judge(&genesis, dir.path(), &blocks, &life, calls, kept).await;
            images += 1;
        }
    }
    // Then any moment and any choice.
    for seed in 0.. {
        if images >= wanted {
            break;
        }
        let calls = (seed as usize).wrapping_mul(7919) % (all + 1);
        judge(&genesis, dir.path(), &blocks, &life, calls, Kept::Some(seed)).await;
        images += 1;
    }
    println!("{images} images of {all} calls, {} things let out", life.spy.let_out().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_at_any_call_stops_storage_and_takes_nothing_back() {
    let genesis = genesis(1);
    let blocks = blocks(&genesis);
    let mut failures = 0;
    let step = if images_wanted(IMAGES) > IMAGES { 1 } else { 5 };
    for fail in (0..).step_by(step) {
        let kind = if fail / step % 2 == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        let dir = tempfile::tempdir().unwrap();
        let life = live(&genesis, dir.path(), &blocks, Some((fail, kind))).await;
        if life.disk.failed() == 0 {
            break;
        }
        failures += 1;
        // What fails at the very end, when all is final and storage closes, is told in the log alone.
        if let Err(error) = &life.ended {
            use hutong_storage::Error;
            let named = matches!(error, Error::Journal(_) | Error::Store(_) | Error::Gone { .. });
            assert!(named, "call {fail}: {error:?}");
        }
        let kept = [Kept::Nothing, Kept::Everything, Kept::Some(fail as u64)][failures % 3];
        judge(&genesis, dir.path(), &blocks, &life, life.disk.calls(), kept).await;
    }
    assert!(failures > 10, "only {failures} calls failed");
    println!("{failures} failing calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_skips_its_syncs_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, disk) = (genesis(1), FaultyDisk::default());
    let blocks = blocks(&genesis);
    let spy = Spy::on(bus(), disk.clone());
    let node = Node::lazy_on_disk(0, &genesis, spy.clone(), dir.path(), &disk).unwrap();
    node.submit(&blocks[&1]).await;
    node.final_at(1).await;
    let out = spy.let_out();
    let left = tempfile::tempdir().unwrap();
    disk.image(out[0].calls, Kept::Nothing).write(dir.path(), left.path()).unwrap();
    let lost = !archived(left.path()).contains(&(out[0].kind, out[0].bytes.clone()));
    assert!(lost, "the judge above would not notice a missing sync");
    node.stop().await.unwrap();
}

//! Deriving everything again finds nothing in a sound storage, and names what was changed in another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};

use hutong_journal::{Journal, Options};
use hutong_ledger::genesis::Genesis;
use hutong_storage::{Difference, Report, fsck};
use hutong_store::{Batch, Store, Table};
use support::*;

/// A city of four that made some blocks, a barrier among them; the directory of the first agency.
async fn city(dir: &Path) -> (Genesis, PathBuf) {
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let place = |at: usize| dir.join(at.to_string());
    let nodes: Vec<Node> = (0..4).map(|at| Node::start(at, &genesis, &bus, &place(at))).collect();
    for height in 1..=12 {
        let block = if height == 6 {
            let mut next = (*maker.epoch).clone();
            next.number += 1;
            next.agencies[1].name = "Another name".into();
            maker.epoch_block(&next)
        } else {
            let many: Vec<String> = (0..30).map(|i| format!("k{i}={height}")).collect();
            let mut actions: Vec<&str> = many.iter().map(String::as_str).collect();
            actions.extend(["-k3", "nonsense"]);
            maker.block(&actions)
        };
        for node in &nodes {
            node.submit(&block).await;
        }
    }
    for node in &nodes {
        node.final_at(12).await;
    }
    for node in nodes {
        node.stop().await.unwrap();
    }
    (genesis, place(0))
}

fn check(dir: &Path, genesis: &Genesis) -> Report {
    fsck(dir, &contracts(), genesis).unwrap()
}

fn difference(dir: &Path, genesis: &Genesis) -> Difference {
    check(dir, genesis).difference.expect("something was changed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_storage_has_no_difference() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, place) = city(dir.path()).await;
    for at in 0..4 {
        let report = check(&place.with_file_name(at.to_string()), &genesis);
        assert_eq!(report.difference, None);
        assert_eq!((report.final_height, report.written_height), (12, 12));
        assert_eq!((report.transactions, report.refused, report.voids), (11 * 32 + 1, 11, 0));
    }
    // Without its tables it is as sound: they are made again.
    std::fs::remove_file(place.join("state.redb")).unwrap();
    let report = check(&place, &genesis);
    assert_eq!((report.difference, report.final_height, report.written_height), (None, 12, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_of_any_table_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, place) = city(dir.path()).await;
    let tables = ["records", "transactions", "segments", "log_starts", "tiles", "notes", "blocks"];
    for (number, table) in tables.into_iter().enumerate() {
        for (kind, change) in ["altered", "missing", "added"].into_iter().enumerate() {
            let copy = crash_copy(&place, &dir.path().join(format!("copy-{number}-{kind}")));
            alter(&copy.join("state.redb"), table, change);
            // What was added to the tiles of a log is beyond its end, and never read.
            if (table, change) == ("tiles", "added") {
                continue;
            }
            let found = difference(&copy, &genesis);
            assert!(
                found.what == format!("table {table}") || found.what == "table",
                "{table} {change}: {found:?}"
            );
        }
    }
}

fn alter(path: &Path, table: &'static str, change: &str) {
    let rows: Table<Vec<u8>, Vec<u8>> = Table::new(table);
    let store = Store::open(path, hutong_store::Options::default()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let row = snapshot.table(&rows).unwrap().between(&[], None).unwrap().nth(2).unwrap();
    let (mut key, mut value) = row.unwrap();
    drop(snapshot);
    let mut batch = Batch::default();
    match change {
        "altered" => {
            let last = value.len() - 1;
            value[last] ^= 1;
            batch.put(&rows, &key, &value);
        }
        "missing" => batch.delete(&rows, &key),
        _ => {
            let last = key.len() - 1;
            key[last] ^= 0x40;
            batch.put(&rows, &key, &value);
        }
    }
    store.write_synced(batch).unwrap();
}

/// Copies an archive record by record, with some changed or left out.
fn rewrite(place: &Path, to: &Path, mut change: impl FnMut(u64, u8, Vec<u8>) -> Option<Vec<u8>>) -> PathBuf {
    let copy = crash_copy(place, to);
    std::fs::remove_dir_all(copy.join("archive")).unwrap();
    let (old, _) = Journal::open(&place.join("archive"), Options::default()).unwrap();
    let (new, _) = Journal::open(&copy.join("archive"), Options::default()).unwrap();
    for record in old.iter(1) {
        let record = record.unwrap();
        if let Some(payload) = change(record.position, record.kind, record.payload.to_vec()) {
            new.append(record.kind, &payload).unwrap();
        }
    }
    copy
}

/// Kinds of records in the archive.
const BLOCK: u8 = 2;
const VOTE: u8 = 3;
const CERTIFICATE: u8 = 5;
const COSIGNED: u8 = 6;
const FINAL: u8 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_archive_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, place) = city(dir.path()).await;
    let mut number = 0;
    let mut changed = |of: u8, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>| {
        number += 1;
        let mut seen = 0;
        let copy = rewrite(&place, &dir.path().join(format!("copy-{number}")), |_, kind, payload| {
            seen += u32::from(kind == of);
            if kind == of && seen == 4 { change(payload) } else { Some(payload) }
        });
        difference(&copy, &genesis).what
    };
    let flip_last = |mut payload: Vec<u8>| {
        let last = payload.len() - 1;
        payload[last] ^= 1;
        Some(payload)
    };
    let left_out = |_: Vec<u8>| None;
    // A transaction's signature is not in its id: without it the transaction is void, and the log another.
    assert_eq!(changed(BLOCK, &flip_last), "note notes");
    assert_eq!(changed(BLOCK, &left_out), "vote");
    assert_eq!(changed(VOTE, &flip_last), "vote");
    assert_eq!(changed(CERTIFICATE, &flip_last), "certificate");
    assert_eq!(changed(CERTIFICATE, &left_out), "cosignature");
    assert_eq!(changed(COSIGNED, &flip_last), "cosignature");
    assert_eq!(changed(FINAL, &left_out), "block");
    // At the end of the last note is the owner's own signature, if it was there in time, and before it the last host's.
    let flip = |mut payload: Vec<u8>| {
        let at = payload.len() - 3 - 64 - 9;
        payload[at] ^= 1;
        Some(payload)
    };
    for change in [&flip_last as &dyn Fn(Vec<u8>) -> Option<Vec<u8>>, &flip] {
        let what = changed(FINAL, change);
        assert!(what.starts_with("note ") || what == "archive", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rot_in_the_files_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, place) = city(dir.path()).await;
    let copy = crash_copy(&place, &dir.path().join("rotten"));
    let file = std::fs::read_dir(copy.join("archive")).unwrap();
    let file = file.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&file, bytes).unwrap();
    let found = fsck(&copy, &contracts(), &genesis);
    // The journal itself refuses what was durable and is not readable.
    assert!(found.is_err() || found.unwrap().difference.is_some());
    let other = support::genesis(1);
    assert_eq!(difference(&place, &other).what, "archive");
}

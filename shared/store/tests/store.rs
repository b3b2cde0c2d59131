//! What a store promises: batches whole, in order, and no crash image that does not open.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::mpsc, time::Duration};

use hutong_store::{Batch, Error, Form, Options, Store, Table, faulty::FaultyBackend};
use proptest::prelude::*;

const ROWS: Table<u64, Vec<u8>> = Table::new("rows");
const COUNT: Table<u8, u64> = Table::new("count");

fn options() -> Options {
    Options { cache_bytes: 4 << 20, sync_every: Duration::from_secs(3600), ..Options::default() }
}

/// Batch n: rows n to n + 2, and n as the count.
fn batch(n: u64) -> Batch {
    let mut batch = Batch::default();
    for row in n..n + 3 {
        batch.put(&ROWS, &row, &vec![n as u8; 100]);
    }
    batch.put(&COUNT, &0, &n);
    batch
}

fn write(store: &Store, batch: Batch) -> Result<(), Error> {
    let (done, result) = mpsc::channel();
    store.write(batch, move |outcome| done.send(outcome).unwrap());
    result.recv().unwrap()
}

/// What the store holds must be exactly what the batches up to its count made.
fn check(store: &Store) -> u64 {
    let snapshot = store.snapshot().unwrap();
    let count = snapshot.get(&COUNT, &0).unwrap().unwrap_or_default();
    let mut expected = BTreeMap::new();
    for n in 1..=count {
        expected.extend((n..n + 3).map(|row| (row, vec![n as u8; 100])));
    }
    let rows = snapshot.table(&ROWS).unwrap().between(&[], None).unwrap();
    assert_eq!(rows.collect::<Result<BTreeMap<_, _>, _>>().unwrap(), expected);
    count
}

#[test]
fn batches_become_visible_in_order_and_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let store = Store::open(&path, options()).unwrap();
    let before = store.snapshot().unwrap();
    for n in 1..=50 {
        store.write(batch(n), |outcome| outcome.unwrap());
    }
    write(&store, batch(51)).unwrap();
    assert_eq!(check(&store), 51);
    assert_eq!(before.get(&COUNT, &0).unwrap(), None, "a snapshot does not move");
    drop((before, store));
    let store = Store::open(&path, options()).unwrap();
    assert_eq!(check(&store), 51);
    let snapshot = store.snapshot().unwrap();
    let view = snapshot.table(&ROWS).unwrap();
    let keys: Vec<u64> = view.range(&10, &13).unwrap().rev().map(|row| row.unwrap().0).collect();
    assert_eq!(keys, [12, 11, 10]);
    assert!(matches!(Store::open(&path, options()), Err(Error::Open { .. })), "one process at a time");
}

#[test]
fn what_the_commit_relies_on_comes_first() {
    let backend = FaultyBackend::default();
    let refused = Options { before_sync: Some(std::sync::Arc::new(|| Err("not yet".into()))), ..options() };
    let store = Store::with_backend(backend, refused).unwrap();
    write(&store, batch(1)).unwrap();
    assert!(matches!(store.write_synced(batch(2)), Err(Error::HeldBack { .. })));
    assert!(matches!(write(&store, batch(3)), Err(Error::Stopped { .. })), "after a failure it stops");
}

#[test]
fn a_failing_disk_stops_the_store_and_loses_nothing_synced() {
    let mut failed = 0;
    for calls in (0..200).step_by(3) {
        let backend = FaultyBackend::default();
        let store = Store::with_backend(backend.clone(), options()).unwrap();
        for n in 1..=4 {
            write(&store, batch(n)).unwrap();
        }
        store.write_synced(batch(5)).unwrap();
        backend.fail_after(calls);
        let outcomes: Vec<_> = (6..=9).map(|n| store.write_synced(batch(n))).collect();
        let kept = 5 + outcomes.iter().take_while(|outcome| outcome.is_ok()).count() as u64;
        failed += usize::from(kept < 9);
        drop(store);
        let reopened =
            Store::with_backend(FaultyBackend::from_image(backend.crash_image(|_| false)), options())
                .unwrap();
        // A commit whose sync failed may have got through all the same.
        assert!((kept..=kept + 1).contains(&check(&reopened)));
    }
    assert!(failed > 0, "some of the runs must fail");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_crash_image_opens_with_all_that_was_synced(synced in 1..20u64, after in 0..20u64, kept: u64) {
        let backend = FaultyBackend::default();
        let store = Store::with_backend(backend.clone(), options()).unwrap();
        for n in 1..synced {
            write(&store, batch(n)).unwrap();
        }
        store.write_synced(batch(synced)).unwrap();
        for n in synced + 1..=synced + after {
            write(&store, batch(n)).unwrap();
        }
        let image = backend.crash_image(|number| kept >> (number % 64) & 1 == 1);
        let reopened = Store::with_backend(FaultyBackend::from_image(image), options()).unwrap();
        prop_assert!((synced..=synced + after).contains(&check(&reopened)));
    }
}

#[test]
fn a_store_is_opened_as_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let open = |form| Store::open(&path, Options { form, ..options() });
    let rows = |version| Some(Form { name: "rows", version });
    drop(open(rows(1)).unwrap());
    let store = open(rows(1)).unwrap();
    write(&store, batch(1)).unwrap();
    drop(store);
    for other in [rows(2), Some(Form { name: "columns", version: 1 })] {
        let error = open(other).unwrap_err();
        assert!(matches!(&error, Error::Form { found, .. } if found == "rows, version 1"), "{error}");
        assert!(error.to_string().contains("store.redb"), "the file is named: {error}");
    }
    assert_eq!(check(&open(rows(1)).unwrap()), 1, "what was refused was not touched");
}

#[test]
fn a_new_store_appears_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    // What a crash on the way left of an earlier attempt, in this process's name.
    let draft = dir.path().join(format!("store.redb.{}.tmp", std::process::id()));
    std::fs::write(&draft, b"half of a").unwrap();
    let store = Store::open(&path, options()).unwrap();
    store.write_synced(batch(1)).unwrap();
    assert!(!draft.exists());
    drop(store);
    // An empty file is no store yet, and keeps its rights as one.
    use std::os::unix::fs::PermissionsExt as _;
    let private = dir.path().join("private.redb");
    std::fs::write(&private, b"").unwrap();
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600)).unwrap();
    drop(Store::open(&private, options()).unwrap());
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(check(&Store::open(&path, options()).unwrap()), 1);
}

#[test]
fn a_power_cut_at_any_call_leaves_all_that_was_synced() {
    use hutong_journal::faulty::{FaultyDisk, Kept};
    let (disk, path) = (FaultyDisk::default(), std::path::Path::new("store.redb"));
    let watched = FaultyBackend::watched(path.into(), std::sync::Arc::new(disk.clone()));
    let store = Store::with_backend(watched, options()).unwrap();
    let made = disk.calls();
    let mut synced = vec![(made, 0)];
    for n in 1..=12 {
        if n % 3 == 0 {
            store.write_synced(batch(n)).unwrap();
            synced.push((disk.calls(), n));
        } else {
            write(&store, batch(n)).unwrap();
        }
    }
    for calls in made..=disk.calls() {
        let seeds = (0..8).map(|seed| Kept::Some(seed * 7919 + calls as u64));
        for kept in [Kept::Nothing, Kept::Everything].into_iter().chain(seeds) {
            let image = disk.image(calls, kept).file(path).unwrap().to_vec();
            let reopened = Store::with_backend(FaultyBackend::from_image(image), options())
                .unwrap_or_else(|error| panic!("after {calls} calls, {kept:?}: {error:?}"));
            let least = synced.iter().rfind(|(at, _)| *at <= calls).unwrap().1;
            let found = check(&reopened);
            assert!((least..=12).contains(&found), "after {calls} calls, {kept:?}: {found} of {least}");
        }
    }
}

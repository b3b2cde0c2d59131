//! After a power cut at any call, a journal opens with everything that it said was durable, and nothing it never had.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io::ErrorKind, path::Path, sync::Arc};

use hutong_journal::{
    Error, Journal, Options, Record,
    faulty::{FaultyDisk, Kept},
};

const RECORDS: u64 = 24;
const SEEDS: u64 = 6;

fn options(disk: &FaultyDisk) -> Options {
    Options { segment_bytes_max: 4096, faults: Some(Arc::new(disk.clone())), ..Options::default() }
}

fn payload(position: u64) -> Vec<u8> {
    vec![position as u8; 40 + position as usize * 97 % 1500]
}

/// After how many calls which position was durable, and from which on they were wanted.
type Told = Vec<(usize, u64, u64)>;

/// Appends in groups, drops what is old, and tells after how many calls which positions were durable, and wanted.
fn write(journal: &Journal, disk: &FaultyDisk) -> Result<Told, (Told, Error)> {
    let (mut told, mut first) = (vec![(0, 0, 1)], 1);
    for position in 1..=RECORDS {
        let mut step = || -> Result<(), Error> {
            journal.append(1, &payload(position))?;
            if position % 3 == 0 {
                journal.sync(position)?;
                told.push((disk.calls(), position, first));
            }
            if position == 18 {
                // From here on nobody wants what is before it.
                first = 9;
                journal.truncate_before(first)?;
            }
            Ok(())
        };
        if let Err(error) = step() {
            return Err((told, error));
        }
    }
    Ok(told)
}

/// Opens what is left and holds it against what was told.
fn judge(disk: &FaultyDisk, calls: usize, kept: Kept, from: &Path, told: &[(usize, u64, u64)]) {
    let context = format!("after {calls} calls, {kept:?}");
    let dir = tempfile::tempdir().unwrap();
    disk.image(calls, kept).write(from, dir.path()).unwrap();
    let (journal, recovery) = Journal::open(&dir.path().join("journal"), Options::default()).expect(&context);
    let (_, durable, _) = *told.iter().rev().find(|(at, ..)| *at <= calls).unwrap();
    // Old segments may be gone as soon as somebody said that nobody wants them, which may be after what was told last.
    let first = if durable >= 18 { 9 } else { 1 };
    assert!(recovery.last_position >= durable, "{context}: {durable} were durable: {recovery:?}");
    assert!(recovery.first_position <= first, "{context}: {recovery:?}");
    let records: Vec<Record> = journal.iter(recovery.first_position).map(|r| r.expect(&context)).collect();
    let positions: Vec<u64> = records.iter().map(|record| record.position).collect();
    assert_eq!(
        positions,
        (recovery.first_position..=recovery.last_position).collect::<Vec<_>>(),
        "{context}"
    );
    assert!(records.iter().all(|record| record.payload == payload(record.position)), "{context}");
    let next = journal.append(1, b"next").unwrap();
    journal.sync(next).expect(&context);
}

#[test]
fn after_a_power_cut_at_any_call_all_that_was_durable_is_there() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let journal = Journal::open(&dir.path().join("journal"), options(&disk)).unwrap().0;
    let told = write(&journal, &disk).unwrap();
    drop(journal);
    for calls in 0..=disk.calls() {
        for kept in [Kept::Nothing, Kept::Everything]
            .into_iter()
            .chain((0..SEEDS).map(|n| Kept::Some(n * 7919 + calls as u64)))
        {
            judge(&disk, calls, kept, dir.path(), &told);
        }
    }
}

#[test]
fn a_call_that_fails_stops_the_journal_and_takes_nothing_that_was_durable() {
    let mut failures = 0;
    for fail in 0.. {
        let kind = if fail % 2 == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        disk.fail_from(fail, kind);
        let written = match Journal::open(&dir.path().join("journal"), options(&disk)) {
            Ok((journal, _)) => write(&journal, &disk),
            Err(error) => Err((vec![(0, 0, 1)], error)),
        };
        let Err((told, error)) = written else { break };
        failures += 1;
        assert!(matches!(error, Error::Io { .. } | Error::Poisoned { .. }), "call {fail}: {error:?}");
        for kept in [Kept::Nothing, Kept::Everything, Kept::Some(fail as u64)] {
            judge(&disk, disk.calls(), kept, dir.path(), &told);
        }
    }
    assert!(failures > 20, "only {failures} calls failed");
}

#[test]
fn a_journal_that_skips_its_syncs_is_found_out() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let lazy = Options { sync: hutong_journal::SyncPolicy::WriteOnly, ..options(&disk) };
    let journal = Journal::open(&dir.path().join("journal"), lazy).unwrap().0;
    let told = write(&journal, &disk).unwrap();
    let (calls, durable, _) = told[1];
    let image = disk.image(calls, Kept::Nothing);
    let left = tempfile::tempdir().unwrap();
    image.write(dir.path(), left.path()).unwrap();
    let (_, recovery) = Journal::open(&left.path().join("journal"), Options::default()).unwrap();
    assert!(recovery.last_position < durable, "the judge above would not notice a missing sync");
}

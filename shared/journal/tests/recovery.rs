//! What a journal keeps, cuts and refuses when it is opened again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use hutong_journal::{Error, Journal, Options, SyncPolicy};

fn options(segment_bytes_max: u64) -> Options {
    Options { segment_bytes_max, sync: SyncPolicy::WriteOnly, ..Options::default() }
}

fn open(dir: &Path) -> Journal {
    Journal::open(dir, options(1 << 20)).unwrap().0
}

fn payloads(journal: &Journal) -> Vec<(u64, Vec<u8>)> {
    journal.iter(0).map(|record| record.unwrap()).map(|r| (r.position, r.payload.to_vec())).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    paths.sort();
    paths
}

fn flip(path: &Path, offset: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], offset).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_torn_last_record_is_cut_at_every_offset() {
    let dir = tempfile::tempdir().unwrap();
    let master = dir.path().join("master");
    let journal = open(&master);
    for payload in [&b"first"[..], b"second"] {
        let position = journal.append(1, payload).unwrap();
        journal.sync(position).unwrap();
    }
    let keep = journal.segments()[0].bytes;
    journal.append(1, b"the last record").unwrap();
    drop(journal);
    let full = fs::metadata(&segments(&master)[0]).unwrap().len();

    for length in keep..full {
        let torn = dir.path().join(format!("torn-{length}"));
        copy(&master, &torn);
        fs::OpenOptions::new().write(true).open(&segments(&torn)[0]).unwrap().set_len(length).unwrap();
        let (journal, recovery) = Journal::open(&torn, options(1 << 20)).unwrap();
        assert_eq!(recovery.last_position, 2);
        assert_eq!(recovery.torn.as_ref().map_or(0, |torn| torn.cut_bytes), length - keep);
        assert_eq!(journal.append(1, b"next").unwrap(), 3);
        drop(journal);
        let journal = open(&torn);
        assert_eq!(payloads(&journal).last(), Some(&(3, b"next".to_vec())), "cut at {length}");
    }
}

#[test]
fn a_damaged_last_record_is_cut_whichever_byte_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let master = dir.path().join("master");
    let journal = open(&master);
    let position = journal.append(1, b"first").unwrap();
    journal.sync(position).unwrap();
    let keep = journal.segments()[0].bytes;
    journal.append(1, b"the last record").unwrap();
    drop(journal);
    let full = fs::metadata(&segments(&master)[0]).unwrap().len();

    for offset in keep..full {
        let damaged = dir.path().join(format!("damaged-{offset}"));
        copy(&master, &damaged);
        flip(&segments(&damaged)[0], offset);
        let journal = open(&damaged);
        assert_eq!(payloads(&journal), [(1, b"first".to_vec())], "byte {offset}");
    }
}

#[test]
fn a_group_that_reached_the_disk_in_part_is_cut_from_its_first_hole() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let position = journal.append(1, b"durable").unwrap();
    journal.sync(position).unwrap();
    let hole = journal.segments()[0].bytes;
    journal.append_many([(1, &b"lost"[..]), (1, b"kept in vain")]).unwrap();
    drop(journal);
    flip(&segments(dir.path())[0], hole + 32);
    let (journal, recovery) = Journal::open(dir.path(), options(1 << 20)).unwrap();
    assert_eq!(recovery.torn.unwrap().offset, hole);
    assert_eq!(payloads(&journal), [(1, b"durable".to_vec())]);
}

#[test]
fn damage_to_what_was_durable_is_an_error_that_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let master = dir.path().join("master");
    let journal = open(&master);
    let mut ends = Vec::new();
    for payload in [&b"first"[..], b"second", b"third"] {
        ends.push(journal.segments()[0].bytes);
        let position = journal.append(1, payload).unwrap();
        journal.sync(position).unwrap();
    }
    drop(journal);
    for offset in ends[1]..ends[2] {
        let damaged = dir.path().join(format!("damaged-{offset}"));
        copy(&master, &damaged);
        let path = segments(&damaged)[0].clone();
        flip(&path, offset);
        match Journal::open(&damaged, options(1 << 20)) {
            Err(Error::Corrupt { path: named, offset: at, position, .. }) => {
                assert_eq!((named, at, position), (path, ends[1], 2));
            }
            other => panic!("byte {offset}: {other:?}"),
        }
    }
}

#[test]
fn damage_to_an_older_segment_is_found_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options(200)).unwrap().0;
    for _ in 0..10 {
        journal.append(1, &[7; 60]).unwrap();
    }
    drop(journal);
    let paths = segments(dir.path());
    assert!(paths.len() > 3);
    flip(&paths[1], 32 + 32 + 5);
    flip(&paths[2], 32 + 20);
    let journal = Journal::open(dir.path(), options(200)).unwrap().0;
    assert!(journal.read(1).unwrap().is_some());
    let (second, third) = (journal.segments()[1].positions.clone(), journal.segments()[2].positions.clone());
    for (position, path) in [(*second.start(), &paths[1]), (*third.start(), &paths[2])] {
        match journal.read(position) {
            Err(Error::Corrupt { path: named, position: at, .. }) => {
                assert_eq!((&named, at), (path, position))
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(journal.iter(1).any(|record| record.is_err()));
    assert!(journal.iter(1).count() < 10);
}

#[test]
fn a_missing_segment_a_foreign_file_and_a_newer_format_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options(200)).unwrap().0;
    for _ in 0..10 {
        journal.append(1, &[7; 60]).unwrap();
    }
    drop(journal);
    let paths = segments(dir.path());
    let hole = fs::read(&paths[1]).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    let journal = Journal::open(dir.path(), options(200)).unwrap().0;
    assert!(matches!(journal.iter(1).find(|r| r.is_err()), Some(Err(Error::Corrupt { .. }))));
    drop(journal);

    for (at, byte) in [(0, b'X'), (8, 2)] {
        let mut bytes = hole.clone();
        bytes[at] = byte;
        fs::write(&paths[1], bytes).unwrap();
        assert!(matches!(Journal::open(dir.path(), options(200)), Err(Error::Format { .. })));
    }
    fs::write(&paths[1], &hole).unwrap();
    assert_eq!(payloads(&Journal::open(dir.path(), options(200)).unwrap().0).len(), 10);
}

#[test]
fn a_directory_serves_one_journal_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    assert!(matches!(Journal::open(dir.path(), options(1 << 20)), Err(Error::Locked { .. })));
    drop(journal);
    open(dir.path());
}

#[test]
fn a_draft_of_a_segment_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let draft = dir.path().join("00000000000000000009.tmp");
    fs::write(&draft, b"HUT").unwrap();
    assert_eq!(open(dir.path()).append(1, b"x").unwrap(), 1);
    assert!(!draft.exists());
}

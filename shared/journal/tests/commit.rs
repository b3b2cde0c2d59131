//! Group commit: who waits is answered, readers do not wait, and a failure is final.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hutong_journal::{Error, Journal, Options, PAYLOAD_BYTES_MAX};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn concurrent_appenders_each_find_their_record_durable() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes_max: 64 << 10, ..Options::default() };
    let journal = Arc::new(Journal::open(dir.path(), options.clone()).unwrap().0);
    let appenders: Vec<_> = (0..8u8)
        .map(|appender| {
            let journal = journal.clone();
            std::thread::spawn(move || {
                let mut positions = Vec::new();
                for count in 0..50u8 {
                    let position = journal.append(appender, &[appender, count, 0, 0, 0]).unwrap();
                    assert_eq!(journal.read(position).unwrap().unwrap().payload[..2], [appender, count]);
                    if count % 2 == 0 {
                        journal.sync(position).unwrap();
                    } else {
                        block_on(journal.durable(position)).unwrap();
                    }
                    assert!(journal.durable_position() >= position);
                    positions.push(position);
                }
                positions
            })
        })
        .collect();
    let mut all: Vec<u64> = appenders.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=400).collect::<Vec<u64>>());
    drop(journal);
    let journal = Journal::open(dir.path(), options).unwrap().0;
    let mut next = [0; 8];
    for record in journal.iter(1) {
        let record = record.unwrap();
        let appender = record.kind as usize;
        assert_eq!(record.payload[..2], [record.kind, next[appender]]);
        next[appender] += 1;
    }
    assert_eq!(next, [50; 8]);
}

#[test]
fn a_reader_follows_while_the_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes_max: 256 << 10, ..Options::default() };
    let journal = Arc::new(Journal::open(dir.path(), options).unwrap().0);
    let done = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (journal, done) = (journal.clone(), done.clone());
        move || {
            let mut next = 1;
            loop {
                let finished = done.load(Ordering::Acquire);
                for record in journal.iter(next) {
                    let record = record.unwrap();
                    assert_eq!(record.position, next);
                    assert!(record.payload.iter().all(|byte| *byte == record.position as u8));
                    next += 1;
                }
                if finished {
                    return next - 1;
                }
            }
        }
    });
    for position in 1..=500u64 {
        journal.append(0, &vec![position as u8; (position as usize * 37) % 9_000]).unwrap();
        if position % 7 == 0 {
            journal.sync(position).unwrap();
        }
    }
    done.store(true, Ordering::Release);
    assert_eq!(reader.join().unwrap(), 500);
}

#[test]
fn much_is_written_though_nobody_asks() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), Options::default()).unwrap().0;
    for _ in 0..9 {
        journal.append(0, &vec![1; 1 << 20]).unwrap();
    }
    while journal.durable_position() < 4 {
        std::thread::yield_now();
    }
}

#[test]
fn a_failed_write_is_final() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("journal");
    let options = Options { segment_bytes_max: 100, ..Options::default() };
    let journal = Journal::open(&inner, options).unwrap().0;
    journal.append(0, &[0; 100]).unwrap();
    journal.sync(1).unwrap();
    std::fs::remove_dir_all(&inner).unwrap();
    // The next record needs a new file, which cannot be made.
    let position = journal.append(0, b"x").unwrap();
    let waiter = journal.durable(position);
    assert!(matches!(journal.sync(position), Err(Error::Poisoned { .. })));
    std::fs::create_dir_all(&inner).unwrap();
    assert!(matches!(block_on(waiter), Err(Error::Poisoned { .. })));
    assert!(matches!(journal.append(0, b"y"), Err(Error::Poisoned { .. })));
    assert!(matches!(journal.sync(1), Err(Error::Poisoned { .. })));
    assert!(matches!(journal.read(1), Err(Error::Poisoned { .. })));
    assert!(matches!(journal.truncate_before(2), Err(Error::Poisoned { .. })));
}

#[test]
fn a_record_above_the_limit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), Options::default()).unwrap().0;
    let large = vec![0; PAYLOAD_BYTES_MAX + 1];
    assert!(matches!(journal.append(0, &large), Err(Error::TooLarge { .. })));
    assert!(matches!(journal.append_many([(0, &large[..])]), Err(Error::TooLarge { .. })));
    assert_eq!(journal.append(0, &large[1..]).unwrap(), 1);
    journal.sync(1).unwrap();
    assert_eq!(journal.read(1).unwrap().unwrap().payload.len(), PAYLOAD_BYTES_MAX);
}

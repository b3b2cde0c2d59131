//! Append-only files with checksums, group commit and torn-tail repair.
//!
//! A journal is a directory of segment files that holds records at consecutive positions, from 1 on. An appended
//! record can be read at once and is durable later: whoever needs that waits for it ([`Journal::sync`],
//! [`Journal::durable`]), and one write and one `fdatasync` serve all who wait. Its users are an agency's
//! archive, the embedded bus and ingest's journal.
//!
//! It must not interpret payloads, retry a failed sync (the kernel drops the pages it could not write, so a
//! second sync that succeeds proves nothing), or cut anything that may have been acknowledged.
//!
//! # Files
//!
//! `<first position, 20 digits>.journal`, a `lock` file that an open journal holds locked, and while a segment is
//! being made its draft `.tmp`. Integers are little-endian; checksums are CRC-32C. Format 1:
//!
//! | offset | bytes | segment header |
//! | --- | --- | --- |
//! | 0 | 8 | `HUTONGJ\n` |
//! | 8 | 4 | format version, 1 |
//! | 12 | 4 | salt, random per segment |
//! | 16 | 8 | position of the first record |
//! | 24 | 4 | zero |
//! | 28 | 4 | checksum of bytes 0 to 28 |
//!
//! Records follow without padding:
//!
//! | offset | bytes | record |
//! | --- | --- | --- |
//! | 0 | 4 | length of the payload, at most 64 MiB |
//! | 4 | 1 | kind, the user's |
//! | 5 | 3 | zero |
//! | 8 | 8 | position |
//! | 16 | 8 | last position that was durable when this record was appended |
//! | 24 | 4 | checksum of the payload |
//! | 28 | 4 | checksum of bytes 0 to 28, continued from the salt |
//! | 32 | … | payload |
//!
//! # What survives
//!
//! A segment is synced before the next one is made, so only the last can be torn. On open its first unreadable
//! record, and all after it, are cut unless a later record says that the unreadable one was durable; then
//! [`Error::Corrupt`] names file, offset and position. (Rot in the very last group cannot be told from a torn
//! write and is cut; [`Recovery`] and a warning say so.) Checksums of older segments are checked as they are read.

mod disk;
mod error;
pub mod faulty;
mod format;
mod read;
mod recover;
mod segment;
mod state;
mod writer;

use std::{ops::RangeInclusive, path::Path, path::PathBuf, sync::Arc, thread::JoinHandle};

use bytes::Bytes;

pub use disk::{Call, Faults, Pause};
pub use error::Error;
pub use read::Iter;
pub use writer::Durable;

use state::Shared;

/// The largest payload of one record.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment is closed before it grows beyond this (one record may be larger).
    pub segment_bytes_max: u64,
    pub sync: SyncPolicy,
    /// For tests: shown every call that changes something before it is made.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes_max: 128 << 20, sync: SyncPolicy::Fdatasync, faults: None }
    }
}

/// What makes a record count as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// The disk has it.
    Fdatasync,
    /// The operating system has it: survives a crash of the process, not of the machine. For measuring and tests.
    WriteOnly,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub position: u64,
    pub kind: u8,
    pub payload: Bytes,
}

/// What opening found. `last_position` is one less than `first_position` when there is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    pub first_position: u64,
    pub last_position: u64,
    pub torn: Option<Torn>,
}

/// A tail that a crash tore and opening cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    pub path: PathBuf,
    pub offset: u64,
    pub cut_bytes: u64,
}

/// One segment, for those who decide what to drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Empty while the segment has no record.
    pub positions: RangeInclusive<u64>,
    pub bytes: u64,
}

/// An open journal. Dropping it writes and syncs what is still in memory.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in a directory, which is made if it does not exist, and repairs a torn tail.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        let opened = recover::open(dir, &disk::Disk(options.faults.clone()))?;
        let recovery = opened.recovery.clone();
        let shared = Arc::new(Shared::new(dir, options, opened));
        let writer = std::thread::Builder::new()
            .name("journal".into())
            .spawn({
                let shared = shared.clone();
                move || writer::run(&shared)
            })
            .map_err(Error::io("start the writer of", dir))?;
        Ok((Self { shared, writer: Some(writer) }, recovery))
    }

    /// Appends a record and returns its position. It can be read at once; it is written when someone waits for
    /// it to be durable, when some MiB have gathered, or when the journal is dropped. Blocks only while far more
    /// waits to be written than a disk takes in a moment.
    pub fn append(&self, kind: u8, payload: &[u8]) -> Result<u64, Error> {
        self.append_parts(kind, &[payload])
    }

    /// Appends one record whose payload is given in parts.
    pub fn append_parts(&self, kind: u8, parts: &[&[u8]]) -> Result<u64, Error> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > PAYLOAD_BYTES_MAX {
            return Err(Error::TooLarge { bytes: length, limit: PAYLOAD_BYTES_MAX });
        }
        let checksum = parts.iter().fold(0, |checksum, part| crc32c::crc32c_append(checksum, part));
        self.shared.append(kind, parts, length, checksum)
    }

    /// Appends records at consecutive positions, with no one else's between them, and returns the last position
    /// (that of the journal if there are none). A crash may still keep only the first few of them: what must
    /// stand or fall together belongs into one record.
    pub fn append_many<'a>(&self, records: impl IntoIterator<Item = (u8, &'a [u8])>) -> Result<u64, Error> {
        let records: Vec<_> =
            records.into_iter().map(|(kind, payload)| (kind, payload, crc32c::crc32c(payload))).collect();
        if let Some((_, payload, _)) =
            records.iter().find(|(_, payload, _)| payload.len() > PAYLOAD_BYTES_MAX)
        {
            return Err(Error::TooLarge { bytes: payload.len(), limit: PAYLOAD_BYTES_MAX });
        }
        self.shared.append_many(&records)
    }

    /// Waits until a position is durable; one beyond the last counts as the last.
    pub fn sync(&self, upto: u64) -> Result<(), Error> {
        writer::sync(&self.shared, upto)
    }

    /// The same without blocking: a future of any runtime. The sync starts when it is first polled.
    pub fn durable(&self, upto: u64) -> Durable {
        Durable::new(self.shared.clone(), upto)
    }

    /// The record at a position, if it is (still) there.
    pub fn read(&self, position: u64) -> Result<Option<Record>, Error> {
        read::read(&self.shared, position)
    }

    /// The records from a position on, to the one that is last when the iterator gets there. A position that is
    /// no longer kept ends it at once.
    pub fn iter(&self, from: u64) -> Iter<'_> {
        Iter::new(&self.shared, from)
    }

    /// The first position that is kept; one more than the last if there is no record.
    pub fn first_position(&self) -> u64 {
        self.shared.lock().first()
    }

    /// The last position; 0 in a new journal.
    pub fn last_position(&self) -> u64 {
        self.shared.lock().next - 1
    }

    /// The last position that is known to be durable.
    pub fn durable_position(&self) -> u64 {
        self.shared.lock().durable
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.shared.lock().segment_infos()
    }

    /// Drops the segments that hold only positions before this one. The last segment always stays.
    pub fn truncate_before(&self, position: u64) -> Result<(), Error> {
        self.shared.truncate_before(position)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(dir = %self.shared.dir.display(), "the journal's writer panicked");
        }
    }
}

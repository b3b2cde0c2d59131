//! What appenders, readers and the writer share: the segments, and the bytes not yet in a file.
//!
//! Nothing here writes or syncs; the lock is never held across a system call that could wait for the disk.

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    task::Waker,
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::{
    Error, Options, SegmentInfo, SyncPolicy,
    disk::Disk,
    format::{FILE_HEADER_BYTES, RECORD_HEADER_BYTES, RecordHeader, segment_path},
    recover::Opened,
    segment::Segment,
};

/// Appenders wait while this much has not been written.
const UNWRITTEN_BYTES_MAX: usize = 256 << 20;

/// The writer starts by itself when this much waits, though nobody asked for it to be durable.
pub(crate) const WRITE_BEHIND_BYTES: usize = 4 << 20;

/// Bytes of one segment that are on their way to its file.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The first position of the segment it belongs to.
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Disk,
    pub(crate) sync: SyncPolicy,
    segment_bytes_max: u64,
    state: Mutex<State>,
    /// Something to write, or closing.
    pub(crate) work: Condvar,
    /// Something became durable, or the journal is poisoned.
    pub(crate) progress: Condvar,
    _lock: File,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) segments: VecDeque<Segment>,
    /// The position of the next record.
    pub(crate) next: u64,
    pub(crate) durable: u64,
    /// The highest position that someone waits for.
    pub(crate) requested: u64,
    pub(crate) pending: Vec<Chunk>,
    pub(crate) pending_bytes: usize,
    pub(crate) in_flight: Vec<Arc<Chunk>>,
    pub(crate) in_flight_bytes: usize,
    /// An emptied buffer, kept for its capacity.
    pub(crate) spare: Vec<u8>,
    pub(crate) waiters: HashMap<u64, (u64, Waker)>,
    pub(crate) waiters_made: u64,
    pub(crate) closing: bool,
    pub(crate) poisoned: Option<Error>,
}

impl Shared {
    pub(crate) fn new(dir: &Path, options: Options, opened: Opened) -> Self {
        let state = State {
            segments: opened.segments.into(),
            next: opened.next,
            durable: opened.next - 1,
            requested: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            in_flight: Vec::new(),
            in_flight_bytes: 0,
            spare: Vec::new(),
            waiters: HashMap::new(),
            waiters_made: 0,
            closing: false,
            poisoned: None,
        };
        Self {
            dir: dir.into(),
            disk: Disk(options.faults),
            sync: options.sync,
            segment_bytes_max: options.segment_bytes_max,
            state: Mutex::new(state),
            work: Condvar::new(),
            progress: Condvar::new(),
            _lock: opened.lock,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn append(
        &self,
        kind: u8,
        parts: &[&[u8]],
        length: usize,
        checksum: u32,
    ) -> Result<u64, Error> {
        let mut state = self.room()?;
        let position = state.push(&self.dir, self.segment_bytes_max, kind, parts, length, checksum);
        self.nudge(&state);
        Ok(position)
    }

    pub(crate) fn append_many(&self, records: &[(u8, &[u8], u32)]) -> Result<u64, Error> {
        let mut state = self.room()?;
        for &(kind, payload, checksum) in records {
            state.push(&self.dir, self.segment_bytes_max, kind, &[payload], payload.len(), checksum);
        }
        self.nudge(&state);
        Ok(state.next - 1)
    }

    /// The state, once there is room for more.
    fn room(&self) -> Result<MutexGuard<'_, State>, Error> {
        let mut state = self.lock();
        state.check()?;
        while state.pending_bytes + state.in_flight_bytes > UNWRITTEN_BYTES_MAX {
            self.progress.wait(&mut state);
            state.check()?;
        }
        Ok(state)
    }

    fn nudge(&self, state: &State) {
        if state.pending_bytes >= WRITE_BEHIND_BYTES {
            self.work.notify_one();
        }
    }

    pub(crate) fn truncate_before(&self, position: u64) -> Result<(), Error> {
        let dropped = {
            let mut state = self.lock();
            state.check()?;
            let mut dropped = Vec::new();
            while state.segments.len() > 1 && state.segments[1].first <= position.min(state.durable + 1) {
                dropped.extend(state.segments.pop_front());
            }
            dropped
        };
        // Oldest first: a crash between two removals leaves no hole.
        for segment in &dropped {
            self.disk.remove(&segment.path)?;
        }
        if dropped.is_empty() { Ok(()) } else { self.disk.sync_dir(&self.dir) }
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_all();
    }
}

impl State {
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.poisoned.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn first(&self) -> u64 {
        self.segments.front().map_or(self.next, |segment| segment.first)
    }

    pub(crate) fn segment_infos(&self) -> Vec<SegmentInfo> {
        let ends = self.segments.iter().skip(1).map(|segment| segment.first).chain([self.next]);
        self.segments
            .iter()
            .zip(ends)
            .map(|(segment, end)| SegmentInfo { positions: segment.first..=end - 1, bytes: segment.bytes })
            .collect()
    }

    fn push(
        &mut self,
        dir: &Path,
        segment_bytes_max: u64,
        kind: u8,
        parts: &[&[u8]],
        length: usize,
        payload_checksum: u32,
    ) -> u64 {
        let position = self.next;
        let header =
            RecordHeader { length: length as u32, kind, position, durable: self.durable, payload_checksum };
        let record_bytes = header.record_bytes();
        let full = self.segments.back().is_none_or(|segment| {
            segment.bytes > FILE_HEADER_BYTES as u64 && segment.bytes + record_bytes > segment_bytes_max
        });
        if full {
            self.segments.push_back(Segment::new(segment_path(dir, position), position, random()));
        }
        let Some(segment) = self.segments.back_mut() else { return position };
        let fresh = self.pending.last().is_none_or(|chunk| chunk.segment != segment.first);
        if fresh {
            let bytes = std::mem::take(&mut self.spare);
            self.pending.push(Chunk { segment: segment.first, offset: segment.bytes, bytes });
        }
        let salt = segment.salt;
        segment.push(position, record_bytes, fresh);
        if let Some(chunk) = self.pending.last_mut() {
            chunk.bytes.reserve(record_bytes as usize);
            chunk.bytes.extend_from_slice(&header.encode(salt));
            for part in parts {
                chunk.bytes.extend_from_slice(part);
            }
        }
        self.pending_bytes += RECORD_HEADER_BYTES + length;
        self.next += 1;
        position
    }
}

/// Any number that a file of before did not have and a payload's author cannot know.
pub(crate) fn random() -> u32 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() as u32
}

//! Group commit: the one thread that writes and syncs, and those who wait for it.
//!
//! It takes everything that waits, writes it with one call per segment, syncs once, and answers all. A failure
//! is final: it poisons the journal and is never retried.

use std::{
    fmt,
    fs::File,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use crate::{
    Error, Pause, SyncPolicy,
    format::{FileHeader, segment_path},
    recover::create_file,
    state::{Chunk, Shared, State, WRITE_BEHIND_BYTES},
};

/// A buffer larger than this is freed after its write instead of being kept.
const SPARE_BYTES_MAX: usize = 16 << 20;

/// The files of sealed segments that stay open for readers.
const OPEN_FILES_MAX: usize = 64;

/// The writer thread.
pub(crate) fn run(shared: &Shared) {
    let mut active = None;
    while let Some((chunks, upto)) = take_work(shared) {
        let written = write(shared, &chunks, &mut active);
        let wakers = finish(shared, chunks, upto, written);
        shared.progress.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Waits for work and takes all there is; `None` when the journal closes and nothing is left.
fn take_work(shared: &Shared) -> Option<(Vec<Arc<Chunk>>, u64)> {
    let mut state = shared.lock();
    loop {
        if state.poisoned.is_some() {
            return None;
        }
        let wanted =
            state.requested > state.durable || state.pending_bytes >= WRITE_BEHIND_BYTES || state.closing;
        if wanted && !state.pending.is_empty() {
            let chunks: Vec<_> = std::mem::take(&mut state.pending).into_iter().map(Arc::new).collect();
            state.in_flight = chunks.clone();
            state.in_flight_bytes = std::mem::take(&mut state.pending_bytes);
            return Some((chunks, state.next - 1));
        }
        if state.closing {
            return None;
        }
        shared.work.wait(&mut state);
    }
}

/// The file that is being written, and the segment it belongs to.
type Active = Option<(u64, Arc<File>)>;

fn write(shared: &Shared, chunks: &[Arc<Chunk>], active: &mut Active) -> Result<(), Error> {
    let mut unsynced = false;
    for chunk in chunks {
        let file = match active {
            Some((segment, file)) if *segment == chunk.segment => file.clone(),
            _ => {
                // A new segment's file appears only when the one before it is complete on the disk.
                if let Some((segment, file)) = active.as_ref().filter(|_| unsynced) {
                    sync_file(shared, *segment, file)?;
                }
                let file = file_of(shared, chunk.segment)?;
                *active = Some((chunk.segment, file.clone()));
                file
            }
        };
        let path = segment_path(&shared.dir, chunk.segment);
        shared.disk.write(&file, &path, chunk.offset, &chunk.bytes)?;
        unsynced = true;
    }
    match active {
        Some((segment, file)) if unsynced => sync_file(shared, *segment, file),
        _ => Ok(()),
    }
}

fn sync_file(shared: &Shared, segment: u64, file: &File) -> Result<(), Error> {
    match shared.sync {
        SyncPolicy::Fdatasync => shared.disk.sync(file, &segment_path(&shared.dir, segment)),
        SyncPolicy::WriteOnly => Ok(()),
    }
}

/// The open file of a segment that is to be written, which is made if it is new.
fn file_of(shared: &Shared, first: u64) -> Result<Arc<File>, Error> {
    let (path, salt) = {
        let state = shared.lock();
        let Some(segment) = state.segments.iter().rev().find(|segment| segment.first == first) else {
            return Err(poisoned(shared, "a segment with unwritten records is missing".into()));
        };
        if let Some(file) = &segment.file {
            return Ok(file.clone());
        }
        (segment.path.clone(), segment.salt)
    };
    let file = Arc::new(create_file(&shared.disk, &shared.dir, &path, FileHeader { first, salt })?);
    let mut state = shared.lock();
    if let Some(segment) = state.segments.iter_mut().rev().find(|segment| segment.first == first) {
        segment.file = Some(file.clone());
    }
    close_old_files(&mut state);
    Ok(file)
}

/// Closes files of old segments beyond the limit; a reader opens them again.
pub(crate) fn close_old_files(state: &mut State) {
    let sealed = state.segments.len().saturating_sub(2);
    let open = state.segments.iter().filter(|segment| segment.file.is_some()).count();
    let closable = state.segments.iter_mut().take(sealed).filter(|segment| segment.file.is_some());
    for segment in closable.take(open.saturating_sub(OPEN_FILES_MAX)) {
        segment.file = None;
    }
}

/// Notes the outcome and returns who is to be woken.
fn finish(shared: &Shared, chunks: Vec<Arc<Chunk>>, upto: u64, written: Result<(), Error>) -> Vec<Waker> {
    let mut state = shared.lock();
    match written {
        Ok(()) => {
            state.durable = upto;
            state.in_flight.clear();
            state.in_flight_bytes = 0;
        }
        Err(error) => {
            let reason = match &error {
                Error::Io { source, .. } => format!("{error}: {source}"),
                error => error.to_string(),
            };
            tracing::error!(dir = %shared.dir.display(), reason, "the journal stops");
            state.poisoned = Some(poisoned(shared, reason));
        }
    }
    for chunk in chunks {
        if let Ok(mut chunk) = Arc::try_unwrap(chunk)
            && chunk.bytes.capacity() <= SPARE_BYTES_MAX
            && chunk.bytes.capacity() > state.spare.capacity()
        {
            chunk.bytes.clear();
            state.spare = chunk.bytes;
        }
    }
    let (durable, failed) = (state.durable, state.poisoned.is_some());
    let woken = state.waiters.extract_if(|_, (upto, _)| failed || *upto <= durable);
    woken.map(|(_, (_, waker))| waker).collect()
}

fn poisoned(shared: &Shared, reason: String) -> Error {
    Error::Poisoned { path: shared.dir.clone(), reason }
}

/// Waits on the calling thread.
pub(crate) fn sync(shared: &Shared, upto: u64) -> Result<(), Error> {
    let mut state = shared.lock();
    let upto = upto.min(state.next - 1);
    loop {
        state.check()?;
        if state.durable >= upto {
            return Ok(());
        }
        request(shared, &mut state, upto);
        shared.progress.wait(&mut state);
    }
}

fn request(shared: &Shared, state: &mut State, upto: u64) {
    if state.requested < upto {
        state.requested = upto;
        shared.work.notify_one();
    }
}

/// Completes when a position is durable, or fails with the journal. Made by
/// [`Journal::durable`](crate::Journal::durable).
#[must_use = "nothing is synced before it is polled"]
pub struct Durable {
    shared: Arc<Shared>,
    upto: u64,
    waiter: Option<u64>,
    /// What a simulation puts in place of the writer's own pace.
    pause: Option<Pause>,
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("upto", &self.upto).finish_non_exhaustive()
    }
}

impl Durable {
    pub(crate) fn new(shared: Arc<Shared>, upto: u64) -> Self {
        let upto = upto.min(shared.lock().next - 1);
        let pause = shared.disk.0.as_ref().and_then(|faults| faults.pause());
        Self { shared, upto, waiter: None, pause }
    }
}

impl Future for Durable {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(context));
            this.pause = None;
            return Poll::Ready(sync(&this.shared, this.upto));
        }
        let mut state = this.shared.lock();
        if let Err(error) = state.check() {
            return Poll::Ready(Err(error));
        }
        if state.durable >= this.upto {
            return Poll::Ready(Ok(()));
        }
        let waiter = *this.waiter.get_or_insert_with(|| {
            state.waiters_made += 1;
            state.waiters_made
        });
        state.waiters.insert(waiter, (this.upto, context.waker().clone()));
        request(&this.shared, &mut state, this.upto);
        Poll::Pending
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            self.shared.lock().waiters.remove(&waiter);
        }
    }
}

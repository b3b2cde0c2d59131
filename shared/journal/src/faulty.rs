//! A disk that remembers every call that changed something, fails on command, and tells what a power cut would leave.
//! For tests: of journals, and of whatever else shows its calls to a [`Faults`].
//!
//! It promises no more than POSIX does: bytes stay that were synced, names that their directory's sync covered. Of
//! everything since, a power cut keeps what it likes, sector by sector; only names come back in the order of the calls.

mod image;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{Call, Faults};

pub use image::{Image, Kept};

/// The memory of a disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    done: Vec<Done>,
    fail: Option<(usize, io::ErrorKind)>,
    failed: usize,
}

/// A call that was made.
#[derive(Clone, Debug)]
enum Done {
    Create(PathBuf),
    Write(PathBuf, usize, Vec<u8>),
    SetLen(PathBuf, usize),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    MakeDir(PathBuf),
    SyncDir(PathBuf),
}

impl FaultyDisk {
    /// The calls so far that changed something.
    pub fn calls(&self) -> usize {
        self.state.lock().done.len()
    }

    /// The calls that were made to fail.
    pub fn failed(&self) -> usize {
        self.state.lock().failed
    }

    /// Once there are so many calls, every further one fails. A write that fails for want of space leaves its first
    /// half.
    pub fn fail_from(&self, calls: usize, kind: io::ErrorKind) {
        self.state.lock().fail = Some((calls, kind));
    }

    /// Whether the call of this number, counted from 0, orders what is on the disk: a sync, or a change of names.
    pub fn orders(&self, call: usize) -> bool {
        let state = self.state.lock();
        !matches!(state.done.get(call), None | Some(Done::Write(..) | Done::SetLen(..)))
    }

    /// What a power cut leaves after so many calls.
    pub fn image(&self, calls: usize, kept: Kept) -> Image {
        let done = self.state.lock().done.iter().take(calls).cloned().collect::<Vec<_>>();
        Image::after(&done, kept)
    }
}

impl Faults for FaultyDisk {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        let mut state = self.state.lock();
        let own = Path::to_owned;
        if let Some((from, kind)) = state.fail
            && state.done.len() + state.failed >= from
        {
            if let (io::ErrorKind::StorageFull, Call::Write { path, offset, bytes }) = (kind, call) {
                let half = bytes[..bytes.len() / 2].to_vec();
                state.done.push(Done::Write(own(path), offset as usize, half));
            }
            state.failed += 1;
            return Err(kind.into());
        }
        state.done.push(match call {
            Call::Create { path } => Done::Create(own(path)),
            Call::Write { path, offset, bytes } => Done::Write(own(path), offset as usize, bytes.to_vec()),
            Call::SetLen { path, len } => Done::SetLen(own(path), len as usize),
            Call::Sync { path } => Done::Sync(own(path)),
            Call::Rename { from, to } => Done::Rename(own(from), own(to)),
            Call::Remove { path } => Done::Remove(own(path)),
            Call::MakeDir { path } => Done::MakeDir(own(path)),
            Call::SyncDir { path } => Done::SyncDir(own(path)),
        });
        Ok(())
    }
}

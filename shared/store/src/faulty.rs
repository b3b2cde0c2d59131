//! A backend in memory that fails on command and remembers what a crash would leave. For tests.

use std::{io, path::PathBuf, sync::Arc};

use hutong_journal::{Call, Faults};
use parking_lot::Mutex;
use redb::StorageBackend;

/// Bytes in memory, and the bytes that a power cut would leave. Clones share them.
#[derive(Clone, Default)]
pub struct FaultyBackend {
    state: Arc<Mutex<State>>,
    /// Who is shown each call first, and by which name of a file.
    watched: Option<(PathBuf, Arc<dyn Faults>)>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// What was there at the last sync.
    synced: Vec<u8>,
    /// The writes since then: a crash keeps any of them.
    unsynced: Vec<(u64, Vec<u8>)>,
    calls: u64,
    fail_at: Option<u64>,
}

impl std::fmt::Debug for FaultyBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state.lock();
        write!(f, "{} bytes after {} calls", state.bytes.len(), state.calls)
    }
}

impl FaultyBackend {
    /// Starts from bytes that a crash left.
    pub fn from_image(image: Vec<u8>) -> Self {
        let state = State { bytes: image.clone(), synced: image, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), watched: None }
    }

    /// Shows each call that changes something to `faults`, as of the file at `path`: one that remembers them for
    /// several files knows what a power cut leaves of all together.
    pub fn watched(path: PathBuf, faults: Arc<dyn Faults>) -> Self {
        Self { watched: Some((path, faults)), ..Self::default() }
    }

    /// The same over the bytes of a new store, which are on the disk before its file has a name.
    pub fn new_store(path: PathBuf, faults: Arc<dyn Faults>) -> Result<Self, crate::Error> {
        let new = Self::default();
        drop(crate::Store::with_backend(new.clone(), crate::Options::default())?);
        let bytes = new.crash_image(|_| true);
        let draft = path.with_extension("tmp");
        let calls = [
            Call::Create { path: &draft },
            Call::Write { path: &draft, offset: 0, bytes: &bytes },
            Call::Sync { path: &draft },
            Call::Rename { from: &draft, to: &path },
            Call::SyncDir { path: path.parent().unwrap_or(&path) },
        ];
        for call in calls {
            faults.before(call).map_err(|error| {
                let source = Arc::new(redb::StorageError::Io(error).into());
                crate::Error::Open { path: path.clone(), source }
            })?;
        }
        Ok(Self { watched: Some((path, faults)), ..Self::from_image(bytes) })
    }

    fn show(&self, call: impl FnOnce(&std::path::Path) -> Call<'_>) -> io::Result<()> {
        self.watched.as_ref().map_or(Ok(()), |(path, faults)| faults.before(call(path)))
    }

    /// From this many more calls on that change something, every one fails.
    pub fn fail_after(&self, calls: u64) {
        let mut state = self.state.lock();
        state.fail_at = Some(state.calls + calls);
    }

    /// The calls so far that change something.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// What a power cut leaves now: all that was synced, and of the writes since those for which `kept` says so,
    /// given their number. The file's length is as it was last set.
    pub fn crash_image(&self, mut kept: impl FnMut(usize) -> bool) -> Vec<u8> {
        let state = self.state.lock();
        let mut image = state.synced.clone();
        image.resize(state.bytes.len(), 0);
        for (number, (offset, bytes)) in state.unsynced.iter().enumerate() {
            let start = usize::try_from(*offset).unwrap_or(usize::MAX);
            if kept(number) && start.saturating_add(bytes.len()) <= image.len() {
                image[start..start + bytes.len()].copy_from_slice(bytes);
            }
        }
        image
    }
}

impl State {
    fn count(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.fail_at {
            Some(at) if self.calls > at => Err(io::Error::other("the test's disk fails")),
            _ => Ok(()),
        }
    }

    fn span(&self, offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.checked_add(len).filter(|end| *end <= self.bytes.len());
        end.map(|end| start..end).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }
}

impl StorageBackend for FaultyBackend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock();
        let span = state.span(offset, out.len())?;
        out.copy_from_slice(&state.bytes[span]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.show(|path| Call::SetLen { path, len })?;
        let mut state = self.state.lock();
        state.count()?;
        state.bytes.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.show(|path| Call::Sync { path })?;
        let mut state = self.state.lock();
        state.count()?;
        state.synced = state.bytes.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Some((path, faults)) = &self.watched {
            faults.before(Call::Write { path, offset, bytes: data })?;
        }
        let mut state = self.state.lock();
        state.count()?;
        let span = state.span(offset, data.len())?;
        state.bytes[span].copy_from_slice(data);
        state.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
}

//! The calls by which a journal changes what is on the disk, each shown to a [`Faults`] first.
//!
//! It adds nothing to a call and retries none. Tests interfere here: they make calls fail, and remember them to tell
//! what a power cut would leave ([`faulty`](crate::faulty)).

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    pin::Pin,
    sync::Arc,
};

use crate::Error;

/// A call that is about to be made.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    /// A new, empty file; one of that name is emptied.
    Create {
        path: &'a Path,
    },
    Write {
        path: &'a Path,
        offset: u64,
        bytes: &'a [u8],
    },
    SetLen {
        path: &'a Path,
        len: u64,
    },
    /// The file's bytes and length are on the disk after it.
    Sync {
        path: &'a Path,
    },
    Rename {
        from: &'a Path,
        to: &'a Path,
    },
    Remove {
        path: &'a Path,
    },
    MakeDir {
        path: &'a Path,
    },
    /// The names in the directory are on the disk after it.
    SyncDir {
        path: &'a Path,
    },
}

/// Where tests interfere: is shown each call before it is made; an error is the call's outcome instead.
pub trait Faults: fmt::Debug + Send + Sync {
    fn before(&self, call: Call<'_>) -> io::Result<()>;

    /// For simulation: how long a sync takes. Whoever awaits durability waits for this and then syncs on its own
    /// thread, so that nothing depends on when another thread gets its turn. None: the writer syncs, at its own pace.
    fn pause(&self) -> Option<Pause> {
        None
    }
}

/// A wait by the clock of a simulation.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The disk, with or without faults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(pub(crate) Option<Arc<dyn Faults>>);

impl Disk {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |faults| faults.before(call))
    }

    pub(crate) fn create(&self, path: &Path) -> Result<File, Error> {
        let create = || {
            self.before(Call::Create { path })?;
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
        };
        create().map_err(Error::io("create", path))
    }

    pub(crate) fn write(&self, file: &File, path: &Path, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let written = self.before(Call::Write { path, offset, bytes });
        written.and_then(|()| file.write_all_at(bytes, offset)).map_err(Error::io("write to", path))
    }

    pub(crate) fn set_len(&self, file: &File, path: &Path, len: u64) -> Result<(), Error> {
        let cut = self.before(Call::SetLen { path, len });
        cut.and_then(|()| file.set_len(len)).map_err(Error::io("cut", path))
    }

    pub(crate) fn sync(&self, file: &File, path: &Path) -> Result<(), Error> {
        let synced = self.before(Call::Sync { path });
        synced.and_then(|()| file.sync_data()).map_err(Error::io("sync", path))
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let named = self.before(Call::Rename { from, to });
        named.and_then(|()| fs::rename(from, to)).map_err(Error::io("name", to))
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), Error> {
        let removed = self.before(Call::Remove { path });
        removed.and_then(|()| fs::remove_file(path)).map_err(Error::io("remove", path))
    }

    pub(crate) fn sync_dir(&self, path: &Path) -> Result<(), Error> {
        let synced = self.before(Call::SyncDir { path });
        synced.and_then(|()| File::open(path)?.sync_all()).map_err(Error::io("sync", path))
    }

    /// Makes a directory, and those above it that are missing, each with its name on the disk: a journal whose
    /// directory a power cut can take keeps nothing.
    pub(crate) fn make_dir(&self, path: &Path) -> Result<(), Error> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        let above = path.parent().unwrap_or(Path::new(""));
        self.make_dir(above)?;
        match self.before(Call::MakeDir { path }).and_then(|()| fs::create_dir(path)) {
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(Error::io("create", path))?,
        }
        self.sync_dir(if above.as_os_str().is_empty() { Path::new(".") } else { above })
    }
}

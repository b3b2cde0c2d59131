//! The store: opening, writing through the one writer, reading snapshots.

use std::{fmt, path::Path, sync::Arc, thread::JoinHandle, time::Duration};

use redb::{Builder, Database, StorageBackend};

use crate::{
    Backend, Batch, Error, Form, Snapshot,
    create::create,
    form,
    writer::{self, Queue},
};

/// Called before a commit is synced: brings to the disk what the commit's content relies on.
pub type BeforeSync = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// How a store is kept.
#[derive(Clone)]
pub struct Options {
    /// Pages in memory, in bytes.
    pub cache_bytes: usize,
    /// At the latest so long after an unsynced commit, one is synced. Zero: a write returns when it is synced.
    pub sync_every: Duration,
    /// At the latest after so many unsynced bytes, one is synced.
    pub sync_bytes: usize,
    pub before_sync: Option<BeforeSync>,
    /// Where it is kept instead of a file: for tests.
    pub backend: Option<Backend>,
    /// What the store holds. None: whoever opens it looks at that itself.
    pub form: Option<Form>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            sync_every: Duration::from_secs(1),
            sync_bytes: 64 << 20,
            before_sync: None,
            backend: None,
            form: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cache_bytes", &self.cache_bytes)
            .field("sync_every", &self.sync_every)
            .field("sync_bytes", &self.sync_bytes)
            .finish_non_exhaustive()
    }
}

/// An open store. Dropping it writes what waits and syncs.
#[derive(Debug)]
pub struct Store {
    database: Arc<Database>,
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    /// Every write is synced before it returns.
    in_step: bool,
}

impl Store {
    /// Opens the file, which is made if it does not exist, or the backend that the options name instead.
    pub fn open(path: &Path, mut options: Options) -> Result<Self, Error> {
        if let Some(backend) = options.backend.take() {
            return Self::with_backend(backend, options);
        }
        let failed = |source| Error::Open { path: path.to_owned(), source: Arc::new(source) };
        create(path).map_err(failed)?;
        let database = Builder::new().set_cache_size(options.cache_bytes).create(path).map_err(failed)?;
        Self::start(database, path, options)
    }

    /// Opens a store on another backend than a file.
    pub fn with_backend(backend: impl StorageBackend, options: Options) -> Result<Self, Error> {
        let database = Builder::new().set_cache_size(options.cache_bytes).create_with_backend(backend);
        let path = Path::new("(memory)");
        let failed = |source| Error::Open { path: path.to_owned(), source: Arc::new(source) };
        Self::start(database.map_err(failed)?, path, options)
    }

    fn start(database: Database, path: &Path, options: Options) -> Result<Self, Error> {
        if let Some(form) = options.form {
            form::check(&database, path, form)?;
        }
        let in_step = options.sync_every.is_zero();
        let (database, queue) = (Arc::new(database), Arc::new(Queue::default()));
        let writer = std::thread::Builder::new().name("store".into()).spawn({
            let (database, queue) = (database.clone(), queue.clone());
            move || writer::run(&database, &queue, &options)
        });
        let writer = Some(writer.map_err(|e| Error::Thread(Arc::new(e)))?);
        Ok(Self { database, queue, writer, in_step })
    }

    /// Queues a batch; `done` is called on the writer's thread once readers see it, or when it failed. Batches
    /// become visible in the order in which they are queued.
    pub fn write(&self, batch: Batch, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        if self.in_step {
            return done(self.write_synced(batch));
        }
        self.queue.push(batch, Box::new(done), false);
    }

    /// Writes a batch and all queued before it, and syncs; blocks until that is done.
    pub fn write_synced(&self, batch: Batch) -> Result<(), Error> {
        let (answer, result) = std::sync::mpsc::sync_channel(1);
        let done = move |outcome| {
            let _ = answer.send(outcome);
        };
        self.queue.push(batch, Box::new(done), true);
        result.recv().unwrap_or_else(|_| Err(Error::Stopped { reason: "its writer is gone".into() }))
    }

    /// What waits to be committed, in bytes: a caller far ahead of the disk holds back.
    pub fn waiting_bytes(&self) -> usize {
        self.queue.waiting_bytes()
    }

    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Snapshot::new(&self.database)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

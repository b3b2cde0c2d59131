//! Group commit: the one thread that writes.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use redb::{Database, Durability};

use crate::{Batch, Error, Options, batch::definition};

type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// One commit takes about this much at most, so that what waits behind it is not kept waiting for long.
const COMMIT_BYTES: usize = 16 << 20;

/// What waits for the writer.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: std::collections::VecDeque<Job>,
    bytes: usize,
    closing: bool,
    stopped: Option<String>,
}

struct Job {
    batch: Batch,
    done: Done,
    sync: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes waiting", self.waiting_bytes())
    }
}

impl Queue {
    pub(crate) fn push(&self, batch: Batch, done: Done, sync: bool) {
        let mut state = self.state.lock();
        if let Some(reason) = state.stopped.clone() {
            drop(state);
            return done(Err(Error::Stopped { reason }));
        }
        state.bytes += batch.bytes();
        state.jobs.push_back(Job { batch, done, sync });
        self.work.notify_one();
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.state.lock().bytes
    }

    pub(crate) fn close(&self) {
        self.state.lock().closing = true;
        self.work.notify_one();
    }

    /// Waits for jobs, at most until the given time; None when the store closes and nothing is left.
    fn take(&self, until: Option<Instant>) -> Option<Vec<Job>> {
        let mut state = self.state.lock();
        while state.jobs.is_empty() && !state.closing {
            match until {
                None => self.work.wait(&mut state),
                Some(until) => {
                    if self.work.wait_until(&mut state, until).timed_out() {
                        break;
                    }
                }
            }
        }
        if state.jobs.is_empty() && state.closing {
            return None;
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(job) = state.jobs.pop_front() {
            bytes += job.batch.bytes();
            taken.push(job);
            if bytes >= COMMIT_BYTES {
                break;
            }
        }
        state.bytes -= bytes;
        Some(taken)
    }

    fn stop(&self, reason: String) {
        let jobs = {
            let mut state = self.state.lock();
            state.stopped = Some(reason.clone());
            state.bytes = 0;
            std::mem::take(&mut state.jobs)
        };
        for job in jobs {
            (job.done)(Err(Error::Stopped { reason: reason.clone() }));
        }
    }
}

/// What was committed since the last sync.
struct Unsynced {
    since: Instant,
    bytes: usize,
}

pub(crate) fn run(database: &Database, queue: &Queue, options: &Options) {
    let mut unsynced: Option<Unsynced> = None;
    loop {
        let due = unsynced.as_ref().map(|unsynced| unsynced.since + options.sync_every);
        let jobs = queue.take(due);
        let closing = jobs.is_none();
        let jobs = jobs.unwrap_or_default();
        if jobs.is_empty() && unsynced.is_none() {
            if closing {
                return;
            }
            continue;
        }
        let mut batch = Batch::default();
        let mut dones = Vec::with_capacity(jobs.len());
        let mut asked = false;
        for job in jobs {
            batch.append(job.batch);
            dones.push(job.done);
            asked |= job.sync;
        }
        let bytes = unsynced.as_ref().map_or(0, |u| u.bytes) + batch.bytes();
        let overdue = due.is_some_and(|due| due.saturating_duration_since(Instant::now()) == Duration::ZERO);
        let sync = closing || asked || overdue || bytes >= options.sync_bytes;
        let committed = commit(database, batch, sync, options);
        if let Err(error) = &committed {
            tracing::error!(%error, "the store stops");
            queue.stop(error.to_string());
        }
        let failed = committed.is_err();
        dones.into_iter().for_each(|done| done(committed.clone()));
        if failed || closing {
            return;
        }
        unsynced = match unsynced {
            _ if sync => None,
            None => Some(Unsynced { since: Instant::now(), bytes }),
            Some(unsynced) => Some(Unsynced { bytes, ..unsynced }),
        };
    }
}

fn commit(database: &Database, mut batch: Batch, sync: bool, options: &Options) -> Result<(), Error> {
    batch.settle();
    let mut transaction = database.begin_write().map_err(Error::redb("write to"))?;
    let durability = if sync { Durability::Immediate } else { Durability::None };
    transaction.set_durability(durability).map_err(Error::redb("write to"))?;
    // Opening after a crash must not take a walk over the whole file.
    transaction.set_quick_repair(sync);
    for (name, changes) in &batch.tables {
        let mut table = transaction.open_table(definition(name)).map_err(Error::redb("write to"))?;
        for (key, value) in changes {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice()),
                None => table.remove(key.as_slice()),
            }
            .map_err(Error::redb("write to"))?;
        }
    }
    if sync && let Some(before_sync) = &options.before_sync {
        before_sync().map_err(|reason| Error::HeldBack { reason })?;
    }
    transaction.commit().map_err(Error::redb("commit to"))
}

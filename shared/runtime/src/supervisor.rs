//! Runs the parts of a process and notices when one ends unasked.
//!
//! A part is either essential ([`Supervisor::spawn`]: its unexpected end drains the process, since half a
//! process is worse than none) or restartable ([`Supervisor::spawn_restarting`]: it holds no state that its
//! factory can't rebuild, so it is tried again with growing pauses). It never hides a failure: each is logged,
//! shown in health, and the first that ended the process is what [`Supervisor::wait`] returns.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use crate::{Component, Error, Health, SharedClock, Shutdown, error::Cause, error::panic_message};

/// What a part gets: how the end is coming, and where it says how it is.
#[derive(Clone, Debug)]
pub struct Context {
    pub shutdown: Shutdown,
    /// Starts as `starting`; the part says `ready` when it is.
    pub health: Component,
}

/// How long the two phases of the end may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    pub drain: Duration,
    pub stop: Duration,
}

impl Default for Grace {
    /// Within the 30 s that Kubernetes gives by default.
    fn default() -> Self {
        Self { drain: Duration::from_secs(20), stop: Duration::from_secs(5) }
    }
}

/// The pauses between attempts: doubling from the first to the longest, and back to the first after a run that
/// lasted longer than the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(10) }
    }
}

/// Owns the running parts. Dropping it aborts them.
#[derive(Debug)]
pub struct Supervisor {
    shutdown: Shutdown,
    health: Health,
    clock: SharedClock,
    tasks: Mutex<JoinSet<()>>,
    names: Arc<Mutex<Vec<String>>>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Supervisor {
    pub fn new(shutdown: Shutdown, health: Health, clock: SharedClock) -> Self {
        Self {
            shutdown,
            health,
            clock,
            tasks: Mutex::default(),
            names: Arc::default(),
            failure: Arc::default(),
        }
    }

    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Runs an essential part until it ends. Ending while nobody drains, well or not, drains the process.
    pub fn spawn<F, R, E>(&self, name: impl Into<String>, run: F)
    where
        F: FnOnce(Context) -> R,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Cause> + 'static,
    {
        let name = name.into();
        let context = self.context(&name);
        let (shutdown, failure) = (self.shutdown.clone(), self.failure.clone());
        let running = guard(name.clone(), run(context.clone()));
        self.start(name.clone(), async move {
            let ended = running.await;
            if let Some(error) = unexpected(&name, ended, &shutdown) {
                report(&error, &context);
                failure.lock().get_or_insert(error);
                shutdown.drain();
            }
        });
    }

    /// Runs a part, and again whenever it ends while nobody drains.
    pub fn spawn_restarting<F, R, E>(&self, name: impl Into<String>, backoff: Backoff, mut factory: F)
    where
        F: FnMut(Context) -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Cause> + 'static,
    {
        let name = name.into();
        let context = self.context(&name);
        let (shutdown, clock) = (self.shutdown.clone(), self.clock.clone());
        self.start(name.clone(), async move {
            let mut pause = backoff.first;
            loop {
                let began = clock.monotonic();
                let ended = guard(name.clone(), factory(context.clone())).await;
                let Some(error) = unexpected(&name, ended, &shutdown) else { return };
                report(&error, &context);
                if clock.monotonic().saturating_sub(began) > backoff.longest {
                    pause = backoff.first;
                }
                tokio::select! {
                    () = clock.sleep(pause) => {}
                    () = shutdown.draining() => return,
                }
                pause = (pause * 2).min(backoff.longest);
                context.health.starting();
            }
        });
    }

    /// Waits for the end: until the drain begins, then for the parts, each phase no longer than its grace.
    /// Returns the failure that ended the process, or that a part had to be cut off.
    pub async fn wait(self, grace: Grace) -> Result<(), Error> {
        self.shutdown.draining().await;
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        if tokio::time::timeout(grace.drain, self.join(&mut tasks)).await.is_err() {
            tracing::warn!(parts = ?self.names.lock(), "the drain takes too long: stopping");
        }
        self.shutdown.stop();
        let stuck = tokio::time::timeout(grace.stop, self.join(&mut tasks)).await.is_err();
        tasks.shutdown().await;
        if let Some(error) = self.failure.lock().take() {
            return Err(error);
        }
        if stuck {
            let name = self.names.lock().join(", ");
            return Err(Error::Stuck { name, limit_s: (grace.drain + grace.stop).as_secs() });
        }
        Ok(())
    }

    /// Waits for all tasks, also those that are started while it waits.
    async fn join(&self, tasks: &mut JoinSet<()>) {
        loop {
            if let Some(ended) = tasks.join_next().await {
                ended.unwrap_or_else(|error: JoinError| tracing::error!(%error, "a supervising task failed"));
                continue;
            }
            *tasks = std::mem::take(&mut *self.tasks.lock());
            if tasks.is_empty() {
                return;
            }
        }
    }

    fn context(&self, name: &str) -> Context {
        Context { shutdown: self.shutdown.clone(), health: self.health.component(name) }
    }

    fn start(&self, name: String, run: impl Future<Output = ()> + Send + 'static) {
        self.names.lock().push(name.clone());
        let names = self.names.clone();
        let span = tracing::info_span!(parent: None, "part", name);
        let task = async move {
            run.await;
            let mut names = names.lock();
            if let Some(place) = names.iter().position(|running| *running == name) {
                names.swap_remove(place);
            }
        };
        self.tasks.lock().spawn(task.instrument(span));
    }
}

/// Runs a part so that its panic is a value.
async fn guard<R, E>(name: String, run: R) -> Result<(), Error>
where
    R: Future<Output = Result<(), E>>,
    E: Into<Cause>,
{
    let mut run = Box::pin(run);
    let ended = std::future::poll_fn(|cx| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => std::task::Poll::Ready(Err(panic_message(payload.as_ref()))),
        }
    });
    match ended.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) => Err(Error::Failed { name, source: source.into() }),
        Err(message) => Err(Error::Panicked { name, message }),
    }
}

/// A failure is always unexpected; a quiet end is, unless the process drains.
fn unexpected(name: &str, ended: Result<(), Error>, shutdown: &Shutdown) -> Option<Error> {
    match ended {
        Err(error) => Some(error),
        Ok(()) if shutdown.is_draining() => None,
        Ok(()) => Some(Error::Ended { name: name.to_owned() }),
    }
}

fn report(error: &Error, context: &Context) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "a part of the process ended");
    let why = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    context.health.failed(why);
}

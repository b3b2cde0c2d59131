//! Ending a process in two phases: first drain (take nothing new, finish what was begun), then stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// Says how far the end has come. All clones share it; one process (or one city in a test) has one.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    stopping: CancellationToken,
}

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the end: from now on parts take nothing new.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Ends now: what is unfinished is dropped. (Nothing durable is lost; the next start goes on from it.)
    pub fn stop(&self) {
        self.draining.cancel();
        self.stopping.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Returns when the drain begins.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Returns when it is time to stop.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Drains at the first SIGINT or SIGTERM and stops at the second. The one place that handles signals; only
    /// a `main` calls it.
    pub fn on_signals(&self) -> Result<(), Error> {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    () = shutdown.stopping() => return,
                }
                if shutdown.is_draining() {
                    tracing::warn!("second signal: stopping at once");
                    shutdown.stop();
                } else {
                    tracing::info!("signal: draining");
                    shutdown.drain();
                }
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn draining_comes_before_stopping() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        assert!(!other.is_draining() && !other.is_stopping());
        shutdown.drain();
        other.draining().await;
        assert!(other.is_draining() && !other.is_stopping());
        shutdown.stop();
        other.stopping().await;
    }

    #[tokio::test]
    async fn stopping_implies_draining() {
        let shutdown = Shutdown::new();
        shutdown.stop();
        shutdown.draining().await;
    }
}

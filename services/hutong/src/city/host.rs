//! What the services of one process share: time, threads, metrics, health, the end.

use std::{future::Future, path::Path, time::Duration};

use hutong_ledger::invariant::Invariant;
use hutong_runtime::{
    ComputePool, Context, Health, InvariantCounters, Metrics, SharedClock, Shutdown, Supervisor, SystemClock,
    disk,
    metrics::otlp::{Exporter, Origin},
    supervisor::Grace,
    telemetry::TelemetrySettings,
};
use tokio_util::sync::CancellationToken;

use super::{CityError as Error, domains::RecordType};

/// One process's environment. A test that runs two cities makes two.
#[derive(Debug)]
pub struct Host {
    /// The record types of its city.
    pub record_types: &'static [RecordType],
    pub clock: SharedClock,
    pub pool: ComputePool,
    pub metrics: Metrics,
    pub invariants: InvariantCounters,
    pub health: Health,
    pub supervisor: Supervisor,
    /// What the other parts stand on; it ends after them.
    foundation: Supervisor,
}

impl Host {
    pub fn new(record_types: &'static [RecordType]) -> Result<Self, Error> {
        let clock = SystemClock::shared();
        let health = Health::new();
        let metrics = Metrics::new();
        let ids: Vec<&'static str> = Invariant::ALL.iter().map(|invariant| invariant.id()).collect();
        Ok(Self {
            record_types,
            pool: ComputePool::new(0)?,
            invariants: InvariantCounters::new(&metrics, &ids),
            supervisor: Supervisor::new(Shutdown::new(), health.clone(), clock.clone()),
            foundation: Supervisor::new(Shutdown::new(), health.clone(), clock.clone()),
            clock,
            metrics,
            health,
        })
    }

    pub fn shutdown(&self) -> Shutdown {
        self.supervisor.shutdown().clone()
    }

    /// Runs an essential part; it is given a token that is cancelled when the process drains.
    pub fn run<F, R, E>(&self, name: impl Into<String>, part: F)
    where
        F: FnOnce(CancellationToken) -> R,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        run_under(&self.supervisor, name.into(), part);
    }

    /// Runs a part that others stand on: it goes on until all of them have ended. When it ends by itself, they are
    /// told to end.
    pub fn run_foundation<F, R, E>(&self, name: impl Into<String>, part: F)
    where
        F: FnOnce(CancellationToken) -> R,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        run_under(&self.foundation, name.into(), part);
        let (below, above) = (self.foundation.shutdown().clone(), self.shutdown());
        tokio::spawn(async move {
            below.draining().await;
            above.drain();
        });
    }

    /// Keeps an eye on the disk of a folder, where there is one: some services write nothing.
    pub fn watch_disk(&self, folder: &Path) {
        if !folder.is_dir() {
            return;
        }
        let (folder, metrics, clock) = (folder.to_owned(), self.metrics.clone(), self.clock.clone());
        self.run("disk", |stop| async move {
            disk::watch(folder, metrics, clock, stop).await;
            Ok::<(), std::convert::Infallible>(())
        });
    }

    /// Sends metrics to the collector, if there is one.
    pub fn export_metrics(
        &self,
        settings: &TelemetrySettings,
        service: &str,
        instance: &str,
    ) -> Result<(), Error> {
        let Some(endpoint) = &settings.otlp_metrics_endpoint else { return Ok(()) };
        let origin = Origin {
            service: service.to_owned(),
            instance: instance.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let every = Duration::from_secs(settings.otlp_metrics_every_s.get());
        let exporter = Exporter::new(endpoint, every, origin, self.clock.clone())?;
        let metrics = self.metrics.clone();
        self.run("metrics export", |stop| async move {
            exporter.run(metrics, stop).await;
            Ok::<(), std::convert::Infallible>(())
        });
        Ok(())
    }

    /// Waits until the process is told to end or a part failed; then ends the parts, the foundation last.
    pub async fn finish(self, grace: Grace) -> Result<(), Error> {
        let parts = self.supervisor.wait(grace).await;
        self.foundation.shutdown().drain();
        let foundation = self.foundation.wait(grace).await;
        // What the foundation says comes first: its failure is why the others ended.
        foundation?;
        Ok(parts?)
    }
}

fn run_under<F, R, E>(supervisor: &Supervisor, name: String, part: F)
where
    F: FnOnce(CancellationToken) -> R,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    supervisor.spawn(name, |context: Context| {
        let stop = CancellationToken::new();
        let running = part(stop.clone());
        async move {
            context.health.ready();
            let shutdown = context.shutdown;
            // The part ends by itself once it is told to.
            let tell = async {
                shutdown.draining().await;
                stop.cancel();
                std::future::pending::<std::convert::Infallible>().await
            };
            let mut running = Box::pin(running);
            let mut tell = Box::pin(tell);
            std::future::poll_fn(|cx| {
                let _ = tell.as_mut().poll(cx);
                running.as_mut().poll(cx)
            })
            .await
        }
    });
}

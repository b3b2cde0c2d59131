//! Opens ingest and runs its parts: the checker, the grouper, the follower.

use std::{path::Path, sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_keys::SigningKey;
use hutong_ledger::{contract::Contract, epoch::Purpose, id::AgencyId};
use hutong_peer::{
    SharedStorage,
    ingest::{self, SharedIngest},
};
use hutong_runtime::{ComputePool, Metrics, SharedClock, trace};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, Ingest,
    core::{Core, Job},
    follow::Follower,
    group::{Command, Grouper},
    journal::IngestJournal,
    recover::recover,
    verify,
};

/// How long what was taken may still need to be accepted once ingest is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// What ingest is given; it does not know how it is deployed.
#[derive(Clone, Debug)]
pub struct Ports {
    pub bus: SharedBus,
    /// Storage of the agency that operates ingest.
    pub storage: SharedStorage,
    pub clock: SharedClock,
    pub pool: ComputePool,
    pub metrics: Metrics,
    /// The agency's ingest key, which signs acceptances.
    pub key: Arc<SigningKey>,
    /// They know the forms of actions; nothing is executed here.
    pub contracts: Vec<Arc<dyn Contract>>,
}

/// Ingest, opened and not yet running.
#[derive(Debug)]
pub struct IngestService {
    core: Arc<Core>,
    ingest: Ingest,
    jobs: UnboundedReceiver<Job>,
}

impl IngestService {
    /// Opens the journal in a directory.
    pub fn open(agency: AgencyId, config: Config, dir: &Path, ports: Ports) -> Result<Self, Error> {
        Self::open_kept(agency, config, dir, ports, hutong_journal::Options::default())
    }

    /// The same, with the journal kept as a test wants it.
    pub fn open_kept(
        agency: AgencyId,
        config: Config,
        dir: &Path,
        ports: Ports,
        journal: hutong_journal::Options,
    ) -> Result<Self, Error> {
        let options = hutong_journal::Options { segment_bytes_max: config.journal_segment_bytes, ..journal };
        let journal = IngestJournal::open(dir, options)?;
        let core = Arc::new(Core::new(agency, config, journal, dir.to_owned(), ports));
        let (sender, jobs) = unbounded_channel();
        Ok(Self { ingest: Ingest::new(core.clone(), sender), core, jobs })
    }

    /// The callers' side. It answers `unavailable` until the service runs and is ready.
    pub fn ingest(&self) -> Ingest {
        self.ingest.clone()
    }

    /// Runs until stopped, then still accepts what it has taken. Fails only with the journal: then start again, which
    /// reads back what is really there.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { core, ingest, jobs } = self;
        let (commands, height) = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            recovered = recover_at_last(&core) => recovered?,
        };
        warn_without_key(&core);
        let (grouper, inbox) = unbounded_channel();
        for command in commands {
            let _ = grouper.send(command);
        }
        let follower = Follower::new(core.clone(), grouper.clone(), height);
        let mut tasks = JoinSet::new();
        tasks.spawn(Grouper::new(core.clone()).run(inbox));
        tasks.spawn(verify::run(core.clone(), jobs, grouper, stop.clone()));
        tasks.spawn(until(stop.clone(), follower.run()));
        tasks.spawn(until(stop.clone(), serve(core.clone(), Arc::new(ingest))));
        let drained = async {
            stop.cancelled().await;
            core.ports.clock.sleep(DRAIN).await;
        };
        let ended = tokio::select! {
            biased;
            ended = all(&mut tasks) => ended,
            () = drained => {
                tracing::warn!("ingest stops with transactions that are not accepted yet; the journal has them");
                Ok(())
            }
        };
        // Nothing of it runs on after this: whoever starts again finds the journal free.
        tasks.shutdown().await;
        ended
    }
}

/// Waits for all parts, or for the first that fails; the others end with the set.
async fn all(tasks: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(ended) => ended?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    Ok(())
}

async fn until(stop: CancellationToken, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(()),
        ended = work => ended,
    }
}

/// Tries until storage and the bus answer. (Callers hear `unavailable` meanwhile.)
async fn recover_at_last(core: &Arc<Core>) -> Result<(Vec<Command>, u64), Error> {
    let mut attempt = 0;
    loop {
        match recover(core).await {
            Err(error) if !error.is_final() => {
                tracing::warn!(%error, "ingest can't start yet; trying again");
                core.ports.clock.sleep(core.config.retry(attempt)).await;
                attempt += 1;
            }
            recovered => return recovered,
        }
    }
}

fn warn_without_key(core: &Core) {
    let Some(view) = core.view() else { return };
    if view.epoch.key(&core.agency, Purpose::Ingest, &core.key).is_none() {
        tracing::warn!(
            agency = %core.agency,
            key = %core.key,
            "the epoch does not list this ingest key: nobody can check the acceptances that it signs"
        );
    }
}

/// Answers requests over the bus.
async fn serve(core: Arc<Core>, ingest: SharedIngest) -> Result<(), Error> {
    for attempt in 0.. {
        let served = ingest::serve(core.ports.bus.clone(), ingest.clone(), |headers| {
            let span = tracing::info_span!("ingest.submit", otel.kind = "server");
            trace::follow(&span, headers.iter());
            span
        });
        if let Err(error) = served.await {
            tracing::warn!(%error, "requests over the bus can't be served now; trying again");
        }
        core.ports.clock.sleep(core.config.retry(attempt)).await;
    }
    Ok(())
}

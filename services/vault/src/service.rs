//! The loops: apply what becomes final, delete what is over, replace the key-encryption key, confirm erasures.

use std::{path::Path, sync::Arc, time::Duration};

use hutong_disclosure::records;
use hutong_ledger::id::{AgencyId, ChainId, RecordId, RecordKey};
use hutong_peer::{FinalTransaction, Position, SharedStorage};
use hutong_runtime::{InvariantCounters, Metrics, SharedClock};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Action, ConfirmUnrecoverable, Envelope, Erasure, action::Kind},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    error::chain,
    kek::SharedKeys,
    limit::Limit,
    meters::Meters,
    ports::{CallerCheck, Confirm, PersonCheck, Unconfirmed},
    safe::{self, Changed, Safe, Times, Unrecoverable},
    vault::{Inner, Vault, blocking, owned_domains},
};

/// Answers of a contract that says that the confirmation stands already.
const CONFIRMED: &str = "already_unrecoverable";

/// What the vault is given; it does not know how it is deployed.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Of the vault's own agency.
    pub storage: SharedStorage,
    pub keys: SharedKeys,
    pub callers: Arc<dyn CallerCheck>,
    pub persons: Arc<dyn PersonCheck>,
    pub confirm: Arc<dyn Confirm>,
    pub clock: SharedClock,
    pub metrics: Metrics,
    pub invariants: InvariantCounters,
}

/// The last final block, at some moment.
#[derive(Clone, Copy, Debug)]
struct Tip {
    height: u64,
    time_ms: u64,
}

/// How far the following has come.
#[derive(Debug, Default)]
struct Progress {
    /// What was final when the last stretch began: when all of it is applied, another begins.
    goal: Option<Tip>,
    swept: Option<Duration>,
}

/// The vault of one agency, open.
#[derive(Debug)]
pub struct VaultService {
    vault: Vault,
    confirm: Arc<dyn Confirm>,
}

impl VaultService {
    /// Opens the vault's stores in a folder, which must be there.
    pub fn open(
        chain: ChainId,
        agency: AgencyId,
        config: Config,
        folder: &Path,
        ports: Ports,
    ) -> Result<Self, Error> {
        let safe = Safe::open(folder, ports.keys.clone())?;
        Ok(Self::over(chain, agency, config, safe, ports))
    }

    pub(crate) fn over(chain: ChainId, agency: AgencyId, config: Config, safe: Safe, ports: Ports) -> Self {
        let Ports { storage, callers, persons, confirm, clock, metrics, invariants, keys: _ } = ports;
        let vault = Vault(Arc::new(Inner {
            chain,
            agency,
            limit: Limit::new(config.find_person_per_minute, clock.clone()),
            config,
            safe: Arc::new(safe),
            storage,
            callers,
            persons,
            clock,
            meters: Meters::new(&metrics, agency),
            invariants,
            caught_up: watch::Sender::new(false),
        }));
        Self { vault, confirm }
    }

    /// For callers in this process, and for [`hutong_peer::vault::serve_vault`].
    pub fn vault(&self) -> Vault {
        self.vault.clone()
    }

    /// Runs until stopped.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = self.keep_keys_young() => {}
        }
    }

    fn inner(&self) -> &Inner {
        &self.vault.0
    }

    async fn pause(&self) {
        self.inner().clock.sleep(Duration::from_millis(self.inner().config.retry_ms)).await;
    }

    async fn follow(&self) {
        let mut progress = Progress::default();
        loop {
            if let Err(error) = self.catch_up(&mut progress).await {
                tracing::warn!(error = %chain(&error), "the vault waits");
                self.pause().await;
            }
        }
    }

    /// Applies what is final and was not applied; waits for more when there is none.
    async fn catch_up(&self, progress: &mut Progress) -> Result<(), Error> {
        let Inner { safe, storage, config, agency, caught_up, .. } = self.inner();
        let standing = storage.standing().await?;
        let tip = Tip { height: standing.final_header.height, time_ms: standing.final_header.time_ms };
        let goal = *progress.goal.get_or_insert(tip);
        let domains = owned_domains(&standing.epoch, *agency);
        let read = safe.clone();
        let after = blocking(move || read.cursor()).await?;
        let (finals, reached) = storage.finals(after, Some(domains), config.page).await?;
        let nothing_new = finals.is_empty();
        let write = safe.clone();
        blocking(move || apply(&write, &finals, reached)).await?;
        // A page may end within a height; what is above the goal is beyond all of it.
        let complete = if nothing_new { tip } else { goal };
        if !nothing_new && reached.height <= goal.height {
            return Ok(());
        }
        progress.goal = None;
        if !standing.is_recalled() {
            // What was final before storage stopped comes back block by block; an erasure may be among it.
            storage.wait_final(tip.height, Duration::from_millis(config.wait_ms)).await?;
            return Ok(());
        }
        caught_up.send_replace(true);
        self.sweep(progress, complete).await?;
        if reached == after {
            storage.wait_final(after.height, Duration::from_millis(config.wait_ms)).await?;
        }
        Ok(())
    }

    /// Deletes what is over, if it was not looked for just now. Everything up to the tip is applied.
    async fn sweep(&self, progress: &mut Progress, tip: Tip) -> Result<(), Error> {
        let Inner { safe, config, clock, .. } = self.inner();
        let (now, interval) = (clock.monotonic(), Duration::from_millis(config.sweep_every_ms));
        if progress.swept.is_some_and(|last| now.saturating_sub(last) < interval) {
            return Ok(());
        }
        let (now_ms, ledger_ms) = (clock.unix_ms(), tip.time_ms);
        let times = Times { now_ms, ledger_ms, pending_ms_max: config.pending_ms_max };
        let safe = safe.clone();
        blocking(move || safe.sweep(times)).await?;
        progress.swept = Some(now);
        Ok(())
    }

    /// Replaces the key-encryption key when it is time, and tells the ledger what that made unrecoverable.
    async fn keep_keys_young(&self) {
        let Inner { safe, config, clock, .. } = self.inner();
        loop {
            // An erasure that is not applied here yet would be one rotation late; no harm else.
            let (rotating, now_ms) = (safe.clone(), clock.unix_ms());
            let (every_ms, batch) = (config.rotate_every_ms, config.rotation_batch);
            if let Err(error) = blocking(move || rotating.rotate(now_ms, every_ms, batch)).await {
                tracing::error!(error = %chain(&error), "the key-encryption key cannot be replaced");
            }
            if self.vault.serves()
                && let Err(error) = self.confirm_all().await
            {
                tracing::warn!(error = %chain(&error), "confirmations of erasures wait");
            }
            clock.sleep(Duration::from_millis(config.sweep_every_ms)).await;
        }
    }

    async fn confirm_all(&self) -> Result<(), Error> {
        let safe = &self.inner().safe;
        let reading = safe.clone();
        for Unrecoverable(record) in blocking(move || reading.unrecoverable()).await? {
            match self.confirm.confirm(record.domain, confirmation(&record.record)).await {
                Ok(()) => {}
                Err(Unconfirmed::Refused(code)) if code == CONFIRMED => {}
                Err(error) => {
                    tracing::warn!(domain = %record.domain, %error, "an erasure is not confirmed unrecoverable");
                    continue;
                }
            }
            let writing = safe.clone();
            blocking(move || writing.confirmed(&record)).await?;
        }
        Ok(())
    }
}

fn confirmation(record: &RecordId) -> bytes::Bytes {
    let kind = Kind::ConfirmUnrecoverable(ConfirmUnrecoverable { record: record.to_string() });
    Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec().into()
}

/// Applies final transactions in their order, then remembers that.
fn apply(safe: &Safe, finals: &[FinalTransaction], reached: Position) -> Result<(), Error> {
    for transaction in finals {
        for change in &transaction.changes {
            let domain = transaction.domain;
            let erased = change.record.as_str().strip_prefix("erasure/").and_then(|name| name.parse().ok());
            match (erased, change.value.as_deref()) {
                (Some(record), Some(value)) => {
                    let erasure =
                        Erasure::decode(value).map_err(|_| Error::Damaged { what: "an erasure" })?;
                    safe.erase(&RecordKey { domain, record }, &erasure, transaction.position)?;
                }
                _ if records::is_reserved(&change.record) && records::person_of(&change.record).is_none() => {
                }
                (_, value) => {
                    let record = RecordKey { domain, record: change.record.clone() };
                    let (at, time_ms) = (transaction.position, transaction.time_ms);
                    safe.follow([Changed { record, value, at, time_ms }])?;
                }
            }
        }
    }
    safe.keep_cursor(reached);
    Ok(())
}

/// Writes a backup of a vault that does not run, as [`Vault::backup`] does of one that runs.
pub fn backup_stopped(vault: &Path, folder: &Path) -> Result<(), Error> {
    safe::backup::of_stopped(vault, folder)
}

/// Makes a vault's stores from a backup, in a folder that has none, if the keys are there that open it. The vault made of
/// them applies everything that is final, erasures with it, before it serves.
pub fn restore(backup: &Path, folder: &Path, keys: &SharedKeys) -> Result<(), Error> {
    safe::backup::restore(backup, folder, keys)
}

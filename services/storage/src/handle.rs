//! What the agency's own services hold: [`StoragePeer`] in process.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::{
    contract::Contract,
    genesis::Genesis,
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
};
use hutong_peer::{
    Error as PeerError, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer,
    StoredRecord, Submitted,
    agency::AgencyTip,
    storage::{ArchivedBlock, History, Standing},
};
use hutong_runtime::{InvariantCounters, SharedClock};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{Error, read::Reads, worker::Tasks};

const CALLEE: &str = "storage";

/// The service answers these itself, since the answer depends on what it decides.
#[derive(Debug)]
pub(crate) enum Input {
    Standing(oneshot::Sender<Standing>),
    Submit {
        session: Session,
        block: Arc<ExecutedBlock>,
        answer: oneshot::Sender<Submitted>,
    },
    /// Where the archive has the block of a height that is not final.
    Held {
        height: u64,
        answer: oneshot::Sender<Option<u64>>,
    },
    Progress(oneshot::Sender<Progress>),
    /// Whether a transaction is in a block that is not final.
    Pending {
        id: TxId,
        answer: oneshot::Sender<Option<Pending>>,
    },
}

/// A transaction in a block that is not final.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) domain: Domain,
    pub(crate) agency: AgencyId,
    pub(crate) height: u64,
}

/// How far the service is, and what the others last said of themselves.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) held: u64,
    pub(crate) certified: u64,
    pub(crate) others: Vec<Other>,
}

/// How far another agency is, by its own word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Other {
    pub(crate) tip: AgencyTip,
    /// The monotonic time at which it was heard.
    pub(crate) heard: Duration,
}

/// Storage, for those in the same process. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) reads: Reads,
    pub(crate) tasks: Tasks,
    pub(crate) clock: SharedClock,
    pub(crate) contracts: Arc<[Arc<dyn Contract>]>,
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) invariants: InvariantCounters,
    pub(crate) agency: AgencyId,
    /// Where archive and final state are.
    pub(crate) folder: Arc<Path>,
    /// Receipts that are built at a time: more would only wait for the cores, each on a thread with memory of its own.
    pub(crate) receipts: Arc<Semaphore>,
    /// Queries run on the thread that asks.
    pub(crate) in_step: bool,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").field("chain", &self.reads.chain).finish_non_exhaustive()
    }
}

impl From<Error> for PeerError {
    fn from(error: Error) -> Self {
        match error {
            Error::Gone { .. } => Self::Stopped { callee: CALLEE, reason: error.to_string() },
            error => Self::Failed { callee: CALLEE, reason: error.to_string() },
        }
    }
}

impl Storage {
    pub(crate) async fn ask<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> Result<T, Error> {
        let (sender, answer) = oneshot::channel();
        let gone = || Error::Gone { what: "storage's service" };
        self.inputs.send(input(sender)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Runs a query on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reads) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if self.in_step {
            return query(&self.reads);
        }
        let reads = self.reads.clone();
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| query(&reads))).await;
        done.unwrap_or(Err(Error::Gone { what: "a reading thread" }))
    }
}

impl Storage {
    pub(crate) async fn prove(&self, key: RecordKey) -> Result<Option<Bytes>, Error> {
        let Some(proven) = self.tasks.prove(key.domain, key.record.clone()).await? else { return Ok(None) };
        self.read(move |reads| reads.state_receipt(&key, &proven)).await.map(Some)
    }
}

#[async_trait]
impl StoragePeer for Storage {
    async fn standing(&self) -> Result<Standing, PeerError> {
        Ok(self.ask(Input::Standing).await?)
    }

    async fn prefetch(
        &self,
        domain: Domain,
        keys: Vec<RecordKey>,
        ids: Vec<TxId>,
    ) -> Result<Prefetched, PeerError> {
        Ok(self.read(move |reads| reads.prefetch(domain, &keys, ids)).await?)
    }

    async fn submit(&self, session: Session, block: Arc<ExecutedBlock>) -> Result<Submitted, PeerError> {
        Ok(self.ask(|answer| Input::Submit { session, block, answer }).await?)
    }

    async fn archived(&self, height: u64) -> Result<Option<ArchivedBlock>, PeerError> {
        let held = self.ask(|answer| Input::Held { height, answer }).await?;
        let read = move |reads: &Reads| {
            let position = match held {
                Some(position) => Some(position),
                None => reads.block(height)?.map(|block| block.position),
            };
            position.map(|position| reads.archived(position)).transpose()
        };
        Ok(self.read(read).await?)
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, PeerError> {
        let mut follow = self.reads.recent.follow();
        // Bound before the wait, so that the guard of `wait_for` does not outlive the select.
        let reached = tokio::select! {
            biased;
            reached = follow.wait_for(|height| *height > above) => reached.map(|height| *height).ok(),
            () = self.clock.sleep(timeout) => None,
            () = self.inputs.closed() => {
                return Err(Error::Gone { what: "storage's service" }.into());
            }
        };
        Ok(reached.unwrap_or_else(|| self.reads.recent.final_height()))
    }

    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), PeerError> {
        Ok(self.read(move |reads| reads.finals(after, domains.as_deref(), limit)).await?)
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, PeerError> {
        Ok(self.read(move |reads| reads.transaction(&id)).await?)
    }

    async fn receipt(&self, id: TxId) -> Result<Option<Bytes>, PeerError> {
        // The semaphore is never closed.
        let _permit = self.receipts.acquire().await;
        Ok(self.read(move |reads| reads.receipt(&id)).await?)
    }

    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, PeerError> {
        Ok(self.prove(key).await?)
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, PeerError> {
        Ok(self.read(move |reads| reads.record(&key, version)).await?)
    }

    async fn history(&self, key: RecordKey, below: Option<u64>, limit: usize) -> Result<History, PeerError> {
        Ok(self.read(move |reads| reads.history(&key, below, limit)).await?)
    }

    async fn scan(
        &self,
        domain: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, PeerError> {
        Ok(self.read(move |reads| reads.scan(domain, &prefix, after.as_ref(), limit)).await?)
    }
}

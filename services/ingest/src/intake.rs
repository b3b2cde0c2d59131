//! The callers' side: says at once what can be said, hands the rest on, and waits with the caller.

use std::{path::Path, pin::pin, sync::Arc};

use async_trait::async_trait;
use futures::StreamExt;
use hutong_ledger::transaction::Transaction;
use hutong_peer::ingest::{Accepted, Answer, Code, Finality, IngestPeer, Rejected, Wait};
use hutong_runtime::trace;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::{
    check::{View, check},
    core::{Core, Job, Origin},
    verify::finality,
    waiters::Placed,
};

/// Receipts that one submission fetches at a time.
const RECEIPTS_IN_FLIGHT: usize = 8;

/// Ingest, in the process that runs it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ingest {
    core: Arc<Core>,
    jobs: UnboundedSender<Job>,
}

/// How full ingest is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) ready: bool,
    pub(crate) pending: u64,
    pub(crate) queue_bytes: u64,
    pub(crate) queue_bytes_max: u64,
}

type PlaceReceiver = oneshot::Receiver<Result<Placed, Rejected>>;
type FinalReceiver = oneshot::Receiver<Result<Finality, Rejected>>;

/// One transaction of a submission: answered, or waited for.
enum Slot {
    Answered(Answer),
    Waits(PlaceReceiver, Option<FinalReceiver>),
}

impl Ingest {
    pub(crate) fn new(core: Arc<Core>, jobs: UnboundedSender<Job>) -> Self {
        Self { core, jobs }
    }

    /// How full it is.
    pub(crate) fn load(&self) -> Load {
        Load {
            ready: self.core.view().is_some(),
            pending: self.core.table.lock().pending() as u64,
            queue_bytes: self.core.queued_bytes() as u64,
            queue_bytes_max: self.core.config.queue_bytes_max as u64,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.core.folder
    }

    /// Returns when ingest takes transactions: it knows the epoch, and its journal is read back.
    pub async fn ready(&self) {
        self.core.ready().await;
    }

    async fn enter(&self, view: &View, transactions: Vec<Transaction>, wait: Wait) -> Vec<Slot> {
        let now_ms = self.core.now_ms();
        let trace = trace::inject();
        let mut slots = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            let (reply, placed) = oneshot::channel();
            let (waiter, settled) = match wait {
                Wait::Accepted => (None, None),
                Wait::Final | Wait::Receipt => {
                    let (waiter, settled) = oneshot::channel();
                    (Some(waiter), Some(settled))
                }
            };
            let attached = self.core.table.lock().attach(&transaction.id, reply, waiter);
            let Err((reply, waiter)) = attached else {
                slots.push(Slot::Waits(placed, settled));
                continue;
            };
            let checked = check(view, now_ms, &transaction)
                .and_then(|wanted| self.core.forms.check(&view.epoch, &transaction).map(|()| wanted));
            let wanted = match checked {
                Ok(wanted) => wanted,
                Err(rejected) => {
                    slots.push(Slot::Answered(self.known_or(rejected, &transaction).await));
                    continue;
                }
            };
            let Some(room) = self.core.room(crate::core::bytes(&transaction)) else {
                let detail = "ingest has as much to do as it takes; submit again later";
                slots.push(Slot::Answered(Err(Rejected::new(Code::Overloaded, detail))));
                continue;
            };
            let origin = Origin::Caller { reply, waiter, room };
            // When ingest has stopped the job is dropped, and the caller hears that nothing is confirmed.
            let _ = self.jobs.send(Job { transaction, wanted, origin, trace: trace.clone() });
            slots.push(Slot::Waits(placed, settled));
        }
        slots
    }

    /// An expired transaction that is submitted again may be final since long.
    async fn known_or(&self, rejected: Rejected, transaction: &Transaction) -> Answer {
        if rejected.code != Code::Expired {
            return Err(rejected);
        }
        match self.core.ports.storage.transaction(transaction.id).await {
            Ok(Some(known)) => Ok(Accepted::Final(finality(&known))),
            _ => Err(rejected),
        }
    }

    /// Waits until each transaction is placed; then, for those that want it, until it is final.
    async fn wait(&self, slots: Vec<Slot>) -> Vec<Answer> {
        let clock = &self.core.ports.clock;
        let mut placed = Vec::with_capacity(slots.len());
        let mut patience = pin!(clock.sleep(self.core.config.accept_timeout()));
        let mut is_over = false;
        for slot in slots {
            let (mut receiver, settled) = match slot {
                Slot::Answered(answer) => {
                    placed.push((answer, None));
                    continue;
                }
                Slot::Waits(receiver, settled) => (receiver, settled),
            };
            let place = tokio::select! {
                biased;
                place = &mut receiver => place.ok(),
                () = &mut patience, if !is_over => { is_over = true; receiver.try_recv().ok() }
                () = std::future::ready(()), if is_over => receiver.try_recv().ok(),
            };
            placed.push(match place {
                Some(Ok(Placed::Final(finality))) => (Ok(Accepted::Final(finality)), None),
                Some(Ok(Placed::Group { signed, index })) => {
                    (Ok(Accepted::Pending(Box::new(signed.acceptance(index)))), settled)
                }
                Some(Err(rejected)) => (Err(rejected), None),
                None => {
                    let detail = "whether it was accepted is not known; submit the same bytes again to learn";
                    (Err(Rejected::new(Code::Unconfirmed, detail)), None)
                }
            });
        }
        self.wait_final(placed).await
    }

    async fn wait_final(&self, placed: Vec<(Answer, Option<FinalReceiver>)>) -> Vec<Answer> {
        let clock = &self.core.ports.clock;
        let mut answers = Vec::with_capacity(placed.len());
        let mut patience = pin!(clock.sleep(self.core.config.final_timeout()));
        let mut is_over = false;
        for (answer, settled) in placed {
            let Some(mut settled) = settled else {
                answers.push(answer);
                continue;
            };
            let finality = tokio::select! {
                biased;
                finality = &mut settled => finality.ok(),
                () = &mut patience, if !is_over => { is_over = true; settled.try_recv().ok() }
                () = std::future::ready(()), if is_over => settled.try_recv().ok(),
            };
            answers.push(match finality {
                Some(Ok(finality)) => Ok(Accepted::Final(finality)),
                Some(Err(rejected)) => Err(rejected),
                None => answer,
            });
        }
        answers
    }

    async fn with_receipts(&self, answers: Vec<Answer>, ids: Vec<hutong_ledger::id::TxId>) -> Vec<Answer> {
        let fetch = |(answer, id)| async move {
            match answer {
                Ok(Accepted::Final(mut finality)) => {
                    match self.core.ports.storage.receipt(id).await {
                        Ok(receipt) => finality.receipt = receipt,
                        Err(error) => tracing::warn!(%id, %error, "the receipt can't be had now"),
                    }
                    Ok(Accepted::Final(finality))
                }
                other => other,
            }
        };
        let fetches = answers.into_iter().zip(ids).map(fetch);
        futures::stream::iter(fetches).buffered(RECEIPTS_IN_FLIGHT).collect().await
    }
}

#[async_trait]
impl IngestPeer for Ingest {
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer> {
        let began = self.core.ports.clock.monotonic();
        let Some(view) = self.core.view() else {
            let starting =
                Rejected::new(Code::Unavailable, "ingest is starting: it does not know the epoch yet");
            return vec![Err(starting); transactions.len()];
        };
        let ids = if wait == Wait::Receipt { transactions.iter().map(|tx| tx.id).collect() } else { vec![] };
        let slots = self.enter(&view, transactions, wait).await;
        let answers = self.wait(slots).await;
        self.core.meters.answered(&answers, self.core.seconds_since(began));
        if wait == Wait::Receipt { self.with_receipts(answers, ids).await } else { answers }
    }
}

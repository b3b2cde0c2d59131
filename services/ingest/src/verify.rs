//! Signatures in batches: whatever queued while the last batch was checked is the next one, so that an idle ingest
//! checks a transaction at once and a busy one many together.
//!
//! Beside the check, storage is asked which of the batch are final already: those are answered and go no further.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use hutong_keys::{Claim, PublicKey, verify_batch_in};
use hutong_ledger::{
    hash::Tag,
    id::{Domain, TxId},
};
use hutong_peer::{
    FinalTransaction,
    ingest::{Code, Finality, Rejected},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    core::{Core, Job, Origin},
    group::Command,
    waiters::Placed,
};

/// Runs until stopped, and then until what was queued before is checked.
pub(crate) async fn run(
    core: Arc<Core>,
    mut jobs: UnboundedReceiver<Job>,
    grouper: UnboundedSender<Command>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut batch = Vec::new();
    loop {
        let received = tokio::select! {
            biased;
            received = jobs.recv_many(&mut batch, core.config.check_transactions_max) => received,
            () = stop.cancelled(), if !jobs.is_closed() => {
                jobs.close();
                continue;
            }
        };
        if received == 0 {
            return Ok(());
        }
        let began = core.ports.clock.monotonic();
        let ids = batch.iter().map(|job| (job.transaction.body.domain, job.transaction.id)).collect();
        let (checked, known) = tokio::join!(signatures(&core, std::mem::take(&mut batch)), known(&core, ids));
        core.meters.checked(core.seconds_since(began));
        let mut fresh = Vec::with_capacity(checked.len());
        for job in checked {
            if known.contains(&job.transaction.id) {
                answer_known(&core, job).await;
            } else {
                fresh.push(job);
            }
        }
        if !fresh.is_empty() && grouper.send(Command::Jobs(fresh)).is_err() {
            return Ok(());
        }
    }
}

/// Checks a batch on the compute pool; those with a wrong signature are answered, the others come back.
async fn signatures(core: &Arc<Core>, jobs: Vec<Job>) -> Vec<Job> {
    let (pool, shared) = (core.ports.pool.clone(), core.clone());
    let checked = core.ports.pool.run(move || {
        let claims: Vec<Claim<'_>> = jobs
            .iter()
            .flat_map(|job| {
                job.wanted.iter().map(|(key, signature)| Claim {
                    key: PublicKey(*key),
                    prefix: Tag::Transaction.prefix(),
                    message: &job.transaction.body_bytes,
                    signature: *signature,
                })
            })
            .collect();
        let mut verdicts = verify_batch_in(pool.pool(), &claims, &shared.cache).into_iter();
        let right: Vec<Vec<bool>> =
            jobs.iter().map(|job| verdicts.by_ref().take(job.wanted.len()).collect()).collect();
        (jobs, right)
    });
    let (jobs, right) = match checked.await {
        Ok(checked) => checked,
        // The jobs went with it: their callers hear that nothing is confirmed, which is so.
        Err(error) => {
            tracing::error!(%error, "a batch of signatures could not be checked");
            return Vec::new();
        }
    };
    let mut valid = Vec::with_capacity(jobs.len());
    for (job, right) in jobs.into_iter().zip(right) {
        match right.iter().position(|right| !right) {
            None => valid.push(job),
            Some(at) => {
                let signer =
                    job.transaction.body.signers.get(at).map(ToString::to_string).unwrap_or_default();
                let detail = format!("the signature of {signer} does not fit the body and its key");
                job.reject(Rejected::new(Code::BadSignature, detail));
            }
        }
    }
    valid
}

/// Those of the transactions that have a log entry, as far as the own storage keeps their domain.
async fn known(core: &Core, ids: Vec<(Domain, TxId)>) -> HashSet<TxId> {
    let Some(view) = core.view() else { return HashSet::new() };
    let mut by_domain: BTreeMap<Domain, Vec<TxId>> = BTreeMap::new();
    for (domain, id) in ids.into_iter().filter(|(domain, _)| view.epoch.stores(&core.agency, *domain)) {
        by_domain.entry(domain).or_default().push(id);
    }
    let mut known = HashSet::new();
    for (domain, ids) in by_domain {
        match core.ports.storage.prefetch(domain, Vec::new(), ids).await {
            Ok(answer) => known.extend(answer.known),
            // A repeat does no harm: validation finds it void.
            Err(error) => tracing::debug!(%domain, %error, "which transactions are final is not known now"),
        }
    }
    known
}

async fn answer_known(core: &Core, job: Job) {
    let id = job.transaction.id;
    let placed = match core.ports.storage.transaction(id).await {
        Ok(Some(transaction)) => Ok(Placed::Final(finality(&transaction))),
        Ok(None) => Err("storage knows the transaction and does not find it".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    if let Origin::Caller { reply, .. } = job.origin {
        let _ = reply.send(placed.map_err(|reason| Rejected::new(Code::Unavailable, reason)));
    }
}

pub(crate) fn finality(transaction: &FinalTransaction) -> Finality {
    Finality {
        height: transaction.position.height,
        index: transaction.index,
        log_index: transaction.log_index,
        time_ms: transaction.time_ms,
        outcome: transaction.outcome.clone(),
        receipt: None,
    }
}

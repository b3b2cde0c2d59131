//! The caller's side of storage over the bus.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use hutong_bus::{Headers, SharedBus};
use hutong_ledger::id::{AgencyId, Domain, RecordId, RecordKey, TxId};
use hutong_wire::{
    prost::Message,
    v1::storage::{self as v1, answer::Outcome, frame, frame_answer, request::Call},
};
use tokio::time::Instant;

use super::{
    Bad, CALLEE, convert, fault,
    parts::{self, CallId, MESSAGE_BYTES_MAX, PART_BYTES, PARTS_MAX},
    submit,
};
use crate::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    storage::{ArchivedBlock, History, Standing},
};

/// So many parts of one call are under way at a time.
const PARTS_AT_ONCE: usize = 4;

/// An agency's storage, wherever on the bus it runs.
#[derive(Debug)]
pub struct RemoteStorage {
    bus: SharedBus,
    subject: String,
    timeout: Duration,
    /// Tells this caller's calls from those of others.
    caller: u64,
    calls: AtomicU64,
}

impl RemoteStorage {
    /// `timeout` is what each message of a call may take to be answered.
    pub fn new(bus: SharedBus, agency: AgencyId, timeout: Duration) -> Self {
        // The standard library's only random source: unique is enough here, nothing is secret.
        let caller = RandomState::new().hash_one(agency.as_str());
        Self { bus, subject: crate::subjects::storage(&agency), timeout, caller, calls: AtomicU64::new(0) }
    }

    async fn call(&self, call: Call) -> Result<Outcome, Error> {
        let request: Bytes = v1::Request { call: Some(call) }.encode_to_vec().into();
        if request.len() > MESSAGE_BYTES_MAX {
            let reason =
                format!("the request takes {} bytes, {MESSAGE_BYTES_MAX} are allowed", request.len());
            return Err(Error::Failed { callee: CALLEE, reason });
        }
        let answer = v1::Answer::decode(self.exchange(&request).await?).map_err(garbled)?;
        match answer.outcome {
            Some(Outcome::Fault(told)) => Err(fault::to_error(told)),
            Some(outcome) => Ok(outcome),
            None => Err(garbled("an answer without an outcome")),
        }
    }

    /// Sends a request of any size and gets the answer of any size.
    async fn exchange(&self, request: &Bytes) -> Result<Bytes, Error> {
        let call = self.next_call();
        let parts = parts::cut(request);
        let count = parts.len();
        let part =
            |number: usize, bytes: Bytes| v1::Part { number: number as u32, count: count as u32, bytes };
        let sent = stream::iter(parts.iter().take(count - 1).cloned().enumerate())
            .map(|(number, bytes)| async move {
                match self.send(call, frame::Kind::Part(part(number, bytes))).await? {
                    frame_answer::Kind::Kept(_) => Ok(()),
                    _ => Err(garbled("a part was answered before the request was complete")),
                }
            })
            .buffer_unordered(PARTS_AT_ONCE);
        sent.try_for_each(|()| async { Ok(()) }).await?;
        let last = part(count - 1, parts[count - 1].clone());
        let (first, count) = self.answer_part(call, frame::Kind::Run(last), 0).await?;
        if count == 1 {
            return Ok(first);
        }
        if count > PARTS_MAX {
            return Err(garbled("an answer of too many parts"));
        }
        let rest = stream::iter(1..count)
            .map(|number| async move {
                let (bytes, again) =
                    self.answer_part(call, frame::Kind::Fetch(number as u32), number).await?;
                if again == count { Ok(bytes) } else { Err(garbled("the parts of the answer do not fit")) }
            })
            .buffered(PARTS_AT_ONCE)
            .try_collect::<Vec<_>>();
        let mut answer = vec![first];
        answer.extend(rest.await?);
        Ok(parts::join(&answer))
    }

    /// A part of the answer, and how many there are.
    async fn answer_part(
        &self,
        call: CallId,
        kind: frame::Kind,
        number: usize,
    ) -> Result<(Bytes, usize), Error> {
        match self.send(call, kind).await? {
            frame_answer::Kind::Answer(part)
                if part.number as usize == number
                    && part.number < part.count
                    && part.bytes.len() <= PART_BYTES =>
            {
                Ok((part.bytes, part.count as usize))
            }
            _ => Err(garbled("no part of the answer where one was asked for")),
        }
    }

    async fn send(&self, call: CallId, kind: frame::Kind) -> Result<frame_answer::Kind, Error> {
        let frame = v1::Frame { call: Bytes::copy_from_slice(&call), kind: Some(kind) };
        let payload = frame.encode_to_vec().into();
        let answer = self.bus.request(&self.subject, Headers::default(), payload, self.timeout).await;
        let answer = answer.map_err(|source| Error::Unavailable { callee: CALLEE, source })?;
        match v1::FrameAnswer::decode(answer.payload).map_err(garbled)?.kind {
            Some(frame_answer::Kind::Fault(told)) => Err(fault::to_error(told)),
            Some(kind) => Ok(kind),
            None => Err(garbled("an empty answer")),
        }
    }

    fn next_call(&self) -> CallId {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        (u128::from(self.caller) << 64 | u128::from(number)).to_be_bytes()
    }
}

fn garbled(reason: impl ToString) -> Error {
    Error::Garbled { callee: CALLEE, reason: reason.to_string() }
}

fn bad(bad: Bad) -> Error {
    garbled(bad)
}

fn other<T>() -> Result<T, Error> {
    Err(garbled("the answer to another call"))
}

#[async_trait]
impl StoragePeer for RemoteStorage {
    async fn standing(&self) -> Result<Standing, Error> {
        match self.call(Call::Standing(v1::StandingCall {})).await? {
            Outcome::Standing(standing) => convert::to_standing(&standing).map_err(bad),
            _ => other(),
        }
    }

    async fn prefetch(
        &self,
        domain: Domain,
        keys: Vec<RecordKey>,
        ids: Vec<TxId>,
    ) -> Result<Prefetched, Error> {
        let call = v1::PrefetchCall {
            domain: domain.to_string(),
            keys: keys.iter().map(convert::key).collect(),
            ids: ids.iter().map(convert::id_bytes).collect(),
        };
        match self.call(Call::Prefetch(call)).await? {
            Outcome::Prefetched(prefetched) => convert::to_prefetched(&prefetched, keys.len()).map_err(bad),
            _ => other(),
        }
    }

    async fn submit(&self, session: Session, block: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        match self.call(Call::Submit(submit::encode(session, &block))).await? {
            Outcome::Submitted(submitted) => convert::to_submitted(submitted).map_err(bad),
            _ => other(),
        }
    }

    async fn archived(&self, height: u64) -> Result<Option<ArchivedBlock>, Error> {
        match self.call(Call::Archived(v1::ArchivedCall { height })).await? {
            Outcome::Archived(archived) => convert::to_archived(archived).map_err(bad),
            _ => other(),
        }
    }

    /// Waits in steps, each well within what a message may take to be answered.
    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error> {
        let began = Instant::now();
        loop {
            let left = timeout.saturating_sub(began.elapsed());
            let step = left.min(self.timeout / 2);
            // Rounded up, so that the last step does not become a run of empty ones.
            let timeout_ms = u64::try_from(step.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
            match self.call(Call::WaitFinal(v1::WaitFinalCall { above, timeout_ms })).await? {
                Outcome::FinalHeight(height) if height > above || step == left => return Ok(height),
                Outcome::FinalHeight(_) => {}
                _ => return other(),
            }
        }
    }

    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        let call = v1::FinalsCall {
            after: Some(convert::position(after)),
            domains: domains.as_deref().map(convert::domains),
            limit: limit as u64,
        };
        match self.call(Call::Finals(call)).await? {
            Outcome::Finals(finals) => convert::to_finals(finals).map_err(bad),
            _ => other(),
        }
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        match self.call(Call::Transaction(convert::id_bytes(&id))).await? {
            Outcome::Transaction(found) => {
                found.transaction.map(convert::to_transaction).transpose().map_err(bad)
            }
            _ => other(),
        }
    }

    async fn receipt(&self, id: TxId) -> Result<Option<Bytes>, Error> {
        match self.call(Call::Receipt(convert::id_bytes(&id))).await? {
            Outcome::Receipt(receipt) => Ok(receipt.document),
            _ => other(),
        }
    }

    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, Error> {
        match self.call(Call::StateReceipt(convert::key(&key))).await? {
            Outcome::StateReceipt(receipt) => Ok(receipt.document),
            _ => other(),
        }
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        match self.call(Call::Record(v1::RecordCall { key: Some(convert::key(&key)), version })).await? {
            Outcome::Record(found) => found.record.as_ref().map(convert::to_record).transpose().map_err(bad),
            _ => other(),
        }
    }

    async fn history(&self, key: RecordKey, below: Option<u64>, limit: usize) -> Result<History, Error> {
        let call = v1::HistoryCall { key: Some(convert::key(&key)), below, limit: limit as u64 };
        match self.call(Call::History(call)).await? {
            Outcome::History(history) => convert::to_history(&history).map_err(bad),
            _ => other(),
        }
    }

    async fn scan(
        &self,
        domain: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        let after = after.map(|record| record.to_string());
        let call = v1::ScanCall { domain: domain.to_string(), prefix, after, limit: limit as u64 };
        match self.call(Call::Scan(call)).await? {
            Outcome::Scanned(scanned) => convert::to_scanned(&scanned).map_err(bad),
            _ => other(),
        }
    }
}

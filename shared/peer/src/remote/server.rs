//! Storage's side: takes frames, runs calls side by side, and keeps nobody waiting for another.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Headers, Request, SharedBus};
use hutong_ledger::id::AgencyId;
use hutong_wire::{
    prost::Message,
    v1::storage::{self as v1, FaultKind, answer::Outcome, frame, frame_answer, request::Call},
};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tracing::Instrument;

use super::{
    Bad, CALLEE, convert,
    fault::{fault, from_error, from_untaken},
    parts::{self, CallId, KEPT_FOR, MESSAGE_BYTES_MAX, Shelf},
    submit,
};
use crate::{Error, SharedStorage};

/// So many calls run at a time; a further one is told to come again.
const CALLS_MAX: usize = 256;
/// So many wait for a final height at a time: they cost nothing but their place.
const WAITS_MAX: usize = 1024;
/// Frames whose answer is not sent yet; beyond this they are left unanswered.
const FRAMES_MAX: usize = CALLS_MAX + WAITS_MAX + 512;
/// The longest that one call may wait for a final height.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Parts that are kept, in each direction.
const KEPT_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
const KEPT_CALLS_MAX: usize = 1024;

/// Answers an agency's services for its storage until the shutdown; what runs then is dropped. `span` makes the span of
/// a request from its headers.
pub async fn serve_storage(
    bus: SharedBus,
    agency: AgencyId,
    storage: SharedStorage,
    span: impl Fn(&Headers) -> tracing::Span + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let failed = |source| Error::Unavailable { callee: "bus", source };
    let mut requests = bus.serve(&crate::subjects::storage(&agency)).await.map_err(failed)?;
    let server = Arc::new(Server::new(storage));
    let mut running = JoinSet::new();
    let mut sweep = tokio::time::interval(KEPT_FOR / 2);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            request = requests.next() => match request {
                None => return Err(failed(hutong_bus::Error::Closed)),
                Some(request) if running.len() < FRAMES_MAX => {
                    let span = span(&request.message.headers);
                    running.spawn(server.clone().answer(request).instrument(span));
                }
                Some(_) => tracing::warn!("too many requests to storage at once: one is not answered"),
            },
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a call of storage broke off");
                }
            }
            _ = sweep.tick() => server.expire(),
        }
    }
}

struct Server {
    storage: SharedStorage,
    arriving: Mutex<Shelf>,
    leaving: Mutex<Shelf>,
    calls: Semaphore,
    waits: Semaphore,
}

impl Server {
    fn new(storage: SharedStorage) -> Self {
        let shelf = || Mutex::new(Shelf::new(KEPT_BYTES_MAX, KEPT_CALLS_MAX));
        let (calls, waits) = (Semaphore::new(CALLS_MAX), Semaphore::new(WAITS_MAX));
        Self { storage, arriving: shelf(), leaving: shelf(), calls, waits }
    }

    async fn answer(self: Arc<Self>, mut request: Request) {
        let payload = std::mem::take(&mut request.message.payload);
        let kind = self.frame(payload).await.unwrap_or_else(frame_answer::Kind::Fault);
        let answer = v1::FrameAnswer { kind: Some(kind) }.encode_to_vec();
        if let Err(error) = request.reply(answer.into()).await {
            tracing::debug!(%error, "an answer of storage was not sent");
        }
    }

    async fn frame(&self, payload: Bytes) -> Result<frame_answer::Kind, v1::Fault> {
        let frame =
            v1::Frame::decode(payload).map_err(|error| fault(FaultKind::Garbled, error.to_string()))?;
        let call: CallId =
            frame.call[..].try_into().map_err(|_| fault(FaultKind::Garbled, "a call's name has 16 bytes"))?;
        match frame.kind {
            Some(frame::Kind::Part(part)) => {
                self.keep(call, part)?;
                Ok(frame_answer::Kind::Kept(v1::Kept {}))
            }
            Some(frame::Kind::Run(part)) => {
                let request = self.complete(call, part)?;
                let answer = self.run(request).await;
                self.first_part(call, &answer)
            }
            Some(frame::Kind::Fetch(number)) => {
                let taken = self.leaving.lock().take_part(&call, number as usize, Instant::now());
                let (bytes, count) = taken.map_err(from_untaken)?;
                Ok(frame_answer::Kind::Answer(v1::Part { number, count: count as u32, bytes }))
            }
            None => Err(fault(FaultKind::Garbled, "an empty frame")),
        }
    }

    fn keep(&self, call: CallId, part: v1::Part) -> Result<(), v1::Fault> {
        let (number, count) = (part.number as usize, part.count as usize);
        self.arriving.lock().put(call, number, count, part.bytes, Instant::now()).map_err(from_untaken)
    }

    /// The whole request, with its last part.
    fn complete(&self, call: CallId, last: v1::Part) -> Result<Bytes, v1::Fault> {
        if last.count == 1 && last.number == 0 {
            return Ok(last.bytes);
        }
        self.keep(call, last)?;
        let parts = self.arriving.lock().take_all(&call).map_err(from_untaken)?;
        Ok(parts::join(&parts))
    }

    /// The first part of an answer; the others wait to be fetched.
    fn first_part(&self, call: CallId, answer: &Bytes) -> Result<frame_answer::Kind, v1::Fault> {
        let parts = parts::cut(answer);
        self.leaving.lock().put_rest(call, &parts, Instant::now()).map_err(from_untaken)?;
        let part = v1::Part { number: 0, count: parts.len() as u32, bytes: parts[0].clone() };
        Ok(frame_answer::Kind::Answer(part))
    }

    async fn run(&self, request: Bytes) -> Bytes {
        let outcome = match v1::Request::decode(request) {
            Ok(v1::Request { call: Some(call) }) => self.call(call).await,
            Ok(_) => Err(garbled("a request without a call")),
            Err(error) => Err(garbled(error)),
        };
        let outcome = outcome.unwrap_or_else(|error| Outcome::Fault(from_error(&error)));
        let answer = v1::Answer { outcome: Some(outcome) };
        if answer.encoded_len() <= MESSAGE_BYTES_MAX {
            return answer.encode_to_vec().into();
        }
        let reason = format!("the answer takes more than {MESSAGE_BYTES_MAX} bytes; ask for less at a time");
        let outcome = Some(Outcome::Fault(fault(FaultKind::Failed, reason)));
        v1::Answer { outcome }.encode_to_vec().into()
    }

    async fn call(&self, call: Call) -> Result<Outcome, Error> {
        let place = if matches!(call, Call::WaitFinal(_)) { &self.waits } else { &self.calls };
        let Ok(_place) = place.try_acquire() else {
            let source = hutong_bus::Error::Timeout { subject: "its own queue, which is full".into() };
            return Err(Error::Unavailable { callee: CALLEE, source });
        };
        match call {
            Call::Standing(_) => {
                let standing = self.storage.standing().await?;
                Ok(Outcome::Standing(convert::standing(&standing)))
            }
            Call::Prefetch(call) => {
                let domain = convert::parsed("prefetch.domain", &call.domain).map_err(bad)?;
                let keys = convert::to_keys(&call.keys).map_err(bad)?;
                let ids = convert::ids("prefetch.ids", &call.ids).map_err(bad)?;
                let prefetched = self.storage.prefetch(domain, keys, ids).await?;
                Ok(Outcome::Prefetched(convert::prefetched(&prefetched)))
            }
            Call::Submit(call) => {
                let (session, block) = submit::decode(call).map_err(bad)?;
                let submitted = self.storage.submit(session, Arc::new(block)).await?;
                Ok(Outcome::Submitted(convert::submitted(submitted)))
            }
            Call::Archived(call) => {
                Ok(Outcome::Archived(convert::archived(self.storage.archived(call.height).await?)))
            }
            Call::WaitFinal(call) => {
                let timeout = Duration::from_millis(call.timeout_ms).min(WAIT_MAX);
                Ok(Outcome::FinalHeight(self.storage.wait_final(call.above, timeout).await?))
            }
            Call::Finals(call) => self.finals(call).await,
            Call::Transaction(id) => {
                let found = self.storage.transaction(convert::id("transaction", &id).map_err(bad)?).await?;
                let transaction = found.as_ref().map(convert::transaction);
                Ok(Outcome::Transaction(v1::Transaction { transaction }))
            }
            Call::Receipt(id) => {
                let document = self.storage.receipt(convert::id("receipt", &id).map_err(bad)?).await?;
                Ok(Outcome::Receipt(v1::Receipt { document }))
            }
            Call::StateReceipt(key) => {
                let document = self.storage.state_receipt(record_key(Some(key))?).await?;
                Ok(Outcome::StateReceipt(v1::Receipt { document }))
            }
            Call::Record(call) => {
                let found = self.storage.record(record_key(call.key)?, call.version).await?;
                Ok(Outcome::Record(v1::Record { record: found.as_ref().map(convert::record) }))
            }
            Call::History(call) => {
                let limit = convert::limit(call.limit);
                let history = self.storage.history(record_key(call.key)?, call.below, limit).await?;
                Ok(Outcome::History(convert::history(&history)))
            }
            Call::Scan(call) => {
                let domain = convert::parsed("scan.domain", &call.domain).map_err(bad)?;
                let after = call.after.map(|after| convert::parsed("scan.after", &after)).transpose();
                let limit = convert::limit(call.limit);
                let records = self.storage.scan(domain, call.prefix, after.map_err(bad)?, limit).await?;
                Ok(Outcome::Scanned(convert::scanned(&records)))
            }
        }
    }

    /// A page of any number of transactions may be too large for an answer; a shorter one says the same.
    async fn finals(&self, call: v1::FinalsCall) -> Result<Outcome, Error> {
        let after = convert::to_position(call.after).map_err(bad)?;
        let domains = call.domains.as_ref().map(convert::to_domains).transpose().map_err(bad)?;
        let mut limit = convert::limit(call.limit);
        loop {
            let (transactions, complete_to) = self.storage.finals(after, domains.clone(), limit).await?;
            let finals = convert::finals(&transactions, complete_to);
            if transactions.len() <= 1 || finals.encoded_len() < MESSAGE_BYTES_MAX {
                return Ok(Outcome::Finals(finals));
            }
            limit = transactions.len() / 2;
        }
    }

    fn expire(&self) {
        let now = Instant::now();
        self.arriving.lock().expire(now);
        self.leaving.lock().expire(now);
    }
}

fn record_key(key: Option<v1::RecordKey>) -> Result<hutong_ledger::id::RecordKey, Error> {
    convert::to_key(&key.ok_or_else(|| bad(Bad::missing("key")))?).map_err(bad)
}

fn garbled(reason: impl std::fmt::Display) -> Error {
    Error::Garbled { callee: CALLEE, reason: format!("the request: {reason}") }
}

fn bad(bad: Bad) -> Error {
    garbled(bad)
}

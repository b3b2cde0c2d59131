//! Ingest over the bus: the client, the server, and the bytes of an answer.
//!
//! A submission travels as a `TransactionGroup` and its answers in canonical bytes, in the same order. An answer must fit
//! into one message, so large receipts stay behind and are fetched from storage.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{self as bus, Headers, Request, SharedBus};
use hutong_ledger::{
    acceptance::Acceptance,
    block::GROUP_BYTES_MAX,
    canon::{Malformed, Reader, Writer},
    entry::Outcome,
    transaction::Transaction,
};
use hutong_wire::transaction::{decode_group, encode_group};
use tokio::sync::Semaphore;

use super::{
    Accepted, Answer, Code, Finality, IngestPeer, Rejected, SUBMISSION_TRANSACTIONS_MAX, SUBMIT,
    SharedIngest, WAIT, Wait,
};

/// Receipts that would make an answer larger than this are left out of it.
const ANSWER_BYTES_MAX: usize = 900 * 1024;
/// Requests that are answered at a time; more wait in the queue of the bus.
const REQUESTS_MAX: usize = 256;
/// A little less than a whole message may hold: the request travels with headers.
const REQUEST_BYTES_MAX: usize = GROUP_BYTES_MAX;
/// What a transaction may take in a request besides its body: names, keys, signatures, lengths.
const SIGNATURE_BYTES: usize = 128;

/// Ingest over the bus.
#[derive(Clone, Debug)]
pub struct IngestClient {
    bus: SharedBus,
    timeout: Duration,
}

impl IngestClient {
    /// The timeout is for one request; it should be above the time that ingest itself waits for finality.
    pub fn new(bus: SharedBus, timeout: Duration) -> Self {
        Self { bus, timeout }
    }

    async fn request(&self, transactions: &[Transaction], wait: Wait) -> Vec<Answer> {
        let mut headers = Headers::default();
        if wait != Wait::Accepted {
            headers.set(WAIT, wait.name());
        }
        let all = |rejected: Rejected| vec![Err(rejected); transactions.len()];
        let reply = self.bus.request(SUBMIT, headers, encode_group(transactions), self.timeout).await;
        match reply.map(|message| decode_answers(&message.payload)) {
            Ok(Ok(answers)) if answers.len() == transactions.len() => answers,
            Ok(Ok(mut answers)) => match answers.pop() {
                // The request as a whole was refused.
                Some(Err(rejected)) if answers.is_empty() => all(rejected),
                _ => all(Rejected::new(Code::Unconfirmed, "ingest answered for other transactions")),
            },
            Ok(Err(error)) => all(Rejected::new(Code::Unconfirmed, format!("ingest's answer is {error}"))),
            Err(error @ bus::Error::NoResponder { .. }) => {
                all(Rejected::new(Code::Unavailable, error.to_string()))
            }
            Err(error) => all(Rejected::new(Code::Unconfirmed, error.to_string())),
        }
    }
}

#[async_trait]
impl IngestPeer for IngestClient {
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(transactions.len());
        let mut rest = &transactions[..];
        while !rest.is_empty() {
            let (part, later) = rest.split_at(fitting(rest));
            answers.extend(self.request(part, wait).await);
            rest = later;
        }
        answers
    }
}

/// How many of the first transactions fit into one request; at least one.
fn fitting(transactions: &[Transaction]) -> usize {
    let mut bytes = 0;
    let fits = transactions.iter().take(SUBMISSION_TRANSACTIONS_MAX).take_while(|tx| {
        bytes += tx.body_bytes.len() + SIGNATURE_BYTES * (1 + tx.signatures.len());
        bytes <= REQUEST_BYTES_MAX
    });
    fits.count().max(1)
}

/// Serves `ingest.submit` until the bus ends it; each request on its own. `span` makes the span of a request from its
/// headers.
pub async fn serve(
    bus: SharedBus,
    ingest: SharedIngest,
    span: impl Fn(&Headers) -> tracing::Span + Send,
) -> Result<(), bus::Error> {
    use tracing::Instrument;

    let mut requests = bus.serve(SUBMIT).await?;
    let slots = Arc::new(Semaphore::new(REQUESTS_MAX));
    while let Some(request) = requests.next().await {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let span = span(&request.message.headers);
        let ingest = ingest.clone();
        let answering = async move {
            answer(&*ingest, request).await;
            drop(slot);
        };
        tokio::spawn(answering.instrument(span));
    }
    Err(bus::Error::Closed)
}

async fn answer(ingest: &dyn IngestPeer, request: Request) {
    let wait = request.message.headers.get(WAIT).map_or(Ok(Wait::default()), str::parse);
    let answers = match (wait, decode_group(request.message.payload.clone())) {
        (Err(reason), _) => vec![Err(Rejected::new(Code::Malformed, reason))],
        (_, Err(error)) => vec![Err(error.into())],
        (_, Ok(group)) if group.len() > SUBMISSION_TRANSACTIONS_MAX => {
            let detail = format!("at most {SUBMISSION_TRANSACTIONS_MAX} transactions at a time");
            vec![Err(Rejected::new(Code::TooLarge, detail))]
        }
        (Ok(wait), Ok(group)) => submit_decoded(ingest, group, wait).await,
    };
    if let Err(error) = request.reply(encode_answers(&answers)).await {
        tracing::debug!(%error, "an answer did not go out");
    }
}

/// Submits those of a group that decoded, and answers for all of it in order.
pub async fn submit_decoded(
    ingest: &dyn IngestPeer,
    group: Vec<Result<Transaction, hutong_wire::Error>>,
    wait: Wait,
) -> Vec<Answer> {
    let mut malformed = Vec::new();
    let mut transactions = Vec::with_capacity(group.len());
    for (place, item) in group.into_iter().enumerate() {
        match item {
            Ok(transaction) => transactions.push(transaction),
            Err(error) => malformed.push((place, Rejected::from(error))),
        }
    }
    let mut answers = if transactions.is_empty() { vec![] } else { ingest.submit(transactions, wait).await };
    for (place, rejected) in malformed {
        answers.insert(place.min(answers.len()), Err(rejected));
    }
    answers
}

/// Encodes the answers to one submission, in canonical bytes.
pub fn encode_answers(answers: &[Answer]) -> Bytes {
    let mut w = Writer::new();
    let mut receipts_bytes = 0;
    w.list(answers, |w, answer| match answer {
        Ok(Accepted::Pending(acceptance)) => acceptance.write(w.u8(1)),
        Ok(Accepted::Final(finality)) => {
            w.u8(2).u64(finality.height).u32(finality.index).u64(finality.log_index).u64(finality.time_ms);
            w.option(finality.outcome.code(), |w, code| {
                w.text(code);
            });
            let receipt = finality.receipt.as_ref().filter(|receipt| {
                receipts_bytes += receipt.len();
                receipts_bytes <= ANSWER_BYTES_MAX
            });
            w.option(receipt, |w, receipt| {
                w.bytes(receipt);
            });
        }
        Err(rejected) => {
            w.u8(3).text(rejected.code.name()).text(&rejected.detail);
        }
    });
    w.finish().into()
}

pub fn decode_answers(bytes: &[u8]) -> Result<Vec<Answer>, Malformed> {
    Reader::all(bytes, |r| {
        r.list(SUBMISSION_TRANSACTIONS_MAX, |r| {
            Ok(match r.u8()? {
                1 => Ok(Accepted::Pending(Box::new(Acceptance::read(r)?))),
                2 => Ok(Accepted::Final(Finality {
                    height: r.u64()?,
                    index: r.u32()?,
                    log_index: r.u64()?,
                    time_ms: r.u64()?,
                    outcome: match r.option(|r| r.text().map(str::to_owned))? {
                        None => Outcome::Applied,
                        Some(code) => Outcome::Refused(code.into()),
                    },
                    receipt: r.option(Reader::owned)?,
                })),
                3 => Err(Rejected { code: r.parsed()?, detail: r.text()?.to_owned() }),
                other => return Err(r.bad(format!("unknown answer {other}"))),
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_read_back_and_large_receipts_stay_behind() {
        let finality = |receipt: usize| {
            let receipt = Some(Bytes::from(vec![b'{'; receipt]));
            let outcome = Outcome::Refused("seized".into());
            Ok(Accepted::Final(Finality { height: 3, index: 1, log_index: 9, time_ms: 5, outcome, receipt }))
        };
        let rejected = |code: Code| Err(Rejected::new(code, "because"));
        let answers: Vec<Answer> = Code::ALL.into_iter().map(rejected).chain([finality(10)]).collect();
        assert_eq!(decode_answers(&encode_answers(&answers)).unwrap(), answers);

        let large = encode_answers(&[finality(500 * 1024), finality(500 * 1024)]);
        assert!(large.len() < hutong_bus::PAYLOAD_BYTES_MAX);
        let kept = decode_answers(&large).unwrap();
        let has_receipt = |answer: &Answer| matches!(answer, Ok(Accepted::Final(f)) if f.receipt.is_some());
        assert_eq!(kept.iter().map(has_receipt).collect::<Vec<_>>(), [true, false]);
        assert!(decode_answers(&large[1..]).is_err());
    }
}

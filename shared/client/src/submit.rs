//! Submitting. The same transaction may be submitted any number of times: the city answers with what became of it, so
//! whatever is uncertain is simply tried again.

use bytes::Bytes;
use hutong_ledger::{acceptance::Acceptance, entry::Outcome, id::TxId, transaction::Transaction};
use hutong_wire::{prost::Message, transaction::encode_group, v1};
use serde::Deserialize;
use serde_json::Value;

use crate::{Client, Error, Refusal};

const PROTOBUF: &str = "application/x-protobuf";
const PROTOBUF_GROUP: &str = "application/x-protobuf; messageType=\"hutong.v1.TransactionGroup\"";

/// A transaction that the city has.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// Durable and on its way; the acceptance is ingest's signed promise.
    Accepted(Box<Acceptance>),
    /// Final, with its receipt where one was asked for (else empty).
    Final { outcome: Outcome, receipt: Bytes },
}

/// The parts of an answer that count here, of a receipt as of the short form.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    acceptance: Option<Acceptance>,
    #[serde(default)]
    outcome: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    opening: Option<Opening>,
    #[serde(default)]
    problem: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Opening {
    outcome: String,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Results {
    results: Vec<Answer>,
}

impl Client {
    /// Submits a transaction; returns when it is accepted.
    pub async fn submit(&self, transaction: &Transaction) -> Result<Submitted, Error> {
        self.submit_one(transaction, "/v1/transactions").await
    }

    /// Submits a transaction and waits until it is final. (After the city's own limit it is only accepted: submit it
    /// again to wait on.)
    pub async fn submit_final(&self, transaction: &Transaction) -> Result<Submitted, Error> {
        self.submit_one(transaction, "/v1/transactions?wait=final").await
    }

    /// Submits at most 1000 transactions together; each is taken or refused on its own, in this order.
    pub async fn submit_batch(
        &self,
        transactions: &[Transaction],
        wait_final: bool,
    ) -> Result<Vec<Result<Submitted, Refusal>>, Error> {
        let path = if wait_final { "/v1/transactions?wait=final" } else { "/v1/transactions" };
        let body = self.post_bytes(path, PROTOBUF_GROUP, encode_group(transactions)).await?;
        let garbled = |reason: String| self.garbled(path, reason);
        let results: Results =
            serde_json::from_slice(&body).map_err(|error| garbled(format!("no results: {error}")))?;
        if results.results.len() != transactions.len() {
            return Err(garbled("results for other transactions".into()));
        }
        let results = results.results.into_iter().map(|answer| match answer.problem {
            Some(problem) => Ok(Err(Refusal::of(0, problem))),
            None => {
                submitted(answer, Bytes::new()).map(Ok).ok_or_else(|| garbled("a result of no kind".into()))
            }
        });
        results.collect()
    }

    /// Waits until a transaction that was accepted is final, however long that takes.
    pub async fn wait_final(&self, transaction: &Transaction) -> Result<(Outcome, Bytes), Error> {
        loop {
            if let Submitted::Final { outcome, receipt } = self.submit_final(transaction).await? {
                return Ok((outcome, receipt));
            }
        }
    }

    async fn submit_one(&self, transaction: &Transaction, path: &str) -> Result<Submitted, Error> {
        let message = v1::Transaction::from(transaction).encode_to_vec();
        let body = self.post_bytes(path, PROTOBUF, message.into()).await?;
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| self.garbled(path, error.to_string()))?;
        let other = || self.garbled(path, "neither an acceptance nor a receipt".into());
        let submitted = submitted(answer, body).ok_or_else(other)?;
        match &submitted {
            Submitted::Accepted(acceptance) if !names(acceptance, &transaction.id) => {
                Err(self.garbled(path, "the acceptance of another transaction".into()))
            }
            _ => Ok(submitted),
        }
    }

    /// Posts bytes of a media type; the bytes that come back.
    pub async fn post_bytes(&self, path: &str, kind: &'static str, body: Bytes) -> Result<Bytes, Error> {
        let send = |url| self.http.post(url).header("content-type", kind).body(body.clone());
        Ok(self.call(path, send).await?.1)
    }

    fn garbled(&self, path: &str, reason: String) -> Error {
        Error::Answer { url: format!("{}{path}", self.url), reason }
    }
}

/// Whether the acceptance is for this transaction; who signed it is for [`Acceptance::verify`] to say.
fn names(acceptance: &Acceptance, id: &TxId) -> bool {
    use hutong_ledger::log::{leaf_hash, verify_inclusion};
    let (root, size) = (&acceptance.statement.root, acceptance.statement.size);
    verify_inclusion(root, size, acceptance.index, &leaf_hash(&id.0), &acceptance.path).is_ok()
}

fn submitted(answer: Answer, body: Bytes) -> Option<Submitted> {
    if let Some(acceptance) = answer.acceptance {
        return Some(Submitted::Accepted(Box::new(acceptance)));
    }
    // A receipt opens its outcome; the short form says it outright.
    let (outcome, code, receipt) = match answer.opening {
        Some(opening) => (opening.outcome, opening.code, body),
        None if answer.status.as_deref() == Some("final") => (answer.outcome?, answer.code, Bytes::new()),
        None => return None,
    };
    let outcome = match outcome.as_str() {
        "applied" => Outcome::Applied,
        _ => Outcome::Refused(code?.into()),
    };
    Some(Submitted::Final { outcome, receipt })
}

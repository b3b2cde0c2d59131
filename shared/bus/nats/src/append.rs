//! Appending: one message with a plain publish, several as one atomic batch, and what the answers mean.
//!
//! Nothing is tried again here: only the caller can tell its own repeat from a rival.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind};
use hutong_bus::{AppendError, Appended, Batch, Error, Outgoing, Stream};
use serde_json::Value;

use crate::names::{Names, to_broker};

const MESSAGE_ID: &str = "Nats-Msg-Id";
const EXPECTED_LAST: &str = "Nats-Expected-Last-Subject-Sequence";
const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// What the broker answered instead of an acknowledgement.
#[derive(Debug, thiserror::Error)]
#[error("the broker refused with {code}: {description}")]
struct Refusal {
    code: u64,
    description: String,
}

/// An answer that is none of the protocol's.
#[derive(Debug, thiserror::Error)]
#[error("the broker's answer is not an acknowledgement")]
struct Unreadable;

pub(crate) struct Appender<'a> {
    pub(crate) client: &'a Client,
    pub(crate) names: &'a Names,
    pub(crate) timeout: Duration,
    pub(crate) incarnation: u64,
    pub(crate) stream: Stream,
}

impl Appender<'_> {
    pub(crate) async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        batch.check(self.stream)?;
        let Batch { messages, expected_last } = batch;
        let guarded = expected_last
            .as_ref()
            .and_then(|(subject, _)| messages.iter().position(|message| message.subject == *subject));
        let count = messages.len();
        let batch_id = if count > 1 { Some(self.batch_id()?) } else { None };
        for (at, message) in messages.into_iter().enumerate() {
            let subject = self.names.subject(&message.subject);
            let mut headers = to_broker(&message.headers);
            if let (Some((_, sequence)), true) = (&expected_last, guarded == Some(at)) {
                headers.insert(EXPECTED_LAST, sequence.to_string());
            }
            if let Some(id) = &message.message_id {
                headers.insert(MESSAGE_ID, id.as_str());
            }
            if let Some(batch_id) = &batch_id {
                headers.insert(BATCH_ID, batch_id.as_str());
                headers.insert(BATCH_SEQUENCE, (at + 1).to_string());
            }
            if at + 1 < count {
                self.send(subject, headers, message).await?;
                continue;
            }
            if batch_id.is_some() {
                headers.insert(BATCH_COMMIT, "1");
            }
            let id = message.message_id.clone().unwrap_or_default();
            let answer = self.commit(subject, headers, message).await?;
            return self.read_answer(&answer, expected_last, id);
        }
        Err(AppendError::Unknown { stream: self.stream })
    }

    fn batch_id(&self) -> Result<String, Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| Error::transport("cannot name a batch", error))?;
        Ok(hex::encode(id))
    }

    /// Sends a message of a batch before its last; nothing is kept without that one.
    async fn send(&self, subject: String, headers: HeaderMap, message: Outgoing) -> Result<(), Error> {
        let sent = self.client.publish_with_headers(subject, headers, message.payload).await;
        sent.map_err(|error| Error::transport(format!("cannot send to {}", self.stream), error))
    }

    /// Sends the message that completes an append, and waits for the broker's answer.
    async fn commit(
        &self,
        subject: String,
        headers: HeaderMap,
        message: Outgoing,
    ) -> Result<Message, AppendError> {
        let stream = self.stream;
        let request = Request::new().headers(headers).payload(message.payload).timeout(Some(self.timeout));
        self.client.send_request(subject, request).await.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => Error::NoResponder { subject: message.subject }.into(),
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                AppendError::Invalid { stream, reason: error.to_string() }
            }
            // A connection that broke may have broken after the message went out.
            RequestErrorKind::TimedOut | RequestErrorKind::Other => {
                tracing::warn!(%stream, %error, "an append was not acknowledged");
                AppendError::Unknown { stream }
            }
        })
    }

    fn read_answer(
        &self,
        answer: &Message,
        expected_last: Option<(String, u64)>,
        message_id: String,
    ) -> Result<Appended, AppendError> {
        let stream = self.stream;
        let unreadable = || Error::transport(format!("cannot append to {stream}"), Unreadable);
        let answer: Value = serde_json::from_slice(&answer.payload).map_err(|_| unreadable())?;
        if let Some(error) = answer.get("error") {
            let code = error["err_code"].as_u64().unwrap_or_default();
            let description = error["description"].as_str().unwrap_or_default().to_owned();
            return Err(refusal(stream, Refusal { code, description }, expected_last, message_id));
        }
        let sequence = answer["seq"].as_u64().ok_or_else(unreadable)?;
        let duplicate = answer["duplicate"].as_bool().unwrap_or_default();
        Ok(Appended { incarnation: self.incarnation, sequence, duplicate })
    }
}

/// What a refusal of the broker means to the caller. With each of these nothing was appended.
fn refusal(
    stream: Stream,
    refusal: Refusal,
    expected_last: Option<(String, u64)>,
    message_id: String,
) -> AppendError {
    let full =
        refusal.description.contains("maximum bytes") || refusal.description.contains("maximum messages");
    match (refusal.code, expected_last) {
        // Wrong last sequence, told or (when others are in flight) guessed.
        (10071 | 10164, Some((subject, expected))) => AppendError::Stale { stream, subject, expected },
        // A message id of the batch was seen before; the broker does not always say which.
        (10201, _) => AppendError::Repeated { stream, message_id },
        // Store failed, insufficient resources of server or account, maximum message size.
        (10077, _) if full => AppendError::Full { stream },
        (10002 | 10023 | 10028 | 10047, _) => AppendError::Full { stream },
        (10054, _) => AppendError::Invalid { stream, reason: refusal.to_string() },
        _ => Error::transport(format!("cannot append to {stream}"), refusal).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_the_ports_errors() {
        let refuse = |code, description: &str, expected: Option<(&str, u64)>| {
            let expected = expected.map(|(subject, sequence)| (subject.to_owned(), sequence));
            refusal(Stream::Blocks, Refusal { code, description: description.into() }, expected, "id".into())
        };
        for code in [10071, 10164] {
            let stale = refuse(code, "wrong last sequence", Some(("block.header", 3)));
            assert!(matches!(stale, AppendError::Stale { expected: 3, .. }), "{code}");
        }
        assert!(matches!(refuse(10201, "", None), AppendError::Repeated { .. }));
        assert!(matches!(refuse(10077, "maximum bytes exceeded", None), AppendError::Full { .. }));
        assert!(matches!(refuse(10047, "", None), AppendError::Full { .. }));
        assert!(matches!(refuse(10077, "disk on fire", None), AppendError::Bus(Error::Transport { .. })));
        assert!(matches!(refuse(10176, "incomplete", None), AppendError::Bus(Error::Transport { .. })));
    }
}

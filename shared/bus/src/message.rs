//! What travels: outgoing batches, entries read back, messages, requests.

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::Error;

/// Header fields of a message, such as the trace context. Names are ASCII without spaces or colons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a field, replacing an earlier value of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(&name));
        self.0.push((name, value.into()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One message to append.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub subject: String,
    pub headers: Headers,
    pub payload: Bytes,
    /// The hash of the content: the stream refuses to hold the same id twice within its duplicate window.
    pub message_id: Option<String>,
}

/// Messages that are appended together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub messages: Vec<Outgoing>,
    /// Append only if the last sequence under this subject is this one (0: the subject is empty). The subject
    /// must be that of one of the messages.
    pub expected_last: Option<(String, u64)>,
}

/// Where an append landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Identifies the stream's life: a stream that was lost and made again has another one.
    pub incarnation: u64,
    /// The sequence of the last message of the batch.
    pub sequence: u64,
    /// The message was there already; `sequence` is where.
    pub duplicate: bool,
}

/// The end of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tip {
    pub incarnation: u64,
    /// The last sequence of the whole stream.
    pub sequence: u64,
    /// The last sequence under the subject asked for; 0 if there is none.
    pub subject_sequence: u64,
    /// The first sequence that is still kept.
    pub first_sequence: u64,
}

/// An entry of a stream.
#[derive(Clone, Debug)]
pub struct Entry {
    pub sequence: u64,
    pub subject: String,
    pub headers: Headers,
    pub payload: Bytes,
}

/// A message outside the streams.
#[derive(Clone, Debug)]
pub struct Message {
    pub subject: String,
    pub headers: Headers,
    pub payload: Bytes,
}

/// Sends the one answer to a request.
pub type Respond = Box<dyn FnOnce(Headers, Bytes) -> BoxFuture<'static, Result<(), Error>> + Send>;

/// A request that waits for its answer.
pub struct Request {
    pub message: Message,
    pub respond: Respond,
}

impl Request {
    /// Answers. The asker may be gone by then; that is its affair and no error here.
    pub async fn reply(self, payload: Bytes) -> Result<(), Error> {
        (self.respond)(Headers::default(), payload).await
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("message", &self.message).finish_non_exhaustive()
    }
}

//! The bus port: what every service may ask of the transport, and nothing more.
//!
//! Streams are appended to in atomic batches and read by sequence; messages are published at most once;
//! requests get one reply. There are no broker-side cursors: a reader says where it starts, because durable
//! positions are heights and sequences that the ledger itself keeps.
//!
//! The bus is transport, never the system of record. It must not interpret payloads, retry appends on its own
//! (only the caller can tell a repeat from a rival), or hide that an acknowledgement was lost.
//!
//! Adapters: `hutong-bus-embedded` (one process, one journal) and `hutong-bus-nats` (JetStream). Both pass the
//! one conformance suite in `tests/conformance`.

mod check;
pub mod error;
pub mod message;
pub mod subject;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use error::{AppendError, Error};
pub use message::{Appended, Batch, Entry, Headers, Message, Outgoing, Request, Respond, Tip};
pub use subject::{Filter, Stream};

/// A bus shared by the services of a process.
pub type SharedBus = Arc<dyn Bus>;

/// The largest payload of one message, in bytes: a segment of a block fits into one message.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The header fields of one message may take this many bytes, names and values together.
pub const HEADERS_BYTES_MAX: usize = 16 << 10;

/// One batch may have this many messages.
pub const BATCH_MESSAGES_MAX: usize = 1000;

/// The payloads of one batch may take this many bytes together.
pub const BATCH_BYTES_MAX: usize = 48 << 20;

/// The transport between services.
#[async_trait]
pub trait Bus: Send + Sync + std::fmt::Debug + 'static {
    /// Appends the batch to a stream: all of it or nothing. Returns once the batch is durable; readers may see
    /// it before that. A repeated message id within the stream's duplicate window is answered as
    /// [`Appended::duplicate`] when the whole batch is that one message, and refused otherwise; if the batch also
    /// expects a last sequence that holds no more, [`AppendError::Stale`] may be the answer to either.
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError>;

    /// The entries of a stream from a sequence on (inclusive; 0 and 1 both mean the start), in order, only
    /// those whose subject matches; goes on with what is appended later and ends only with an error. A sequence
    /// that is no longer kept gives [`Error::Gone`].
    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, Error>>, Error>;

    /// Where the stream ends, and the last sequence under one subject (0: none).
    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, Error>;

    /// Sends a message to whoever listens now; at most once, nothing is kept.
    async fn publish(&self, message: Message) -> Result<(), Error>;

    /// What is published from now on under subjects that match. A listener too slow to keep up misses messages
    /// (and asks for what it missed).
    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, Error>;

    /// Asks whoever serves the subject. [`Error::NoResponder`] at once when nobody does.
    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, Error>;

    /// The requests that arrive under a subject, each to be answered once through [`Request::reply`]. Dropping
    /// the stream stops serving.
    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error>;
}

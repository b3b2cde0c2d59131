//! The bus in process: three streams over one journal, messages and requests over queues.
//!
//! One journal for all streams means one sync for all who append, and that what is durable is a prefix of what
//! happened: a block never survives a transaction that it orders. Readers may see an entry before it is durable;
//! [`append`](hutong_bus::Bus::append) returns after it.
//!
//! It reads no clock: the duplicate window is bounded by the number of ids, retention by bytes. It must not
//! interpret payloads, and a slow reader or listener must not slow anyone else.
//!
//! Parts: [`core`] appends and replays, [`log`] decides, [`record`] encodes, [`reader`] follows, [`exchange`]
//! delivers messages. [`Faults`] is where simulations interfere.

mod core;
mod error;
mod exchange;
mod faults;
mod log;
mod reader;
mod record;
mod window;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hutong_bus::{AppendError, Appended, Batch, Bus, Entry, Filter, Headers, Message, Request, Stream, Tip};

pub use error::Error;
pub use faults::{Delivery, Fate, Faults};

use crate::core::Core;

/// How the bus is kept.
#[derive(Clone, Debug)]
pub struct Options {
    pub journal: hutong_journal::Options,
    /// The journal of all streams together may take this much; beyond it the oldest segments go. In memory, each
    /// stream may take this much.
    pub retain_bytes: u64,
    /// The latest entries of each stream that stay in memory beside the journal.
    pub recent_bytes_max: usize,
    /// The duplicate window of each stream: so many message ids are remembered.
    pub duplicates_max: usize,
    /// What a listener or server may leave waiting before it misses messages.
    pub queue_messages_max: usize,
    pub faults: Option<Arc<dyn Faults>>,
    /// For simulation: what new streams are told apart by, instead of a random number.
    pub incarnation: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            journal: hutong_journal::Options::default(),
            retain_bytes: 8 << 30,
            recent_bytes_max: 64 << 20,
            duplicates_max: 100_000,
            queue_messages_max: 4096,
            faults: None,
            incarnation: None,
        }
    }
}

/// How long a drop waits, in steps of a tenth of a millisecond, for threads that are reading or dropping files.
const CLOSE_STEPS_MAX: u32 = 50_000;

/// The embedded bus. When the last owner drops it, readers and listeners end and the journal is closed.
#[derive(Debug)]
pub struct EmbeddedBus {
    core: Arc<Core>,
}

impl EmbeddedBus {
    /// Opens the bus in a directory, which is made if it does not exist.
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self { core: Arc::new(Core::open(dir, options)?) }))
    }

    /// A bus without files that forgets everything when it is dropped.
    pub fn in_memory(options: Options) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self { core: Arc::new(Core::in_memory(options)?) }))
    }
}

impl Drop for EmbeddedBus {
    /// Returns with the journal closed, so that the directory can be opened again. Only a read or a removal of
    /// files on another thread can still hold the core; neither takes long.
    fn drop(&mut self) {
        for _ in 0..CLOSE_STEPS_MAX {
            if Arc::strong_count(&self.core) == 1 {
                return;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        tracing::warn!("the bus closes later: its files are still in use");
    }
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        self.core.append(stream, batch).await
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, hutong_bus::Error>>, hutong_bus::Error> {
        reader::read(&self.core, stream, filter, from)
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, hutong_bus::Error> {
        Ok(self.core.tip(stream, subject))
    }

    async fn publish(&self, message: Message) -> Result<(), hutong_bus::Error> {
        self.core.exchange.publish(message)
    }

    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, hutong_bus::Error> {
        self.core.exchange.subscribe(filter)
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, hutong_bus::Error> {
        self.core.exchange.request(Message { subject: subject.into(), headers, payload }, timeout).await
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, hutong_bus::Error> {
        self.core.exchange.serve(subject)
    }
}

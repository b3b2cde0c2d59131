//! A reader of one stream over an ephemeral consumer that is made anew, from where the reader is, whenever
//! anything is wrong with it.
//!
//! Deliveries are numbered, so a lost one shows; and each new consumer first checks that the stream is still the
//! same one and still keeps what is to be read next. The broker remembers nothing for the reader.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{Entry, Error, Filter, Stream};
use tokio::sync::watch;

use crate::{Shared, names::from_broker, streams::incarnation};

/// Messages that are asked for at a time; each may be as large as a payload.
const BATCH_MESSAGES: usize = 64;

/// A consumer that says nothing for twice this long is given up.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The broker forgets a consumer that nobody has asked for this long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

struct Reader {
    shared: Arc<Shared>,
    closed: watch::Receiver<()>,
    stream: Stream,
    patterns: Vec<String>,
    incarnation: u64,
    next: u64,
    deliveries: Option<Deliveries>,
    ended: bool,
}

struct Deliveries {
    messages: pull::Stream,
    /// How many came so far.
    count: u64,
}

pub(crate) async fn read(
    shared: Arc<Shared>,
    closed: watch::Receiver<()>,
    stream: Stream,
    filter: Filter,
    from: u64,
) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
    filter.check()?;
    let patterns = shared.names.patterns(&filter);
    if !shared.by_subject {
        return one(shared, closed, stream, patterns, from).await;
    }
    let mut readers = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        readers.push(one(shared.clone(), closed.clone(), stream, vec![pattern], from).await?);
    }
    // One that fails ends the read: the caller starts again, with all of them from one sequence.
    Ok(futures::stream::select_all(readers).boxed())
}

/// A reader over one consumer.
async fn one(
    shared: Arc<Shared>,
    closed: watch::Receiver<()>,
    stream: Stream,
    patterns: Vec<String>,
    from: u64,
) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
    let incarnation = shared.incarnation(stream);
    let next = from.max(1);
    let mut reader =
        Reader { shared, closed, stream, patterns, incarnation, next, deliveries: None, ended: false };
    reader.deliveries = Some(reader.open().await?);
    let entries = futures::stream::unfold(reader, |mut reader| async move {
        if reader.ended {
            return None;
        }
        let mut closed = reader.closed.clone();
        let item = tokio::select! {
            item = reader.next_entry() => item,
            // Only the end of the bus changes it.
            _ = closed.changed() => Err(Error::Closed),
        };
        reader.ended = item.is_err();
        Some((item, reader))
    });
    Ok(entries.boxed())
}

impl Reader {
    async fn next_entry(&mut self) -> Result<Entry, Error> {
        let mut backoff = BACKOFF_MIN;
        loop {
            let Some(deliveries) = &mut self.deliveries else {
                match self.open().await {
                    Ok(deliveries) => self.deliveries = Some(deliveries),
                    Err(error @ Error::Gone { .. }) => return Err(error),
                    Err(error) => {
                        tracing::warn!(stream = %self.stream, %error, "cannot read; trying again");
                        tokio::time::sleep(backoff).await;
                        backoff = (backoff * 2).min(BACKOFF_MAX);
                    }
                }
                continue;
            };
            match deliveries.messages.next().await {
                Some(Ok(message)) => {
                    if let Some(entry) = self.take(message)? {
                        return Ok(entry);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(stream = %self.stream, %error, "a consumer failed");
                    self.deliveries = None;
                }
                None => self.deliveries = None,
            }
        }
    }

    /// The entry of a message, unless a message before it was lost; then the reader goes back.
    fn take(&mut self, message: async_nats::jetstream::Message) -> Result<Option<Entry>, Error> {
        let stream = self.stream;
        if self.shared.incarnation(stream) != self.incarnation {
            return Err(self.gone(1));
        }
        let numbers = message.info().map(|info| (info.consumer_sequence, info.stream_sequence));
        let (Ok((count, sequence)), Some(deliveries)) = (numbers, &mut self.deliveries) else {
            self.deliveries = None;
            return Ok(None);
        };
        if count != deliveries.count + 1 || sequence < self.next {
            tracing::debug!(%stream, count, sequence, "a delivery was lost");
            self.deliveries = None;
            return Ok(None);
        }
        deliveries.count = count;
        self.next = sequence + 1;
        Ok(Some(Entry {
            sequence,
            subject: self.shared.names.local(&message.subject).to_owned(),
            headers: from_broker(message.headers.as_ref()),
            payload: message.payload.clone(),
        }))
    }

    async fn open(&self) -> Result<Deliveries, Error> {
        let info = self.shared.info(self.stream).await?;
        let first = info.state.first_sequence.max(1);
        if incarnation(&info) != self.incarnation || self.next < first {
            return Err(self.gone(first));
        }
        let failed = |error| Error::transport(format!("cannot read {}", self.stream), error);
        // A name that nobody can guess: who knows it could take the consumer's messages.
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|error| Error::transport("cannot name a consumer", error))?;
        // One filter stands in the subject of the request, where the broker's permissions see it.
        let (filter_subject, filter_subjects) = match &self.patterns[..] {
            [pattern] => (pattern.clone(), Vec::new()),
            several => (String::new(), several.to_vec()),
        };
        let consumer = self
            .shared
            .jetstream
            .create_consumer_on_stream(
                pull::Config {
                    deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
                    ack_policy: AckPolicy::None,
                    name: Some(hex::encode(name)),
                    filter_subject,
                    filter_subjects,
                    inactive_threshold: FORGOTTEN_AFTER,
                    memory_storage: true,
                    num_replicas: 1,
                    ..pull::Config::default()
                },
                self.shared.names.stream(self.stream),
            )
            .await
            .map_err(failed)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(BATCH_MESSAGES)
            .expires(HEARTBEAT * 6)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|error| Error::transport(format!("cannot read {}", self.stream), error))?;
        Ok(Deliveries { messages, count: 0 })
    }

    fn gone(&self, first: u64) -> Error {
        Error::Gone { stream: self.stream, sequence: self.next, first }
    }
}

//! Writes the bus stream EVENTS: every change once, in order, under `event.<agency>.<domain>`.
//!
//! How far it has come is kept in the own store, and the stream's own end says it too: whichever is further counts.
//! Each append expects the last sequence under the first event's subject, so that of two writers (an old process that
//! still runs, an append whose acknowledgement was lost) only one can write an event.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use hutong_bus::{AppendError, Batch, Entry, Filter, Outgoing, SharedBus, Stream};
use hutong_ledger::id::Domain;
use hutong_peer::FinalTransaction;
use hutong_runtime::metrics::{Counter, Gauge};

use crate::{
    Error,
    cursor::{Cursors, EventPosition, StreamCursor},
    event::{HEADER_PREFIX, subject, to_message},
    feed::Feed,
    service::{Node, Status, error_chain},
};

/// The payloads of one append together; it is one write of the bus.
const BATCH_BYTES: usize = 4 << 20;
/// The last event under a subject is there already: reading it takes no longer.
const READ_BACK: Duration = Duration::from_secs(10);

/// Writes the stream for one agency.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) node: std::sync::Arc<Node>,
    pub(crate) bus: SharedBus,
    pub(crate) cursors: Cursors,
    pub(crate) delivered: Counter,
    pub(crate) lag_heights: Gauge,
}

/// Where the stream ends.
#[derive(Debug)]
struct End {
    cursor: StreamCursor,
    /// The last sequence of the stream under each domain's subject.
    lasts: BTreeMap<Domain, u64>,
}

/// An event on its way.
#[derive(Clone, Debug)]
struct Prepared {
    domain: Domain,
    position: EventPosition,
    message: Outgoing,
}

/// What an append came to.
enum Written {
    All,
    /// Something else stands at the end of the stream than what is known here: look again.
    Elsewhere,
}

impl Publisher {
    /// Runs until something fails that trying again cannot help.
    pub(crate) async fn run(&self, status: &Status) -> Error {
        loop {
            let error = self.round(status).await;
            if error.is_final() {
                return error;
            }
            tracing::warn!(agency = %self.node.agency, error = error_chain(&error), "the EVENTS stream pauses");
            status.fault("stream", error_chain(&error));
            self.node.clock.sleep(self.node.config.retry()).await;
        }
    }

    async fn round(&self, status: &Status) -> Error {
        match self.write(status).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn write(&self, status: &Status) -> Result<std::convert::Infallible, Error> {
        loop {
            let mut end = self.end().await?;
            status.well("stream");
            let page_max = self.node.config.page_transactions_max;
            let after = end.cursor.position.ask_after();
            let mut feed = Feed::new(self.node.source.clone(), None, after, page_max);
            while let Written::All = self.write_page(&mut feed, &mut end).await? {
                self.lag_heights.set(i64::try_from(feed.lag_heights()).unwrap_or(i64::MAX));
                status.well("stream");
            }
        }
    }

    async fn write_page(&self, feed: &mut Feed, end: &mut End) -> Result<Written, Error> {
        let page = feed.page().await?;
        if page.transactions.is_empty() && !page.more {
            feed.wait().await;
            return Ok(Written::All);
        }
        let mut batch: Vec<Prepared> = Vec::new();
        let mut bytes = 0;
        // Counts ahead of the cursor: what is prepared is not written yet.
        let mut sequences = end.cursor.sequences.clone();
        for tx in &page.transactions {
            for change in 1..=u32::try_from(tx.changes.len()).unwrap_or(u32::MAX) {
                if end.cursor.position.covers(tx.position, change) {
                    continue;
                }
                let sequence = sequences.entry(tx.domain).or_default();
                *sequence += 1;
                let prepared = self.prepare(tx, change, *sequence)?;
                let full = batch.len() == self.node.config.stream_events_max
                    || (bytes + prepared.message.payload.len() > BATCH_BYTES && !batch.is_empty());
                if full {
                    if let Written::Elsewhere = self.append(std::mem::take(&mut batch), end).await? {
                        return Ok(Written::Elsewhere);
                    }
                    bytes = 0;
                }
                bytes += prepared.message.payload.len();
                batch.push(prepared);
            }
        }
        if !batch.is_empty()
            && let Written::Elsewhere = self.append(batch, end).await?
        {
            return Ok(Written::Elsewhere);
        }
        // Also over what was no event: it need not be looked at again.
        end.cursor.position = end.cursor.position.max(EventPosition::after(feed.position()));
        self.cursors.keep_stream(&end.cursor);
        Ok(Written::All)
    }

    fn prepare(&self, tx: &FinalTransaction, change: u32, sequence: u64) -> Result<Prepared, Error> {
        let domain = tx.domain;
        let event = self.node.envelopes.event(tx, change, sequence)?;
        let id = cloudevents::AttributesReader::id(&event).to_owned();
        let message = to_message(subject(&self.node.agency, domain), id, event)
            .map_err(|error| Error::Envelope { domain, reason: error.to_string() })?;
        Ok(Prepared { domain, position: EventPosition::new(tx.position, change), message })
    }

    /// Appends events in one batch; the cursor goes on with what is written.
    async fn append(&self, events: Vec<Prepared>, end: &mut End) -> Result<Written, Error> {
        match self.append_batch(&events, end, true).await {
            Ok(()) => Ok(Written::All),
            // Ids that the stream remembers, of entries that it may no longer hold: one by one, to pass over those.
            Err(AppendError::Repeated { .. }) => self.append_singly(events, end).await,
            Err(AppendError::Stale { .. }) => Ok(Written::Elsewhere),
            Err(error) => Err(error.into()),
        }
    }

    /// Without an expectation, which brokers may check before they look whether the message is there already. That it
    /// is refused twice is what keeps rivals apart here.
    async fn append_singly(&self, events: Vec<Prepared>, end: &mut End) -> Result<Written, Error> {
        for event in &events {
            self.append_batch(std::slice::from_ref(event), end, false).await?;
        }
        Ok(Written::All)
    }

    async fn append_batch(
        &self,
        events: &[Prepared],
        end: &mut End,
        guarded: bool,
    ) -> Result<(), AppendError> {
        let Some(first) = events.first() else { return Ok(()) };
        let expected = match end.lasts.get(&first.domain) {
            Some(last) => *last,
            None => self.bus.tip(Stream::Events, &first.message.subject).await?.subject_sequence,
        };
        let messages = events.iter().map(|event| event.message.clone()).collect();
        let expected_last = guarded.then(|| (first.message.subject.clone(), expected));
        let appended = self.bus.append(Stream::Events, Batch { messages, expected_last }).await?;
        let before = appended.sequence.saturating_sub(events.len() as u64);
        for (sequence, event) in (before + 1..).zip(events) {
            if !appended.duplicate {
                end.lasts.insert(event.domain, sequence);
                self.delivered.inc();
            }
            *end.cursor.sequences.entry(event.domain).or_default() += 1;
            end.cursor.position = event.position;
        }
        Ok(())
    }

    /// Where the stream ends, from what is kept and from the stream itself.
    async fn end(&self) -> Result<End, Error> {
        let kept = self.cursors.stream()?;
        let epoch = self.node.source.storage.standing().await?.epoch;
        let stored = epoch.domains.iter().map(|rules| rules.domain);
        let mut domains: BTreeSet<_> =
            stored.filter(|domain| epoch.stores(&self.node.agency, *domain)).collect();
        domains.extend(kept.iter().flat_map(|cursor| cursor.sequences.keys()));
        let mut lasts = BTreeMap::new();
        let mut found = Vec::new();
        let mut incarnation = 0;
        for domain in domains {
            let subject = subject(&self.node.agency, domain);
            let tip = self.bus.tip(Stream::Events, &subject).await?;
            incarnation = tip.incarnation;
            lasts.insert(domain, tip.subject_sequence);
            if tip.subject_sequence >= tip.first_sequence.max(1) {
                found.extend(self.read_back(domain, subject, tip.subject_sequence).await?);
            }
        }
        let mut cursor = match kept {
            Some(kept) if kept.incarnation == incarnation => kept,
            Some(_) => {
                tracing::warn!(agency = %self.node.agency, "the EVENTS stream is a new one: writing it from the start");
                StreamCursor { incarnation, ..StreamCursor::default() }
            }
            None => StreamCursor { incarnation, ..StreamCursor::default() },
        };
        for (domain, position, sequence) in found {
            cursor.position = cursor.position.max(position);
            let known = cursor.sequences.entry(domain).or_default();
            *known = sequence.max(*known);
        }
        Ok(End { cursor, lasts })
    }

    /// Position and sequence of an event on the stream; none if it is not one of ours.
    async fn read_back(
        &self,
        domain: Domain,
        subject: String,
        sequence: u64,
    ) -> Result<Option<(Domain, EventPosition, u64)>, Error> {
        let mut entries = match self.bus.read(Stream::Events, Filter::one(&subject), sequence).await {
            Ok(entries) => entries,
            // Retention was faster.
            Err(hutong_bus::Error::Gone { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let entry = match tokio::time::timeout(READ_BACK, entries.next()).await {
            Ok(Some(Ok(entry))) => entry,
            Ok(Some(Err(error))) => return Err(error.into()),
            Ok(None) | Err(_) => return Err(Error::Unread { subject }),
        };
        let read = attribute(&entry, "position").zip(attribute(&entry, "sequence"));
        let told =
            read.and_then(|(position, sequence)| Some((position.parse().ok()?, sequence.parse().ok()?)));
        if told.is_none() {
            tracing::warn!(subject, entry.sequence, "an entry of EVENTS was not written by this software");
        }
        Ok(told.map(|(position, sequence)| (domain, position, sequence)))
    }
}

fn attribute<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    entry.headers.get(&format!("{HEADER_PREFIX}{name}"))
}

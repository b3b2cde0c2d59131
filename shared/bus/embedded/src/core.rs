//! The streams over their one journal: appending, replaying after a restart, and dropping what is old.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hutong_bus::{AppendError, Appended, Batch, Entry, Filter, Stream};
use hutong_journal::Journal;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    Error, Fate, Options,
    exchange::Exchange,
    log::{Fetch, Log, Verdict},
    record::{EncodedBatch, KIND_BATCH, KIND_STATE, StreamState, decode_batch, decode_state, encode_state},
};

/// A reader takes about this much from the journal at once.
const COLD_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Core {
    streams: [StreamCore; 3],
    journal: Option<Journal>,
    pub(crate) exchange: Exchange,
    options: Options,
    /// What has been appended since retention last looked.
    unweighed_bytes: AtomicU64,
}

#[derive(Debug)]
struct StreamCore {
    log: Mutex<Log>,
    /// The last sequence, for readers that wait.
    tip: watch::Sender<u64>,
}

impl Core {
    pub(crate) fn in_memory(options: Options) -> Result<Self, Error> {
        let mut logs = new_logs(&options, true);
        for log in &mut logs {
            log.restore(StreamState { incarnation: incarnation(&options)?, last: 0, subjects: Vec::new() });
        }
        Ok(Self::new(logs, None, options))
    }

    pub(crate) fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        let (journal, recovery) = Journal::open(dir, options.journal.clone())?;
        let mut logs = new_logs(&options, false);
        let stated = replay(&journal, &mut logs)?;
        if !stated {
            if recovery.first_position > 1 {
                let position = recovery.first_position;
                return Err(Error::Record { position, reason: "no record says what was before it" });
            }
            for log in &mut logs {
                log.restore(StreamState { incarnation: incarnation(&options)?, ..log.state() });
            }
            let position = journal.append(KIND_STATE, &encode_state(&logs.each_ref().map(Log::state)))?;
            journal.sync(position)?;
        }
        Ok(Self::new(logs, Some(journal), options))
    }

    fn new(logs: [Log; 3], journal: Option<Journal>, options: Options) -> Self {
        let exchange = Exchange::new(options.queue_messages_max, options.faults.clone());
        let streams =
            logs.map(|log| StreamCore { tip: watch::Sender::new(log.last()), log: Mutex::new(log) });
        Self { streams, journal, exchange, options, unweighed_bytes: AtomicU64::new(0) }
    }

    /// Appends, and returns with the batch durable.
    pub(crate) async fn append(
        self: &Arc<Self>,
        stream: Stream,
        batch: Batch,
    ) -> Result<Appended, AppendError> {
        batch.check(stream)?;
        let fate = self.options.faults.as_ref().map_or(Fate::Accept, |faults| faults.append(stream, &batch));
        match fate {
            Fate::Refuse => return Err(AppendError::Full { stream }),
            Fate::LoseBatch => return Err(AppendError::Unknown { stream }),
            Fate::Accept | Fate::LoseAck => {}
        }
        let (appended, position) = self.take(stream, batch)?;
        if fate == Fate::LoseAck {
            return Err(AppendError::Unknown { stream });
        }
        if let Some(journal) = &self.journal {
            if let Err(error) = journal.durable(position).await {
                tracing::error!(%stream, %error, "an appended batch did not become durable");
                return Err(AppendError::Unknown { stream });
            }
            self.weigh();
        }
        Ok(appended)
    }

    /// Decides on a batch and takes it into the stream; readers see it from now on.
    fn take(&self, stream: Stream, batch: Batch) -> Result<(Appended, u64), AppendError> {
        let StreamCore { log, tip } = self.stream(stream);
        let mut log = log.lock();
        let first_sequence = match log.judge(&batch)? {
            Verdict::Duplicate { appended, position } => return Ok((appended, position)),
            Verdict::Next { first_sequence } => first_sequence,
        };
        let position = match &self.journal {
            None => 0,
            Some(journal) => {
                let encoded = EncodedBatch::new(stream, first_sequence, &batch.messages);
                let parts = encoded.parts();
                let bytes: usize = parts.iter().map(|part| part.len()).sum();
                self.unweighed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                journal.append_parts(KIND_BATCH, &parts).map_err(|error| {
                    hutong_bus::Error::transport(format!("cannot append to {stream}"), error)
                })?
            }
        };
        let appended = log.apply(position, batch.messages);
        tip.send_replace(log.last());
        Ok((appended, position))
    }

    pub(crate) fn fetch(&self, stream: Stream, next: u64, filter: &Filter) -> Fetch {
        self.stream(stream).log.lock().fetch(next, filter)
    }

    /// Reads entries from the journal; reads files, so it belongs on a thread that may block. Returns where to go
    /// on too.
    pub(crate) fn fetch_cold(
        &self,
        stream: Stream,
        next: u64,
        until: u64,
        position: u64,
        filter: &Filter,
    ) -> Result<(Vec<Arc<Entry>>, u64), hutong_bus::Error> {
        let failed = |error| hutong_bus::Error::transport(format!("cannot read {stream}"), error);
        let mut entries = Vec::new();
        let mut reached = next;
        let mut bytes = 0;
        let Some(journal) = &self.journal else { return Ok((entries, reached)) };
        for record in journal.iter(position) {
            let record = record.map_err(|error| failed(error.into()))?;
            bytes += record.payload.len();
            if record.kind == KIND_BATCH {
                let (of, first, messages) = decode_batch(record.payload)
                    .map_err(|reason| failed(Error::Record { position: record.position, reason }))?;
                for (sequence, message) in (first..).zip(messages).filter(|_| of == stream) {
                    if sequence < reached || sequence >= until {
                        continue;
                    }
                    reached = sequence + 1;
                    if filter.matches(&message.subject) {
                        let hutong_bus::Outgoing { subject, headers, payload, .. } = message;
                        entries.push(Arc::new(Entry { sequence, subject, headers, payload }));
                    }
                }
            }
            if reached >= until || bytes >= COLD_BYTES && reached > next {
                break;
            }
        }
        Ok((entries, reached))
    }

    pub(crate) fn tip(&self, stream: Stream, subject: &str) -> hutong_bus::Tip {
        self.stream(stream).log.lock().tip(subject)
    }

    pub(crate) fn watch(&self, stream: Stream) -> watch::Receiver<u64> {
        self.stream(stream).tip.subscribe()
    }

    /// Looks now and then whether the journal has outgrown its limit.
    fn weigh(self: &Arc<Self>) {
        let step = (self.options.journal.segment_bytes_max / 2).max(1);
        let unweighed = self.unweighed_bytes.load(Ordering::Relaxed);
        if unweighed < step
            || self
                .unweighed_bytes
                .compare_exchange(unweighed, 0, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let core = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = core.drop_old() {
                tracing::error!(%error, "cannot drop old entries of the bus");
            }
        });
    }

    /// Drops the oldest segments beyond the limit, of all streams alike.
    fn drop_old(&self) -> Result<(), hutong_journal::Error> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let segments = journal.segments();
        let mut kept_bytes = 0;
        let kept = segments.iter().rev().take_while(|segment| {
            kept_bytes += segment.bytes;
            kept_bytes <= self.options.retain_bytes
        });
        let Some(cut) = kept.last().or(segments.last()).map(|oldest| *oldest.positions.start()) else {
            return Ok(());
        };
        if cut <= journal.first_position() {
            return Ok(());
        }
        // What the dropped records alone say must be durable elsewhere first.
        let stated = {
            let logs = self.streams.each_ref().map(|stream| stream.log.lock());
            journal.append(KIND_STATE, &encode_state(&logs.each_ref().map(|log| log.state())))?
        };
        journal.sync(stated)?;
        for stream in &self.streams {
            stream.log.lock().forget_before(cut);
        }
        journal.truncate_before(cut)
    }

    fn stream(&self, stream: Stream) -> &StreamCore {
        &self.streams[index(stream)]
    }
}

fn new_logs(options: &Options, in_memory: bool) -> [Log; 3] {
    let recent_bytes_max = if in_memory {
        usize::try_from(options.retain_bytes).unwrap_or(usize::MAX)
    } else {
        options.recent_bytes_max
    };
    Stream::ALL.map(|stream| Log::new(stream, options.duplicates_max, recent_bytes_max, in_memory))
}

/// Fills the logs from the journal; whether a state record was among its records.
fn replay(journal: &Journal, logs: &mut [Log; 3]) -> Result<bool, Error> {
    let mut stated = false;
    for record in journal.iter(journal.first_position()) {
        let record = record?;
        let position = record.position;
        let unreadable = |reason| Error::Record { position, reason };
        match record.kind {
            KIND_BATCH => {
                let (stream, first, messages) = decode_batch(record.payload).map_err(unreadable)?;
                let log = &mut logs[index(stream)];
                if log.is_untouched() && !stated {
                    log.start_after(first - 1);
                }
                if first != log.last() + 1 {
                    return Err(unreadable("its sequence does not follow the one before"));
                }
                log.apply(position, messages);
            }
            KIND_STATE => {
                let states = decode_state(record.payload).map_err(unreadable)?;
                logs.iter_mut().zip(states).for_each(|(log, state)| log.restore(state));
                stated = true;
            }
            _ => return Err(unreadable("it is of an unknown kind")),
        }
    }
    Ok(stated)
}

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Transactions => 0,
        Stream::Blocks => 1,
        Stream::Events => 2,
    }
}

fn incarnation(options: &Options) -> Result<u64, Error> {
    options.incarnation.map_or_else(|| getrandom::u64().map_err(|_| Error::Random), Ok)
}

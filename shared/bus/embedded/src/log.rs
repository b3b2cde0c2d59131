//! One stream: its sequences, its duplicate window, and its latest entries in memory.
//!
//! It decides whether a batch may be appended and where; the journal makes it last.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use hutong_bus::{AppendError, Appended, Batch, Entry, Filter, Outgoing, Stream, Tip};

use crate::{
    record::StreamState,
    window::{Landed, Window},
};

/// A reader takes at most this many entries, or looks at this many, under one lock.
const FETCH_ENTRIES_MAX: usize = 256;
const FETCH_LOOKS_MAX: usize = 4096;

/// Where a batch begins in the stream and in the journal.
#[derive(Clone, Copy, Debug)]
struct Place {
    first_sequence: u64,
    position: u64,
}

#[derive(Debug)]
pub(crate) struct Log {
    stream: Stream,
    incarnation: u64,
    /// The first sequence that is kept, in memory or in the journal.
    first: u64,
    last: u64,
    subjects: HashMap<String, u64>,
    window: Window,
    places: VecDeque<Place>,
    /// The latest entries; the last of them is the stream's last.
    recent: VecDeque<Arc<Entry>>,
    recent_bytes: usize,
    recent_bytes_max: usize,
    /// Without a journal, what leaves the memory is gone.
    in_memory: bool,
}

/// What an append comes to before anything is changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The batch goes here.
    Next { first_sequence: u64 },
    /// It is there already.
    Duplicate { appended: Appended, position: u64 },
}

/// What a reader gets.
#[derive(Debug)]
pub(crate) enum Fetch {
    /// Matching entries, and where to go on.
    Entries {
        entries: Vec<Arc<Entry>>,
        next: u64,
    },
    /// They are in the journal: from this position on, up to this sequence (exclusive).
    Cold {
        position: u64,
        until: u64,
    },
    /// Nothing there yet.
    Wait,
    Gone {
        first: u64,
    },
}

impl Log {
    pub(crate) fn new(stream: Stream, ids_max: usize, recent_bytes_max: usize, in_memory: bool) -> Self {
        Self {
            stream,
            incarnation: 0,
            first: 1,
            last: 0,
            subjects: HashMap::new(),
            window: Window::new(ids_max),
            places: VecDeque::new(),
            recent: VecDeque::new(),
            recent_bytes: 0,
            recent_bytes_max,
            in_memory,
        }
    }

    /// Whether and where a batch may be appended. Repeats are found before stale expectations: that says more.
    pub(crate) fn judge(&self, batch: &Batch) -> Result<Verdict, AppendError> {
        let stream = self.stream;
        if let [Outgoing { message_id: Some(id), .. }] = &batch.messages[..] {
            if let Some(Landed { sequence, position }) = self.window.find(id) {
                let appended = Appended { incarnation: self.incarnation, sequence, duplicate: true };
                return Ok(Verdict::Duplicate { appended, position });
            }
        } else {
            let mut seen = HashSet::new();
            for id in batch.messages.iter().filter_map(|message| message.message_id.as_deref()) {
                if !seen.insert(id) || self.window.find(id).is_some() {
                    return Err(AppendError::Repeated { stream, message_id: id.into() });
                }
            }
        }
        if let Some((subject, expected)) = &batch.expected_last
            && self.last_under(subject) != *expected
        {
            return Err(AppendError::Stale { stream, subject: subject.clone(), expected: *expected });
        }
        Ok(Verdict::Next { first_sequence: self.last + 1 })
    }

    /// Takes a batch that the journal holds at a position.
    pub(crate) fn apply(&mut self, position: u64, messages: Vec<Outgoing>) -> Appended {
        self.places.push_back(Place { first_sequence: self.last + 1, position });
        for Outgoing { subject, headers, payload, message_id } in messages {
            self.last += 1;
            if let Some(id) = message_id {
                self.window.insert(&id, Landed { sequence: self.last, position });
            }
            match self.subjects.get_mut(&subject) {
                Some(last) => *last = self.last,
                None => drop(self.subjects.insert(subject.clone(), self.last)),
            }
            let entry = Entry { sequence: self.last, subject, headers, payload };
            self.recent_bytes += entry_bytes(&entry);
            self.recent.push_back(Arc::new(entry));
        }
        while self.recent_bytes > self.recent_bytes_max
            && self.recent.len() > 1
            && let Some(entry) = self.recent.pop_front()
        {
            self.recent_bytes -= entry_bytes(&entry);
            if self.in_memory {
                self.forget_below(entry.sequence + 1);
            }
        }
        Appended { incarnation: self.incarnation, sequence: self.last, duplicate: false }
    }

    /// Entries for a reader that has seen all before `next`.
    pub(crate) fn fetch(&self, next: u64, filter: &Filter) -> Fetch {
        if next < self.first {
            return Fetch::Gone { first: self.first };
        }
        if next > self.last {
            return Fetch::Wait;
        }
        let recent_first = self.last + 1 - self.recent.len() as u64;
        if next < recent_first {
            let at = self.places.partition_point(|place| place.first_sequence <= next);
            let Some(place) = at.checked_sub(1).and_then(|at| self.places.get(at)) else {
                return Fetch::Gone { first: self.first };
            };
            return Fetch::Cold { position: place.position, until: recent_first };
        }
        let mut entries = Vec::new();
        let mut reached = next;
        for entry in self.recent.range((next - recent_first) as usize..).take(FETCH_LOOKS_MAX) {
            reached = entry.sequence + 1;
            if filter.matches(&entry.subject) {
                entries.push(entry.clone());
                if entries.len() == FETCH_ENTRIES_MAX {
                    break;
                }
            }
        }
        Fetch::Entries { entries, next: reached }
    }

    pub(crate) fn tip(&self, subject: &str) -> Tip {
        Tip {
            incarnation: self.incarnation,
            sequence: self.last,
            subject_sequence: self.last_under(subject),
            first_sequence: self.first,
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn state(&self) -> StreamState {
        let mut subjects: Vec<_> =
            self.subjects.iter().map(|(subject, last)| (subject.clone(), *last)).collect();
        subjects.sort_unstable();
        StreamState { incarnation: self.incarnation, last: self.last, subjects }
    }

    /// Takes over what a state record says; entries that are kept have been applied before.
    pub(crate) fn restore(&mut self, state: StreamState) {
        self.incarnation = state.incarnation;
        for (subject, last) in state.subjects {
            let known = self.subjects.entry(subject).or_default();
            *known = last.max(*known);
        }
        if self.places.is_empty() {
            self.start_after(state.last);
        }
    }

    /// Sets where the stream starts, before anything was applied.
    pub(crate) fn start_after(&mut self, sequence: u64) {
        self.last = sequence;
        self.first = sequence + 1;
    }

    pub(crate) fn is_untouched(&self) -> bool {
        self.places.is_empty()
    }

    /// Forgets the entries whose batches lie before a position of the journal.
    pub(crate) fn forget_before(&mut self, position: u64) {
        let dropped = self.places.partition_point(|place| place.position < position);
        if dropped > 0 {
            let first = self.places.get(dropped).map_or(self.last + 1, |place| place.first_sequence);
            self.forget_below(first);
        }
    }

    fn forget_below(&mut self, first: u64) {
        self.first = self.first.max(first);
        // The place that holds the first entry may begin before it.
        while self.places.get(1).is_some_and(|next| next.first_sequence <= self.first)
            || (self.first > self.last && !self.places.is_empty())
        {
            self.places.pop_front();
        }
        while self.recent.front().is_some_and(|entry| entry.sequence < self.first)
            && let Some(entry) = self.recent.pop_front()
        {
            self.recent_bytes -= entry_bytes(&entry);
        }
    }

    fn last_under(&self, subject: &str) -> u64 {
        self.subjects.get(subject).copied().unwrap_or_default()
    }
}

fn entry_bytes(entry: &Entry) -> usize {
    let headers: usize = entry.headers.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
    entry.payload.len() + entry.subject.len() + headers + 96
}

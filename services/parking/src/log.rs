//! The log of occupancy: every accepted update as a line of its day, and the latest of each site. Kept by the domain's
//! owner, so that a day can be anchored after a restart and anyone can recompute its digest.
//!
//! Lines are written in groups and synced within a second: a crash of the machine may lose that second's lines, and
//! the digest is over those that were kept.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use hutong_ledger::hash::{Hash, sha256};
use hutong_store::{Batch, Form, Options, Store, Table};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    Error,
    contract::{DAY_MS, day_of},
    realtime::{Sent, Update},
};

const FORM: Form = Form { name: "parking occupancy", version: 1 };
/// Day ‖ site ‖ 0 ‖ number in the day: line.
const LINES: Table<Vec<u8>, Bytes> = Table::new("lines");
/// Day ‖ site: how many lines. Until the day is anchored.
const OPEN: Table<Vec<u8>, u64> = Table::new("open");
/// Site: its latest update, as it is sent.
const LATEST: Table<Vec<u8>, Bytes> = Table::new("latest");

/// A site's day that waits to be anchored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenDay {
    pub(crate) day: u32,
    pub(crate) site: String,
}

/// A site's day: its lines, and their digest.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) lines: Vec<String>,
    pub(crate) sha256: Hash,
}

#[derive(Debug)]
pub(crate) struct Log {
    store: Store,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: HashMap<(u32, String), u64>,
    /// No line goes to an earlier day: that may be anchored.
    day: u32,
}

/// The number of a day since 1970.
pub(crate) fn day_number(unix_ms: u64) -> u32 {
    u32::try_from(unix_ms / DAY_MS).unwrap_or(u32::MAX)
}

/// A day as YYYY-MM-DD.
pub(crate) fn day_text(day: u32) -> String {
    day_of(u64::from(day) * DAY_MS)
}

fn key(day: u32, site: &str) -> Vec<u8> {
    [&day.to_be_bytes(), site.as_bytes()].concat()
}

fn line_key(day: u32, site: &str, number: u64) -> Vec<u8> {
    [&key(day, site)[..], &[0], &number.to_be_bytes()].concat()
}

impl Log {
    /// Opens the log in a folder, with the latest update of each site.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Vec<Update>), Error> {
        std::fs::create_dir_all(dir).map_err(|source| Error::Folder { path: dir.into(), source })?;
        let options = Options { cache_bytes: 16 << 20, form: Some(FORM), ..Options::default() };
        let store = Store::open(&dir.join("occupancy.redb"), options)?;
        let snapshot = store.snapshot()?;
        let mut latest = Vec::new();
        for row in snapshot.table(&LATEST)?.between(&[], None)? {
            let (_, sent) = row?;
            let sent: Sent = serde_json::from_slice(&sent).map_err(|_| Error::Garbled("latest"))?;
            latest.push(Update::of(&sent).map_err(|_| Error::Garbled("latest"))?);
        }
        let mut state = State::default();
        for row in snapshot.table(&OPEN)?.between(&[], None)? {
            let (key, count) = row?;
            let (day, site) = split(&key)?;
            state.day = state.day.max(day);
            state.counts.insert((day, site), count);
        }
        // Days that were anchored have no count; their lines are still there.
        if let Some(row) = snapshot.table(&LINES)?.between(&[], None)?.next_back() {
            state.day = state.day.max(split(&row?.0)?.0);
        }
        drop(snapshot);
        Ok((Self { store, state: Mutex::new(state) }, latest))
    }

    /// Appends updates to the day of a time; returns once they can be read.
    pub(crate) async fn append(&self, now_ms: u64, updates: &[Arc<Update>]) -> Result<(), Error> {
        let (answer, done) = oneshot::channel();
        {
            let mut state = self.state.lock();
            state.day = state.day.max(day_number(now_ms));
            let day = state.day;
            let mut batch = Batch::default();
            for update in updates {
                let count = state.counts.entry((day, update.site.clone())).or_default();
                batch.put(&LINES, &line_key(day, &update.site, *count), &Bytes::from(update.line()));
                *count += 1;
                batch.put(&OPEN, &key(day, &update.site), count);
                let sent = serde_json::to_vec(&update.to_sent()).unwrap_or_default();
                batch.put(&LATEST, &update.site.as_bytes().to_vec(), &Bytes::from(sent));
            }
            // Queued under the lock: lines become visible in the order of their numbers.
            self.store.write(batch, move |result| drop(answer.send(result)));
        }
        Ok(done.await.map_err(|_| Error::Garbled("writer"))??)
    }

    /// The days that were over at a time and are not anchored; from now on no line goes to them.
    pub(crate) fn over(&self, now_ms: u64) -> Vec<OpenDay> {
        let mut state = self.state.lock();
        let today = day_number(now_ms);
        state.day = state.day.max(today);
        let over = state.counts.keys().filter(|(day, _)| *day < today);
        let mut over: Vec<_> = over.map(|(day, site)| OpenDay { day: *day, site: site.clone() }).collect();
        over.sort_by(|a, b| (a.day, &a.site).cmp(&(b.day, &b.site)));
        over
    }

    /// A site's day as it was logged.
    pub(crate) fn day(&self, day: u32, site: &str) -> Result<Day, Error> {
        let snapshot = self.store.snapshot()?;
        let (start, end) = (line_key(day, site, 0), line_key(day, site, u64::MAX));
        let mut lines = Vec::new();
        for row in snapshot.table(&LINES)?.range(&start, &end)? {
            let line = String::from_utf8(row?.1.to_vec()).map_err(|_| Error::Garbled("lines"))?;
            lines.push(line);
        }
        let parts: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        Ok(Day { sha256: sha256(&parts), lines })
    }

    /// The day is anchored.
    pub(crate) fn close(&self, day: &OpenDay) -> Result<(), Error> {
        let mut batch = Batch::default();
        batch.delete(&OPEN, &key(day.day, &day.site));
        self.store.write_synced(batch)?;
        self.state.lock().counts.remove(&(day.day, day.site.clone()));
        Ok(())
    }

    /// Drops the lines of days before this one that are anchored; how many.
    pub(crate) fn prune(&self, before: u32) -> Result<usize, Error> {
        let snapshot = self.store.snapshot()?;
        let mut open = BTreeMap::new();
        for (day, site) in self.state.lock().counts.keys() {
            open.insert(key(*day, site), ());
        }
        let mut batch = Batch::default();
        let mut dropped = 0;
        for row in snapshot.table(&LINES)?.between(&[], Some(&before.to_be_bytes()))?.take(100_000) {
            let (line, _) = row?;
            let day = line.get(..line.len().saturating_sub(9)).unwrap_or_default();
            if !open.contains_key(day) {
                batch.delete(&LINES, &line);
                dropped += 1;
            }
        }
        if dropped > 0 {
            self.store.write_synced(batch)?;
        }
        Ok(dropped)
    }
}

fn split(key: &[u8]) -> Result<(u32, String), Error> {
    let garbled = || Error::Garbled("open");
    let (day, site) = key.split_first_chunk::<4>().ok_or_else(garbled)?;
    let site = site.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok((u32::from_be_bytes(*day), String::from_utf8(site.to_vec()).map_err(|_| garbled())?))
}

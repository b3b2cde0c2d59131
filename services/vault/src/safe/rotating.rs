//! Replacing the key-encryption key: a new one wraps, everything is wrapped anew, the old one is destroyed.
//!
//! Nothing records how far this came. There is an older key, or there is none; a crash at any point leaves one of the
//! two, and the work goes on from there.

use hutong_ledger::id::RecordKey;
use hutong_store::Batch;

use super::{
    Safe, of_keys,
    tables::{ERASED, STATE, WRAPPED, record},
};
use crate::Error;

/// Since when the current key wraps: its id, then the time.
const SINCE: &[u8] = b"kek-since";
/// Rows looked at in one step, many of which may need nothing.
const LOOKED_MAX: usize = 4096;

/// A record whose keys no key-encryption key opens any more, wherever copies lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unrecoverable(pub(crate) RecordKey);

impl Safe {
    /// Begins a rotation if it is time, and ends one that has begun; returns whether one was ended.
    pub(crate) fn rotate(&self, now_ms: u64, every_ms: u64, batch: usize) -> Result<bool, Error> {
        let begun = self.kek.ids().len() > 1;
        if !begun && !self.is_due(now_ms, every_ms)? {
            return Ok(false);
        }
        if !begun {
            // Whoever is wrapping now ends first: from then on, nothing new is wrapped under the old key.
            let _alone = self.guard.write();
            self.kek.rotate()?;
            self.keep_since(now_ms)?;
        }
        // Until one look through everything finds nothing that an old key wraps.
        while self.wrap_all_anew(batch)? {}
        let current = self.kek.current();
        for id in self.kek.ids().into_iter().filter(|id| *id < current) {
            self.kek.destroy(id)?;
            tracing::info!(kek = id, "a key-encryption key is destroyed");
        }
        Ok(true)
    }

    fn is_due(&self, now_ms: u64, every_ms: u64) -> Result<bool, Error> {
        let since = self.keys_now()?.get(&STATE, &SINCE.to_vec()).map_err(of_keys)?;
        let since = since.and_then(|row| {
            let (id, since) = row.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*id), u64::from_be_bytes(since.try_into().ok()?)))
        });
        match since {
            Some((id, since_ms)) if id == self.kek.current() => {
                Ok(now_ms.saturating_sub(since_ms) >= every_ms)
            }
            // A key that nobody timed: it is timed from now.
            _ => self.keep_since(now_ms).map(|()| false),
        }
    }

    fn keep_since(&self, now_ms: u64) -> Result<(), Error> {
        let row = [self.kek.current().to_be_bytes(), now_ms.to_be_bytes()].concat();
        let mut batch = Batch::default();
        batch.put(&STATE, &SINCE.to_vec(), &row);
        self.write_keys(batch)
    }

    /// One look through all wrapped secrets; whether any was wrapped anew.
    fn wrap_all_anew(&self, batch: usize) -> Result<bool, Error> {
        let (mut from, mut moved) = (Vec::new(), false);
        loop {
            let (next, some) = self.wrap_some_anew(&from, batch.max(1))?;
            moved |= some;
            match next {
                Some(next) => from = next,
                None => return Ok(moved),
            }
        }
    }

    /// One step, in which nobody else reads or deletes: a row that is erased meanwhile must not come back.
    fn wrap_some_anew(&self, from: &[u8], rows: usize) -> Result<(Option<Vec<u8>>, bool), Error> {
        let _alone = self.guard.write();
        let current = self.kek.current();
        let keys = self.keys_now()?;
        let table = keys.table(&WRAPPED).map_err(of_keys)?;
        let (mut batch, mut moved, mut next) = (Batch::default(), 0, None);
        for (looked, row) in table.between(from, None).map_err(of_keys)?.enumerate() {
            let (item, wrapped) = row.map_err(of_keys)?;
            if moved >= rows || looked >= LOOKED_MAX {
                next = Some(item);
                break;
            }
            if wrapped.kek != current {
                let plain = self.unwrap(&item, &wrapped)?;
                batch.put(&WRAPPED, &item, &self.wrap(&item, &plain)?);
                moved += 1;
            }
        }
        self.write_keys(batch)?;
        Ok((next, moved > 0))
    }

    /// Erased records whose keys nothing opens any more, and that nobody was told of.
    pub(crate) fn unrecoverable(&self) -> Result<Vec<Unrecoverable>, Error> {
        let oldest = self.kek.ids().first().copied().unwrap_or(0);
        let keys = self.keys_now()?;
        let table = keys.table(&ERASED).map_err(of_keys)?;
        let mut found = Vec::new();
        for row in table.between(&[], None).map_err(of_keys)? {
            let (name, last) = row.map_err(of_keys)?;
            if last < oldest {
                found.push(Unrecoverable(record(&name).ok_or(Error::Damaged { what: "an erasure" })?));
            }
        }
        Ok(found)
    }

    /// It is on the ledger that the record is unrecoverable.
    pub(crate) fn confirmed(&self, record: &RecordKey) -> Result<(), Error> {
        let _alone = self.guard.write();
        let name = super::tables::name(record);
        // Erased again meanwhile: that is another confirmation.
        let last = self.keys_now()?.get(&ERASED, &name).map_err(of_keys)?;
        let oldest = self.kek.ids().first().copied().unwrap_or(0);
        if last.is_none_or(|last| last >= oldest) {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.delete(&ERASED, &name);
        self.write_keys(batch)
    }
}

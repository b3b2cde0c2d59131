//! Records: as they are, as they were, and what validation needs of them before it executes.

use std::sync::Arc;

use hutong_ledger::{
    contract::{Record, record_hash},
    id::{Domain, RecordId, RecordKey, TxId},
};
use hutong_peer::{Prefetched, StoredRecord, storage::History};

use super::{Reads, Records};
use crate::{
    Error,
    tables::{RECORDS, RecordKeyRow, RecordRow, TRANSACTIONS},
};

impl Reads {
    pub(crate) fn prefetch(
        &self,
        domain: Domain,
        keys: &[RecordKey],
        ids: Vec<TxId>,
    ) -> Result<Prefetched, Error> {
        let (height, held, mut known) = self.recent.look_up(keys, &ids);
        let snapshot = self.store.snapshot()?;
        let table = snapshot.table(&RECORDS)?;
        let mut records = Vec::with_capacity(keys.len());
        for (key, held) in keys.iter().zip(held) {
            let record = match held {
                Some(held) => Some(Record { version: held.version, value: held.value.clone() }),
                None => {
                    let row = current(&table, key.domain, &key.record, height)?;
                    row.map(|(version, row)| Record { version, value: row.value })
                }
            };
            records.push(record);
        }
        let table = snapshot.table(&TRANSACTIONS)?;
        for (id, known) in ids.iter().zip(&mut known) {
            if !*known {
                *known = table.get(&id.0)?.is_some_and(|row| row.height <= height && row.domain == domain);
            }
        }
        let known = ids.into_iter().zip(known).filter(|(_, known)| *known).map(|(id, _)| id).collect();
        Ok(Prefetched { session: self.session, height, records, known })
    }

    pub(crate) fn record(
        &self,
        key: &RecordKey,
        version: Option<u64>,
    ) -> Result<Option<StoredRecord>, Error> {
        let (height, held) = self.recent.versions(key);
        let in_memory = match version {
            None => held.last(),
            Some(version) => held.iter().find(|held| held.version == version),
        };
        if let Some(held) = in_memory {
            return Ok(Some(StoredRecord::clone(held)));
        }
        let snapshot = self.store.snapshot()?;
        let table = snapshot.table(&RECORDS)?;
        let row = match version {
            None => current(&table, key.domain, &key.record, height)?,
            Some(version) => {
                let row = RecordKeyRow { domain: key.domain, record: key.record.clone(), version };
                table.get(&row)?.filter(|row| row.height <= height).map(|row| (version, row))
            }
        };
        Ok(row.map(|(version, row)| stored(key.domain, &key.record, version, row)))
    }

    /// The version of a record that was current at a final height.
    pub(crate) fn record_at(&self, key: &RecordKey, height: u64) -> Result<Option<StoredRecord>, Error> {
        let (_, held) = self.recent.versions(key);
        if let Some(held) = held.iter().rev().find(|held| held.height <= height) {
            return Ok(Some(StoredRecord::clone(held)));
        }
        let snapshot = self.store.snapshot()?;
        let row = current(&snapshot.table(&RECORDS)?, key.domain, &key.record, height)?;
        Ok(row.map(|(version, row)| stored(key.domain, &key.record, version, row)))
    }

    pub(crate) fn history(
        &self,
        key: &RecordKey,
        below: Option<u64>,
        limit: usize,
    ) -> Result<History, Error> {
        let (height, held) = self.recent.versions(key);
        let below = below.unwrap_or(u64::MAX);
        let mut versions: Vec<StoredRecord> =
            held.iter().rev().filter(|held| held.version < below).map(|held| (**held).clone()).collect();
        let below = versions.last().map_or(below, |oldest| oldest.version);
        if versions.len() <= limit {
            let snapshot = self.store.snapshot()?;
            let prefix = RecordKeyRow::record_prefix(key.domain, &key.record);
            for row in snapshot.table(&RECORDS)?.between(&prefix, Some(&after(&prefix)))? {
                let (row_key, row) = row?;
                if row_key.version < below && row.height <= height {
                    versions.push(stored(key.domain, &key.record, row_key.version, row));
                }
                if versions.len() > limit {
                    break;
                }
            }
        }
        let more = versions.len() > limit;
        versions.truncate(limit);
        let more_below = versions.last().filter(|_| more).map(|oldest| oldest.version);
        Ok(History { versions, more_below })
    }

    pub(crate) fn scan(
        &self,
        domain: Domain,
        prefix: &str,
        from: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        let wanted =
            |record: &RecordId| record.as_str().starts_with(prefix) && from.is_none_or(|from| record > from);
        let (height, unwritten) = self.recent.unwritten_records(domain, wanted);
        let mut unwritten = unwritten.into_iter().peekable();
        let snapshot = self.store.snapshot()?;
        let table = snapshot.table(&RECORDS)?;
        let mut start = RecordKeyRow::domain_prefix(domain);
        start.extend_from_slice(prefix.as_bytes());
        let end = after(&start);
        if let Some(from) = from {
            start = start.max(after(&RecordKeyRow::record_prefix(domain, from)));
        }
        let mut out: Vec<(RecordId, StoredRecord)> = Vec::new();
        let live = |held: &(RecordId, Arc<StoredRecord>)| held.1.value.is_some();
        let owned = |(record, held): (RecordId, Arc<StoredRecord>)| (record, StoredRecord::clone(&held));
        while out.len() < limit {
            let row = newest_from(&table, &start, &end, height)?;
            if let Some((key, _)) = &row {
                start = after(&RecordKeyRow::record_prefix(domain, &key.record));
            }
            let Some((key, row)) = row else { break };
            let before = std::iter::from_fn(|| unwritten.next_if(|(record, _)| *record < key.record));
            out.extend(before.filter(live).map(owned));
            match unwritten.next_if(|(record, _)| *record == key.record) {
                Some(newer) => out.extend(Some(newer).filter(live).map(owned)),
                None if row.value.is_some() => {
                    let stored = stored(domain, &key.record, key.version, row);
                    out.push((key.record, stored));
                }
                None => {}
            }
        }
        if out.len() < limit {
            out.extend(unwritten.filter(live).map(owned));
        }
        out.truncate(limit);
        Ok(out)
    }
}

/// The first key behind all that begin with a prefix; no key begins with 0xff.
fn after(prefix: &[u8]) -> Vec<u8> {
    [prefix, &[0xff; 9]].concat()
}

/// The newest version of a record at or below a height.
fn current(
    table: &Records,
    domain: Domain,
    record: &RecordId,
    height: u64,
) -> Result<Option<(u64, RecordRow)>, Error> {
    let prefix = RecordKeyRow::record_prefix(domain, record);
    let newest = newest_from(table, &prefix, &after(&prefix), height)?;
    Ok(newest.map(|(key, row)| (key.version, row)))
}

/// The first row of a range that is not above a height: versions descend, so it is its record's newest.
fn newest_from(
    table: &Records,
    start: &[u8],
    end: &[u8],
    height: u64,
) -> Result<Option<(RecordKeyRow, RecordRow)>, Error> {
    for row in table.between(start, Some(end))? {
        let (key, row) = row?;
        if row.height <= height {
            return Ok(Some((key, row)));
        }
    }
    Ok(None)
}

fn stored(domain: Domain, record: &RecordId, version: u64, row: RecordRow) -> StoredRecord {
    let hash = record_hash(domain, record, version, &row.salt, row.value.as_deref());
    StoredRecord {
        version,
        value: row.value,
        hash,
        transaction: row.transaction,
        height: row.height,
        time_ms: row.time_ms,
        agency: row.agency,
        salt: row.salt,
    }
}

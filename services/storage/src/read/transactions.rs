//! Final transactions: one by its id, all from a position on, and the log entries that they became.

use hutong_ledger::{
    contract::Versioned,
    entry::Entry,
    id::{Domain, TxId},
};
use hutong_peer::{FinalTransaction, Position};
use hutong_store::Snapshot;

use super::{Reads, Records, damaged};
use crate::{
    Error,
    segment::{StoredSegment, StoredTransaction, opening},
    tables::{DomainKey, HeightKey, LOG_STARTS, RECORDS, RecordKeyRow, SEGMENTS, TRANSACTIONS},
};

/// Heights that one call of [`Reads::finals`] looks through at most.
const FINALS_HEIGHTS_MAX: u64 = 1024;

impl Reads {
    pub(crate) fn transaction(&self, id: &TxId) -> Result<Option<FinalTransaction>, Error> {
        if let Some(held) = self.recent.transaction(id) {
            return Ok(Some((*held).clone()));
        }
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.get(&TRANSACTIONS, &id.0)? else { return Ok(None) };
        if row.height > self.recent.final_height() {
            return Ok(None);
        }
        let key = HeightKey { height: row.height, domain: row.domain };
        let segment = stored_segment(&snapshot, &key)?;
        let place = row.place as usize;
        let tx = segment.transactions.get(place).filter(|tx| tx.id == *id);
        let tx = tx.ok_or_else(|| damaged(format!("transaction {id} is not at its place")))?;
        let records = snapshot.table(&RECORDS)?;
        rebuild(&records, &key, &segment, place, tx).map(Some)
    }

    pub(crate) fn finals(
        &self,
        from: Position,
        domains: Option<&[Domain]>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        let last = self.recent.final_height();
        let wanted = |domain: Domain| domains.is_none_or(|domains| domains.contains(&domain));
        let mut out = Vec::new();
        let mut complete = from;
        // The rest of the height itself, then the heights above it.
        let first = from.height.max(1);
        let mut snapshot = None;
        for height in first..=last.min(first.saturating_add(FINALS_HEIGHTS_MAX)) {
            let mut last_ordinal = 0;
            let mut take = |tx: FinalTransaction| {
                if out.len() < limit {
                    complete = tx.position;
                    out.push(tx);
                    true
                } else {
                    false
                }
            };
            if let Some(block) = self.recent.block(height) {
                let segments = block.segments.iter().filter(|segment| wanted(segment.domain));
                for tx in segments.flat_map(|segment| &segment.transactions) {
                    if tx.position > from && !take((**tx).clone()) {
                        return Ok((out, complete));
                    }
                }
                last_ordinal = block.last_ordinal();
            } else {
                let snapshot = match &snapshot {
                    Some(snapshot) => snapshot,
                    None => snapshot.insert(self.store.snapshot()?),
                };
                let records = snapshot.table(&RECORDS)?;
                for row in snapshot
                    .table(&SEGMENTS)?
                    .between(&height.to_be_bytes(), Some(&(height + 1).to_be_bytes()))?
                {
                    let (key, bytes) = row?;
                    let segment = decode_segment(&key, &bytes)?;
                    last_ordinal = (segment.ordinal + segment.transactions.len() as u32).saturating_sub(1);
                    if !wanted(key.domain) {
                        continue;
                    }
                    for (place, tx) in segment.transactions.iter().enumerate() {
                        let position = Position { height, ordinal: segment.ordinal + place as u32 };
                        if position > from && !take(rebuild(&records, &key, &segment, place, tx)?) {
                            return Ok((out, complete));
                        }
                    }
                }
            }
            complete = complete.max(Position { height, ordinal: last_ordinal });
        }
        Ok((out, complete))
    }

    /// Log entries of a domain from an index on, as many as there are up to a count.
    pub(crate) fn entries(&self, domain: Domain, first: u64, count: usize) -> Result<Vec<Entry>, Error> {
        let unwritten = self.recent.unwritten_blocks();
        let last = first + count as u64;
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        let snapshot = self.store.snapshot()?;
        let starts = snapshot.table(&LOG_STARTS)?;
        let key = |number| DomainKey { domain, number };
        // The height that the first entry is of begins at or before it.
        let floor = starts.range(&key(0), &key(first + 1))?.next_back().transpose()?;
        let from = floor.map_or(first, |(key, _)| key.number);
        for row in starts.range(&key(from), &key(last))? {
            let (start, height) = row?;
            let segment = stored_segment(&snapshot, &HeightKey { height, domain })?;
            let numbered = (start.number..last).zip(&segment.transactions);
            entries.extend(numbered.filter(|(index, _)| *index >= first).map(|(_, tx)| tx.entry(height)));
        }
        for segment in unwritten.iter().flat_map(|block| &block.segments).filter(|s| s.domain == domain) {
            for tx in &segment.transactions {
                if tx.log_index == first + entries.len() as u64 && tx.log_index < last {
                    let (id, height, index) = (tx.id, tx.position.height, tx.index);
                    entries.push(Entry { id, height, index, blind: opening(tx).hash() });
                }
            }
        }
        Ok(entries)
    }
}

pub(crate) fn stored_segment(snapshot: &Snapshot, key: &HeightKey) -> Result<StoredSegment, Error> {
    let bytes = snapshot.get(&SEGMENTS, key)?;
    let bytes = bytes
        .ok_or_else(|| damaged(format!("the segment of {} at {} is missing", key.domain, key.height)))?;
    decode_segment(key, &bytes)
}

fn decode_segment(key: &HeightKey, bytes: &[u8]) -> Result<StoredSegment, Error> {
    StoredSegment::decode(bytes)
        .map_err(|error| damaged(format!("the segment of {} at {}: {error}", key.domain, key.height)))
}

/// A final transaction from its segment, with the values of its changes from the records.
fn rebuild(
    records: &Records,
    key: &HeightKey,
    segment: &StoredSegment,
    place: usize,
    tx: &StoredTransaction,
) -> Result<FinalTransaction, Error> {
    let mut changes = Vec::with_capacity(tx.opening.changes.len());
    for change in &tx.opening.changes {
        let row_key =
            RecordKeyRow { domain: key.domain, record: change.record.clone(), version: change.version };
        let row = records.get(&row_key)?;
        let row = row.ok_or_else(|| {
            damaged(format!("version {} of {}/{} is missing", change.version, key.domain, change.record))
        })?;
        changes.push(Versioned {
            record: change.record.clone(),
            version: change.version,
            value: row.value,
            hash: change.hash,
        });
    }
    Ok(FinalTransaction {
        position: Position { height: key.height, ordinal: segment.ordinal + place as u32 },
        domain: key.domain,
        log_index: segment.first_index + place as u64,
        index: tx.index,
        id: tx.id,
        time_ms: segment.time_ms,
        agency: tx.agency,
        actor: tx.actor.clone(),
        nonce: tx.opening.nonce,
        outcome: tx.opening.outcome.clone(),
        changes,
    })
}

//! Queries: memory first, then a snapshot of the tables. All of them may read the disk, so they run on threads that
//! may block.

use std::sync::Arc;

use hutong_ledger::{
    block::Proposal,
    contract::{Record, Versioned, record_hash},
    entry::Entry,
    epoch::Epoch,
    hash::Hash,
    id::{ChainId, Domain, RecordId, RecordKey, TxId},
    vote::Certificate,
};
use hutong_peer::{
    FinalTransaction, Position, Prefetched, Session, StoredRecord,
    agency::Cosigned,
    storage::{ArchivedBlock, History},
};
use hutong_store::{Snapshot, Store, View};

use crate::{
    Error,
    archive::Archive,
    checkpoint::{SignedCheckpoint, by_agency, log_verifies},
    receipts::Epochs,
    recent::Recent,
    segment::{StoredSegment, StoredTransaction, opening},
    tables::{
        BLOCKS, BlockRow, DomainKey, HeightKey, LOG_STARTS, NOTES, NoteRow, RECORDS, RecordKeyRow, RecordRow,
        SEGMENTS, TRANSACTIONS,
    },
    tiles::TileCache,
};

/// Heights that one call of [`Reads::finals`] looks through at most.
const FINALS_HEIGHTS_MAX: u64 = 1024;

/// Everything that queries read from.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    pub(crate) chain: ChainId,
    pub(crate) session: Session,
    pub(crate) recent: Arc<Recent>,
    pub(crate) store: Arc<Store>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) tiles: TileCache,
}

/// What is told of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockInfo {
    pub(crate) proposal: Arc<Proposal>,
    pub(crate) hash: Hash,
    pub(crate) certificate: Certificate,
    pub(crate) position: u64,
}

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

    pub(crate) fn archived(&self, position: u64) -> Result<ArchivedBlock, Error> {
        let block = self.archive.block(position)?;
        Ok(ArchivedBlock { proposal: block.proposal, segments: block.segments })
    }

    /// A final block.
    pub(crate) fn block(&self, height: u64) -> Result<Option<BlockInfo>, Error> {
        if let Some(block) = self.recent.block(height) {
            return Ok(Some(BlockInfo {
                proposal: block.proposal.clone(),
                hash: block.hash,
                certificate: block.certificate.clone(),
                position: block.position,
            }));
        }
        if height > self.recent.final_height() {
            return Ok(None);
        }
        let row = self.store.snapshot()?.get(&BLOCKS, &height)?;
        row.map(|row| block_info(height, row)).transpose()
    }

    /// The cosignatures that made a height final, by agency.
    pub(crate) fn cosigned(&self, height: u64) -> Result<Vec<Cosigned>, Error> {
        let Some(block) = self.block(height)? else { return Ok(Vec::new()) };
        let touched = block.proposal.header.segments.iter().map(|segment| segment.domain);
        let mut domains: Vec<Domain> = touched.chain([Domain::MEMBERSHIP]).collect();
        domains.sort_unstable();
        domains.dedup();
        let mut notes = Vec::new();
        for domain in domains {
            notes.extend(self.note(domain, height)?);
        }
        Ok(by_agency(self.chain, &notes))
    }

    /// The note of a domain at a height that touched it.
    pub(crate) fn note(&self, domain: Domain, height: u64) -> Result<Option<SignedCheckpoint>, Error> {
        if let Some(block) = self.recent.block(height) {
            return Ok(block.note(domain).cloned());
        }
        let row = self.store.snapshot()?.get(&NOTES, &DomainKey { domain, number: height })?;
        Ok(row.map(|NoteRow(note)| note))
    }

    /// Adds the owner's own signature to a note that became final without it, if it came since.
    pub(crate) fn add_log_signature(&self, note: &mut SignedCheckpoint, epoch: &Epoch) {
        let domain = note.point.domain;
        let Some(owner) = epoch.rules(domain).map(|rules| rules.owner) else { return };
        if note.log.is_none()
            && let Some(signature) = self.recent.log_signature(note.height, domain, owner)
            && log_verifies(epoch, domain, &signature, &note.text(&self.chain))
        {
            note.log = Some(signature);
        }
    }

    /// The last note of a domain.
    pub(crate) fn last_note(&self, domain: Domain) -> Result<Option<SignedCheckpoint>, Error> {
        let final_height = self.recent.final_height();
        if let Some(note) = self.recent.last_note(domain) {
            return Ok(Some(note));
        }
        let snapshot = self.store.snapshot()?;
        let (from, to) =
            (DomainKey { domain, number: 0 }, DomainKey { domain, number: final_height.saturating_add(1) });
        let row = snapshot.table(&NOTES)?.range(&from, &to)?.next_back().transpose()?;
        Ok(row.map(|(_, NoteRow(note))| note))
    }
}

fn block_info(height: u64, row: BlockRow) -> Result<BlockInfo, Error> {
    let proposal = Proposal::decode(&row.proposal);
    let proposal = proposal.map_err(|error| damaged(format!("the proposal at height {height}: {error}")))?;
    Ok(BlockInfo {
        hash: proposal.header.hash(),
        proposal: Arc::new(proposal),
        certificate: row.certificate,
        position: row.position,
    })
}

pub(crate) fn damaged(reason: String) -> Error {
    Error::State { reason }
}

/// The first key behind all that begin with a prefix; no key begins with 0xff.
fn after(prefix: &[u8]) -> Vec<u8> {
    [prefix, &[0xff; 9]].concat()
}

type Records = View<RecordKeyRow, RecordRow>;

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

pub(crate) fn stored_segment(snapshot: &Snapshot, key: &HeightKey) -> Result<StoredSegment, Error> {
    let bytes = snapshot.get(&SEGMENTS, key)?;
    let bytes = bytes
        .ok_or_else(|| damaged(format!("the segment of {} at {} is missing", key.domain, key.height)))?;
    decode_segment(key, &bytes)
}

pub(crate) fn decode_segment(key: &HeightKey, bytes: &[u8]) -> Result<StoredSegment, Error> {
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

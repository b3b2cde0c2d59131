//! The tables against what was derived.

use std::path::Path;

use bytes::Bytes;
use hutong_ledger::{
    block::Proposal,
    epoch::Epoch,
    genesis::Genesis,
    hash::Hash,
    id::{ChainId, Domain, TxId},
    log::tile::{HEIGHT, LEVEL_MAX, WIDTH},
    state_tree::Head,
    vote::Certificate,
};
use hutong_store::{Codec, Key, Options, Snapshot, Store, Table};

use super::{
    Difference, Halt,
    derive::{Applied, Derived, Part},
};
use crate::{
    archive::Archive,
    checkpoint::SignedCheckpoint,
    segment::StoredSegment,
    tables::{
        BLOCKS, DomainKey, FORMAT, HeightKey, LOG_STARTS, META, Meta, NOTES, RECORDS, RecordKeyRow,
        RecordRow, SEGMENTS, TILES, TRANSACTIONS, TileKey, TransactionRow,
    },
};

/// The tables, and how many rows of each were found right.
pub(super) struct Tables {
    snapshot: Snapshot,
    written_height: u64,
    records: u64,
    transactions: u64,
    segments: u64,
    notes: u64,
    blocks: u64,
    // Closed last: the snapshot reads from it.
    _store: Store,
}

/// Compares a row.
fn row<K: Key, V: Codec + PartialEq + std::fmt::Debug>(
    snapshot: &Snapshot,
    table: &Table<K, V>,
    key: &K,
    expected: &V,
    height: u64,
) -> Result<(), Halt> {
    let what = || format!("table {}", table.name());
    match snapshot.get(table, key)? {
        Some(found) if found == *expected => Ok(()),
        Some(found) => {
            let reason = format!("a row is {}; derived is {}", short(&found), short(expected));
            Err(Difference::new(what(), height, reason).into())
        }
        None => Err(Difference::new(what(), height, format!("a row is missing: {}", short(expected))).into()),
    }
}

/// A note in the table says what the archive's says, and a quorum signed it. Which quorum may differ: a height that was
/// final when the process was killed is written again with the cosignatures that came first this time.
fn note(
    snapshot: &Snapshot,
    key: &DomainKey,
    expected: &SignedCheckpoint,
    epoch: &Epoch,
    chain: ChainId,
) -> Result<(), Halt> {
    let wrong = |reason: String| Halt::from(Difference::new("table notes", key.number, reason));
    let found = snapshot.get(&NOTES, key)?.ok_or_else(|| wrong("a row is missing".into()))?.0;
    let says = |note: &SignedCheckpoint| (note.point, note.height, note.block);
    if says(&found) != says(expected) {
        return Err(wrong(format!("a row is {}; derived is {}", short(&found), short(expected))));
    }
    if !found.verifies(&chain, epoch) {
        return Err(wrong("no quorum of the domain's hosts signed it".into()));
    }
    Ok(())
}

/// Enough to see what differs.
fn short(row: &impl std::fmt::Debug) -> String {
    let mut text = format!("{row:?}");
    if text.len() > 400 {
        let end = (0..=400).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Tables {
    pub(super) fn open(path: &Path, genesis: &Genesis) -> Result<Self, Halt> {
        let store = Store::open(path, Options::default())?;
        let snapshot = store.snapshot()?;
        let number = |name| -> Result<Option<Bytes>, Halt> { Ok(snapshot.get(&META, &name)?) };
        let format = number(Meta::Format)?.and_then(|bytes| u32::decode(&bytes));
        let mut written_height = 0;
        if let Some(format) = format {
            if format != FORMAT {
                return Err(crate::Error::Format { found: format, known: FORMAT }.into());
            }
            if number(Meta::Chain)?.as_deref() != Some(genesis.chain().as_str().as_bytes()) {
                return Err(Difference::new("table meta", None, "it is of another chain").into());
            }
            written_height = number(Meta::Final)?.and_then(|bytes| u64::decode(&bytes)).unwrap_or_default();
        }
        Ok(Self {
            snapshot,
            written_height,
            records: 0,
            transactions: 0,
            segments: 0,
            notes: 0,
            blocks: 0,
            _store: store,
        })
    }

    pub(super) fn written_height(&self) -> u64 {
        self.written_height
    }

    /// The state at height 0: the first epoch. Tables that were never prepared have nothing to compare.
    pub(super) fn genesis(&mut self, derived: &Derived<'_>) -> Result<(), Halt> {
        if self.snapshot.get(&META, &Meta::Format)?.is_none() {
            return Ok(());
        }
        let record = hutong_ledger::epoch::Epoch::record();
        let key = RecordKeyRow { domain: Domain::MEMBERSHIP, record, version: 1 };
        let value = derived.epoch().encode();
        match self.snapshot.get(&RECORDS, &key)? {
            Some(RecordRow { value: Some(found), salt: [0, ..], height: 0, .. }) if found == value => {
                self.records += 1;
                if self.written_height == 0 { self.end(derived) } else { Ok(()) }
            }
            found => {
                let reason = format!("the first epoch is {}", short(&found));
                Err(Difference::new("table records", 0, reason).into())
            }
        }
    }

    /// What a written height has in the tables.
    pub(super) fn block(
        &mut self,
        archive: &Archive,
        certificates: &[Certificate],
        epoch: &Epoch,
        block: &Applied,
    ) -> Result<(), Halt> {
        let (height, snapshot) = (block.header.height, &self.snapshot);
        for version in &block.versions {
            let (domain, change) = (version.domain, &version.change);
            let key = RecordKeyRow { domain, record: change.record.clone(), version: change.version };
            let expected = RecordRow {
                value: change.value.clone(),
                salt: version.salt,
                transaction: version.transaction,
                height,
                time_ms: block.header.time_ms,
                agency: version.agency,
            };
            row(snapshot, &RECORDS, &key, &expected, height)?;
        }
        self.records += block.versions.len() as u64;
        let mut ordinal = 0;
        for part in &block.parts {
            segment(snapshot, height, block.header.time_ms, part, ordinal)?;
            ordinal += part.result.executed.len() as u32;
            self.segments += u64::from(!part.result.executed.is_empty());
            self.transactions += part.result.executed.len() as u64;
        }
        for note in &block.end.notes {
            let key = DomainKey { domain: note.point.domain, number: height };
            self::note(snapshot, &key, note, epoch, block.header.chain)?;
            self.notes += 1;
        }
        let wrong = |reason: &str| Halt::from(Difference::new("table blocks", height, reason));
        let found = snapshot.get(&BLOCKS, &height)?.ok_or_else(|| wrong("its row is missing"))?;
        let is_block = |proposal: &[u8]| Proposal::decode(proposal).is_ok_and(|p| p.header == block.header);
        if !is_block(&found.proposal) {
            return Err(wrong("it holds another block"));
        }
        if !certificates.contains(&found.certificate) || found.certificate.block != block.end.block {
            return Err(wrong("its certificate is not an archived one of the block"));
        }
        if !archive.block(found.position).is_ok_and(|archived| is_block(&archived.proposal)) {
            return Err(wrong("the archive has another record where it says that the block is"));
        }
        self.blocks += 1;
        Ok(())
    }

    /// At the last written height: logs, trees, and that no table has more.
    pub(super) fn end(&self, derived: &Derived<'_>) -> Result<(), Halt> {
        let height = self.written_height;
        for (domain, kept) in &derived.domains {
            let stored = self.snapshot.get(&META, &Meta::Frontier(*domain))?;
            let expected = kept.frontier.encode();
            if kept.frontier.size() > 0 && stored.as_deref() != Some(expected.as_slice()) {
                let reason = format!("the log edge of {domain} is not the derived one");
                return Err(Difference::new("table meta", height, reason).into());
            }
            self.tiles(*domain, &kept.leaves)?;
            if let Some(bytes) = self.snapshot.get(&META, &Meta::Tree(*domain))? {
                let head = bytes
                    .split_first_chunk::<8>()
                    .and_then(|(at, head)| Some((u64::from_be_bytes(*at), Head::decode(head).ok()?)));
                let (at, head) = head
                    .ok_or_else(|| Difference::new("table meta", height, format!("the tree of {domain}")))?;
                // Pages may be older than the final state; only of the same state can they be compared.
                let newest = derived.domains.get(domain).and_then(|kept| kept.tree.head().version());
                if newest.is_some_and(|newest| newest <= at) && head.root() != kept.tree.root() {
                    let reason = format!("the tree of {domain} has root {}", head.root());
                    return Err(Difference::new("table nodes", height, reason).into());
                }
            }
        }
        self.count(&RECORDS, self.records)?;
        self.count(&TRANSACTIONS, self.transactions)?;
        self.count(&SEGMENTS, self.segments)?;
        self.count(&LOG_STARTS, self.segments)?;
        self.count(&NOTES, self.notes)?;
        self.count(&BLOCKS, self.blocks)
    }

    fn tiles(&self, domain: Domain, leaves: &[Hash]) -> Result<(), Halt> {
        let table = self.snapshot.table(&TILES)?;
        let mut level_hashes = leaves.to_vec();
        for level in 0..=LEVEL_MAX {
            for (index, hashes) in (0u64..).zip(level_hashes.chunks(WIDTH)) {
                let stored = table.get(&TileKey { domain, level, index })?.unwrap_or_default();
                let expected: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
                if stored != expected {
                    let reason = format!("tile {index} of level {level} of {domain} is not the derived one");
                    return Err(Difference::new("table tiles", self.written_height, reason).into());
                }
            }
            let full = level_hashes.chunks_exact(1 << HEIGHT);
            level_hashes = full.map(|tile| hutong_ledger::log::root(tile.iter().copied())).collect();
        }
        Ok(())
    }

    fn count<K: Key, V: Codec>(&self, table: &Table<K, V>, expected: u64) -> Result<(), Halt> {
        let mut found = 0;
        for row in self.snapshot.table(table)?.between(&[], None)? {
            row?;
            found += 1;
        }
        if found == expected {
            return Ok(());
        }
        let reason = format!("it has {found} rows; derived are {expected}");
        Err(Difference::new(format!("table {}", table.name()), self.written_height, reason).into())
    }
}

fn segment(snapshot: &Snapshot, height: u64, time_ms: u64, part: &Part, before: u32) -> Result<(), Halt> {
    let domain = part.domain;
    if part.result.executed.is_empty() {
        return Ok(());
    }
    let wrong = |reason: String| Difference::new("table segments", height, reason);
    let bytes = snapshot.get(&SEGMENTS, &HeightKey { height, domain })?;
    let bytes = bytes.ok_or_else(|| wrong(format!("the segment of {domain} is missing")))?;
    let stored = StoredSegment::decode(&bytes).map_err(|error| wrong(error.to_string()))?;
    if (stored.first_index, stored.ordinal, stored.time_ms) != (part.first_index, before + 1, time_ms)
        || stored.transactions.len() != part.result.executed.len()
    {
        return Err(wrong(format!("the segment of {domain} stands at another place")).into());
    }
    let start = DomainKey { domain, number: part.first_index };
    row(snapshot, &LOG_STARTS, &start, &height, height)?;
    for ((stored, executed), place) in stored.transactions.iter().zip(&part.result.executed).zip(0u32..) {
        let id: TxId = executed.entry.id;
        let tx = part.segment.transactions.get(executed.entry.index as usize).map(|tx| &tx.body);
        let same = stored.entry(height) == executed.entry
            && stored.opening == executed.opening
            && tx.is_some_and(|body| (body.agency, &body.actor) == (stored.agency, &stored.actor));
        if !same {
            return Err(wrong(format!("transaction {id} is stored otherwise")).into());
        }
        row(snapshot, &TRANSACTIONS, &id.0, &TransactionRow { height, domain, place }, height)?;
    }
    Ok(())
}

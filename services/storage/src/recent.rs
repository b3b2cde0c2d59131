//! The latest final blocks in memory: what is final can be read from here before it is in the tables, and for a
//! while after that.
//!
//! A reader asks here first and then takes a snapshot of the tables; since a block leaves this memory only after
//! its commit, nothing falls between the two. What the tables hold above the height told here is not looked at.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use hutong_ledger::{
    block::{Header, Proposal},
    epoch::Epoch,
    hash::Hash,
    id::{AgencyId, Domain, KeyId, RecordId, RecordKey, TxId},
    vote::Certificate,
};
use hutong_peer::{FinalTransaction, StoredRecord, agency::Cosigned};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::{
    checkpoint::SignedCheckpoint,
    segment::{FinalSegment, salt},
};

/// A final block with all that is known of it here.
#[derive(Debug)]
pub(crate) struct FinalBlock {
    pub(crate) proposal: Arc<Proposal>,
    pub(crate) hash: Hash,
    pub(crate) certificate: Certificate,
    pub(crate) notes: Vec<SignedCheckpoint>,
    /// The hosted segments, sorted by domain.
    pub(crate) segments: Vec<FinalSegment>,
    /// Where the archive has the block.
    pub(crate) position: u64,
    /// In force at the next height.
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) bytes: usize,
}

impl FinalBlock {
    pub(crate) fn header(&self) -> &Header {
        &self.proposal.header
    }

    pub(crate) fn height(&self) -> u64 {
        self.proposal.header.height
    }

    pub(crate) fn note(&self, domain: Domain) -> Option<&SignedCheckpoint> {
        self.notes.iter().find(|note| note.point.domain == domain)
    }

    pub(crate) fn transactions(&self) -> impl Iterator<Item = &Arc<FinalTransaction>> {
        self.segments.iter().flat_map(|segment| &segment.transactions)
    }

    /// The ordinal of its last transaction.
    pub(crate) fn last_ordinal(&self) -> u32 {
        self.transactions().last().map_or(0, |tx| tx.position.ordinal)
    }
}

/// Versions of one record, oldest first.
type Versions = Vec<Arc<StoredRecord>>;

#[derive(Debug)]
struct State {
    final_height: u64,
    final_header: Header,
    epoch: Arc<Epoch>,
    /// Consecutive heights up to the final one.
    blocks: VecDeque<Arc<FinalBlock>>,
    records: HashMap<RecordKey, Versions>,
    transactions: HashMap<TxId, Arc<FinalTransaction>>,
    /// The last height that the tables have.
    written: u64,
    bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Recent {
    state: RwLock<State>,
    bytes_max: usize,
    /// The last final height, once it can be read.
    final_height: watch::Sender<u64>,
    /// Owners' own signatures on checkpoints, by height, domain and sender. One that comes after the quorum is not in
    /// the note; whoever shows the note checks it and adds it.
    log_signatures: RwLock<BTreeMap<(u64, Domain, AgencyId), LogSignature>>,
}

/// A log key's signature on a checkpoint, with the key's id.
type LogSignature = (KeyId, [u8; 64]);

/// The most signatures of owners that are kept for notes that lack them.
const LOG_SIGNATURES_MAX: usize = 1024;

impl Recent {
    /// Starts with nothing in memory above what the tables have.
    pub(crate) fn new(final_header: Header, epoch: Arc<Epoch>, bytes_max: usize) -> Self {
        let height = final_header.height;
        let state = State {
            final_height: height,
            final_header,
            epoch,
            blocks: VecDeque::new(),
            records: HashMap::new(),
            transactions: HashMap::new(),
            written: height,
            bytes: 0,
        };
        Self {
            state: RwLock::new(state),
            bytes_max,
            final_height: watch::Sender::new(height),
            log_signatures: RwLock::default(),
        }
    }

    /// Keeps the owners' signatures that an agency sent with its cosignatures.
    pub(crate) fn keep_log_signatures(&self, cosigned: &Cosigned) {
        let mut kept = self.log_signatures.write();
        for note in &cosigned.notes {
            if let Some(signature) = note.log_signature {
                kept.insert((cosigned.height, note.domain, cosigned.agency), signature);
            }
        }
        while kept.len() > LOG_SIGNATURES_MAX {
            kept.pop_first();
        }
    }

    /// What an agency sent as its own signature on a domain's checkpoint, unchecked.
    pub(crate) fn log_signature(&self, height: u64, domain: Domain, owner: AgencyId) -> Option<LogSignature> {
        self.log_signatures.read().get(&(height, domain, owner)).copied()
    }

    /// Takes the next final block: from now on readers see it.
    pub(crate) fn push(&self, block: Arc<FinalBlock>) {
        let mut state = self.state.write();
        state.final_height = block.height();
        state.final_header = block.header().clone();
        state.epoch = block.epoch.clone();
        state.bytes += block.bytes;
        for tx in block.transactions() {
            state.transactions.insert(tx.id, tx.clone());
            for change in &tx.changes {
                let key = RecordKey { domain: tx.domain, record: change.record.clone() };
                let stored = stored_record(tx, change);
                state.records.entry(key).or_default().push(Arc::new(stored));
            }
        }
        let height = block.height();
        state.blocks.push_back(block);
        drop(state);
        self.final_height.send_replace(height);
    }

    /// The tables have everything up to a height.
    pub(crate) fn written(&self, height: u64) {
        let mut state = self.state.write();
        state.written = height.max(state.written);
        let written = state.written;
        while state.bytes > self.bytes_max
            && let Some(block) = state.blocks.pop_front_if(|block| block.height() <= written)
        {
            state.bytes -= block.bytes;
            for tx in block.transactions() {
                state.transactions.remove(&tx.id);
                for change in &tx.changes {
                    let key = RecordKey { domain: tx.domain, record: change.record.clone() };
                    if let Some(versions) = state.records.get_mut(&key) {
                        versions.retain(|held| held.version != change.version);
                        if versions.is_empty() {
                            state.records.remove(&key);
                        }
                    }
                }
            }
        }
    }

    /// The blocks that the tables may lack, oldest first.
    pub(crate) fn unwritten_blocks(&self) -> Vec<Arc<FinalBlock>> {
        let state = self.state.read();
        let unwritten = usize::try_from(state.final_height - state.written).unwrap_or(usize::MAX);
        let first = state.blocks.len().saturating_sub(unwritten);
        state.blocks.range(first..).cloned().collect()
    }

    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.final_height.subscribe()
    }

    pub(crate) fn final_height(&self) -> u64 {
        *self.final_height.borrow()
    }

    /// The last final header, and the epoch in force above it.
    pub(crate) fn tip(&self) -> (Header, Arc<Epoch>) {
        let state = self.state.read();
        (state.final_header.clone(), state.epoch.clone())
    }

    /// For each key its current version if it is in memory, for each id whether it is; and the height that all
    /// this is as of.
    pub(crate) fn look_up(
        &self,
        keys: &[RecordKey],
        ids: &[TxId],
    ) -> (u64, Vec<Option<Arc<StoredRecord>>>, Vec<bool>) {
        let state = self.state.read();
        let current = |key| state.records.get(key).and_then(|versions| versions.last()).cloned();
        let records = keys.iter().map(current).collect();
        let known = ids.iter().map(|id| state.transactions.contains_key(id)).collect();
        (state.final_height, records, known)
    }

    /// The versions of a record that are in memory, oldest first, and the height that this is as of.
    pub(crate) fn versions(&self, key: &RecordKey) -> (u64, Versions) {
        let state = self.state.read();
        (state.final_height, state.records.get(key).cloned().unwrap_or_default())
    }

    /// The current versions of a domain's records that the tables may lack, in order of record.
    pub(crate) fn unwritten_records(
        &self,
        domain: Domain,
        wanted: impl Fn(&RecordId) -> bool,
    ) -> (u64, Vec<(RecordId, Arc<StoredRecord>)>) {
        let state = self.state.read();
        let mut records: HashMap<RecordId, Arc<StoredRecord>> = HashMap::new();
        let unwritten = state.blocks.iter().rev().take_while(|block| block.height() > state.written);
        for segment in unwritten.flat_map(|block| &block.segments).filter(|s| s.domain == domain) {
            for change in segment.transactions.iter().flat_map(|tx| &tx.changes) {
                if records.contains_key(&change.record) || !wanted(&change.record) {
                    continue;
                }
                let key = RecordKey { domain, record: change.record.clone() };
                if let Some(current) = state.records.get(&key).and_then(|versions| versions.last()) {
                    records.insert(key.record, current.clone());
                }
            }
        }
        let mut records: Vec<_> = records.into_iter().collect();
        records.sort_by(|a, b| a.0.cmp(&b.0));
        (state.final_height, records)
    }

    pub(crate) fn transaction(&self, id: &TxId) -> Option<Arc<FinalTransaction>> {
        self.state.read().transactions.get(id).cloned()
    }

    /// The block at a height, if it is in memory.
    pub(crate) fn block(&self, height: u64) -> Option<Arc<FinalBlock>> {
        let state = self.state.read();
        let first = state.blocks.front()?.height();
        state.blocks.get(usize::try_from(height.checked_sub(first)?).ok()?).cloned()
    }

    /// The last note of a domain in memory.
    pub(crate) fn last_note(&self, domain: Domain) -> Option<SignedCheckpoint> {
        let state = self.state.read();
        state.blocks.iter().rev().find_map(|block| block.note(domain).cloned())
    }
}

/// A change as a version of its record.
pub(crate) fn stored_record(
    tx: &FinalTransaction,
    change: &hutong_ledger::contract::Versioned,
) -> StoredRecord {
    StoredRecord {
        version: change.version,
        value: change.value.clone(),
        hash: change.hash,
        transaction: tx.id,
        height: tx.position.height,
        time_ms: tx.time_ms,
        agency: tx.agency,
        salt: salt(tx, &change.record),
    }
}

//! What is executed and not yet final: the newest value of each record, the ids used, the epochs to come.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use hutong_ledger::{
    block::Proposal,
    contract::Record,
    epoch::Epoch,
    id::{Domain, RecordKey, TxId},
};
use hutong_peer::ExecutedBlock;

/// One executed block's marks on the state.
#[derive(Debug)]
struct Layer {
    block: Arc<ExecutedBlock>,
    ids: HashSet<(Domain, TxId)>,
}

/// The state above storage's final state.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// The epoch in force right above the final state.
    base_epoch: Arc<Epoch>,
    base_height: u64,
    layers: VecDeque<Layer>,
    /// The newest value of each record in the layers, with the height that made it.
    records: HashMap<RecordKey, (u64, Record)>,
}

impl Overlay {
    pub(crate) fn new(base_height: u64, base_epoch: Arc<Epoch>) -> Self {
        Self { base_epoch, base_height, layers: VecDeque::new(), records: HashMap::new() }
    }

    /// The height that would be executed next.
    pub(crate) fn next_height(&self) -> u64 {
        self.base_height + self.layers.len() as u64 + 1
    }

    /// The epoch in force at the next height.
    pub(crate) fn epoch(&self) -> Arc<Epoch> {
        let changed = self.layers.iter().rev().find_map(|layer| layer.block.next_epoch.clone());
        changed.unwrap_or_else(|| self.base_epoch.clone())
    }

    pub(crate) fn record(&self, key: &RecordKey) -> Option<&Record> {
        self.records.get(key).map(|(_, record)| record)
    }

    pub(crate) fn used(&self, domain: Domain, id: TxId) -> bool {
        self.layers.iter().any(|layer| layer.ids.contains(&(domain, id)))
    }

    pub(crate) fn push(&mut self, block: Arc<ExecutedBlock>) {
        let mut ids = HashSet::new();
        let height = block.height();
        for segment in &block.segments {
            for executed in &segment.result.executed {
                ids.insert((segment.domain, executed.entry.id));
                for change in &executed.changes {
                    let key = RecordKey { domain: segment.domain, record: change.record.clone() };
                    let record = Record { version: change.version, value: change.value.clone() };
                    self.records.insert(key, (height, record));
                }
            }
        }
        self.layers.push_back(Layer { block, ids });
    }

    /// The executed block at a height, now in the view of this proposal; None if none is executed there.
    pub(crate) fn repeat(&mut self, proposal: &Arc<Proposal>) -> Option<Arc<ExecutedBlock>> {
        let height = proposal.header.height;
        let layer = self.layers.iter_mut().find(|layer| layer.block.height() == height)?;
        layer.block = Arc::new(ExecutedBlock { proposal: proposal.clone(), ..(*layer.block).clone() });
        Some(layer.block.clone())
    }

    /// Forgets the blocks from a height on: another one took their place.
    pub(crate) fn drop_from(&mut self, height: u64) {
        if height >= self.next_height() {
            return;
        }
        let kept: Vec<_> = self.layers.drain(..).take_while(|layer| layer.block.height() < height).collect();
        self.records.clear();
        for layer in kept {
            self.push(layer.block);
        }
    }

    /// Forgets what storage has as final now.
    pub(crate) fn settle(&mut self, height: u64) {
        while self.base_height < height {
            let Some(layer) = self.layers.pop_front() else { return };
            self.base_height += 1;
            if let Some(epoch) = &layer.block.next_epoch {
                self.base_epoch = epoch.clone();
            }
            for segment in &layer.block.segments {
                for change in segment.result.executed.iter().flat_map(|executed| &executed.changes) {
                    let key = RecordKey { domain: segment.domain, record: change.record.clone() };
                    if self.records.get(&key).is_some_and(|(made, _)| *made <= height) {
                        self.records.remove(&key);
                    }
                }
            }
        }
    }
}

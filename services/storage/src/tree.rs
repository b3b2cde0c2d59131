//! One domain's state tree: pages in layers, the final ones first in memory and persisted now and then.
//!
//! Pages are derived data. After a crash the tree continues from where its pages were last persisted, with the
//! changes that the tables have since. Pages that came and went between two times of persisting are never written.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use hutong_ledger::{
    hash::Hash,
    id::{Domain, RecordId},
    state_tree::{self, Head, Page, PageKey, PageReader, StateKey, apply},
};
use hutong_store::{Batch, Snapshot, Store};
use moka::sync::Cache;

use crate::{
    Error,
    read::{damaged, stored_segment},
    segment::StoredSegment,
    tables::{DomainKey, HeightKey, LOG_STARTS, META, Meta, NODES},
    write,
};

pub(crate) use hutong_ledger::state_tree::StateProof;

/// A height that is not final.
#[derive(Debug)]
struct Layer {
    height: u64,
    head: Head,
    new: Vec<PageKey>,
    stale: Vec<PageKey>,
}

#[derive(Debug)]
pub(crate) struct DomainTree {
    domain: Domain,
    store: Arc<Store>,
    /// As of the last final height that changed it.
    settled: Head,
    settled_height: u64,
    layers: VecDeque<Layer>,
    /// Pages that are not persisted: of the layers, and final ones.
    fresh: HashMap<PageKey, Arc<Page>>,
    /// Persisted pages that no head needs any more.
    dropped: Vec<PageKey>,
    cache: Cache<PageKey, Arc<Page>>,
}

impl DomainTree {
    /// Opens the tree as of the last final height in the tables.
    pub(crate) fn open(store: &Arc<Store>, domain: Domain, pages_max: u64) -> Result<Self, Error> {
        let snapshot = store.snapshot()?;
        let (persisted, settled) = match snapshot.get(&META, &Meta::Tree(domain))? {
            None => (0, Head::EMPTY),
            Some(bytes) => decode_head(&bytes).ok_or_else(|| damaged(format!("the tree of {domain}")))?,
        };
        let mut tree = Self {
            domain,
            store: store.clone(),
            settled,
            settled_height: persisted,
            layers: VecDeque::new(),
            fresh: HashMap::new(),
            dropped: Vec::new(),
            cache: Cache::new(pages_max),
        };
        if settled == Head::EMPTY && domain == Domain::MEMBERSHIP {
            let epoch = hutong_ledger::epoch::Epoch::record();
            let hash = write::genesis_hash(&snapshot)?;
            tree.extend(0, BTreeMap::from([(&epoch, hash)]), None)?;
            tree.settle(0);
        }
        tree.catch_up(&snapshot, persisted)?;
        if let Some((note, _)) = write::last_notes(&snapshot, domain)?
            && note.point.state != tree.settled.root()
        {
            let (found, wanted) = (tree.settled.root(), note.point.state);
            return Err(damaged(format!("the tree of {domain} has root {found}; hosts signed {wanted}")));
        }
        Ok(tree)
    }

    /// Applies what the tables have and the persisted pages have not.
    fn catch_up(&mut self, snapshot: &Snapshot, persisted: u64) -> Result<(), Error> {
        let (from, to) = (
            DomainKey { domain: self.domain, number: 0 },
            DomainKey { domain: self.domain, number: u64::MAX },
        );
        let mut heights = Vec::new();
        for row in snapshot.table(&LOG_STARTS)?.range(&from, &to)?.rev() {
            let (_, height) = row?;
            if height <= persisted {
                break;
            }
            heights.push(height);
        }
        let Some(last) = heights.first().copied() else { return Ok(()) };
        let mut segments = Vec::with_capacity(heights.len());
        for height in heights.into_iter().rev() {
            segments.push((height, stored_segment(snapshot, &HeightKey { height, domain: self.domain })?));
        }
        let changes = segments.iter().flat_map(|(_, segment)| &segment.transactions);
        let changes = changes.flat_map(|tx| &tx.opening.changes);
        let changes: BTreeMap<_, _> = changes.map(|change| (&change.record, change.hash)).collect();
        let entries = |(height, segment): &(u64, StoredSegment)| {
            Some((*height, segment.transactions.last()?.opening.nonce))
        };
        let veil = segments.iter().rev().find_map(entries);
        let veil = veil.map(|(height, nonce)| state_tree::veil(height, &nonce));
        self.extend(last, changes, veil)?;
        self.settle(last);
        Ok(())
    }

    fn head(&self) -> Head {
        self.layers.back().map_or(self.settled, |layer| layer.head)
    }

    /// The root above all layers.
    pub(crate) fn root(&self) -> Hash {
        self.head().root()
    }

    /// Adds a layer and returns its root. The nonce is that of the block's last log entry here, if it has any.
    pub(crate) fn update(
        &mut self,
        height: u64,
        changes: BTreeMap<&RecordId, Hash>,
        nonce: Option<&[u8; 16]>,
    ) -> Result<Hash, Error> {
        self.extend(height, changes, nonce.map(|nonce| state_tree::veil(height, nonce)))?;
        Ok(self.root())
    }

    fn extend(
        &mut self,
        height: u64,
        changes: BTreeMap<&RecordId, Hash>,
        veil: Option<(StateKey, Hash)>,
    ) -> Result<(), Error> {
        let changes = changes.into_iter().map(|(record, hash)| (StateKey::of(record), hash));
        let changes = changes.chain(veil).map(|(key, hash)| (key, Some(hash)));
        let update = apply(&Pages(self), &self.head(), height, changes).map_err(|e| self.failed(e))?;
        let new = update.new.iter().map(|(key, _)| *key).collect();
        self.fresh.extend(update.new);
        self.layers.push_back(Layer { height, head: update.head, new, stale: update.stale });
        Ok(())
    }

    fn failed(&self, error: state_tree::Error<Error>) -> Error {
        match error {
            state_tree::Error::Read(error) => error,
            other => damaged(format!("the tree of {}: {other}", self.domain)),
        }
    }

    /// Takes back the layers at a height and above.
    pub(crate) fn rewind(&mut self, height: u64) {
        while let Some(layer) = self.layers.pop_back_if(|layer| layer.height >= height) {
            for key in layer.new {
                self.fresh.remove(&key);
            }
        }
    }

    /// The layers up to a height are final.
    pub(crate) fn settle(&mut self, height: u64) {
        while let Some(layer) = self.layers.pop_front_if(|layer| layer.height <= height) {
            (self.settled, self.settled_height) = (layer.head, layer.height);
            for key in layer.stale {
                if self.fresh.remove(&key).is_none() {
                    self.cache.invalidate(&key);
                    self.dropped.push(key);
                }
            }
        }
    }

    /// Writes the final pages that are not persisted yet, and drops those that nothing needs.
    pub(crate) fn persist(&mut self, batch: &mut Batch) {
        for key in self.dropped.drain(..) {
            batch.delete(&NODES, &node_key(self.domain, &key));
        }
        let height = self.settled_height;
        for (key, page) in self.fresh.extract_if(|key, _| key.version() <= height) {
            batch.put(&NODES, &node_key(self.domain, &key), &Bytes::from(page.encode()));
            self.cache.insert(key, page);
        }
        let head = [height.to_be_bytes().as_slice(), &self.settled.encode()].concat();
        batch.put(&META, &Meta::Tree(self.domain), &Bytes::from(head));
    }

    /// Proves what a record is as of the final state.
    pub(crate) fn prove(&self, record: &RecordId) -> Result<StateProof, Error> {
        state_tree::prove(&Pages(self), &self.settled, &StateKey::of(record)).map_err(|e| self.failed(e))
    }
}

fn decode_head(bytes: &[u8]) -> Option<(u64, Head)> {
    let (height, head) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*height), Head::decode(head).ok()?))
}

fn node_key(domain: Domain, key: &PageKey) -> Vec<u8> {
    [domain.as_str().as_bytes(), &[0], &key.encode()].concat()
}

/// All pages that a head may need.
struct Pages<'a>(&'a DomainTree);

impl PageReader for Pages<'_> {
    type Error = Error;

    fn page(&self, key: &PageKey) -> Result<Option<Arc<Page>>, Error> {
        let tree = self.0;
        if let Some(page) = tree.fresh.get(key) {
            return Ok(Some(page.clone()));
        }
        if let Some(page) = tree.cache.get(key) {
            return Ok(Some(page));
        }
        let stored = tree.store.snapshot()?.get(&NODES, &node_key(tree.domain, key))?;
        let Some(bytes) = stored else { return Ok(None) };
        let page = Page::decode(key, &bytes)
            .map_err(|error| damaged(format!("page {key} of the tree of {}: {error}", tree.domain)))?;
        let page = Arc::new(page);
        tree.cache.insert(*key, page.clone());
        Ok(Some(page))
    }
}

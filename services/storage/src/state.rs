//! Logs and state trees, computed ahead of finality and written when it comes. Everything here runs on one thread
//! of its own: hashing and B-trees would hold up the async threads.
//!
//! Above the final state each height is a layer that can be taken back; a final height leaves its layer for the
//! tables. Nothing that is not final is ever written.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::Arc,
};

use hutong_ledger::{
    hash::Hash,
    id::{Domain, RecordId},
    log::{Frontier, Growth},
};
use hutong_peer::ExecutedBlock;
use hutong_store::{Batch, Store};

use crate::{
    Config, Error,
    checkpoint::{Point, SignedCheckpoint},
    edge::Edge,
    recent::{FinalBlock, Recent},
    segment::{FinalSegment, leaves},
    tables::{META, Meta},
    tree::{DomainTree, StateProof},
    write,
};

/// What waits for the tables may take this much before the next block is computed.
const WAITING_BYTES_MAX: usize = 128 << 20;

/// What a block comes to.
#[derive(Debug)]
pub(crate) struct Computed {
    pub(crate) height: u64,
    pub(crate) block: Hash,
    /// Membership's and each touched domain's, sorted by domain.
    pub(crate) points: Vec<Point>,
    pub(crate) segments: Vec<FinalSegment>,
}

/// A proof of a record's current value, with the notes that it leads to.
#[derive(Debug)]
pub(crate) struct ProvenState {
    pub(crate) proof: StateProof,
    pub(crate) note: SignedCheckpoint,
    pub(crate) membership: SignedCheckpoint,
}

/// A domain's log and tree, with the layers that are not final.
#[derive(Debug)]
struct DomainState {
    frontier: Frontier,
    edge: Edge,
    tree: DomainTree,
    /// The last notes that cover it: its own and membership's of the same height.
    noted: Option<(SignedCheckpoint, SignedCheckpoint)>,
}

/// What one height that is not final adds.
#[derive(Debug)]
struct Layer {
    height: u64,
    domains: BTreeMap<Domain, DomainLayer>,
}

#[derive(Debug)]
struct DomainLayer {
    frontier: Frontier,
    growths: Arc<[Growth]>,
}

#[derive(Debug)]
pub(crate) struct State {
    config: Config,
    store: Arc<Store>,
    recent: Arc<Recent>,
    domains: BTreeMap<Domain, DomainState>,
    layers: VecDeque<Layer>,
    /// Changes of records since the trees were persisted.
    unpersisted: usize,
}

impl State {
    /// Opens the domains that the tables know, as of the final height.
    pub(crate) fn open(config: Config, store: Arc<Store>, recent: Arc<Recent>) -> Result<Self, Error> {
        let mut state =
            Self { config, store, recent, domains: BTreeMap::new(), layers: VecDeque::new(), unpersisted: 0 };
        let snapshot = state.store.snapshot()?;
        let known: Vec<Domain> = {
            let rows = snapshot.table(&META)?.between(b"frontier/", Some(b"frontier0"))?;
            let keys = rows.map(|row| row.map(|(key, _)| key)).collect::<Result<Vec<_>, _>>()?;
            let domain = |key| if let Meta::Frontier(domain) = key { Some(domain) } else { None };
            keys.into_iter().filter_map(domain).collect()
        };
        drop(snapshot);
        for domain in known {
            state.open_domain(domain)?;
        }
        Ok(state)
    }

    fn open_domain(&mut self, domain: Domain) -> Result<(), Error> {
        let snapshot = self.store.snapshot()?;
        let frontier = match snapshot.get(&META, &Meta::Frontier(domain))? {
            None => Frontier::new(),
            Some(bytes) => Frontier::decode(&bytes)
                .map_err(|error| crate::read::damaged(format!("the log edge of {domain}: {error}")))?,
        };
        let edge = Edge::open(&snapshot, domain, frontier.size())?;
        let tree = DomainTree::open(&self.store, domain, self.config.tree_pages_max)?;
        let noted = write::last_notes(&snapshot, domain)?;
        self.domains.insert(domain, DomainState { frontier, edge, tree, noted });
        Ok(())
    }

    /// Appends a block's results to logs and trees and says where they come to.
    pub(crate) fn compute(&mut self, block: &ExecutedBlock) -> Result<Computed, Error> {
        let (height, header) = (block.height(), &block.proposal.header);
        let mut layer = Layer { height, domains: BTreeMap::new() };
        let mut points = BTreeMap::new();
        let mut segments = Vec::with_capacity(block.segments.len());
        let mut ordinal = 0;
        for part in &block.segments {
            let domain = part.domain;
            if !self.domains.contains_key(&domain) {
                self.open_domain(domain)?;
            }
            let mut frontier = self.frontier(domain);
            let first_index = frontier.size();
            let growths: Arc<[Growth]> = frontier.extend(leaves(part)).into();
            let segment =
                FinalSegment::new(part, height, header.time_ms, first_index, ordinal, growths.clone());
            ordinal += segment.transactions.len() as u32;
            // Of a record that changes twice in a block, the last version counts.
            let mut changes: BTreeMap<&RecordId, Hash> = BTreeMap::new();
            for change in part.result.executed.iter().flat_map(|executed| &executed.changes) {
                changes.insert(&change.record, change.hash);
            }
            let Some(state) = self.domains.get_mut(&domain) else {
                return Err(Error::Gone { what: "a domain's state" });
            };
            let nonce = part.result.executed.last().map(|executed| &executed.opening.nonce);
            let root = state.tree.update(height, changes, nonce)?;
            let point = Point { domain, size: frontier.size(), root: frontier.root(), state: root };
            points.insert(domain, point);
            layer.domains.insert(domain, DomainLayer { frontier, growths });
            segments.push(segment);
        }
        if let Entry::Vacant(membership) = points.entry(Domain::MEMBERSHIP) {
            membership.insert(self.point(Domain::MEMBERSHIP)?);
        }
        self.layers.push_back(layer);
        Ok(Computed { height, block: block.hash, points: points.into_values().collect(), segments })
    }

    /// The edge of a domain's log above all layers.
    fn frontier(&self, domain: Domain) -> Frontier {
        let layered = self.layers.iter().rev().find_map(|layer| layer.domains.get(&domain));
        let settled = || self.domains.get(&domain).map(|state| &state.frontier);
        layered.map(|layer| &layer.frontier).or_else(settled).cloned().unwrap_or_default()
    }

    fn point(&mut self, domain: Domain) -> Result<Point, Error> {
        if !self.domains.contains_key(&domain) {
            self.open_domain(domain)?;
        }
        let frontier = self.frontier(domain);
        let state = self.domains.get(&domain).map(|state| state.tree.root());
        let state = state.ok_or(Error::Gone { what: "a domain's state" })?;
        Ok(Point { domain, size: frontier.size(), root: frontier.root(), state })
    }

    /// Takes back the layers at a height and above.
    pub(crate) fn rewind(&mut self, height: u64) {
        while self.layers.pop_back_if(|layer| layer.height >= height).is_some() {}
        for state in self.domains.values_mut() {
            state.tree.rewind(height);
        }
    }

    /// A height is final: its layer goes to the tables.
    pub(crate) fn settle(&mut self, block: &Arc<FinalBlock>) -> Result<(), Error> {
        let height = block.height();
        let Some(layer) = self.layers.pop_front_if(|layer| layer.height == height) else {
            return Err(Error::Gone { what: "the results of a final height" });
        };
        let mut batch = Batch::default();
        write::block(&mut batch, block);
        for (domain, layer) in layer.domains {
            let Some(state) = self.domains.get_mut(&domain) else { continue };
            state.frontier = layer.frontier;
            state.edge.grow(&mut batch, domain, &layer.growths);
            state.tree.settle(height);
            write::frontier(&mut batch, domain, &state.frontier);
        }
        let membership = block.note(Domain::MEMBERSHIP);
        for note in &block.notes {
            if let (Some(state), Some(membership)) = (self.domains.get_mut(&note.point.domain), membership) {
                state.noted = Some((note.clone(), membership.clone()));
            }
        }
        self.unpersisted += block.transactions().map(|tx| tx.changes.len()).sum::<usize>();
        if self.unpersisted >= self.config.tree_changes_max {
            self.persist(&mut batch);
        }
        let recent = self.recent.clone();
        if self.store.waiting_bytes() > WAITING_BYTES_MAX {
            self.store.write_synced(batch)?;
            recent.written(height);
        } else {
            self.store.write(batch, move |written| {
                // A failure stops the store; the next write reports it.
                if written.is_ok() {
                    recent.written(height);
                }
            });
        }
        Ok(())
    }

    fn persist(&mut self, batch: &mut Batch) {
        self.unpersisted = 0;
        for state in self.domains.values_mut() {
            state.tree.persist(batch);
        }
    }

    /// Writes what is derived, so that the next start need not derive it again.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        let mut batch = Batch::default();
        self.persist(&mut batch);
        Ok(self.store.write_synced(batch)?)
    }

    /// Proves what a record is, or that there is none, as of the last note of its domain. None while the domain has
    /// no note.
    pub(crate) fn prove(&self, domain: Domain, record: &RecordId) -> Result<Option<ProvenState>, Error> {
        let Some(state) = self.domains.get(&domain) else { return Ok(None) };
        let Some((note, membership)) = state.noted.clone() else { return Ok(None) };
        let proof = state.tree.prove(record)?;
        Ok(Some(ProvenState { proof, note, membership }))
    }
}

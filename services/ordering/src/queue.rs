//! What is accepted and not final yet, per domain, in the order of the stream.
//!
//! Groups stay until a final header's cursor has passed them: a block that is superseded is cut again from the same
//! groups.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use hutong_bus::Headers;
use hutong_ledger::{
    block::Header,
    id::{Domain, TxId},
    transaction::Transaction,
};

/// One message of the TRANSACTIONS stream.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) sequence: u64,
    pub(crate) bytes: usize,
    pub(crate) transactions: Vec<Transaction>,
    /// Carry the trace of whoever submitted.
    pub(crate) headers: Headers,
}

/// Groups per domain, of one incarnation of the stream.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) incarnation: u64,
    domains: BTreeMap<Domain, VecDeque<Group>>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(incarnation: u64) -> Self {
        Self { incarnation, ..Self::default() }
    }

    /// Takes a message. What in it does not decode is left out here: it could never be valid.
    pub(crate) fn push(&mut self, domain: Domain, sequence: u64, headers: Headers, payload: Bytes) {
        let bytes = payload.len();
        let transactions = match hutong_wire::transaction::decode_group(payload) {
            Ok(group) => group.into_iter().filter_map(Result::ok).collect(),
            Err(error) => {
                tracing::warn!(%domain, sequence, %error, "a group is malformed");
                Vec::new()
            }
        };
        self.bytes += bytes;
        self.domains.entry(domain).or_default().push_back(Group { sequence, bytes, transactions, headers });
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn domains(&self) -> impl Iterator<Item = Domain> {
        self.domains.keys().copied()
    }

    /// The sequence up to which a header says a domain is ordered, in this incarnation.
    pub(crate) fn ordered(&self, header: &Header, domain: Domain) -> u64 {
        let cursor = header.cursor(domain).filter(|cursor| cursor.incarnation == self.incarnation);
        cursor.map_or(0, |cursor| cursor.sequence)
    }

    /// The groups of a domain that a block above this header may take.
    pub(crate) fn after(&self, header: &Header, domain: Domain) -> impl Iterator<Item = &Group> {
        let ordered = self.ordered(header, domain);
        let groups = self.domains.get(&domain).into_iter().flatten();
        groups.skip_while(move |group| group.sequence <= ordered)
    }

    /// Whether anything is left to order above this header.
    pub(crate) fn has_work(&self, header: &Header, without: &dyn Fn(Domain) -> bool) -> bool {
        let last = |domain: &Domain| self.domains[domain].back().map_or(0, |group| group.sequence);
        self.domains.keys().any(|domain| !without(*domain) && last(domain) > self.ordered(header, *domain))
    }

    /// Lets go of what a final header has passed.
    pub(crate) fn settle(&mut self, header: &Header) {
        for (domain, groups) in &mut self.domains {
            let cursor = header.cursor(*domain).filter(|cursor| cursor.incarnation == self.incarnation);
            let ordered = cursor.map_or(0, |cursor| cursor.sequence);
            while groups.front().is_some_and(|group| group.sequence <= ordered) {
                self.bytes -= groups.pop_front().map_or(0, |group| group.bytes);
            }
        }
    }
}

/// Ids in the blocks that this orderer cut lately: a repeat in a later block would only be void.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    heights: HashMap<TxId, u64>,
    ids: BTreeMap<u64, Vec<TxId>>,
}

/// Heights remembered after they are final.
const HEIGHTS_KEPT: u64 = 256;

impl Recent {
    pub(crate) fn contains(&self, id: &TxId) -> bool {
        self.heights.contains_key(id)
    }

    pub(crate) fn add(&mut self, height: u64, ids: Vec<TxId>) {
        self.drop_from(height);
        self.heights.extend(ids.iter().map(|id| (*id, height)));
        self.ids.insert(height, ids);
    }

    pub(crate) fn drop_from(&mut self, height: u64) {
        for id in self.ids.split_off(&height).into_values().flatten() {
            self.heights.remove(&id);
        }
    }

    pub(crate) fn settle(&mut self, height: u64) {
        while let Some(oldest) = self.ids.first_entry() {
            if oldest.key() + HEIGHTS_KEPT >= height {
                return;
            }
            for id in oldest.remove() {
                self.heights.remove(&id);
            }
        }
    }
}

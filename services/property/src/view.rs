//! The view: which parcels a party holds or lends on, and which lie in a place. Built from final changes alone, and
//! only to search; what a parcel is, storage says.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use hutong_ledger::{contract::Versioned, id::RecordId};
use hutong_peer::Position;
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, Status},
};

/// What one parcel is found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    place: String,
    handles: BTreeSet<[u8; 16]>,
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct View {
    by_place: BTreeSet<(String, RecordId)>,
    by_handle: BTreeSet<([u8; 16], RecordId)>,
    parcels: BTreeMap<RecordId, Found>,
    position: Position,
}

/// What to search for; at least one must be given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) place: Option<String>,
    pub(crate) party: Option<[u8; 16]>,
    pub(crate) after: Option<RecordId>,
    pub(crate) limit: usize,
}

impl View {
    /// How far the view has read.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn advance(&mut self, position: Position) {
        self.position = position;
    }

    pub(crate) fn apply(&mut self, change: &Versioned) {
        if let Some(found) = self.parcels.remove(&change.record) {
            self.by_place.remove(&(found.place, change.record.clone()));
            for handle in found.handles {
                self.by_handle.remove(&(handle, change.record.clone()));
            }
        }
        let Some(parcel) = change.value.as_deref().and_then(|value| wire::Parcel::decode(value).ok()) else {
            return;
        };
        if parcel.status() != Status::Current {
            return;
        }
        let held = parcel.rights.iter().filter_map(|right| right.party.as_ref());
        let lent = parcel.mortgages.iter().filter_map(|mortgage| mortgage.lender.as_ref());
        let found = Found {
            handles: held.chain(lent).filter_map(|party| party.handle[..].try_into().ok()).collect(),
            place: parcel.unit.unwrap_or_default().place,
        };
        self.by_place.insert((found.place.clone(), change.record.clone()));
        for handle in &found.handles {
            self.by_handle.insert((*handle, change.record.clone()));
        }
        self.parcels.insert(change.record.clone(), found);
    }

    /// Parcels in order of id, and whether there are more.
    pub(crate) fn search(&self, query: &Query) -> (Vec<RecordId>, bool) {
        let mut found: Vec<RecordId> = match (&query.party, &query.place) {
            (Some(party), place) => {
                let fits = |id: &&RecordId| place.as_ref().is_none_or(|p| self.parcels[*id].place == *p);
                from(&self.by_handle, party, query).filter(fits).take(query.limit + 1).cloned().collect()
            }
            (None, Some(place)) => {
                from(&self.by_place, place, query).take(query.limit + 1).cloned().collect()
            }
            (None, None) => Vec::new(),
        };
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        (found, more)
    }
}

fn from<'a, K: Ord + Clone>(
    index: &'a BTreeSet<(K, RecordId)>,
    key: &'a K,
    query: &Query,
) -> impl Iterator<Item = &'a RecordId> {
    // "!" is the lowest id that a record may have.
    let lowest = || "!".parse().unwrap_or_else(|_| unreachable!("the id is valid"));
    let start = match &query.after {
        Some(after) => Bound::Excluded((key.clone(), after.clone())),
        None => Bound::Included((key.clone(), lowest())),
    };
    index.range((start, Bound::Unbounded)).take_while(move |(found, _)| found == key).map(|(_, id)| id)
}

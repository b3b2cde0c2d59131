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

#[cfg(test)]
mod tests {
    //! The index against a model that keeps whole parcels and looks at every one of them.

    use hutong_ledger::hash::Hash;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const PLACES: [&str; 3] = ["NAmes", "NAmes ", "OldTown"];
    const IDS: [&str; 6] = ["!", "1", "10", "2", "A.b", "~"];

    /// One registration: which parcel, where, who holds, who lends, and what becomes of it.
    #[derive(Clone, Debug)]
    struct Registered {
        id: usize,
        place: usize,
        holders: Vec<u8>,
        lenders: Vec<u8>,
        /// 0 deleted, 1 cancelled, 2 bytes that are no parcel, else current.
        fate: u8,
    }

    fn registered() -> impl Strategy<Value = Registered> {
        let handles = || vec(0_u8..4, 0..4);
        (0..IDS.len(), 0..PLACES.len(), handles(), handles(), 0_u8..12)
            .prop_map(|(id, place, holders, lenders, fate)| Registered { id, place, holders, lenders, fate })
    }

    impl Registered {
        fn is_found(&self) -> bool {
            self.fate > 2
        }

        fn change(&self, version: u64) -> Versioned {
            let party = |handle: &u8| {
                Some(wire::Party { handle: vec![*handle; 16].into(), ..wire::Party::default() })
            };
            let right = |handle| wire::Right { party: party(handle), ..wire::Right::default() };
            let mortgage = |handle| wire::Mortgage { lender: party(handle), ..wire::Mortgage::default() };
            let status = if self.fate == 1 { Status::Cancelled } else { Status::Current };
            let parcel = wire::Parcel {
                status: status.into(),
                unit: Some(wire::Unit { place: PLACES[self.place].into(), ..wire::Unit::default() }),
                rights: self.holders.iter().map(right).collect(),
                mortgages: self.lenders.iter().map(mortgage).collect(),
                ..wire::Parcel::default()
            };
            let value = match self.fate {
                0 => None,
                2 => Some(vec![0xff; 9]),
                _ => Some(parcel.encode_to_vec()),
            };
            let record = IDS[self.id].parse().unwrap();
            Versioned { record, version, value: value.map(Into::into), hash: Hash::ZERO }
        }
    }

    /// What a search must find, by looking at everything.
    fn model(last: &BTreeMap<&str, Registered>, place: Option<usize>, party: Option<u8>) -> Vec<RecordId> {
        let fits = |parcel: &Registered| {
            parcel.is_found()
                && place.is_none_or(|place| parcel.place == place)
                && party
                    .is_none_or(|handle| parcel.holders.contains(&handle) || parcel.lenders.contains(&handle))
        };
        last.iter().filter(|(_, parcel)| fits(parcel)).map(|(id, _)| id.parse().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn pages_find_what_a_look_at_everything_finds(
            registered in vec(registered(), 0..40),
            limit in 1_usize..8,
        ) {
            let mut view = View::default();
            let mut last = BTreeMap::new();
            for (registered, version) in registered.into_iter().zip(1..) {
                view.apply(&registered.change(version));
                last.insert(IDS[registered.id], registered);
            }
            let places = || (0..PLACES.len()).map(Some);
            let parties = || (0_u8..5).map(Some);
            let alone = places().map(|place| (place, None)).chain(parties().map(|party| (None, party)));
            let both = places().flat_map(|place| parties().map(move |party| (place, party)));
            for (place, party) in alone.chain(both) {
                let expected = model(&last, place, party);
                let mut found = Vec::new();
                loop {
                    let query = Query {
                        place: place.map(|place| PLACES[place].to_owned()),
                        party: party.map(|handle| [handle; 16]),
                        after: found.last().cloned(),
                        limit,
                    };
                    let (page, more) = view.search(&query);
                    prop_assert!(page.len() <= limit);
                    // More is said exactly when there is more: a full last page has no next one.
                    prop_assert_eq!(more, found.len() + page.len() < expected.len());
                    found.extend(page);
                    if !more {
                        break;
                    }
                }
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(view.search(&Query { limit, ..Query::default() }), (Vec::new(), false));
        }
    }

    #[test]
    fn a_page_may_begin_after_a_parcel_that_is_gone() {
        let mut view = View::default();
        for id in 0..IDS.len() {
            let here = Registered { id, place: 0, holders: vec![1], lenders: Vec::new(), fate: 9 };
            view.apply(&here.change(1));
        }
        let gone = Registered { id: 2, place: 0, holders: Vec::new(), lenders: Vec::new(), fate: 0 };
        view.apply(&gone.change(2));
        let after = Some("10".parse().unwrap());
        let query = Query { place: Some(PLACES[0].into()), party: None, after, limit: 2 };
        let expected: Vec<RecordId> = ["2", "A.b"].map(|id| id.parse().unwrap()).to_vec();
        assert_eq!(view.search(&query), (expected, true));
    }
}

//! The view: which parcels a party stands on, which lie in a place or a part of the map, which has a number, and which
//! titles have ended. Built from final changes alone, and only to search; what a parcel is, storage says.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    ops::Bound,
};

use hutong_ledger::{contract::Versioned, id::RecordId};
use hutong_peer::Position;
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, Status},
};
use rstar::{
    AABB, RTree,
    primitives::{GeomWithData, Rectangle},
};

use crate::{
    contract::is_parcel,
    geometry::{Bounds, Location, Point, Polygon},
};

/// The handle of a party.
pub type Handle = [u8; 16];

type Drawn = GeomWithData<Rectangle<[f64; 2]>, RecordId>;

/// The most parcels that are taken from the map before they are put in order; few in tests, so that both ways are tried.
const NEAR_MAX: usize = if cfg!(test) { 3 } else { 4096 };

/// What one parcel is found by.
#[derive(Clone, Debug)]
struct Found {
    status: Status,
    place: String,
    number: String,
    handles: BTreeSet<Handle>,
    /// Of a current parcel that is drawn.
    polygon: Option<Polygon>,
}

/// The index.
#[derive(Debug, Default)]
pub struct View {
    by_status: BTreeSet<(i32, RecordId)>,
    by_place: BTreeSet<((i32, String), RecordId)>,
    by_handle: BTreeSet<(Handle, RecordId)>,
    by_number: BTreeSet<(String, RecordId)>,
    map: RTree<Drawn>,
    parcels: BTreeMap<RecordId, Found>,
    position: Position,
}

/// What to search for: everything that is given fits what is found.
#[derive(Clone, Debug)]
pub struct Query {
    pub status: Status,
    pub place: Option<String>,
    pub party: Option<Handle>,
    pub number: Option<String>,
    /// The parcel's bounding box meets this one.
    pub bounds: Option<Bounds>,
    /// The point lies in the parcel or on its boundary.
    pub point: Option<Point>,
    pub after: Option<RecordId>,
    pub limit: usize,
}

impl Query {
    /// All current parcels, so many to a page.
    pub fn new(limit: usize) -> Self {
        Self {
            status: Status::Current,
            place: None,
            party: None,
            number: None,
            bounds: None,
            point: None,
            after: None,
            limit,
        }
    }
}

impl View {
    /// How far the view has read.
    pub fn position(&self) -> Position {
        self.position
    }

    pub fn advance(&mut self, position: Position) {
        self.position = position;
    }

    pub fn apply(&mut self, change: &Versioned) {
        if !is_parcel(&change.record) {
            return;
        }
        self.forget(&change.record);
        let decode = |value: &[u8]| wire::Parcel::decode(value).ok();
        if let Some(parcel) = change.value.as_deref().and_then(decode) {
            self.insert(change.record.clone(), found(parcel));
        }
    }

    fn insert(&mut self, id: RecordId, found: Found) {
        let status = found.status as i32;
        self.by_status.insert((status, id.clone()));
        self.by_place.insert(((status, found.place.clone()), id.clone()));
        if !found.number.is_empty() {
            self.by_number.insert((found.number.clone(), id.clone()));
        }
        for handle in &found.handles {
            self.by_handle.insert((*handle, id.clone()));
        }
        if let Some(polygon) = &found.polygon {
            self.map.insert(drawn(polygon, &id));
        }
        self.parcels.insert(id, found);
    }

    fn forget(&mut self, id: &RecordId) {
        let Some(found) = self.parcels.remove(id) else { return };
        let status = found.status as i32;
        self.by_status.remove(&(status, id.clone()));
        self.by_place.remove(&((status, found.place), id.clone()));
        self.by_number.remove(&(found.number, id.clone()));
        for handle in found.handles {
            self.by_handle.remove(&(handle, id.clone()));
        }
        if let Some(polygon) = found.polygon {
            self.map.remove(&drawn(&polygon, id));
        }
    }

    /// Parcels in order of id, and whether there are more.
    pub fn search(&self, query: &Query) -> (Vec<RecordId>, bool) {
        let after = query.after.as_ref();
        let fits = |id: &&RecordId| self.fits(id, query);
        let wanted = query.limit + 1;
        let mut found: Vec<RecordId> = if let Some(number) = &query.number {
            from(&self.by_number, number, after).filter(fits).take(wanted).cloned().collect()
        } else if let Some(party) = &query.party {
            from(&self.by_handle, party, after).filter(fits).take(wanted).cloned().collect()
        } else if let Some(near) = self.near(query) {
            // In no order: the lowest ids are kept.
            let later = near.into_iter().filter(|id| after.is_none_or(|after| *id > after)).filter(fits);
            lowest(later, wanted).into_iter().cloned().collect()
        } else if let Some(place) = &query.place {
            let key = (query.status as i32, place.clone());
            from(&self.by_place, &key, after).filter(fits).take(wanted).cloned().collect()
        } else {
            let status = query.status as i32;
            from(&self.by_status, &status, after).filter(fits).take(wanted).cloned().collect()
        };
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        (found, more)
    }

    /// Parcels near the point or in the box, if one is given and they are few. Of many, a page is found sooner by going
    /// through all in order.
    fn near(&self, query: &Query) -> Option<Vec<&RecordId>> {
        let near = self.map.locate_in_envelope_intersecting(&envelope(query)?).map(|drawn| &drawn.data);
        let near: Vec<_> = near.take(NEAR_MAX + 1).collect();
        (near.len() <= NEAR_MAX).then_some(near)
    }

    fn fits(&self, id: &RecordId, query: &Query) -> bool {
        let Some(found) = self.parcels.get(id) else { return false };
        let on_map = |test: &dyn Fn(&Polygon) -> bool| found.polygon.as_ref().is_some_and(test);
        found.status == query.status
            && query.place.as_ref().is_none_or(|place| found.place == *place)
            && query.party.is_none_or(|party| found.handles.contains(&party))
            && query.number.as_ref().is_none_or(|number| found.number == *number)
            && query.bounds.is_none_or(|bounds| on_map(&|polygon| polygon.bounds().meets(&bounds)))
            && query.point.is_none_or(|point| on_map(&|polygon| polygon.locate(point) != Location::Outside))
    }
}

fn found(parcel: wire::Parcel) -> Found {
    let held = parcel.rights.iter().map(|right| &right.party);
    let lent = parcel.mortgages.iter().map(|mortgage| &mortgage.lender);
    let objecting = parcel.objections.iter().map(|objection| &objection.party);
    let noticed = parcel.notices.iter().map(|notice| &notice.party);
    let parties = held.chain(lent).chain(objecting).chain(noticed).flatten();
    let handles = parties.filter_map(|party| party.handle[..].try_into().ok()).collect();
    let status = parcel.status();
    let unit = parcel.unit.unwrap_or_default();
    let drawn = unit.geometry.as_ref().filter(|_| status == Status::Current);
    Found {
        status,
        handles,
        polygon: drawn.and_then(|geometry| Polygon::stored(geometry).ok()),
        place: unit.place,
        number: unit.number,
    }
}

/// Coordinates are whole numbers far below 2^53, and so exact here.
fn corner(point: Point) -> [f64; 2] {
    [point.x as f64, point.y as f64]
}

fn drawn(polygon: &Polygon, id: &RecordId) -> Drawn {
    let bounds = polygon.bounds();
    GeomWithData::new(Rectangle::from_corners(corner(bounds.min), corner(bounds.max)), id.clone())
}

/// The part of the map in which to look.
fn envelope(query: &Query) -> Option<AABB<[f64; 2]>> {
    match (query.point, query.bounds) {
        (Some(point), _) => Some(AABB::from_point(corner(point))),
        (None, Some(bounds)) => Some(AABB::from_corners(corner(bounds.min), corner(bounds.max))),
        (None, None) => None,
    }
}

/// So many of the lowest, ascending.
fn lowest<'a>(ids: impl Iterator<Item = &'a RecordId>, count: usize) -> Vec<&'a RecordId> {
    let mut kept = BinaryHeap::with_capacity(count + 1);
    for id in ids {
        if kept.len() < count {
            kept.push(id);
        } else if kept.peek().is_some_and(|highest| id < *highest) {
            kept.pop();
            kept.push(id);
        }
    }
    kept.into_sorted_vec()
}

/// What stands under a key, after an id.
fn from<'a, K: Ord + Clone>(
    index: &'a BTreeSet<(K, RecordId)>,
    key: &'a K,
    after: Option<&RecordId>,
) -> impl Iterator<Item = &'a RecordId> {
    // "!" is the lowest id that a record may have.
    let first = || "!".parse().unwrap_or_else(|_| unreachable!("the id is valid"));
    let start = match after {
        Some(after) => Bound::Excluded((key.clone(), after.clone())),
        None => Bound::Included((key.clone(), first())),
    };
    index.range((start, Bound::Unbounded)).take_while(move |(found, _)| found == key).map(|(_, id)| id)
}

#[cfg(test)]
mod tests;

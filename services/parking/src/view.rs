//! The view: sites in order of name, an R-tree over their places, and what is known of their occupancy. Built from
//! final changes and accepted telemetry alone; it forgets nothing that it would have to ask for.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use hutong_ledger::contract::{Refusal, Versioned};
use hutong_peer::Position;
use hutong_wire::{
    prost::Message,
    v1::parking::{self as wire, Purpose, SiteType},
};
use parking_lot::RwLock;
use rstar::{PointDistance, RTree, primitives::GeomWithData};

use crate::{
    geo::{self, Point},
    realtime::{OpeningStatus, Update},
};

/// How many places a search with a filter brings into order before it looks at all within the radius instead.
/// Few under test, where both ways are to be taken.
const ORDERED_MAX: usize = if cfg!(test) { 4 } else { 2000 };

type Place = GeomWithData<Point, Arc<Entry>>;

/// A site as it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub site: Arc<wire::Site>,
    pub version: u64,
    pub live: Option<Arc<Update>>,
}

/// What to look for around a place.
#[derive(Clone, Debug)]
pub struct Near {
    pub lat: f64,
    pub lon: f64,
    pub radius_m: f64,
    /// At least so many free spaces are known.
    pub free: Option<u32>,
    /// Not told to be closed.
    pub open: bool,
    pub kind: Option<SiteType>,
    pub purpose: Option<Purpose>,
    pub limit: usize,
}

impl Near {
    /// Not every site is wanted.
    fn is_picky(&self) -> bool {
        self.free.is_some() || self.open || self.kind.is_some() || self.purpose.is_some()
    }
}

/// A site in the index. Its occupancy stands here too: a wide search that looks at many need not look each up.
#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    site: Arc<wire::Site>,
    version: u64,
    live: RwLock<Option<Arc<Update>>>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Entry {
    fn standing(&self) -> Standing {
        Standing { site: self.site.clone(), version: self.version, live: self.live.read().clone() }
    }
}

/// The index.
#[derive(Debug, Default)]
pub struct View {
    sites: BTreeMap<Arc<str>, Arc<Entry>>,
    places: RTree<Place>,
    lives: HashMap<Arc<str>, Arc<Update>>,
    position: Position,
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
        let Some(name) = change.record.as_str().strip_prefix("site/") else { return };
        if let Some(entry) = self.sites.remove(name) {
            self.places.remove(&place(&entry));
        }
        let site = change.value.as_deref().and_then(|value| wire::Site::decode(value).ok());
        let Some(site) = site.filter(|site| site.retired_ms == 0) else { return };
        let name: Arc<str> = name.into();
        let live = RwLock::new(self.lives.get(&name).cloned());
        let entry =
            Arc::new(Entry { name: name.clone(), site: Arc::new(site), version: change.version, live });
        self.places.insert(place(&entry));
        self.sites.insert(name, entry);
    }

    pub fn len(&self) -> usize {
        self.sites.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<Standing> {
        self.sites.get(name).map(|entry| entry.standing())
    }

    /// Whether an update may replace what is known; false: it says what is known already.
    pub fn check(&self, update: &Update) -> Result<bool, Refusal> {
        let Some(entry) = self.sites.get(update.site.as_str()) else {
            let message = format!("site {} is not registered", update.site);
            return Err(Refusal::new("site_unknown", message).at("uid"));
        };
        update.fits(update.capacity.or(Some(entry.site.capacity)))?;
        match self.lives.get(update.site.as_str()) {
            Some(known) if known.updated_at_ms > update.updated_at_ms => {
                let message = format!("{} has newer data already", update.site);
                Err(Refusal::new("stale_update", message).at("realtime_data_updated_at"))
            }
            known => Ok(known.is_none_or(|known| **known != *update)),
        }
    }

    /// Takes an update that was checked or comes from the log.
    pub fn set_live(&mut self, update: Arc<Update>) {
        if let Some(entry) = self.sites.get(update.site.as_str()) {
            *entry.live.write() = Some(update.clone());
        }
        // Also for a site that is not known yet, or will change.
        self.lives.insert(update.site.as_str().into(), update);
    }

    /// Sites in order of name, and whether there are more.
    pub fn list(&self, source: Option<&str>, after: Option<&str>, limit: usize) -> (Vec<Standing>, bool) {
        let prefix = source.map(|source| format!("{source}:")).unwrap_or_default();
        let start = match after {
            Some(after) if after >= prefix.as_str() => Bound::Excluded(after),
            _ => Bound::Included(prefix.as_str()),
        };
        let from = self.sites.range::<str, _>((start, Bound::Unbounded));
        let mut found: Vec<_> = from
            .take_while(|(name, _)| name.starts_with(&prefix))
            .take(limit + 1)
            .map(|(_, entry)| entry.standing())
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        (found, more)
    }

    /// Sites around a place, the nearest first, each with its distance in metres.
    pub fn near(&self, near: &Near) -> Vec<(f64, Standing)> {
        let here = geo::point(near.lat, near.lon);
        // A little more, so that rounding leaves nothing out; the distance itself decides.
        let chord_2 = geo::chord_2(near.radius_m) * (1.0 + 1e-9) + 1e-20;
        let found = |(place, distance_2)| found(near, place, distance_2);
        let by_distance = self.places.nearest_neighbor_iter_with_distance_2(&here);
        let mut within = by_distance.take_while(|(_, distance_2)| *distance_2 <= chord_2);
        let steps = if near.is_picky() { ORDERED_MAX } else { usize::MAX };
        let mut nearest: Vec<(f64, &Arc<Entry>)> =
            within.by_ref().take(steps).filter_map(found).take(near.limit).collect();
        if nearest.len() < near.limit && within.next().is_some() {
            // Few fit: looking at all within the radius costs less than bringing all of them into order.
            let all = self.places.locate_within_distance(here, chord_2);
            nearest = all.map(|place| (place, place.distance_2(&here))).filter_map(found).collect();
        }
        let order = |a: &(f64, &Arc<Entry>), b: &(f64, &Arc<Entry>)| {
            a.0.total_cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name))
        };
        if nearest.len() > near.limit {
            nearest.select_nth_unstable_by(near.limit, order);
            nearest.truncate(near.limit);
        }
        nearest.sort_by(order);
        nearest.into_iter().map(|(distance_m, entry)| (distance_m, entry.standing())).collect()
    }
}

/// A place with its distance in metres, if it is wanted. What rules most out is looked at first.
fn found<'a>(near: &Near, place: &'a Place, distance_2: f64) -> Option<(f64, &'a Arc<Entry>)> {
    if !fits(near, &place.data) {
        return None;
    }
    let distance_m = geo::distance_m(distance_2);
    (distance_m <= near.radius_m).then_some((distance_m, &place.data))
}

fn fits(near: &Near, entry: &Entry) -> bool {
    if near.kind.is_some_and(|kind| entry.site.r#type() != kind)
        || near.purpose.is_some_and(|purpose| entry.site.purpose() != purpose)
    {
        return false;
    }
    if near.free.is_none() && !near.open {
        return true;
    }
    let live = entry.live.read();
    let has_free = |free| live.as_ref().and_then(|live| live.free).is_some_and(|known| known >= free);
    let is_closed = live.as_ref().is_some_and(|live| live.status == OpeningStatus::Closed);
    near.free.is_none_or(has_free) && !(near.open && is_closed)
}

fn place(entry: &Arc<Entry>) -> Place {
    let site = &entry.site;
    GeomWithData::new(geo::point(geo::degrees(site.lat_e7), geo::degrees(site.lon_e7)), entry.clone())
}

#[cfg(test)]
mod tests;

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
use rstar::{RTree, primitives::GeomWithData};

use crate::{
    geo::{self, Point},
    realtime::{OpeningStatus, Update},
};

type Place = GeomWithData<Point, Arc<str>>;

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

#[derive(Debug)]
struct Entry {
    site: Arc<wire::Site>,
    version: u64,
}

/// The index.
#[derive(Debug, Default)]
pub struct View {
    sites: BTreeMap<Arc<str>, Entry>,
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
        if let Some((name, entry)) = self.sites.remove_entry(name) {
            self.places.remove(&place(&name, &entry.site));
        }
        let site = change.value.as_deref().and_then(|value| wire::Site::decode(value).ok());
        let Some(site) = site.filter(|site| site.retired_ms == 0) else { return };
        let name: Arc<str> = name.into();
        self.places.insert(place(&name, &site));
        self.sites.insert(name, Entry { site: Arc::new(site), version: change.version });
    }

    pub fn len(&self) -> usize {
        self.sites.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<Standing> {
        self.sites.get(name).map(|entry| self.standing(name, entry))
    }

    fn standing(&self, name: &str, entry: &Entry) -> Standing {
        Standing { site: entry.site.clone(), version: entry.version, live: self.lives.get(name).cloned() }
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
            .map(|(name, entry)| self.standing(name, entry))
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
        let by_distance = self.places.nearest_neighbor_iter_with_distance_2(&here);
        let within = by_distance.take_while(|(_, distance_2)| *distance_2 <= chord_2);
        let found = within.filter_map(|(place, distance_2)| {
            let distance_m = geo::distance_m(distance_2);
            let entry = self.sites.get(&place.data).filter(|_| distance_m <= near.radius_m)?;
            let standing = self.standing(&place.data, entry);
            fits(near, &standing).then_some((distance_m, standing))
        });
        found.take(near.limit).collect()
    }
}

fn fits(near: &Near, standing: &Standing) -> bool {
    let live = standing.live.as_deref();
    let has_free = |free| live.and_then(|live| live.free).is_some_and(|known| known >= free);
    near.kind.is_none_or(|kind| standing.site.r#type() == kind)
        && near.purpose.is_none_or(|purpose| standing.site.purpose() == purpose)
        && near.free.is_none_or(has_free)
        && !(near.open && live.is_some_and(|live| live.status == OpeningStatus::Closed))
}

fn place(name: &Arc<str>, site: &wire::Site) -> Place {
    GeomWithData::new(geo::point(geo::degrees(site.lat_e7), geo::degrees(site.lon_e7)), name.clone())
}

#[cfg(test)]
mod tests;

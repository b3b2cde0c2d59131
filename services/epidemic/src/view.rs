//! The index over what is final: cases by what they are searched by, counts by day and kind, alerts and releases.
//!
//! It decides nothing and can be built again from the ledger at any time.

pub(crate) mod counts;
pub(crate) mod index;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hutong_ledger::contract::Versioned;
use hutong_peer::Position;
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, Status},
};

use crate::{
    contract::{ALERTS, CASES, DISTRICTS, RELEASES},
    day::{self, Day},
};
use counts::{Counts, Kind};
use index::{Id, Index, Key, Page};

/// A series of counts: a disease in a district, or in the city.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) disease: String,
    /// Empty: the city.
    pub(crate) district: String,
}

#[derive(Debug, Default)]
pub(crate) struct View {
    position: Position,
    /// Block time of the last transaction seen.
    time_ms: u64,
    index: Index,
    pub(crate) counts: Counts,
    /// By record.
    pub(crate) alerts: BTreeMap<String, wire::Alert>,
    /// By disease and Monday.
    pub(crate) releases: BTreeMap<(String, Day), wire::Release>,
    pub(crate) districts: Vec<wire::District>,
    /// Series that changed since they were looked at.
    changed: BTreeSet<Series>,
    /// Weeks of a disease that changed since they were published.
    unpublished: BTreeSet<(String, Day)>,
}

impl View {
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn advance(&mut self, position: Position) {
        self.position = self.position.max(position);
    }

    pub(crate) fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Takes in a change that became final at a time. What does not decode, or is of no kind known here, is passed over.
    pub(crate) fn apply(&mut self, change: &Versioned, time_ms: u64) {
        self.time_ms = self.time_ms.max(time_ms);
        let (name, Some(value)) = (change.record.as_str(), change.value.as_ref()) else { return };
        if let Some(id) = name.strip_prefix(CASES) {
            if let Ok(case) = wire::Case::decode(value.as_ref()) {
                self.apply_case(id, &case, time_ms);
            }
        } else if name.starts_with(ALERTS) {
            if let Ok(alert) = wire::Alert::decode(value.as_ref()) {
                self.alerts.insert(name.to_owned(), alert);
            }
        } else if name.starts_with(RELEASES) {
            if let Ok(release) = wire::Release::decode(value.as_ref()) {
                self.releases.insert((release.disease.clone(), release.monday), release);
            }
        } else if name == DISTRICTS
            && let Ok(listed) = wire::Districts::decode(value.as_ref())
        {
            self.districts = listed.districts;
        }
    }

    fn apply_case(&mut self, id: &str, case: &wire::Case, time_ms: u64) {
        let Some(facts) = &case.facts else { return };
        let id: Id = Arc::from(id);
        self.index.put(&id, keys(case, facts));
        let (before, after) = self.counts.put(&id, facts, time_ms, case.revision);
        for kind in before.into_iter().chain([after]).filter(Kind::counts) {
            let disease = kind.disease.to_string();
            self.unpublished.insert((disease.clone(), day::monday(kind.report)));
            let districts = [String::new(), kind.district.to_string()];
            self.changed.extend(districts.map(|district| Series { disease: disease.clone(), district }));
        }
    }

    pub(crate) fn search(&self, keys: &BTreeSet<Key>, after: Option<&str>, limit: usize) -> Page {
        self.index.search(keys, after, limit)
    }

    /// The series that changed, each told once.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Series> {
        std::mem::take(&mut self.changed)
    }

    /// Tells series again that were not dealt with.
    pub(crate) fn put_back(&mut self, series: impl IntoIterator<Item = Series>) {
        self.changed.extend(series);
    }

    /// Weeks that are not published as they are now.
    pub(crate) fn unpublished(&self) -> Vec<(String, Day)> {
        self.unpublished.iter().cloned().collect()
    }

    /// The week is published as it is now, or cannot be until it changes again.
    pub(crate) fn settled(&mut self, week: &(String, Day)) {
        self.unpublished.remove(week);
    }
}

fn keys(case: &wire::Case, facts: &wire::Facts) -> BTreeSet<Key> {
    let mut keys = BTreeSet::from([
        Key::All,
        Key::Disease(facts.disease.clone()),
        Key::Status(facts.status),
        Key::Origin(facts.origin),
        Key::Sex(facts.sex),
        Key::District(facts.district.clone()),
        Key::AgeBand(facts.age_band.clone()),
        Key::Agency(case.agency.clone()),
        Key::Counts(facts.status() != Status::Discarded),
    ]);
    keys.extend((!facts.facility.is_empty()).then(|| Key::Facility(facts.facility.clone())));
    keys.extend(facts.report.map(Key::Report));
    keys.extend(facts.onset.map(Key::Onset));
    keys
}

//! The view: requests found by time, service, status, agency, district, lateness and place. Built from final changes
//! alone, and only to be searched and counted; it holds each request's bytes as they stand on the ledger.
//!
//! `index` has the orders, `place` the positions. A page is read in the order of one index, from where it begins: what
//! a search costs depends on the page and not on how many requests there are.

mod index;
mod place;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use hutong_ledger::contract::Versioned;
use hutong_peer::Position;
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Status},
};

pub use index::{Cursor, Query};
pub use place::Near;

use crate::rates::{Counted, Tally, WEIGHTS};
use index::{Dimension, Index};

/// What one request is found by.
#[derive(Clone, Debug)]
struct Entry {
    value: Bytes,
    dimensions: Vec<Dimension>,
    service: Arc<str>,
    point: Option<wire::Point>,
    requested_ms: u64,
    /// While it waits for an answer and is not known to be late.
    due_ms: Option<u64>,
    counted: Option<(Arc<str>, u64)>,
}

/// What the requests of one lead count for, by time of the dispatch.
type OfLead = BTreeMap<(u64, Arc<str>), Counted>;

/// The index.
#[derive(Debug, Default)]
pub struct View {
    requests: HashMap<Arc<str>, Entry>,
    index: Index,
    places: place::Places,
    /// Deadlines that are to be watched.
    due: BTreeSet<(u64, Arc<str>)>,
    /// By lead.
    counted: BTreeMap<Arc<str>, OfLead>,
    services: BTreeMap<String, wire::Service>,
    areas: wire::Areas,
    weights: Option<wire::Weights>,
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

    pub fn len(&self) -> usize {
        self.requests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Services in order of their codes.
    pub fn services(&self) -> impl Iterator<Item = &wire::Service> {
        self.services.values()
    }

    pub fn service(&self, code: &str) -> Option<&wire::Service> {
        self.services.get(code)
    }

    pub fn areas(&self) -> &wire::Areas {
        &self.areas
    }

    pub fn weights(&self) -> wire::Weights {
        self.weights.unwrap_or(WEIGHTS)
    }

    /// A request as it stood when the view last read.
    pub fn request(&self, id: &str) -> Option<wire::Request> {
        wire::Request::decode(self.requests.get(id)?.value.clone()).ok()
    }

    pub fn apply(&mut self, change: &Versioned) {
        let record = change.record.as_str();
        let value = change.value.clone();
        if let Some(id) = record.strip_prefix("request/") {
            self.forget(id);
            let request = value.and_then(|value| {
                let request = wire::Request::decode(value.clone()).ok()?;
                Some((value, request))
            });
            if let Some((value, request)) = request {
                self.learn(id, value, &request);
            }
        } else if let Some(code) = record.strip_prefix("service/") {
            self.services.remove(code);
            let service = value.and_then(|value| wire::Service::decode(value).ok());
            self.services.extend(service.map(|service| (code.to_owned(), service)));
        } else if record == "config/areas" {
            self.areas = value.and_then(|value| wire::Areas::decode(value).ok()).unwrap_or_default();
        } else if record == "config/weights" {
            self.weights = value.and_then(|value| wire::Weights::decode(value).ok());
        }
    }

    fn learn(&mut self, id: &str, value: Bytes, request: &wire::Request) {
        let id: Arc<str> = id.into();
        let waits = matches!(request.status(), Status::Open | Status::Dispatched);
        let watched = waits && request.breached_ms == 0 && request.expected_ms > 0;
        let lead = request.agencies.first().map(|lead| Arc::<str>::from(lead.as_str()));
        let counted = Counted::of(request).zip(lead);
        let entry = Entry {
            dimensions: index::dimensions(request),
            service: request.service_code.as_str().into(),
            point: request.place.as_ref().and_then(|place| place.point),
            requested_ms: request.requested_ms,
            due_ms: watched.then_some(request.expected_ms),
            counted: counted.as_ref().map(|(_, lead)| (lead.clone(), request.dispatched_ms)),
            value,
        };
        self.index.insert(&entry.dimensions, request.requested_ms, &id);
        if let Some(point) = &entry.point {
            self.places.insert(&entry.service, point, &id);
        }
        self.due.extend(entry.due_ms.map(|due_ms| (due_ms, id.clone())));
        if let Some((counted, lead)) = counted {
            let key = (request.dispatched_ms, id.clone());
            self.counted.entry(lead).or_default().insert(key, counted);
        }
        self.requests.insert(id, entry);
    }

    fn forget(&mut self, id: &str) {
        let Some((id, entry)) = self.requests.remove_entry(id) else { return };
        self.index.remove(&entry.dimensions, entry.requested_ms, &id);
        if let Some(point) = &entry.point {
            self.places.remove(&entry.service, point, &id);
        }
        if let Some(due_ms) = entry.due_ms {
            self.due.remove(&(due_ms, id.clone()));
        }
        if let Some((lead, dispatched_ms)) = entry.counted
            && let Some(of_lead) = self.counted.get_mut(&lead)
        {
            of_lead.remove(&(dispatched_ms, id));
            if of_lead.is_empty() {
                self.counted.remove(&lead);
            }
        }
    }

    /// One page, newest first, and where the next one begins.
    pub fn search(&self, query: &Query) -> (Vec<wire::Request>, Option<Cursor>) {
        let (mut found, mut next) = (Vec::new(), None);
        let (run, rest) = self.index.run(query);
        let entries = run.filter_map(|(_, id)| self.requests.get(id));
        let fits =
            |entry: &&Entry| rest.iter().all(|set| set.iter().any(|one| entry.dimensions.contains(one)));
        for entry in entries.filter(fits).skip(query.skip) {
            if found.len() == query.limit {
                next = found.last().map(|last: &wire::Request| Cursor {
                    requested_ms: last.requested_ms,
                    id: last.id.as_str().into(),
                });
                break;
            }
            found.extend(wire::Request::decode(entry.value.clone()));
        }
        (found, next)
    }

    /// Requests of one service around a point within a time, nearest first: what may be the same.
    pub fn near(&self, near: &Near<'_>) -> Vec<(f64, wire::Request)> {
        let fits = |id: &str| {
            self.requests
                .get(id)
                .filter(|entry| near.times.contains(&entry.requested_ms))
                .map(|e| e.value.clone())
        };
        let found = self.places.near(near.service, &near.point, near.radius_m).into_iter();
        let found = found.filter_map(|(distance_m, id)| Some((distance_m, fits(&id)?)));
        let decoded =
            found.filter_map(|(distance_m, value)| Some((distance_m, wire::Request::decode(value).ok()?)));
        decoded.take(near.limit).collect()
    }

    /// Requests whose deadline passed before this moment, the longest ago first.
    pub fn late(&self, before_ms: u64) -> impl Iterator<Item = &Arc<str>> {
        self.due.iter().take_while(move |(due_ms, _)| *due_ms < before_ms).map(|(_, id)| id)
    }

    /// What each lead's requests count for that were dispatched within a time, ends included.
    pub fn tallies(&self, agency: Option<&str>, from_ms: u64, to_ms: u64) -> Vec<(Arc<str>, Tally)> {
        if from_ms > to_ms {
            return Vec::new();
        }
        let all = self.counted.iter().filter(|(lead, _)| agency.is_none_or(|agency| agency == &***lead));
        let tally = |of_lead: &OfLead| {
            let mut tally = Tally::default();
            let begin = (from_ms, Arc::from(""));
            let within = of_lead.range(begin..).take_while(|((at_ms, _), _)| *at_ms <= to_ms);
            within.for_each(|(_, counted)| tally.add(*counted));
            tally
        };
        let tallies = all.map(|(lead, of_lead)| (lead.clone(), tally(of_lead)));
        tallies.filter(|(_, tally)| tally.dispatched > 0).collect()
    }
}

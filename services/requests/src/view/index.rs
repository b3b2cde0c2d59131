//! The orders in which requests are read: one per dimension and value, newest first.
//!
//! A search runs along the smallest of the orders that fit and passes over what the others exclude; service with
//! Open311's status, the usual pair, has an order of its own.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use hutong_wire::v1::requests::{self as wire, Status};

/// By what a request is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Dimension {
    All,
    Service(Arc<str>),
    Status(i32),
    /// Open311 knows open and closed.
    IsClosed(bool),
    ServiceIsClosed(Arc<str>, bool),
    Agency(Arc<str>),
    District(Arc<str>),
    Breached(bool),
}

/// The dimensions of a request.
pub(super) fn dimensions(request: &wire::Request) -> Vec<Dimension> {
    let service: Arc<str> = request.service_code.as_str().into();
    let closed = request.status() == Status::Closed;
    let mut dimensions = vec![
        Dimension::All,
        Dimension::Service(service.clone()),
        Dimension::Status(request.status),
        Dimension::IsClosed(closed),
        Dimension::ServiceIsClosed(service, closed),
        Dimension::Breached(request.breached_ms > 0),
    ];
    dimensions.extend(request.agencies.iter().map(|agency| Dimension::Agency(agency.as_str().into())));
    let district = request.place.as_ref().map(|place| place.district.as_str());
    dimensions.extend(district.filter(|code| !code.is_empty()).map(|code| Dimension::District(code.into())));
    dimensions
}

/// Where a page ended: the next one begins after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub requested_ms: u64,
    pub id: Arc<str>,
}

/// What to search for. Everything that is set must fit.
#[derive(Clone, Debug)]
pub struct Query {
    /// Any of these; empty: all.
    pub services: Vec<String>,
    pub status: Option<Status>,
    pub closed: Option<bool>,
    /// One of those who act.
    pub agency: Option<String>,
    pub district: Option<String>,
    pub breached: Option<bool>,
    /// Requested then or later.
    pub from_ms: u64,
    /// Requested then or earlier.
    pub to_ms: u64,
    pub after: Option<Cursor>,
    /// Passed over before the page begins.
    pub skip: usize,
    pub limit: usize,
}

impl Query {
    pub fn newest(limit: usize) -> Self {
        Self {
            services: Vec::new(),
            status: None,
            closed: None,
            agency: None,
            district: None,
            breached: None,
            from_ms: 0,
            to_ms: u64::MAX,
            after: None,
            skip: 0,
            limit,
        }
    }

    /// What must fit besides service and time.
    fn wanted(&self) -> Vec<Dimension> {
        let agency = self.agency.as_deref().map(|agency| Dimension::Agency(agency.into()));
        let district = self.district.as_deref().map(|district| Dimension::District(district.into()));
        let status = self.status.map(|status| Dimension::Status(status.into()));
        let closed = self.closed.map(Dimension::IsClosed);
        [agency, district, status, closed, self.breached.map(Dimension::Breached)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether a request with these dimensions is wanted. Time is the order's business.
    pub(super) fn fits(&self, dimensions: &[Dimension]) -> bool {
        let service = |found: &Dimension| match found {
            Dimension::Service(found) => self.services.iter().any(|service| **service == **found),
            _ => false,
        };
        (self.services.is_empty() || dimensions.iter().any(service))
            && self.wanted().iter().all(|wanted| dimensions.contains(wanted))
    }
}

type Order = BTreeSet<(u64, Arc<str>)>;

/// All orders.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<Dimension, Order>);

impl Index {
    pub(super) fn insert(&mut self, dimensions: &[Dimension], requested_ms: u64, id: &Arc<str>) {
        for dimension in dimensions {
            // Requests with few values share the text of each.
            if !self.0.contains_key(dimension) {
                self.0.insert(dimension.clone(), Order::new());
            }
            if let Some(order) = self.0.get_mut(dimension) {
                order.insert((requested_ms, id.clone()));
            }
        }
    }

    pub(super) fn remove(&mut self, dimensions: &[Dimension], requested_ms: u64, id: &Arc<str>) {
        for dimension in dimensions {
            if let Some(order) = self.0.get_mut(dimension) {
                order.remove(&(requested_ms, id.clone()));
                if order.is_empty() {
                    self.0.remove(dimension);
                }
            }
        }
    }

    /// Runs along the smallest orders that together have everything wanted, newest first.
    pub(super) fn run(&self, query: &Query) -> Merged<'_> {
        let upper = match &query.after {
            Some(after) if after.requested_ms <= query.to_ms => {
                Bound::Excluded((after.requested_ms, after.id.clone()))
            }
            _ if query.to_ms == u64::MAX => Bound::Unbounded,
            _ => Bound::Excluded((query.to_ms + 1, Arc::from(""))),
        };
        let lower = (query.from_ms, Arc::<str>::from(""));
        // A range that ends before it begins is none.
        let empty = matches!(&upper, Bound::Excluded(upper) if *upper <= lower);
        let orders = if empty { Vec::new() } else { self.smallest(query) };
        let bounds = (Bound::Included(lower), upper);
        Merged(orders.into_iter().map(|order| order.range(bounds.clone()).rev().peekable()).collect())
    }

    fn smallest(&self, query: &Query) -> Vec<&Order> {
        let order = |dimension: &Dimension| self.0.get(dimension);
        let mut sets: Vec<Vec<&Order>> = vec![order(&Dimension::All).into_iter().collect()];
        sets.extend(query.wanted().iter().map(|dimension| order(dimension).into_iter().collect()));
        if !query.services.is_empty() {
            let mut services: Vec<Arc<str>> =
                query.services.iter().map(|code| code.as_str().into()).collect();
            services.sort_unstable();
            services.dedup();
            let dimension = |code: Arc<str>| match query.closed {
                Some(closed) => Dimension::ServiceIsClosed(code, closed),
                None => Dimension::Service(code),
            };
            sets.push(services.into_iter().filter_map(|code| order(&dimension(code))).collect());
        }
        let size = |set: &Vec<&Order>| set.iter().map(|order| order.len()).sum::<usize>();
        sets.into_iter().min_by_key(size).unwrap_or_default()
    }
}

type Run<'a> = std::iter::Peekable<std::iter::Rev<std::collections::btree_set::Range<'a, (u64, Arc<str>)>>>;

/// Orders that share nothing, as one.
pub(super) struct Merged<'a>(Vec<Run<'a>>);

impl<'a> Iterator for Merged<'a> {
    type Item = (u64, &'a Arc<str>);

    fn next(&mut self) -> Option<Self::Item> {
        let newest = if self.0.len() == 1 {
            0
        } else {
            let heads = self.0.iter_mut().enumerate().filter_map(|(at, run)| Some((*run.peek()?, at)));
            heads.max()?.1
        };
        self.0.get_mut(newest)?.next().map(|(requested_ms, id)| (*requested_ms, id))
    }
}

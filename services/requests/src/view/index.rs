//! The orders in which requests are read: one per dimension and value, newest first.
//!
//! A search runs along the smallest of the orders that fit and passes over what the others exclude. Service and agency
//! are usually asked for together with a status: those pairs have orders of their own.

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
    ServiceStatus(Arc<str>, i32),
    Status(i32),
    Agency(Arc<str>),
    AgencyStatus(Arc<str>, i32),
    District(Arc<str>),
    Breached(bool),
}

/// The dimensions of a request.
pub(super) fn dimensions(request: &wire::Request) -> Vec<Dimension> {
    let service: Arc<str> = request.service_code.as_str().into();
    let mut dimensions = vec![
        Dimension::All,
        Dimension::Service(service.clone()),
        Dimension::ServiceStatus(service, request.status),
        Dimension::Status(request.status),
        Dimension::Breached(request.breached_ms > 0),
    ];
    for agency in &request.agencies {
        let agency: Arc<str> = agency.as_str().into();
        dimensions.push(Dimension::AgencyStatus(agency.clone(), request.status));
        dimensions.push(Dimension::Agency(agency));
    }
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

    /// The statuses that fit; none: all do.
    fn statuses(&self) -> Option<Vec<i32>> {
        let all = [Status::Open, Status::Dispatched, Status::Answered, Status::Closed];
        let fits = |status: &Status| {
            self.status.is_none_or(|wanted| wanted == *status)
                && self.closed.is_none_or(|closed| closed == (*status == Status::Closed))
        };
        let any = self.status.is_none() && self.closed.is_none();
        (!any).then(|| all.into_iter().filter(fits).map(Into::into).collect())
    }

    /// Sets of dimensions: a request has at most one of each, and is wanted if it has one of each.
    fn wanted(&self) -> Vec<Vec<Dimension>> {
        let statuses = self.statuses();
        let with =
            |value: Arc<str>, alone: fn(Arc<str>) -> Dimension, both: fn(Arc<str>, i32) -> Dimension| {
                let Some(statuses) = &statuses else { return vec![alone(value)] };
                statuses.iter().map(|status| both(value.clone(), *status)).collect()
            };
        let mut wanted = Vec::new();
        if !self.services.is_empty() {
            let mut services: Vec<Arc<str>> = self.services.iter().map(|code| code.as_str().into()).collect();
            services.sort_unstable();
            services.dedup();
            let each = |code| with(code, Dimension::Service, Dimension::ServiceStatus);
            wanted.push(services.into_iter().flat_map(each).collect());
        }
        let agency = self.agency.as_deref().map(Arc::from);
        wanted.extend(agency.map(|agency| with(agency, Dimension::Agency, Dimension::AgencyStatus)));
        let district = self.district.as_deref().map(|district| Dimension::District(district.into()));
        wanted.extend(district.map(|district| vec![district]));
        wanted.extend(self.breached.map(|breached| vec![Dimension::Breached(breached)]));
        wanted.extend(statuses.map(|statuses| statuses.into_iter().map(Dimension::Status).collect()));
        wanted
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

    /// Runs along the smallest orders that together have everything wanted, newest first; and what of the rest must
    /// still fit.
    pub(super) fn run(&self, query: &Query) -> (Merged<'_>, Vec<Vec<Dimension>>) {
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
        let mut wanted = query.wanted();
        let orders = |set: &[Dimension]| set.iter().filter_map(|one| self.0.get(one)).collect::<Vec<_>>();
        let size = |set: &[Dimension]| orders(set).iter().map(|order| order.len()).sum::<usize>();
        let smallest = (0..wanted.len()).min_by_key(|at| size(&wanted[*at]));
        let along = smallest.map_or_else(|| vec![Dimension::All], |at| wanted.swap_remove(at));
        let orders = if empty { Vec::new() } else { orders(&along) };
        let bounds = (Bound::Included(lower), upper);
        let runs = orders.into_iter().map(|order| order.range(bounds.clone()).rev().peekable());
        (Merged(runs.collect()), wanted)
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

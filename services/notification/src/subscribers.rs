//! Who is subscribed: places are limited as a whole and for each agency, so that none can take them all.

use std::{collections::BTreeMap, sync::Arc};

use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    Metrics,
    metrics::{Counter, Gauge},
};
use parking_lot::Mutex;

/// The places of subscribers.
#[derive(Debug)]
pub(crate) struct Subscribers {
    metrics: Metrics,
    node: AgencyId,
    max: usize,
    per_agency_max: usize,
    taken: Mutex<BTreeMap<AgencyId, usize>>,
}

/// One subscriber's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    subscribers: Arc<Subscribers>,
    agency: AgencyId,
    connected: Gauge,
    pub(crate) delivered: Counter,
    pub(crate) lag_heights: Gauge,
}

impl Subscribers {
    pub(crate) fn new(metrics: Metrics, node: AgencyId, max: usize, per_agency_max: usize) -> Arc<Self> {
        Arc::new(Self { metrics, node, max, per_agency_max, taken: Mutex::default() })
    }

    /// The places taken, by agency.
    pub(crate) fn counts(&self) -> BTreeMap<AgencyId, usize> {
        self.taken
            .lock()
            .iter()
            .filter(|(_, taken)| **taken > 0)
            .map(|(agency, taken)| (*agency, *taken))
            .collect()
    }

    /// A place, if one is free.
    pub(crate) fn enter(self: &Arc<Self>, agency: AgencyId) -> Option<Place> {
        {
            let mut taken = self.taken.lock();
            let all: usize = taken.values().sum();
            let own = taken.entry(agency).or_default();
            if all >= self.max || *own >= self.per_agency_max {
                return None;
            }
            *own += 1;
        }
        let labels = [("node", self.node.as_str()), ("subscriber", agency.as_str())];
        let connected =
            self.metrics.gauge("hutong_event_subscribers", "Open subscriptions over SSE.", &labels);
        connected.inc();
        Some(Place {
            subscribers: self.clone(),
            agency,
            connected,
            delivered: delivered(&self.metrics, self.node, agency.as_str()),
            lag_heights: lag_heights(&self.metrics, self.node, agency.as_str()),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connected.dec();
        let mut taken = self.subscribers.taken.lock();
        if let Some(own) = taken.get_mut(&self.agency) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.agency);
                self.lag_heights.set(0);
            }
        }
    }
}

pub(crate) fn delivered(metrics: &Metrics, node: AgencyId, subscriber: &str) -> Counter {
    let labels = [("node", node.as_str()), ("subscriber", subscriber)];
    metrics.counter("hutong_events_delivered_total", "Events handed to subscribers.", &labels)
}

pub(crate) fn lag_heights(metrics: &Metrics, node: AgencyId, subscriber: &str) -> Gauge {
    let labels = [("node", node.as_str()), ("subscriber", subscriber)];
    metrics.gauge(
        "hutong_event_lag_heights",
        "Final heights that the subscriber has not been told of.",
        &labels,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_agency_takes_all_places() {
        let agency = |name: &str| name.parse::<AgencyId>().unwrap();
        let subscribers = Subscribers::new(Metrics::new(), agency("node"), 3, 2);
        let first = subscribers.enter(agency("a")).unwrap();
        let _second = subscribers.enter(agency("a")).unwrap();
        assert!(subscribers.enter(agency("a")).is_none());
        let _third = subscribers.enter(agency("b")).unwrap();
        assert!(subscribers.enter(agency("c")).is_none());
        drop(first);
        assert!(subscribers.enter(agency("c")).is_some());
        assert_eq!(subscribers.taken.lock().values().sum::<usize>(), 2);
    }
}

//! One counter per invariant of the ledger, there from the start at 0, so that an alarm can watch for the first.

use std::sync::Arc;

use super::{Counter, Metrics};

/// Counts violations by the invariant's id. The ids come from whoever owns the invariants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InvariantCounters {
    counters: Arc<[(&'static str, Counter)]>,
}

impl InvariantCounters {
    pub fn new(metrics: &Metrics, ids: &[&'static str]) -> Self {
        let counter = |id: &&'static str| {
            let help = "Violations of the ledger's invariants; each is a reason to wake someone.";
            (*id, metrics.counter("hutong_invariant_violations_total", help, &[("invariant", id)]))
        };
        Self { counters: ids.iter().map(counter).collect() }
    }

    /// Counts a violation and logs it with what was seen.
    pub fn violated(&self, id: &str, what: &str) {
        tracing::error!(invariant = id, what, "an invariant is violated");
        match self.counters.iter().find(|(known, _)| *known == id) {
            Some((_, counter)) => {
                counter.inc();
            }
            None => tracing::error!(invariant = id, "there is no such invariant to count"),
        }
    }

    /// How often the invariant was violated.
    pub fn count(&self, id: &str) -> u64 {
        self.counters.iter().find(|(known, _)| *known == id).map_or(0, |(_, counter)| counter.get())
    }

    /// Each invariant with its count, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counters.iter().map(|(id, counter)| (*id, counter.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_is_exported_from_the_start() {
        let metrics = Metrics::new();
        let counters = InvariantCounters::new(&metrics, &["LINK", "ONE"]);
        let text = metrics.encode().unwrap();
        for id in ["LINK", "ONE"] {
            assert!(
                text.contains(&format!("hutong_invariant_violations_total{{invariant=\"{id}\"}} 0\n")),
                "{text}"
            );
        }
        counters.violated("ONE", "two votes at height 7");
        counters.clone().violated("NONE", "unknown");
        assert_eq!((counters.count("LINK"), counters.count("ONE"), counters.count("NONE")), (0, 1, 0));
        assert_eq!(counters.iter().collect::<Vec<_>>(), [("LINK", 0), ("ONE", 1)]);
        let text = metrics.encode().unwrap();
        assert!(text.contains("hutong_invariant_violations_total{invariant=\"ONE\"} 1\n"), "{text}");
    }
}

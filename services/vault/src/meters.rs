//! What is counted: releases, refusals by code, look-ups of persons, and how long a release takes.

use std::time::Duration;

use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    Metrics,
    metrics::{Counter, Histogram},
};

#[derive(Clone, Debug)]
pub(crate) struct Meters {
    agency: AgencyId,
    metrics: Metrics,
    released: Counter,
    sealed: Counter,
    looked_up: Counter,
    release_seconds: Histogram,
}

impl Meters {
    pub(crate) fn new(metrics: &Metrics, agency: AgencyId) -> Self {
        let labels = [("agency", agency.as_str())];
        let count = |name: &str, help: &str| metrics.counter(name, help, &labels);
        Self {
            released: count(
                "hutong_vault_releases_total",
                "Releases of sealed values, repeated answers included.",
            ),
            sealed: count("hutong_vault_sealed_values_total", "Values taken into the vault."),
            looked_up: count(
                "hutong_vault_persons_looked_up_total",
                "Look-ups of a person's handle by officials.",
            ),
            release_seconds: metrics.latency(
                "hutong_vault_release_seconds",
                "From the request of a release to its answer.",
                &labels,
            ),
            agency,
            metrics: metrics.clone(),
        }
    }

    pub(crate) fn released(&self, took: Duration) {
        self.released.inc();
        self.release_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn sealed(&self, values: usize) {
        self.sealed.inc_by(values as u64);
    }

    pub(crate) fn looked_up(&self) {
        self.looked_up.inc();
    }

    pub(crate) fn refused(&self, call: &str, code: &str) {
        let labels = [("agency", self.agency.as_str()), ("call", call), ("code", code)];
        let help = "Calls of the vault that it did not grant.";
        self.metrics.counter("hutong_vault_refusals_total", help, &labels).inc();
    }
}

//! What deliveries count. Labels are agencies: subscriptions come and go, and their addresses are nobody else's business.

use std::{collections::BTreeMap, sync::Arc};

use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    Metrics,
    metrics::{Counter, Histogram},
};

use crate::subscriptions::{hook::Hook, record::Status, standing::standings};

/// The meters of one node's deliveries.
#[derive(Clone, Debug)]
pub(crate) struct Meters {
    metrics: Metrics,
    node: AgencyId,
}

/// The meters of one subscriber.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    meters: Meters,
    owner: AgencyId,
    pub(crate) delivered: Counter,
    pub(crate) laid_aside: Counter,
    pub(crate) seconds: Histogram,
}

impl Meters {
    pub(crate) fn new(metrics: Metrics, node: AgencyId) -> Self {
        Self { metrics, node }
    }

    pub(crate) fn of(&self, owner: AgencyId) -> Own {
        let labels = [("node", self.node.as_str()), ("subscriber", owner.as_str())];
        let counter = |name, help| self.metrics.counter(name, help, &labels);
        Own {
            meters: self.clone(),
            owner,
            delivered: counter("hutong_webhook_deliveries_total", "Events that receivers took."),
            laid_aside: counter("hutong_webhook_laid_aside_total", "Events that became dead letters."),
            seconds: self.metrics.latency(
                "hutong_webhook_seconds",
                "Time from a request to a receiver to its answer.",
                &labels,
            ),
        }
    }

    /// Tells how subscriptions stand: the furthest behind of each subscriber, its dead letters, how many do what.
    pub(crate) fn survey(&self, hooks: &[Arc<Hook>], tip: u64, seen: &mut BTreeMap<AgencyId, ()>) {
        let mut standings = standings(hooks, tip);
        seen.extend(standings.keys().map(|owner| (*owner, ())));
        // Who has none any more is told as such, and not as he stood last.
        for owner in seen.keys() {
            standings.entry(*owner).or_default();
        }
        for (owner, standing) in standings {
            let labels = [("node", self.node.as_str()), ("subscriber", owner.as_str())];
            let gauge = |name, help, value: u64| {
                self.metrics.gauge(name, help, &labels).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            gauge(
                "hutong_webhook_lag_heights",
                "Final heights that the slowest active subscription has not been told of.",
                standing.lag_heights,
            );
            gauge(
                "hutong_webhook_dead_letters",
                "Events that are laid aside and kept.",
                standing.dead_letters,
            );
            for ((_, status), count) in Status::ALL.iter().zip(standing.statuses) {
                let labels = [labels[0], labels[1], ("status", *status)];
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.metrics.gauge("hutong_webhook_subscriptions", "Subscriptions.", &labels).set(count);
            }
        }
    }
}

impl Own {
    /// An attempt failed; the reasons are few and fixed.
    pub(crate) fn failed(&self, reason: &str) {
        let labels =
            [("node", self.meters.node.as_str()), ("subscriber", self.owner.as_str()), ("reason", reason)];
        let help = "Attempts at a delivery or a handshake that failed.";
        self.meters.metrics.counter("hutong_webhook_failures_total", help, &labels).inc();
    }
}

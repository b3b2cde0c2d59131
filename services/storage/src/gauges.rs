//! What operators see of storage.

use hutong_ledger::id::AgencyId;
use hutong_peer::agency::AgencyTip;
use hutong_runtime::{
    Metrics,
    metrics::{Counter, Gauge, Histogram},
};

use crate::recent::FinalBlock;

#[derive(Clone, Debug)]
pub(crate) struct Gauges {
    executed: Gauge,
    certified: Gauge,
    final_height: Gauge,
    transactions: Counter,
    refused: Counter,
    delay: Histogram,
}

impl Gauges {
    pub(crate) fn new(metrics: &Metrics, agency: AgencyId) -> Self {
        let labels = [("agency", agency.as_str())];
        let gauge = |name: &str, help: &str| metrics.gauge(name, help, &labels);
        let counter = |name: &str, help: &str| metrics.counter(name, help, &labels);
        Self {
            executed: gauge("hutong_storage_executed_height", "The last height that was executed."),
            certified: gauge("hutong_storage_certified_height", "The last height that is certified."),
            final_height: gauge("hutong_storage_final_height", "The last height that is final."),
            transactions: counter("hutong_storage_transactions_total", "Final transactions."),
            refused: counter("hutong_storage_refused_total", "Final transactions that were refused."),
            delay: metrics.latency(
                "hutong_storage_final_delay_seconds",
                "From a block's time to its finality here.",
                &labels,
            ),
        }
    }

    pub(crate) fn tip(&self, tip: &AgencyTip) {
        let set = |gauge: &Gauge, height: u64| gauge.set(i64::try_from(height).unwrap_or(i64::MAX));
        set(&self.executed, tip.executed);
        set(&self.certified, tip.certified);
        set(&self.final_height, tip.final_height);
    }

    pub(crate) fn finalized(&self, block: &FinalBlock, now_ms: u64) {
        let refused = block.transactions().filter(|tx| tx.outcome.code().is_some()).count();
        self.transactions.inc_by(block.transactions().count() as u64);
        self.refused.inc_by(refused as u64);
        self.delay.observe(now_ms.saturating_sub(block.header().time_ms) as f64 / 1000.0);
    }
}

//! What a run came to.

use serde::Serialize;

use super::ceilings::Ceilings;

/// Latencies from submit to final, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct LatencyMs {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// The result of `hutong bench`. Only transactions that are final and synced count.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) agencies: u16,
    pub(super) bus: String,
    pub(super) via: String,
    pub(super) clients: u32,
    pub(super) batch: u32,
    pub(super) record_bytes: u32,
    /// In the store before measuring began.
    pub(super) records: u64,
    pub(super) cores: usize,
    pub(super) transactions: u64,
    pub(super) refused: u64,
    pub(super) blocks: u64,
    pub(super) seconds: f64,
    pub(super) throughput_tps: f64,
    pub(super) latency_ms: LatencyMs,
    /// Of the whole process: clients, services and storage.
    pub(super) cpu_ms_per_tx: f64,
    /// Growth of the data folder.
    pub(super) bytes_per_tx: f64,
    pub(super) ceilings: Ceilings,
    pub(super) ratio_to_limit: f64,
}

impl Report {
    pub(super) fn text(&self) -> String {
        format!(
            "{} final transactions in {} blocks and {:.1} s over {} by {} clients ({} a submit, {} bytes each), {} validating, {} records before\n\
             throughput  {:.0} transactions a second\n\
             latency     p50 {:.2} ms, p99 {:.2} ms from submit to final\n\
             cost        {:.3} ms of CPU and {:.0} bytes on disk per transaction\n\
             limit       {:.0} a second on {} cores; this is {:.2} of it",
            self.transactions,
            self.blocks,
            self.seconds,
            self.via,
            self.clients,
            self.batch,
            self.record_bytes,
            self.agencies,
            self.records,
            self.throughput_tps,
            self.latency_ms.p50,
            self.latency_ms.p99,
            self.cpu_ms_per_tx,
            self.bytes_per_tx,
            self.ceilings.limit_tps,
            self.cores,
            self.ratio_to_limit,
        )
    }
}

/// Counts durations in buckets of 1 % width, so that a long run needs no more memory than a short one.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    counts: std::collections::BTreeMap<i32, u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, micros: u64, times: u64) {
        let bucket = ((micros.max(1) as f64).ln() * 100.0).floor() as i32;
        *self.counts.entry(bucket).or_default() += times;
        self.total += times;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.total += other.total;
    }

    /// The duration below which the given part of all lies, in milliseconds.
    pub(super) fn quantile_ms(&self, part: f64) -> f64 {
        let rank = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return (f64::from(*bucket + 1) / 100.0).exp() / 1000.0;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut histogram = Histogram::default();
        for micros in 1..=100_000 {
            histogram.add(micros, 1);
        }
        for (part, expected) in [(0.5, 50.0), (0.99, 99.0)] {
            let found = histogram.quantile_ms(part);
            assert!((found / expected - 1.0).abs() < 0.011, "{part}: {found}");
        }
    }
}

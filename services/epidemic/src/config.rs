//! Bounds of the epidemic service, and how it watches.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Final transactions read at a time when the view catches up.
    pub page: usize,
    /// How long one wait for new final heights lasts.
    pub wait_ms: u64,
    /// The pause after storage, ingest or the contract did not do what was asked.
    pub retry_ms: u64,
    /// How long nothing may have become final before counts are looked at: an import is seen whole.
    pub quiet_ms: u64,
    /// Analyses of callers' numbers that are computed at a time.
    pub analyses_max: usize,
    /// Whether alerts are raised and closed weeks are published.
    pub watch: bool,
    /// Days of the baseline of EARS.
    pub baseline: usize,
    /// The least standard deviation that a baseline is taken to have; below, single cases would alarm.
    pub min_sigma: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
            quiet_ms: 2000,
            analyses_max: 2,
            watch: true,
            baseline: 7,
            min_sigma: 1.0,
        }
    }
}

//! Bounds of ingest. Everything that could grow with what comes from outside has one here.

use std::time::Duration;

use hutong_runtime::config::Settings;
use serde::{Deserialize, Serialize};

/// Defaults suit a city on one machine as well as one of many agencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of transactions between their arrival and their acceptance; more are refused as `overloaded`.
    pub queue_bytes_max: usize,
    /// Transactions whose signatures are checked together.
    pub check_transactions_max: usize,
    /// Appends of one domain that may wait for the stream at a time.
    pub appends_in_flight_max: usize,
    /// How long a group that is not full waits for more while an append of its domain is in flight; with none in
    /// flight it never waits.
    pub linger_ms: u64,
    /// How long a caller waits for acceptance before it is told that acceptance is not confirmed.
    pub accept_timeout_ms: u64,
    /// How long a caller waits for finality before it gets the acceptance instead.
    pub final_timeout_ms: u64,
    /// What an acceptance promises: ordered within so long.
    pub deadline_ms: u64,
    /// The pause before something that failed is tried again; it doubles up to twenty times this.
    pub retry_ms: u64,
    /// The size of a file of the journal: what is final goes a file at a time.
    pub journal_segment_bytes: u64,
    /// Final transactions that are remembered, to answer for them without asking storage.
    pub recent_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_bytes_max: 64 << 20,
            check_transactions_max: 4096,
            appends_in_flight_max: 4,
            linger_ms: 2,
            accept_timeout_ms: 10_000,
            final_timeout_ms: 30_000,
            deadline_ms: 60_000,
            retry_ms: 50,
            journal_segment_bytes: 16 << 20,
            recent_max: 65_536,
        }
    }
}

impl Settings for Config {
    fn faults(&self) -> Vec<String> {
        let positive = [
            ("queue_bytes_max", self.queue_bytes_max),
            ("check_transactions_max", self.check_transactions_max),
            ("appends_in_flight_max", self.appends_in_flight_max),
            ("retry_ms", usize::try_from(self.retry_ms).unwrap_or(usize::MAX)),
        ];
        let zero = positive.into_iter().filter(|(_, value)| *value == 0);
        zero.map(|(name, _)| format!("{name}: must be at least 1")).collect()
    }
}

impl Config {
    pub(crate) fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }

    pub(crate) fn accept_timeout(&self) -> Duration {
        Duration::from_millis(self.accept_timeout_ms)
    }

    pub(crate) fn final_timeout(&self) -> Duration {
        Duration::from_millis(self.final_timeout_ms)
    }

    /// The pause before the next attempt, counted from 0.
    pub(crate) fn retry(&self, attempt: u32) -> Duration {
        Duration::from_millis(self.retry_ms.saturating_mul(1 << attempt.min(10)).min(self.retry_ms * 20))
    }
}

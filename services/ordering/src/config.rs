//! Bounds and delays of ordering.

use std::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Blocks that may await their certificate and execution before the next one is cut.
    pub in_flight_max: u64,
    /// The longest that blocks are spaced when certificates take long; 0 never spaces them.
    pub spacing_ms_max: u64,
    /// How long an active orderer or a tip without certificate may be silent before the first standby acts; each
    /// further rank waits as long again, with jitter.
    pub take_over_ms: u64,
    /// How long an agency may take to give a status.
    pub ask_timeout_ms: u64,
    /// How long to wait before starting over after a failure.
    pub retry_ms: u64,
    /// Accepted transactions kept in memory; beyond this the stream is not read further, in bytes.
    pub queue_bytes_max: usize,
    /// How long a domain whose hosts do not answer is left out of fresh blocks.
    pub left_out_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            in_flight_max: 4,
            spacing_ms_max: 20,
            take_over_ms: 2000,
            ask_timeout_ms: 1000,
            retry_ms: 200,
            queue_bytes_max: 64 << 20,
            left_out_ms: 10_000,
        }
    }
}

impl Config {
    pub(crate) fn ask_timeout(&self) -> Duration {
        Duration::from_millis(self.ask_timeout_ms)
    }

    pub(crate) fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_ms)
    }

    pub(crate) fn left_out(&self) -> Duration {
        Duration::from_millis(self.left_out_ms)
    }
}

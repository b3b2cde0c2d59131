//! Bounds of notification.

use std::time::Duration;

use hutong_runtime::config::Settings;
use serde::{Deserialize, Serialize};

/// Defaults suit a node with some hundred subscribers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Final transactions that are fetched from storage at once, for each subscriber.
    pub page_transactions_max: usize,
    /// A subscriber to whom there is nothing to say is told so this often.
    pub heartbeat_ms: u64,
    pub subscribers_max: usize,
    pub subscribers_per_agency_max: usize,
    /// Whether events go to the bus stream EVENTS too.
    pub stream: bool,
    /// Events of one append to the stream.
    pub stream_events_max: usize,
    /// How long one question for the next final height may last.
    pub wait_ms: u64,
    /// How long to wait before trying again after a failure.
    pub retry_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page_transactions_max: 256,
            heartbeat_ms: 15_000,
            subscribers_max: 1000,
            subscribers_per_agency_max: 200,
            stream: true,
            stream_events_max: 500,
            wait_ms: 5000,
            retry_ms: 500,
        }
    }
}

impl Settings for Config {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.page_transactions_max == 0 {
            faults.push("page_transactions_max: nothing would be fetched; write 1 or more".into());
        }
        if self.heartbeat_ms == 0 {
            faults.push("heartbeat_ms: heartbeats would never pause; write 1 or more".into());
        }
        if self.stream_events_max == 0 || self.stream_events_max > hutong_bus::BATCH_MESSAGES_MAX {
            let max = hutong_bus::BATCH_MESSAGES_MAX;
            faults.push(format!("stream_events_max: an append takes 1 to {max} events; write one of these"));
        }
        faults
    }
}

impl Config {
    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }

    pub(crate) fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named() {
        assert!(Config::default().faults().is_empty());
        let none =
            Config { page_transactions_max: 0, heartbeat_ms: 0, stream_events_max: 0, ..Config::default() };
        assert_eq!(none.faults().len(), 3);
    }
}

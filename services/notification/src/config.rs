//! Bounds of notification.

use std::time::Duration;

use hutong_runtime::config::Settings;
use serde::{Deserialize, Serialize};

use crate::webhooks::address::parse;

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
    pub webhooks: Webhooks,
}

/// Bounds of deliveries to receivers outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Networks beside the public internet that deliveries may go to, as `10.20.0.0/16` or an address; to these also
    /// without TLS.
    pub allow_networks: Vec<String>,
    /// Whether receivers are asked first whether they want deliveries from here.
    pub handshake: bool,
    /// As whom receivers are asked: a DNS name. Empty: `<agency>.<chain>`.
    pub origin: String,
    pub subscriptions_max: usize,
    pub subscriptions_per_agency_max: usize,
    /// Final transactions that are fetched from storage at once, for each subscription.
    pub page_transactions_max: usize,
    /// How long one delivery may take, from the connection to the head of the answer.
    pub timeout_ms: u64,
    /// More of an answer's body is not read.
    pub answer_bytes_max: usize,
    /// The pause after the first failure; it doubles with each, up to the longest.
    pub backoff_first_ms: u64,
    pub backoff_max_ms: u64,
    /// A receiver that asks for a longer pause gets this one.
    pub retry_after_max_ms: u64,
    /// After so many failed attempts, or so much waiting between attempts, an event is laid aside. A subscription may
    /// ask for less.
    pub attempts_max: u32,
    pub give_up_after_s: u64,
    /// A subscription with so many dead letters stops instead of laying aside more.
    pub dead_letters_max: u64,
    /// How long a secret may go on to sign after the one that follows it.
    pub overlap_max_s: u64,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            allow_networks: Vec::new(),
            handshake: true,
            origin: String::new(),
            subscriptions_max: 1000,
            subscriptions_per_agency_max: 100,
            page_transactions_max: 32,
            timeout_ms: 15_000,
            answer_bytes_max: 64 << 10,
            backoff_first_ms: 1000,
            backoff_max_ms: 300_000,
            retry_after_max_ms: 86_400_000,
            attempts_max: 1000,
            give_up_after_s: 3 * 86_400,
            dead_letters_max: 10_000,
            overlap_max_s: 7 * 86_400,
        }
    }
}

impl Webhooks {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for network in self.allow_networks.iter().filter(|text| parse(text).is_none()) {
            faults.push(format!(
                "webhooks.allow_networks: {network:?} is no network; write 10.20.0.0/16 or an address"
            ));
        }
        let origin = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        if !self.origin.bytes().all(origin) || self.origin.len() > 253 {
            faults
                .push("webhooks.origin: receivers read a DNS name here; write one, or leave it empty".into());
        }
        for (name, none) in [
            ("page_transactions_max", self.page_transactions_max == 0),
            ("timeout_ms", self.timeout_ms == 0),
            ("backoff_first_ms", self.backoff_first_ms == 0),
            ("backoff_max_ms", self.backoff_max_ms < self.backoff_first_ms),
            ("attempts_max", self.attempts_max == 0),
            ("give_up_after_s", self.give_up_after_s == 0),
        ] {
            if none {
                faults.push(format!("webhooks.{name}: too small for anything to be delivered; write more"));
            }
        }
        faults
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
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
            webhooks: Webhooks::default(),
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
        faults.extend(self.webhooks.faults());
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
        let webhooks = Webhooks {
            allow_networks: vec!["10.0.0.0/8".into(), "here".into()],
            origin: "a b".into(),
            page_transactions_max: 0,
            timeout_ms: 0,
            backoff_first_ms: 0,
            attempts_max: 0,
            give_up_after_s: 0,
            ..Webhooks::default()
        };
        assert_eq!(Config { webhooks, ..Config::default() }.faults().len(), 7);
    }
}

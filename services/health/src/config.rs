//! Bounds of the health service.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Final transactions read at a time when the view catches up.
    pub page: usize,
    /// How long one wait for new final heights lasts.
    pub wait_ms: u64,
    /// The pause after storage did not answer.
    pub retry_ms: u64,
    /// How long a caller waits for the view to show what it wrote.
    pub settle_ms: u64,
    /// The base URL as others see it, without a slash at its end. Where it is none, links are made from the Host header.
    pub base_url: Option<String>,
    /// Resources on a page of a search or history unless told.
    pub count: usize,
    /// The most resources on a page.
    pub count_max: usize,
    /// How many accesses of one page are on their way at a time.
    pub accesses_at_once: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
            settle_ms: 20_000,
            base_url: None,
            count: 20,
            count_max: 500,
            accesses_at_once: 128,
        }
    }
}

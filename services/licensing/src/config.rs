//! Bounds of the licensing service, and how it names itself to those who check credentials.

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
    /// How long a call waits until the view shows what it made final.
    pub shown_wait_ms: u64,
    /// The issuer in credentials: an https URL whose paths this service answers. Without it
    /// `https://licensing.<chain name>.example`, a name that nobody can own.
    pub issuer: Option<String>,
    /// Public keys in hex with which credentials were signed before: they stay valid.
    pub retired_keys: Vec<String>,
    /// How long those who check may keep a status list.
    pub status_ttl_s: u64,
    /// How long a status list is valid.
    pub status_life_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
            shown_wait_ms: 5000,
            issuer: None,
            retired_keys: Vec::new(),
            status_ttl_s: 60,
            status_life_s: 24 * 3600,
        }
    }
}

//! Bounds of the portal.

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
    /// The most accesses in one document; each comes with its receipt.
    pub document_accesses_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { page: 1000, wait_ms: 5000, retry_ms: 500, document_accesses_max: 5000 }
    }
}

//! Bounds of the vault.

use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 24 * 3600 * 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a key-encryption key is in use. What was erased becomes unrecoverable when it is destroyed.
    pub rotate_every_ms: u64,
    /// Wrapped keys that are wrapped anew at a time; calls wait no longer than one such step takes.
    pub rotation_batch: usize,
    /// Values whose commitments never became final are dropped after this.
    pub pending_ms_max: u64,
    /// How often what is due is looked for: old values, expired releases, the next rotation.
    pub sweep_every_ms: u64,
    /// Persons that one official may look up in a minute.
    pub find_person_per_minute: u32,
    /// Final transactions read at a time.
    pub page: usize,
    /// How long one wait for new final heights lasts.
    pub wait_ms: u64,
    /// The pause after storage did not answer, or a confirmation did not become final.
    pub retry_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rotate_every_ms: 7 * DAY_MS,
            rotation_batch: 256,
            pending_ms_max: 31 * DAY_MS,
            sweep_every_ms: 60_000,
            find_person_per_minute: 600,
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
        }
    }
}

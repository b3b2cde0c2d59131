//! Bounds of storage.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Defaults suit a city on one machine as well as agencies across a city.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long votes or cosignatures may be missing before the agencies are asked for them.
    pub patience_ms: u64,
    /// How long another agency may take to answer.
    pub ask_timeout_ms: u64,
    /// The longest pause between two rounds of asking.
    pub ask_pause_ms_max: u64,
    /// A height younger than this gets no status: half of the orderers' take-over delay.
    pub status_age_ms_min: u64,
    /// How far a header's time may be ahead of this agency's clock when it is voted for.
    pub header_ahead_ms_max: u64,
    /// How far a header's time may be behind the moment at which the one before it was seen.
    pub header_behind_ms_max: u64,
    /// Heights that are held without being final; beyond it validation waits.
    pub heights_held_max: usize,
    /// Final blocks that stay in memory after they were written, in bytes.
    pub recent_bytes_max: usize,
    /// Pages of the final state in memory, in bytes.
    pub cache_bytes: usize,
    /// At the latest so long after a commit to the final state, one is synced.
    pub sync_every_ms: u64,
    /// The state trees are persisted after so many changes of records.
    pub tree_changes_max: usize,
    /// Pages of a domain's state tree in memory, at about 1 KiB each.
    pub tree_pages_max: u64,
    /// For simulation: nothing runs beside the thread that asks for it, so that only the seed decides what follows
    /// what. Belongs with `sync_every_ms` 0.
    #[serde(skip)]
    pub in_step: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            patience_ms: 50,
            ask_timeout_ms: 1000,
            ask_pause_ms_max: 1000,
            status_age_ms_min: 500,
            header_ahead_ms_max: 500,
            header_behind_ms_max: 10_000,
            heights_held_max: 64,
            recent_bytes_max: 64 << 20,
            cache_bytes: 256 << 20,
            sync_every_ms: 1000,
            tree_changes_max: 200_000,
            tree_pages_max: 200_000,
            in_step: false,
        }
    }
}

impl Config {
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }

    pub(crate) fn ask_timeout(&self) -> Duration {
        Duration::from_millis(self.ask_timeout_ms)
    }

    pub(crate) fn status_age(&self) -> Duration {
        Duration::from_millis(self.status_age_ms_min)
    }

    pub(crate) fn sync_every(&self) -> Duration {
        Duration::from_millis(self.sync_every_ms)
    }
}

//! Bounds of the parking service, and where it keeps the log of occupancy.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the log of occupancy.
    pub dir: PathBuf,
    /// Final transactions read at a time when the view catches up.
    pub page: usize,
    /// How long one wait for new final heights lasts.
    pub wait_ms: u64,
    /// The pause after storage did not answer.
    pub retry_ms: u64,
    /// Occupancy older than this is shown as outdated.
    pub outdated_after_s: u64,
    /// How far ahead of the clock an update's time may be.
    pub ahead_s_max: u64,
    /// How often days that are over are looked for.
    pub anchor_every_s: u64,
    /// Days of the log that stay after they were anchored.
    pub log_days: u64,
    /// Changes of occupancy that a live subscriber may lag behind and still miss none.
    pub live_events_max: usize,
    /// Live subscribers at a time.
    pub live_subscribers_max: usize,
    /// Without news, a live subscriber gets a sign of life so often.
    pub heartbeat_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dir: "parking".into(),
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
            outdated_after_s: 30 * 60,
            ahead_s_max: 300,
            anchor_every_s: 60,
            log_days: 35,
            live_events_max: 16_384,
            live_subscribers_max: 1000,
            heartbeat_s: 15,
        }
    }
}

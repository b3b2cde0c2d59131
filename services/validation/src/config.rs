//! Bounds of validation.

use std::time::Duration;

use hutong_ledger::id::Domain;
use serde::{Deserialize, Serialize};

/// Defaults suit a city on one machine as well as agencies across a city.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a hosted segment may be missing on the stream before other hosts are asked for it.
    pub segment_patience_ms: u64,
    /// How long another agency may take to answer.
    pub ask_timeout_ms: u64,
    /// How long a question for a segment stands: all hosts are asked with the same one, and clocks differ.
    pub question_ms: u64,
    /// City domains that the agency will host once membership names its host key: their past is executed as well.
    pub joining: Vec<Domain>,
    /// How long to wait before starting over after a failure.
    pub retry_ms: u64,
    /// Segments kept in memory while their header is not there yet, in bytes.
    pub segments_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_patience_ms: 200,
            ask_timeout_ms: 1000,
            question_ms: 30_000,
            joining: Vec::new(),
            retry_ms: 200,
            segments_bytes_max: 64 << 20,
        }
    }
}

impl Config {
    pub(crate) fn segment_patience(&self) -> Duration {
        Duration::from_millis(self.segment_patience_ms)
    }

    pub(crate) fn ask_timeout(&self) -> Duration {
        Duration::from_millis(self.ask_timeout_ms)
    }

    pub(crate) fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_ms)
    }
}

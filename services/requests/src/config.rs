//! Bounds of the requests service.

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
    /// Between two looks at the deadlines.
    pub breaches_every_ms: u64,
    /// How long after a deadline it is looked at: the time of a block may be behind the clock.
    pub breaches_slack_ms: u64,
    /// The most breaches reported in one look.
    pub breaches_at_once: usize,
    /// Open311's jurisdiction_id; the name of the city unless told.
    pub jurisdiction_id: Option<String>,
    /// Where Open311's discovery says who to turn to.
    pub contact: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
            settle_ms: 2000,
            breaches_every_ms: 1000,
            breaches_slack_ms: 2000,
            breaches_at_once: 100,
            jurisdiction_id: None,
            contact: "The city's service line, 12345".into(),
        }
    }
}

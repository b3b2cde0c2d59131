//! Bounds of the catalogue service, and how it names itself.

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
    /// How long both sides may take to sign a draft; at most 30 days.
    pub draft_life_ms: u64,
    /// Of the catalogue as a whole.
    pub title: String,
    pub description: String,
    /// Where the city is on the web, such as `https://data.city.example`. Without it, where each request came to.
    pub public_url: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page: 1000,
            wait_ms: 5000,
            retry_ms: 500,
            draft_life_ms: 14 * 24 * 3600 * 1000,
            title: "Data of the city".into(),
            description:
                "What the city's agencies keep on their shared ledger, and under what terms they share it."
                    .into(),
            public_url: None,
        }
    }
}

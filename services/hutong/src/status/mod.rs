//! The operator's one look: what a node says of itself, what is wrong with that, and what to do. Pure; `commands::status` asks.

#[cfg(test)]
mod tests;
mod text;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use verdict::{Finding, Verdict};

/// Everything that was asked. What did not answer says why.
#[derive(Clone, Debug)]
pub struct Look {
    /// Parts of the process behind the port that are not ready, and how they are.
    pub unready: Answer<BTreeMap<String, serde_json::Value>>,
    pub node: Answer<Node>,
    pub ingest: Answer<Ingest>,
    pub notification: Answer<Notification>,
}

/// An answer, or why there is none.
pub type Answer<T> = Result<T, String>;

/// `/v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub chain: String,
    pub agency: String,
    pub version: String,
    pub final_height: u64,
    pub final_time_ms: u64,
    pub certified_height: u64,
    pub executed_height: u64,
    pub lag: u64,
    pub unwritten: u64,
    pub epoch: Epoch,
    pub agencies: Vec<Agency>,
    pub disk: Option<Disk>,
    pub invariants: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Epoch {
    pub number: u64,
    pub from_height: u64,
    pub quorum: usize,
    pub tolerated_faults: usize,
    pub validating: Vec<String>,
    pub orderers: Vec<String>,
    pub domains: Vec<Domain>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Domain {
    pub domain: String,
    pub owner: String,
    pub contract: u32,
    pub contracts_here: Vec<u32>,
    pub hosts: Vec<String>,
    pub quorum: usize,
    pub tolerated_faults: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agency {
    pub agency: String,
    #[serde(flatten)]
    pub heard: Option<Heard>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Heard {
    pub executed_height: u64,
    pub certified_height: u64,
    pub final_height: u64,
    pub behind: u64,
    pub silent_s: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Disk {
    pub used_bytes: u64,
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// `/v1/status/ingest`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ingest {
    pub ready: bool,
    pub pending: u64,
    pub queue_bytes: u64,
    pub queue_bytes_max: u64,
    pub disk: Option<Disk>,
}

/// `/v1/status/notification`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Notification {
    pub agency: String,
    pub final_height: u64,
    pub subscribers: Vec<Subscriber>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscriber {
    pub agency: String,
    pub streams: u64,
    pub subscriptions: BTreeMap<String, u64>,
    pub lag_heights: u64,
    pub dead_letters: u64,
}

impl Node {
    /// The agencies that take part now, as far as this node knows.
    fn present(&self) -> impl Iterator<Item = &str> {
        let present =
            |heard: &Heard| heard.silent_s <= verdict::SILENT_S && heard.behind <= verdict::BEHIND_MAX;
        let here = self.agencies.iter().filter(move |agency| agency.heard.as_ref().is_some_and(present));
        here.map(|agency| agency.agency.as_str())
    }

    /// How many of a domain's hosts take part now.
    fn hosts_present(&self, domain: &Domain) -> usize {
        self.present().filter(|agency| domain.hosts.iter().any(|host| host == agency)).count()
    }
}

impl Look {
    /// All of it as one document.
    pub fn document(&self, verdict: &Verdict) -> serde_json::Value {
        fn part<T: Serialize>(answer: &Answer<T>) -> serde_json::Value {
            match answer {
                Ok(told) => serde_json::to_value(told).unwrap_or_default(),
                Err(_) => serde_json::Value::Null,
            }
        }
        serde_json::json!({
            "healthy": verdict.is_healthy(),
            "problems": verdict.problems,
            "notes": verdict.notes,
            "unready": part(&self.unready),
            "node": part(&self.node),
            "ingest": part(&self.ingest),
            "notification": part(&self.notification),
        })
    }
}

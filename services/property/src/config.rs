//! Bounds of the property service, and the map it draws on.

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
    /// The projected coordinate reference system of the city's grid, in whose metres geometry comes and goes. The ledger
    /// keeps millimetres of it and does not know its name.
    pub crs: String,
}

impl Default for Config {
    fn default() -> Self {
        // CGCS2000, three-degree Gauss-Kruger zone at 117° E, without the zone's prefix.
        Self { page: 1000, wait_ms: 5000, retry_ms: 500, crs: "urn:ogc:def:crs:EPSG::4548".into() }
    }
}

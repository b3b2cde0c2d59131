//! How a process comes to the broker: settings, and the connection they make.

use std::{fs, path::PathBuf};

use hutong_bus_nats::{Credentials, Options, Tls};
use serde::{Deserialize, Serialize};

use crate::city::CityError;

/// Who the process is at the broker, and what it may rely on there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerSettings {
    /// The file of the nkey's seed; none: no credentials.
    pub seed: Option<PathBuf>,
    /// The authorities of the broker's certificates (PEM), if not the system's; with them the connection is TLS.
    pub authorities: Option<PathBuf>,
    /// What the subjects of answers start with, where each user has its own.
    pub inbox: Option<String>,
    /// Whether the broker lets this user read only subject by subject.
    pub by_subject: bool,
    /// Whether streams that are missing are made.
    pub make_streams: bool,
    /// Copies of each stream.
    pub replicas: usize,
    /// The `host:port` of the servers' monitoring, where it can be reached.
    pub monitors: Vec<String>,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            seed: None,
            authorities: None,
            inbox: None,
            by_subject: false,
            make_streams: true,
            replicas: 1,
            monitors: Vec::new(),
        }
    }
}

impl BrokerSettings {
    /// Everything that is wrong, each with its key.
    pub fn faults(&self, bus: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let schemes = |url: &str| url.starts_with("nats://") || url.starts_with("tls://");
        if !bus.split(',').map(str::trim).all(schemes) {
            faults.push("bus: nats:// or tls:// addresses; services meet only over NATS".into());
        }
        if ![1, 3, 5].contains(&self.replicas) {
            faults.push("broker.replicas: 1, 3 or 5".into());
        }
        faults
    }

    /// What the connection is made with.
    pub fn options(&self, bus: &str, name: &str) -> Result<Options, CityError> {
        let credentials = match &self.seed {
            None => Credentials::None,
            Some(path) => {
                let seed = fs::read_to_string(path).map_err(|source| CityError::io(path, source))?;
                Credentials::NKey(seed.trim().to_owned())
            }
        };
        let tls = self.authorities.clone().map(|file| Tls { authorities: Some(file), certificate: None });
        Ok(Options {
            name: name.into(),
            credentials,
            tls,
            replicas: self.replicas,
            monitors: self.monitors.clone(),
            inbox: self.inbox.clone(),
            make_streams: self.make_streams,
            by_subject: self.by_subject,
            ..Options::new(bus)
        })
    }
}

//! The data folder: where a city's files are, for every command alike.
//!
//! ```text
//! city.json  trust.json  genesis.json
//! keys/<agency>/<purpose>.key
//! bus/                     the embedded bus
//! ingest/                  what was accepted and is not final
//! agencies/<agency>/       one agency's storage and notification
//! ```

use std::path::{Path, PathBuf};

use hutong_ledger::{
    epoch::Purpose,
    id::{AgencyId, ChainId, Domain},
};
use serde::{Deserialize, Serialize};

/// Paths below a data folder.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    state: PathBuf,
}

impl Layout {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { state: root.clone(), root }
    }

    /// With what services write in a folder of its own: the rest may then be read-only.
    #[must_use]
    pub fn with_state(self, state: impl Into<PathBuf>) -> Self {
        Self { state: state.into(), ..self }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where services write.
    pub fn state(&self) -> &Path {
        &self.state
    }

    pub fn city(&self) -> PathBuf {
        self.root.join("city.json")
    }

    pub fn trust(&self) -> PathBuf {
        self.root.join("trust.json")
    }

    pub fn genesis(&self) -> PathBuf {
        self.root.join("genesis.json")
    }

    pub fn key(&self, agency: &AgencyId, purpose: Purpose) -> PathBuf {
        self.root.join("keys").join(agency.as_str()).join(format!("{purpose}.key"))
    }

    pub fn bus(&self) -> PathBuf {
        self.state.join("bus")
    }

    pub fn ingest(&self) -> PathBuf {
        self.state.join("ingest")
    }

    pub fn agencies(&self) -> PathBuf {
        self.state.join("agencies")
    }

    pub fn agency(&self, agency: &AgencyId) -> PathBuf {
        self.agencies().join(agency.as_str())
    }

    pub fn lock(&self) -> PathBuf {
        self.state.join("hutong.lock")
    }
}

/// What `city.json` says: where the city answers, and who is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct City {
    /// Of the file's form.
    pub version: u32,
    pub url: String,
    pub chain: ChainId,
    /// The trust file, relative to the folder of this file.
    pub trust: String,
    pub agencies: Vec<CityAgency>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CityAgency {
    pub id: AgencyId,
    pub name: String,
    /// The domains that it owns.
    pub domains: Vec<Domain>,
    /// Its signing key file, relative to the folder of this file.
    pub key: String,
}

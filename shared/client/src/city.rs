//! A city as its data folder describes it: where it answers, its chain, its agencies and their keys.
//!
//! `city.json`, `trust.json`, `genesis.json`, and keys in `keys/<agency>/<purpose>.key`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hutong_keys::{KeyFile, Purpose, SigningKey};
use hutong_ledger::{
    genesis::Genesis,
    id::{AgencyId, ChainId, Domain, KeyId},
    receipt::TrustFile,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Error;

/// What `city.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct City {
    /// Of the file's form.
    #[serde(default = "version")]
    version: u32,
    pub url: String,
    pub chain: ChainId,
    /// The trust file, relative to the folder.
    pub trust: PathBuf,
    pub agencies: Vec<Agency>,
    #[serde(skip)]
    folder: PathBuf,
}

/// What any version says of itself.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "version")]
    version: u32,
}

const VERSION: u32 = 1;

const fn version() -> u32 {
    VERSION
}

/// An agency of the city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agency {
    pub id: AgencyId,
    pub name: String,
    /// The domains that it owns.
    pub domains: Vec<Domain>,
    /// Its signing key file, relative to the folder.
    pub key: PathBuf,
}

/// An agency's signing key.
#[derive(Clone, Debug)]
pub struct Signer {
    pub agency: AgencyId,
    key: SigningKey,
}

impl Signer {
    pub fn new(agency: AgencyId, key: SigningKey) -> Self {
        Self { agency, key }
    }

    /// Reads a key file, which must be this agency's and for signing.
    pub fn load(agency: AgencyId, path: &Path) -> Result<Self, Error> {
        let file = KeyFile::load(path)?;
        if file.agency != agency.as_str() {
            return Err(Error::ForeignKey { found: file.agency, wanted: agency });
        }
        if file.purpose != Purpose::Signing {
            return Err(hutong_keys::Error::NotForSigning { purpose: file.purpose }.into());
        }
        Ok(Self { agency, key: file.signing_key()? })
    }

    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.key.public().0)
    }
}

impl City {
    /// Reads the city's data folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("city.json");
        // First what any form says of itself: the rest of a later one may look like nothing known here.
        let Versioned { version } = read(&path)?;
        if version != VERSION {
            return Err(Error::Version { path, found: version, known: VERSION });
        }
        let mut city: Self = read(&path)?;
        city.folder = folder.to_owned();
        Ok(city)
    }

    /// The same city at another address.
    #[must_use]
    pub fn at(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn agency(&self, id: &AgencyId) -> Result<&Agency, Error> {
        let unknown = || Error::UnknownAgency { agency: *id, path: self.folder.join("city.json") };
        self.agencies.iter().find(|agency| agency.id == *id).ok_or_else(unknown)
    }

    /// The agency that owns a domain.
    pub fn owner(&self, domain: &Domain) -> Option<&Agency> {
        self.agencies.iter().find(|agency| agency.domains.contains(domain))
    }

    /// An agency's signing key, if this folder holds it.
    pub fn signer(&self, id: &AgencyId) -> Result<Signer, Error> {
        Signer::load(*id, &self.folder.join(&self.agency(id)?.key))
    }

    /// An agency's key for another purpose.
    pub fn key(&self, id: &AgencyId, purpose: Purpose) -> Result<KeyFile, Error> {
        let path = self.folder.join("keys").join(id.as_str()).join(format!("{purpose}.key"));
        Ok(KeyFile::load(&path)?)
    }

    /// What receipts of this city are checked against.
    pub fn trust(&self) -> Result<TrustFile, Error> {
        read(&self.folder.join(&self.trust))
    }

    pub fn genesis(&self) -> Result<Genesis, Error> {
        read(&self.folder.join("genesis.json"))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_read_and_its_faults_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(City::open(dir.path()), Err(Error::File { .. })));
        let alpha: AgencyId = "alpha".parse().unwrap();
        let key = dir.path().join("keys/alpha/signing.key");
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        KeyFile::from_seed("alpha", Purpose::Signing, &[7; 32]).write(&key).unwrap();
        let host = dir.path().join("keys/alpha/host.key");
        KeyFile::from_seed("alpha", Purpose::Host, &[8; 32]).write(&host).unwrap();
        let text = r#"{"url":"http://127.0.0.1:8080","chain":"city-0011223344556677","trust":"trust.json","agencies":[
            {"id":"alpha","name":"Alpha","domains":["property"],"key":"keys/alpha/signing.key"},
            {"id":"beta","name":"Beta","domains":[],"key":"keys/alpha/signing.key"},
            {"id":"gamma","name":"Gamma","domains":[],"key":"keys/gamma/signing.key"}]}"#;
        fs::write(dir.path().join("city.json"), text).unwrap();
        let city = City::open(dir.path()).unwrap().at("http://127.0.0.1:9");
        assert_eq!(city.url, "http://127.0.0.1:9");
        assert_eq!(city.owner(&"property".parse().unwrap()).unwrap().id, alpha);
        let signer = city.signer(&alpha).unwrap();
        assert_eq!(signer.key_id().to_string(), SigningKey::from_seed(&[7; 32]).key_id());
        assert!(matches!(city.signer(&"beta".parse().unwrap()), Err(Error::ForeignKey { .. })));
        assert!(matches!(city.signer(&"gamma".parse().unwrap()), Err(Error::Keys(_))));
        assert!(matches!(city.signer(&"delta".parse().unwrap()), Err(Error::UnknownAgency { .. })));
        assert!(matches!(Signer::load(alpha, &host), Err(Error::Keys(_))));
        assert!(city.key(&alpha, Purpose::Host).is_ok());
        fs::write(dir.path().join("trust.json"), "{}").unwrap();
        assert!(matches!(city.trust(), Err(Error::Json { .. })));
    }
}

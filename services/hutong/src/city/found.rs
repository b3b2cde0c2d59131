//! Founding a development city: agencies with fresh keys, the genesis file, the trust file.

use std::{fs, path::Path};

use hutong_keys::KeyFile;
use hutong_ledger::{
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::Genesis,
    id::AgencyId,
    receipt::TrustFile,
};

use super::{
    CityError as Error,
    domains::RecordType,
    layout::{City, CityAgency, Layout},
};

/// The agencies of a development city, the first of which own domains. With fewer validating agencies than these
/// the others only submit.
const AGENCIES: [(&str, &str); 4] = [
    ("data-bureau", "Municipal Bureau of Economy and Information Technology"),
    ("natural-resources", "Municipal Commission of Planning and Natural Resources"),
    ("health-commission", "Municipal Health Commission"),
    ("market-regulation", "Municipal Administration for Market Regulation"),
];

/// How many agencies may propose blocks: one that does, and a standby.
const ORDERERS: usize = 2;

/// Makes keys, genesis, trust file and `city.json` in an empty data folder.
pub fn found(
    layout: &Layout,
    record_types: &[RecordType],
    name: AgencyId,
    validating: usize,
    time_ms: u64,
    url: &str,
) -> Result<Genesis, Error> {
    let genesis = Genesis { name, time_ms, epoch: first_epoch(layout, record_types, validating)? };
    genesis.check().map_err(Error::Genesis)?;
    write_json(&layout.genesis(), &genesis)?;
    let trust = TrustFile::of(&genesis);
    write_json(&layout.trust(), &trust)?;
    write_city(layout, &genesis, &genesis.epoch, url)?;
    Ok(genesis)
}

/// Writes `city.json` as it is under an epoch.
pub fn write_city(layout: &Layout, genesis: &Genesis, epoch: &Epoch, url: &str) -> Result<City, Error> {
    let agencies = epoch.agencies.iter().map(|agency| CityAgency {
        id: agency.id,
        name: agency.name.clone(),
        domains: epoch.domains.iter().filter(|d| d.owner == agency.id).map(|d| d.domain).collect(),
        key: format!("keys/{}/signing.key", agency.id),
    });
    let city = City {
        version: 1,
        url: url.to_owned(),
        chain: genesis.chain(),
        trust: "trust.json".into(),
        agencies: agencies.collect(),
    };
    write_json(&layout.city(), &city)?;
    Ok(city)
}

fn first_epoch(layout: &Layout, record_types: &[RecordType], validating: usize) -> Result<Epoch, Error> {
    let count = validating.max(AGENCIES.len());
    let mut agencies = Vec::with_capacity(count);
    for rank in 0..count {
        let (id, name) = match AGENCIES.get(rank) {
            Some((id, name)) => (id.parse::<AgencyId>()?, (*name).to_owned()),
            None => (format!("agency-{}", rank + 1).parse()?, format!("Agency {}", rank + 1)),
        };
        let owns = record_types.iter().any(|record_type| record_type.owner == id.as_str());
        agencies.push(make_agency(layout, id, name, Place { rank, validating: rank < validating, owns })?);
    }
    let orderers = agencies.iter().take(ORDERERS.min(validating)).map(|a: &Agency| a.id).collect();
    agencies.sort_by_key(|agency| agency.id);
    let ready: Vec<Host> =
        agencies.iter().filter(|a| a.validating).map(|a| Host { agency: a.id, ready: true }).collect();
    let mut domains = Vec::new();
    for record_type in record_types {
        let domain = record_type.domain()?;
        let hosts = if domain.is_platform() { Vec::new() } else { ready.clone() };
        let contract = (record_type.contract)().version();
        domains.push(DomainRules { domain, owner: record_type.owner.parse()?, contract, hosts });
    }
    domains.sort_by_key(|rules| rules.domain);
    Ok(Epoch { number: 0, from_height: 1, agencies, domains, orderers })
}

/// What an agency is in a new city.
struct Place {
    rank: usize,
    validating: bool,
    /// Owns a domain, and keeps its log.
    owns: bool,
}

fn make_agency(layout: &Layout, id: AgencyId, name: String, place: Place) -> Result<Agency, Error> {
    let Place { rank, validating, owns } = place;
    let mut purposes = vec![Purpose::Signing, Purpose::Sealing];
    if validating {
        purposes.push(Purpose::Host);
        if rank < ORDERERS {
            purposes.push(Purpose::Orderer);
        }
    }
    if rank == 0 {
        purposes.push(Purpose::Ingest);
    }
    if owns {
        purposes.push(Purpose::Log);
    }
    let mut keys = Vec::with_capacity(purposes.len());
    for purpose in purposes {
        let path = layout.key(&id, purpose);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
        }
        let key = KeyFile::generate(id.to_string(), purpose)?;
        key.write(&path)?;
        keys.push(Key { purpose, public: key.public().0 });
    }
    keys.sort_by_key(|key| (key.purpose, key.public));
    Ok(Agency { id, name, validating, keys })
}

/// Writes a JSON file whole or not at all.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let json = |source| Error::Json { path: path.to_owned(), source };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(json)?;
    bytes.push(b'\n');
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |source| Error::io(path, source);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| Error::io(path, error.error))?;
    Ok(())
}

/// Reads a JSON file.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(|source| Error::io(path, source))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json { path: path.to_owned(), source })
}

//! The folder of an agency that joins: keys, the seed of its user at the broker, settings, and what starts its services in
//! containers or in Kubernetes. It is made where the newcomer sits: no key of it is ever in other hands.
//!
//! ```text
//! keys/<id>/*.key, broker.nk         secret; nobody else needs them
//! genesis.json trust.json city.json  the city
//! ca.pem                             the broker's authority
//! storage.toml validation.toml notification.toml
//! compose.yml  kustomize/            what starts them
//! ```

use std::{fs, path::Path};

use hutong_keys::KeyFile;
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    genesis::Genesis,
    id::{AgencyId, Domain},
    receipt::TrustFile,
};
use serde::{Deserialize, Serialize};

use super::{Error, Place, SEED, broker::Role, files, overlays, seed, settings, units::Unit};
use crate::{
    city::{found, layout::Layout},
    cli::ServiceName,
};

/// What a member tells who is invited: all of it is public to members, none of it secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    pub genesis: Genesis,
    /// In force when it was written.
    pub epoch: Epoch,
    /// Where the city answers.
    pub url: String,
    /// Where its broker answers.
    pub bus: String,
    /// Copies of each stream.
    pub replicas: usize,
    /// The authorities of the broker's certificates (PEM), if not the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
}

/// Who joins, and where its services will run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: AgencyId,
    pub validating: bool,
    pub domains: Vec<Domain>,
    pub place: Place,
}

/// Keys for all that the newcomer will sign and open.
pub fn generate(plan: &Plan) -> Result<Vec<KeyFile>, Error> {
    let mut purposes = vec![Purpose::Signing, Purpose::Sealing];
    purposes.extend(plan.validating.then_some(Purpose::Host));
    let keys = purposes.into_iter().map(|purpose| KeyFile::generate(plan.id.to_string(), purpose));
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Writes the keys and makes the seed of the user at the broker; its public half.
pub fn write_keys(folder: &Path, plan: &Plan, keys: &[KeyFile]) -> Result<String, Error> {
    let layout = Layout::new(folder);
    for key in keys {
        let path = layout.key(&plan.id, key.purpose);
        let above = path.parent().unwrap_or(folder);
        fs::create_dir_all(above).map_err(|source| Error::io(above, source))?;
        key.write(&path)?;
    }
    seed(&folder.join(SEED))
}

/// Writes everything but the keys: settings, the city's files, what starts the services; returns the services' names.
pub fn write(
    folder: &Path,
    plan: &Plan,
    invitation: &Invitation,
    next: &Epoch,
) -> Result<Vec<String>, Error> {
    let folder = &folder.canonicalize().map_err(|source| Error::io(folder, source))?;
    let layout = Layout::new(folder);
    found::write_json(&layout.genesis(), &invitation.genesis)?;
    found::write_json(&layout.trust(), &TrustFile::of(&invitation.genesis))?;
    found::write_city(&layout, &invitation.genesis, next, &invitation.url)?;
    if let Some(authorities) = &invitation.authorities {
        files::write(&folder.join("ca.pem"), authorities.as_bytes(), files::PUBLIC)?;
    }
    if !plan.validating {
        return Ok(Vec::new());
    }
    let unit = |service: ServiceName| Unit {
        service,
        role: Role::Agency(plan.id),
        agency: plan.id,
        name: format!("{}-{}", service.name(), plan.id),
    };
    let units = [ServiceName::Storage, ServiceName::Validation, ServiceName::Notification].map(unit);
    let setting = settings::Setting { invitation, place: &plan.place, units: &units, joining: &plan.domains };
    settings::of_newcomer(folder, &setting)?;
    overlays::write(folder, &plan.id)?;
    Ok(units.into_iter().map(|unit| unit.name).collect())
}

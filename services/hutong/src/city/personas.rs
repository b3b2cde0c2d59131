//! Development personas: made-up citizens and officials of `hutong up`, and the made-up identity provider that vouches
//! for them under `/dev/oidc`. Everything about them says so.
//!
//! A citizen's resident id is derived here, from the place in the list, and rests nowhere: the data folder has the
//! provider's key and a list of names alone. The ids are valid by their form and belong to nobody: whoever was born
//! in the first days of January 1900 has none.
//!
//! They are for one machine. A city that listens on a network address has no personas, since anyone could be one.

mod provider;

use std::{net::IpAddr, path::PathBuf};

use axum::Router;
use hutong_disclosure::ResidentId;
use hutong_keys::{KeyFile, SigningKey, sign_claims};
use hutong_ledger::{epoch::Purpose, id::ChainId};
use hutong_portal::PersonaDesk;
use hutong_runtime::{SharedClock, auth::IssuerConfig};
use serde_json::{Value, json};

use super::{CityError as Error, found, layout::Layout};

/// How long a persona's token lives.
pub const TOKEN_TTL_S: u64 = 3600;
/// Where the provider is on the city's port.
const PATH: &str = "/dev/oidc";
/// The first six digits of every persona's resident id: Dongcheng in Beijing.
const REGION: &str = "110101";

/// What a persona is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Citizen,
    /// An official, under the pseudonym that is the persona's name.
    Official {
        agency: &'static str,
    },
}

/// Somebody made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persona {
    pub name: &'static str,
    pub role: Role,
}

const fn citizen(name: &'static str) -> Persona {
    Persona { name, role: Role::Citizen }
}

const fn official(name: &'static str, agency: &'static str) -> Persona {
    Persona { name, role: Role::Official { agency } }
}

/// All personas. New citizens come last, for the place of each makes its resident id.
pub const PERSONAS: &[Persona] = &[
    citizen("wang-lan"),
    citizen("li-wei"),
    citizen("zhang-min"),
    citizen("liu-yang"),
    citizen("chen-jie"),
    citizen("yang-fan"),
    citizen("zhao-lei"),
    citizen("huang-mei"),
    official("analyst-2", "data-bureau"),
    official("registrar-7", "natural-resources"),
    official("physician-12", "health-commission"),
    official("epidemiologist-3", "health-commission"),
    official("inspector-5", "market-regulation"),
];

impl Persona {
    pub fn named(name: &str) -> Option<&'static Self> {
        PERSONAS.iter().find(|persona| persona.name == name)
    }

    /// Valid by its form, and nobody's; none for an official.
    pub fn resident_id(&self) -> Option<ResidentId> {
        if self.role != Role::Citizen {
            return None;
        }
        let place = PERSONAS.iter().position(|other| other.name == self.name)? + 1;
        let digits = format!("{REGION}190001{place:02}{place:03}");
        "0123456789X".chars().find_map(|check| format!("{digits}{check}").parse().ok())
    }

    fn agency(&self) -> Option<&'static str> {
        match self.role {
            Role::Citizen => None,
            Role::Official { agency } => Some(agency),
        }
    }
}

/// The personas of a city, with what vouches for them.
#[derive(Clone, Debug)]
pub struct Personas {
    key: SigningKey,
    audience: String,
    /// None: the city listens on a network address.
    issuer: Option<String>,
}

impl Personas {
    /// The personas of a city that answers at a base address. Makes the provider's key and the list of personas where
    /// they are missing.
    pub fn open(layout: &Layout, chain: ChainId, base_url: &str) -> Result<Self, Error> {
        let path = key_path(layout);
        if !path.exists() {
            let folder = path.parent().unwrap_or(layout.root());
            std::fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
            KeyFile::generate("personas", Purpose::Signing)?.write(&path)?;
        }
        found::write_json(&layout.root().join("personas.json"), &list())?;
        Self::load(layout, chain, base_url)
    }

    /// The personas of a city that was opened before.
    pub fn load(layout: &Layout, chain: ChainId, base_url: &str) -> Result<Self, Error> {
        let key = KeyFile::load(&key_path(layout))?.signing_key()?;
        let issuer = local(base_url).map(|base| format!("{base}{PATH}"));
        Ok(Self { key, audience: chain.as_str().to_owned(), issuer })
    }

    /// What the city's verifier must trust; none where the city has no personas.
    pub fn issuer_config(&self) -> Option<IssuerConfig> {
        let config = IssuerConfig::new(self.issuer.as_ref()?, &self.audience);
        Some(IssuerConfig { officials: true, persona: true, ..config })
    }

    /// The provider's own documents, under `/dev/oidc`.
    pub fn routes(&self) -> Router {
        match &self.issuer {
            Some(issuer) => provider::routes(PATH, issuer, &self.key),
            None => Router::new(),
        }
    }

    /// The names of the citizens, for those who choose one; none where the city has no personas.
    pub fn citizens(&self) -> Vec<&'static str> {
        let citizens = PERSONAS.iter().filter(|persona| persona.role == Role::Citizen);
        if self.issuer.is_some() { citizens.map(|persona| persona.name).collect() } else { Vec::new() }
    }

    /// A token of a persona; none for a name that is nobody's, and where the city has no personas.
    pub fn token(&self, name: &str, now_s: u64) -> Option<String> {
        let persona = Persona::named(name)?;
        let mut claims = json!({
            "iss": self.issuer.as_ref()?,
            "sub": persona.name,
            "aud": self.audience,
            "iat": now_s,
            "exp": now_s.saturating_add(TOKEN_TTL_S),
            "persona": true,
        });
        if let Some(agency) = persona.agency() {
            claims["role"] = "official".into();
            claims["agency"] = agency.into();
        }
        if let Some(id) = persona.resident_id() {
            claims["resident_id"] = id.expose().into();
        }
        Some(sign_claims(&self.key, &claims))
    }
}

fn key_path(layout: &Layout) -> PathBuf {
    layout.root().join("keys").join("personas.key")
}

/// What `personas.json` says. No resident id stands in it.
fn list() -> Value {
    let persona = |persona: &Persona| match persona.role {
        Role::Citizen => json!({ "name": persona.name, "role": "citizen", "resident_id": "synthetic" }),
        Role::Official { agency } => json!({ "name": persona.name, "role": "official", "agency": agency }),
    };
    json!({
        "about": "Made-up persons of a development city. Their resident ids are synthetic and written down nowhere.",
        "personas": PERSONAS.iter().map(persona).collect::<Vec<_>>(),
    })
}

/// The base address as this machine alone reaches it; none if others do.
fn local(base_url: &str) -> Option<String> {
    let uri: http::Uri = base_url.parse().ok()?;
    let (host, port) = (uri.host()?, uri.port_u16());
    let host = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1",
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]",
        Ok(address) if address.is_loopback() => host,
        Err(_) if host == "localhost" => host,
        _ => return None,
    };
    let scheme = uri.scheme_str()?;
    Some(port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

/// Where the pages of the portal get a persona's token.
#[derive(Debug)]
pub struct DevelopmentDesk {
    pub personas: Personas,
    pub clock: SharedClock,
}

impl PersonaDesk for DevelopmentDesk {
    fn names(&self) -> Vec<String> {
        self.personas.citizens().into_iter().map(str::to_owned).collect()
    }

    fn token(&self, name: &str) -> Option<String> {
        self.personas.token(name, self.clock.unix_ms() / 1000)
    }
}

#[cfg(test)]
mod tests;

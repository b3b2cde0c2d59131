//! Which identity providers are trusted, and for what.

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::config::Settings;

/// The identity providers whose tokens are taken. None: no persons' tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    pub issuers: Vec<IssuerConfig>,
}

/// One identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its address, exactly as its tokens have it; https, except on this machine.
    pub issuer: String,
    /// What its tokens for this city name as their audience.
    pub audience: String,
    /// The claim that has a person's resident id.
    #[serde(default = "resident_id")]
    pub resident_id_claim: String,
    /// Whether it may speak for agencies' officials (claims `role`: `official`, and `agency`).
    #[serde(default)]
    pub officials: bool,
    /// Whether all whom it knows are made up, as in a development city.
    #[serde(default)]
    pub persona: bool,
}

fn resident_id() -> String {
    "resident_id".to_owned()
}

impl IssuerConfig {
    /// An identity provider of persons, with the usual claim names.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            resident_id_claim: resident_id(),
            officials: false,
            persona: false,
        }
    }
}

impl Settings for OidcConfig {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (at, issuer) in self.issuers.iter().enumerate() {
            let IssuerConfig { issuer: address, audience, resident_id_claim, .. } = issuer;
            if let Err(fault) = endpoint(address, true) {
                faults.push(format!("issuers.{at}.issuer: {fault}"));
            }
            if address.contains('?') {
                faults.push(format!("issuers.{at}.issuer: an issuer's address has no query"));
            }
            if self.issuers[..at].iter().any(|other| other.issuer == *address) {
                faults.push(format!("issuers.{at}.issuer: it is listed twice"));
            }
            if audience.is_empty() {
                faults.push(format!("issuers.{at}.audience: name what tokens for this city are for"));
            }
            if resident_id_claim.is_empty() {
                faults.push(format!("issuers.{at}.resident_id_claim: name the claim, or leave the key out"));
            }
        }
        faults
    }
}

/// An address to fetch from: https, or http on this machine where that is allowed.
pub(super) fn endpoint(address: &str, loopback: bool) -> Result<Uri, &'static str> {
    let uri: Uri = address.parse().map_err(|_| "it is no address")?;
    let host = uri.host().unwrap_or_default();
    if host.is_empty() || address.contains('#') {
        return Err("it is an address with a host and without a fragment");
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("no user stands in an address");
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if loopback && is_loopback(host) => Ok(uri),
        _ => Err("use https; http is for this machine alone"),
    }
}

/// Whether an address is of this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

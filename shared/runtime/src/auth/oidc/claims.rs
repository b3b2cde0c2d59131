//! What a token says, and whether it counts here and now. Nothing in it counts before its signature was right.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    config::IssuerConfig,
    keys::{self, Key},
};
use crate::auth::TokenFault;

/// How far apart the provider's clock and ours may be.
const CLOCK_SKEW_S: u64 = 30;
/// The longest subject, as OpenID Connect has it.
const SUBJECT_BYTES_MAX: usize = 255;

/// A token's header, as far as it matters.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood: none is.
    crit: Option<Value>,
}

/// Which key a token wants to be checked with.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

pub(super) fn wanted(token: &str) -> Result<Wanted, TokenFault> {
    let header: Header = part(token, 0).ok_or(TokenFault::Malformed)?;
    // A token for another use, such as a logout token, has a type that says so.
    let typed = |typ: &str| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt");
    if header.crit.is_some() || !header.typ.as_deref().is_none_or(typed) {
        return Err(TokenFault::Malformed);
    }
    let algorithm = keys::algorithm(&header.alg).ok_or(TokenFault::Algorithm)?;
    Ok(Wanted { algorithm, key_id: header.kid })
}

/// The issuer that a token names, unchecked.
pub(super) fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    part::<Issued>(token, 1).map(|claims| claims.iss)
}

fn part<T: for<'a> Deserialize<'a>>(token: &str, number: usize) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The claims of a token whose signature is right.
pub(super) fn signed(token: &str, key: &Key, algorithm: Algorithm) -> Result<Map<String, Value>, TokenFault> {
    // Times and audience are checked by our own clock and rules afterwards: the library would read the machine's clock.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &validation);
    decoded.map(|data| data.claims).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenFault::Signature,
        _ => TokenFault::Malformed,
    })
}

/// What a token that counts here and now says of who it is of.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) subject: String,
    pub(super) resident_id: Option<String>,
    /// The agency, if it is an official's.
    pub(super) agency: Option<String>,
    pub(super) persona: bool,
    /// Past this it no longer counts.
    pub(super) expires_s: u64,
}

pub(super) fn check(
    claims: &Map<String, Value>,
    config: &IssuerConfig,
    now_s: u64,
) -> Result<Told, TokenFault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let needed = |name: &str| claims.get(name).and_then(Value::as_u64).ok_or(TokenFault::Malformed);
    if text("iss") != Some(config.issuer.as_str()) {
        return Err(TokenFault::Issuer);
    }
    audience(claims, &config.audience)?;
    let (issued_s, expires_s) = (needed("iat")?, needed("exp")?.saturating_add(CLOCK_SKEW_S));
    let from_s = match claims.get("nbf") {
        None => issued_s,
        Some(_) => issued_s.max(needed("nbf")?),
    };
    if now_s >= expires_s {
        return Err(TokenFault::Expired);
    }
    if from_s > now_s.saturating_add(CLOCK_SKEW_S) {
        return Err(TokenFault::Future);
    }
    let subject = text("sub").filter(|sub| (1..=SUBJECT_BYTES_MAX).contains(&sub.len()));
    let subject = subject.ok_or(TokenFault::Malformed)?.to_owned();
    let persona = config.persona || claims.get("persona").is_some_and(|told| *told != Value::Bool(false));
    let agency = match text("role") {
        Some("official") if config.officials => Some(text("agency").ok_or(TokenFault::Role)?.to_owned()),
        Some("official") => return Err(TokenFault::Role),
        _ => None,
    };
    // An official acts under a pseudonym and as nobody's person.
    let own = agency.is_none().then(|| text(&config.resident_id_claim)).flatten();
    Ok(Told { subject, resident_id: own.map(str::to_owned), agency, persona, expires_s })
}

fn audience(claims: &Map<String, Value>, ours: &str) -> Result<(), TokenFault> {
    match claims.get("aud") {
        Some(Value::String(one)) if one == ours => Ok(()),
        Some(Value::Array(several)) if several.iter().any(|one| one == ours) => {
            // One of several may not use it here on its own: the token must have been issued to us.
            let issued_to_us = claims.get("azp").is_some_and(|to| to == ours);
            if several.len() == 1 || issued_to_us { Ok(()) } else { Err(TokenFault::AuthorizedParty) }
        }
        Some(_) => Err(TokenFault::Audience),
        None => Err(TokenFault::Malformed),
    }
}

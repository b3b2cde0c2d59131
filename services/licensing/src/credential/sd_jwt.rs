//! SD-JWT VC: each claim is one disclosure, and a holder shows as many of them as they like. The issuer signs digests alone.

use std::collections::BTreeSet;

use hutong_keys::{PublicKey, SigningKey, random_bytes};
use hutong_ledger::hash::{Hash, sha256};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::jwt::{self, Jwt};

/// The type of credentials, and what it was called in earlier drafts: read, not written.
const TYPES: [&str; 2] = ["dc+sd-jwt", "vc+sd-jwt"];
const HOLDER_TYPE: &str = "kb+jwt";
/// The most claims of a credential.
pub const CLAIMS_MAX: usize = 64;
/// The longest claims and the longest credential, in bytes.
pub const CLAIMS_BYTES_MAX: usize = 64 * 1024;
pub const CREDENTIAL_BYTES_MAX: usize = 192 * 1024;
/// What an issuer says in the clear; no claim is called so.
const RESERVED: [&str; 12] =
    ["iss", "nbf", "exp", "iat", "cnf", "vct", "vct#integrity", "status", "_sd", "_sd_alg", "...", LICENCE];
/// What says in the clear which licence it is.
pub const LICENCE: &str = "licence_record";
/// How far ahead the clock of a holder may be.
const LEEWAY_S: u64 = 60;

/// Why a credential is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is no SD-JWT: a token and disclosures, each followed by ~")]
    Malformed,
    #[error("its typ is another")]
    Type,
    #[error("it is not signed with EdDSA")]
    Algorithm,
    #[error("its issuer has no such key")]
    Key,
    #[error("its signature is wrong")]
    Signature,
    #[error("somebody else issued it")]
    Issuer,
    #[error("a disclosure is none, is there twice, or is not what the issuer signed")]
    Disclosure,
    #[error("what proves the holder is wrong, old, for another, or of a credential that names no holder")]
    Holder,
}

impl Fault {
    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Type => "wrong_type",
            Self::Algorithm => "wrong_algorithm",
            Self::Key => "unknown_key",
            Self::Signature => "bad_signature",
            Self::Issuer => "other_issuer",
            Self::Disclosure => "bad_disclosure",
            Self::Holder => "bad_holder_proof",
        }
    }
}

/// Why claims cannot be issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaims {
    #[error("at most {CLAIMS_MAX} claims of {CLAIMS_BYTES_MAX} bytes in all")]
    TooMany,
    #[error("no claim is called {0:?}: that has a meaning of its own in a credential")]
    Reserved(String),
    #[error("the holder's key is no JWK of Ed25519 in `jwk`")]
    HolderKey,
    #[error("the operating system gives no randomness for salts")]
    NoRandomness,
}

/// The claims of a credential with their salts, and the holder's key: sealed, since who has the salts can show the claims.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    disclosures: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Value>,
}

impl std::fmt::Debug for Claims {
    /// Without the claims.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claims").field("disclosures", &self.disclosures.len()).finish_non_exhaustive()
    }
}

impl Claims {
    /// Gives each claim a fresh salt. `cnf` is {jwk}: the key of the holder, if the credential is bound to one.
    pub fn new(claims: &Map<String, Value>, cnf: Option<Value>) -> Result<Self, InvalidClaims> {
        check(claims, cnf.as_ref())?;
        let mut disclosures = Vec::with_capacity(claims.len());
        for (name, value) in claims {
            let salt = jwt::encode(random_bytes::<16>().map_err(|_| InvalidClaims::NoRandomness)?);
            disclosures.push(jwt::encode(json!([salt, name, value]).to_string()));
        }
        Ok(Self { disclosures, cnf })
    }

    /// The credential: what the issuer says, with the digests of the claims, signed; and all disclosures. Also the hash of
    /// what was signed.
    pub fn issue(&self, key: &SigningKey, said: Value) -> (String, Hash) {
        let mut payload = said;
        let mut digests: Vec<_> = self.disclosures.iter().map(|disclosure| digest(disclosure)).collect();
        // In the order of the claims they would tell which is which.
        digests.sort_unstable();
        payload["_sd"] = digests.into();
        payload["_sd_alg"] = "sha-256".into();
        if let Some(cnf) = &self.cnf {
            payload["cnf"] = cnf.clone();
        }
        let signed = jwt::sign(key, TYPES[0], &payload);
        let hash = sha256(&[signed.as_bytes()]);
        let mut credential = signed;
        credential.push('~');
        for disclosure in &self.disclosures {
            credential.push_str(disclosure);
            credential.push('~');
        }
        (credential, hash)
    }
}

fn check(claims: &Map<String, Value>, cnf: Option<&Value>) -> Result<(), InvalidClaims> {
    if let Some(cnf) = cnf {
        let alone = cnf.as_object().is_some_and(|cnf| cnf.len() == 1);
        if !alone || jwt::key_of(&cnf["jwk"]).is_none() || cnf["jwk"].get("d").is_some() {
            return Err(InvalidClaims::HolderKey);
        }
    }
    let bytes: usize = claims.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
    if claims.len() > CLAIMS_MAX || bytes > CLAIMS_BYTES_MAX {
        return Err(InvalidClaims::TooMany);
    }
    if let Some(name) = claims.keys().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(InvalidClaims::Reserved(name.clone()));
    }
    claims.values().try_for_each(no_digests)
}

/// Within a claim, what looks like digests would be taken for some.
fn no_digests(value: &Value) -> Result<(), InvalidClaims> {
    match value {
        Value::Object(object) => {
            let name = object.keys().find(|name| matches!(name.as_str(), "_sd" | "_sd_alg" | "..."));
            if let Some(name) = name {
                return Err(InvalidClaims::Reserved(name.clone()));
            }
            object.values().try_for_each(no_digests)
        }
        Value::Array(values) => values.iter().try_for_each(no_digests),
        _ => Ok(()),
    }
}

fn digest(disclosure: &str) -> String {
    jwt::encode(sha256(&[disclosure.as_bytes()]).0)
}

/// What whoever checks asked the holder to prove it for.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    pub audience: Option<&'a str>,
    pub nonce: Option<&'a str>,
}

/// A credential as it was shown, checked but for time and status.
#[derive(Clone, Debug)]
pub struct Presented {
    /// What the issuer says in the clear.
    pub said: Map<String, Value>,
    /// The claims that are shown.
    pub claims: Map<String, Value>,
    /// The hash of what the issuer signed.
    pub hash: Hash,
    /// Whether it names a holder, and whether that holder showed it.
    pub bound: bool,
    pub proven: bool,
}

/// Reads a credential of an issuer with these keys.
pub fn read(
    text: &str,
    issuer: &str,
    keys: &[PublicKey],
    wanted: &Wanted<'_>,
    now_s: u64,
) -> Result<Presented, Fault> {
    let text = text.trim();
    if text.len() > CREDENTIAL_BYTES_MAX {
        return Err(Fault::Malformed);
    }
    let (shown, proof) = text.rsplit_once('~').ok_or(Fault::Malformed)?;
    let mut parts = shown.split('~');
    let signed = parts.next().ok_or(Fault::Malformed)?;
    let token = Jwt::read(signed)?;
    let kid = token.header.get("kid").and_then(Value::as_str);
    let named = |key: &&PublicKey| kid.is_none_or(|kid| key.key_id() == kid);
    let candidates: Vec<_> = keys.iter().filter(named).collect();
    let mut verdict = Err(Fault::Key);
    for key in candidates {
        verdict = token.verify(&TYPES, key);
        if verdict.is_ok() {
            break;
        }
    }
    verdict?;
    let mut said = token.payload;
    if said.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(Fault::Issuer);
    }
    let claims = disclosed(&said, parts)?;
    said.remove("_sd");
    said.remove("_sd_alg");
    let bound = said.contains_key("cnf");
    let proven = !proof.is_empty();
    if proven {
        let shown = &text[..=shown.len()];
        prove(proof, shown, said.get("cnf"), wanted, now_s)?;
    } else if wanted.nonce.is_some() || wanted.audience.is_some() {
        return Err(Fault::Holder);
    }
    Ok(Presented { said, claims, hash: sha256(&[signed.as_bytes()]), bound, proven })
}

fn disclosed<'a>(
    said: &Map<String, Value>,
    disclosures: impl Iterator<Item = &'a str>,
) -> Result<Map<String, Value>, Fault> {
    if said.get("_sd_alg").is_some_and(|algorithm| algorithm != "sha-256") {
        return Err(Fault::Disclosure);
    }
    let digests = said.get("_sd").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut signed: BTreeSet<&str> = digests.iter().filter_map(Value::as_str).collect();
    let mut claims = Map::new();
    for disclosure in disclosures {
        // Each digest serves once.
        if !signed.remove(digest(disclosure).as_str()) {
            return Err(Fault::Disclosure);
        }
        let bytes = jwt::decode(disclosure).ok_or(Fault::Disclosure)?;
        let (_, name, value): (String, String, Value) =
            serde_json::from_slice(&bytes).map_err(|_| Fault::Disclosure)?;
        if RESERVED.contains(&name.as_str())
            || said.contains_key(&name)
            || claims.insert(name, value).is_some()
        {
            return Err(Fault::Disclosure);
        }
    }
    Ok(claims)
}

/// The holder's own token over what is shown.
fn prove(
    proof: &str,
    shown: &str,
    cnf: Option<&Value>,
    wanted: &Wanted<'_>,
    now_s: u64,
) -> Result<(), Fault> {
    let token = Jwt::read(proof).map_err(|_| Fault::Holder)?;
    let key = cnf.and_then(|cnf| jwt::key_of(cnf.get("jwk")?)).ok_or(Fault::Holder)?;
    token.verify(&[HOLDER_TYPE], &key).map_err(|_| Fault::Holder)?;
    let text = |name: &str| token.payload.get(name).and_then(Value::as_str);
    let issued_s = token.payload.get("iat").and_then(Value::as_u64);
    let fits = text("sd_hash") == Some(jwt::encode(sha256(&[shown.as_bytes()]).0).as_str())
        && issued_s.is_some_and(|issued_s| issued_s <= now_s.saturating_add(LEEWAY_S))
        && text("aud").is_some_and(|aud| wanted.audience.is_none_or(|wanted| wanted == aud))
        && text("nonce").is_some_and(|nonce| wanted.nonce.is_none_or(|wanted| wanted == nonce));
    if fits { Ok(()) } else { Err(Fault::Holder) }
}

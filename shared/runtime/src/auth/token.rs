//! Checks an agency's token: an EdDSA JWT for this chain, by a key that membership has now, for minutes at most. Tokens of
//! identity providers go to [`OidcVerifier`].
//!
//! The token itself is never logged, kept or repeated in an error; the cache knows it by its hash.

use std::{fmt, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    Caller, TokenFault,
    oidc::{self, Identity, OidcVerifier},
};
use crate::SharedClock;

/// The longest life of a token.
const TTL_S_MAX: u64 = hutong_keys::TOKEN_TTL_S_MAX;
/// How far ahead of ours an agency's clock may be.
const CLOCK_SKEW_S: u64 = 30;
/// A longer token is none of ours, and not worth hashing.
const TOKEN_BYTES_MAX: usize = 4096;
const CACHED_TOKENS_MAX: u64 = 10_000;
/// The longest pseudonym of an official, in bytes: it becomes the actor of a transaction.
const OFFICIAL_BYTES_MAX: usize = 128;

/// The keys of agencies, as membership has them now.
pub trait KeyDirectory: fmt::Debug + Send + Sync + 'static {
    /// The public signing key of an agency under its id, if the agency has it now.
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]>;

    /// Whether the agency is a member now.
    fn is_member(&self, agency: &str) -> bool;

    /// The id of the chain that tokens must be for.
    fn chain(&self) -> &str;
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgencyToken {
    pub agency: String,
    /// The pseudonym of the official who acts for it.
    pub official: Option<String>,
}

/// Whether a text is fit to be the pseudonym of an official.
pub(super) fn is_pseudonym(text: &str) -> bool {
    (1..=OFFICIAL_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: u64,
    exp: u64,
    /// Who acts for the subject (RFC 8693).
    act: Option<Actor>,
}

#[derive(Deserialize)]
struct Actor {
    sub: String,
}

/// A token whose signature was right.
#[derive(Clone)]
struct Verified {
    agency: Arc<str>,
    official: Option<Arc<str>>,
    key_id: Arc<str>,
    key: [u8; 32],
    expires_s: u64,
}

/// Checks tokens, and each only once while it lives.
pub struct Authenticator {
    directory: Arc<dyn KeyDirectory>,
    clock: SharedClock,
    verified: Cache<[u8; 32], Verified>,
    oidc: Option<Arc<OidcVerifier>>,
}

impl Authenticator {
    pub fn new(directory: Arc<dyn KeyDirectory>, clock: SharedClock) -> Self {
        let verified = Cache::builder()
            .max_capacity(CACHED_TOKENS_MAX)
            .time_to_live(Duration::from_secs(TTL_S_MAX + CLOCK_SKEW_S))
            .build();
        Self { directory, clock, verified, oidc: None }
    }

    /// Takes tokens of identity providers too.
    #[must_use]
    pub fn with_oidc(mut self, oidc: Arc<OidcVerifier>) -> Self {
        self.oidc = Some(oidc);
        self
    }

    /// Who the token is of: an agency, an official or a person.
    pub async fn caller(&self, token: &str) -> Result<Caller, TokenFault> {
        // An agency's name is no address: who issued a token says which of the two it can be.
        let Some(issuer) = oidc::issuer_of(token) else {
            let AgencyToken { agency, official } = self.verify_agency(token)?;
            return Ok(Caller::Agency { id: agency, official });
        };
        let oidc = self.oidc.as_ref().ok_or(TokenFault::Issuer)?;
        match oidc.identity(&issuer, token).await? {
            Identity::Person(person) => Ok(Caller::Person(person)),
            Identity::Official { agency, pseudonym } if self.directory.is_member(&agency) => {
                Ok(Caller::Agency { id: agency, official: Some(pseudonym) })
            }
            Identity::Official { .. } => Err(TokenFault::Role),
        }
    }

    /// The agency whose token it is.
    pub fn verify(&self, token: &str) -> Result<String, TokenFault> {
        self.verify_agency(token).map(|token| token.agency)
    }

    /// The agency whose token it is, and the official who acts for it.
    pub fn verify_agency(&self, token: &str) -> Result<AgencyToken, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed);
        }
        let name: [u8; 32] = Sha256::digest(token).into();
        let known = match self.verified.get(&name) {
            Some(known) => known,
            None => {
                let known = self.check(token)?;
                self.verified.insert(name, known.clone());
                known
            }
        };
        // These two may have changed since the signature was checked.
        if self.now_s() >= known.expires_s {
            Err(TokenFault::Expired)
        } else if self.directory.signing_key(&known.agency, &known.key_id) != Some(known.key) {
            Err(TokenFault::Key)
        } else {
            let official = known.official.map(|official| official.to_string());
            Ok(AgencyToken { agency: known.agency.to_string(), official })
        }
    }

    fn check(&self, token: &str) -> Result<Verified, TokenFault> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            // An algorithm the library doesn't know, or that is none, fails as a JSON error.
            jsonwebtoken::errors::ErrorKind::Json(_) => TokenFault::Algorithm,
            _ => TokenFault::Malformed,
        })?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenFault::Algorithm);
        }
        let key_id = header.kid.ok_or(TokenFault::Malformed)?;
        // The claims say whose key to check with; nothing else in them counts before it fits.
        let claims = decode(token, None)?;
        let key = self.directory.signing_key(&claims.iss, &key_id).ok_or(TokenFault::Key)?;
        let claims = decode(token, Some(&key))?;
        if claims.sub != claims.iss {
            return Err(TokenFault::Subject);
        }
        if claims.aud != self.directory.chain() {
            return Err(TokenFault::Audience);
        }
        let now_s = self.now_s();
        if claims.exp <= now_s {
            return Err(TokenFault::Expired);
        }
        if claims.iat > now_s + CLOCK_SKEW_S {
            return Err(TokenFault::Future);
        }
        if claims.exp.saturating_sub(claims.iat) > TTL_S_MAX {
            return Err(TokenFault::Lifetime);
        }
        let official = claims.act.map(|actor| actor.sub);
        if official.as_deref().is_some_and(|official| !is_pseudonym(official)) {
            return Err(TokenFault::Official);
        }
        Ok(Verified {
            agency: claims.iss.into(),
            official: official.map(Into::into),
            key_id: key_id.into(),
            key,
            expires_s: claims.exp,
        })
    }

    fn now_s(&self) -> u64 {
        self.clock.unix_ms() / 1000
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("chain", &self.directory.chain()).finish_non_exhaustive()
    }
}

/// The claims; with a key, only under its signature. Times and audience are checked against our own clock and
/// chain afterwards, since the library would read the machine's clock.
fn decode(token: &str, key: Option<&[u8; 32]>) -> Result<Claims, TokenFault> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    if key.is_none() {
        validation.insecure_disable_signature_validation();
    }
    let key = DecodingKey::from_ed_der(key.map_or(&[][..], |key| key));
    jsonwebtoken::decode(token, &key, &validation).map(|data| data.claims).map_err(|error| {
        match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenFault::Signature,
            _ => TokenFault::Malformed,
        }
    })
}

//! Checks an agency's token: an EdDSA JWT for this chain, by a key that membership has now, for minutes at most.
//!
//! The token itself is never logged, kept or repeated in an error; the cache knows it by its hash.

use std::{fmt, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::SharedClock;

/// The longest life of a token.
const TTL_S_MAX: u64 = hutong_keys::TOKEN_TTL_S_MAX;
/// How far ahead of ours an agency's clock may be.
const CLOCK_SKEW_S: u64 = 30;
/// A longer token is none of ours, and not worth hashing.
const TOKEN_BYTES_MAX: usize = 4096;
const CACHED_TOKENS_MAX: u64 = 10_000;

/// The keys of agencies, as membership has them now.
pub trait KeyDirectory: fmt::Debug + Send + Sync + 'static {
    /// The public signing key of an agency under its id, if the agency has it now.
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]>;

    /// The id of the chain that tokens must be for.
    fn chain(&self) -> &str;
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("the Authorization header is not a bearer token")]
    NotBearer,
    #[error("it is not a JWT with the claims iss, sub, aud, iat and exp and a kid in its header")]
    Malformed,
    #[error("its algorithm is not EdDSA")]
    Algorithm,
    #[error("its issuer and subject differ")]
    Subject,
    #[error("it is for another chain")]
    Audience,
    #[error("the agency has no such key now")]
    Key,
    #[error("its signature is wrong")]
    Signature,
    #[error("it has expired")]
    Expired,
    #[error("it was issued in the future; check the clock it was made with")]
    Future,
    #[error("it lives longer than 300 seconds")]
    Lifetime,
}

impl TokenFault {
    /// The stable name of the fault.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotBearer => "not_bearer",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Subject => "subject",
            Self::Audience => "audience",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::Future => "future",
            Self::Lifetime => "lifetime",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: u64,
    exp: u64,
}

/// A token whose signature was right.
#[derive(Clone)]
struct Verified {
    agency: Arc<str>,
    key_id: Arc<str>,
    key: [u8; 32],
    expires_s: u64,
}

/// Checks tokens, and each only once while it lives.
pub struct Authenticator {
    directory: Arc<dyn KeyDirectory>,
    clock: SharedClock,
    verified: Cache<[u8; 32], Verified>,
}

impl Authenticator {
    pub fn new(directory: Arc<dyn KeyDirectory>, clock: SharedClock) -> Self {
        let verified = Cache::builder()
            .max_capacity(CACHED_TOKENS_MAX)
            .time_to_live(Duration::from_secs(TTL_S_MAX + CLOCK_SKEW_S))
            .build();
        Self { directory, clock, verified }
    }

    /// The agency whose token it is.
    pub fn verify(&self, token: &str) -> Result<String, TokenFault> {
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
            Ok(known.agency.to_string())
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
        Ok(Verified { agency: claims.iss.into(), key_id: key_id.into(), key, expires_s: claims.exp })
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

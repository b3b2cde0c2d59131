//! Agency tokens: short-lived EdDSA JWTs that an agency signs with its own registered key.
//!
//! Made by hand rather than by a JWT library, so that the key's secret never leaves [`SigningKey`]. Checking
//! them is the HTTP server's work.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{Error, SigningKey, random};

/// The longest life of a token, in seconds.
pub const TOKEN_TTL_S_MAX: u64 = 300;

/// A token with which the agency may call the chain's services until `now_unix_s + ttl_s`.
pub fn mint_token(
    key: &SigningKey,
    agency: &str,
    chain: &str,
    now_unix_s: u64,
    ttl_s: u64,
) -> Result<String, Error> {
    mint_token_for(key, agency, chain, None, now_unix_s, ttl_s)
}

/// As [`mint_token`], for an official of the agency, named by a pseudonym (the actor of RFC 8693).
pub fn mint_token_for(
    key: &SigningKey,
    agency: &str,
    chain: &str,
    official: Option<&str>,
    now_unix_s: u64,
    ttl_s: u64,
) -> Result<String, Error> {
    if ttl_s > TOKEN_TTL_S_MAX {
        return Err(Error::TokenTtl { ttl_s, max_s: TOKEN_TTL_S_MAX });
    }
    let mut id = [0; 16];
    random::fill(&mut id)?;
    let mut claims = json!({
        "iss": agency,
        "sub": agency,
        "aud": chain,
        "iat": now_unix_s,
        "exp": now_unix_s.saturating_add(ttl_s),
        "jti": hex::encode(id),
    });
    if let Some(official) = official {
        claims["act"] = json!({ "sub": official });
    }
    Ok(sign_claims(key, &claims))
}

/// A JWT with these claims, signed by EdDSA under the key's id.
pub fn sign_claims(key: &SigningKey, claims: &serde_json::Value) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": key.key_id() });
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify_strict;

    fn decode(part: &str) -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn says_who_for_which_chain_and_how_long() {
        let key = SigningKey::from_seed(&[3; 32]);
        let token = mint_token(&key, "land-registry", "riverton-0011223344556677", 1000, 300).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(decode(parts[0])["kid"], key.key_id());
        assert_eq!(decode(parts[0])["alg"], "EdDSA");
        let claims = decode(parts[1]);
        assert_eq!(claims["iss"], "land-registry");
        assert_eq!(claims["sub"], "land-registry");
        assert_eq!(claims["aud"], "riverton-0011223344556677");
        assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(1000), Some(1300)));
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let signed = token.rsplit_once('.').unwrap().0;
        assert!(verify_strict(&key.public(), signed.as_bytes(), &signature));
    }

    #[test]
    fn an_official_is_named_as_its_actor() {
        let key = SigningKey::from_seed(&[3; 32]);
        let claims = |token: String| decode(token.split('.').nth(1).unwrap());
        let named = claims(mint_token_for(&key, "a", "c", Some("clerk-7"), 1, 1).unwrap());
        assert_eq!((&named["sub"], &named["act"]["sub"]), (&json!("a"), &json!("clerk-7")));
        assert!(claims(mint_token(&key, "a", "c", 1, 1).unwrap()).get("act").is_none());
    }

    #[test]
    fn two_tokens_are_never_the_same() {
        let key = SigningKey::from_seed(&[3; 32]);
        assert_ne!(mint_token(&key, "a", "c", 1, 1).unwrap(), mint_token(&key, "a", "c", 1, 1).unwrap());
    }

    #[test]
    fn a_long_life_is_refused() {
        let key = SigningKey::from_seed(&[3; 32]);
        assert!(matches!(
            mint_token(&key, "a", "c", 0, 301),
            Err(Error::TokenTtl { ttl_s: 301, max_s: 300 })
        ));
    }
}

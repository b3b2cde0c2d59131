//! An identity provider's keys (RFC 7517), each good for exactly one algorithm: what a token's header says can never
//! make another use of a key than the one its own form allows.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// More keys than a provider has in any rotation.
const KEYS_MAX: usize = 64;
/// Below this RSA is too weak, above it too slow.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The algorithms that are taken: one per kind of key.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "EdDSA" => Some(Algorithm::EdDSA),
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        _ => None,
    }
}

/// A key set document. Keys of kinds that are unknown here are passed over: others may use them.
#[derive(Deserialize)]
pub(super) struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A key that checks signatures of one algorithm.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    /// Of algorithm and material: tells whether a key is still the one it was.
    pub(super) fingerprint: [u8; 32],
}

/// The keys of one provider that are of use.
#[derive(Clone, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    pub(super) fn of(document: Document) -> Self {
        let keys = document.keys.into_iter().take(KEYS_MAX);
        Self(keys.filter_map(|key| read(serde_json::from_value(key).ok()?)).collect())
    }

    /// The key that a token names. One without a name may be meant only where nothing else can be.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fits = self.0.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => fits.find(|key| key.id.as_deref() == Some(id)),
            None => fits.next().filter(|_| fits.next().is_none()),
        }
    }

    pub(super) fn has(&self, fingerprint: &[u8; 32]) -> bool {
        self.0.iter().any(|key| key.fingerprint == *fingerprint)
    }
}

fn read(jwk: Jwk) -> Option<Key> {
    let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !signs {
        return None;
    }
    let (algorithm, decoding, material) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => {
            let x = fixed(jwk.x.as_deref()?, 32)?;
            (Algorithm::EdDSA, DecodingKey::from_ed_der(&x), x)
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (fixed(jwk.x.as_deref()?, 32)?, fixed(jwk.y.as_deref()?, 32)?);
            let point = [&[4], x.as_slice(), &y].concat();
            (Algorithm::ES256, DecodingKey::from_ec_der(&point), point)
        }
        ("RSA", None) => {
            let (n, e) = (number(jwk.n.as_deref()?)?, number(jwk.e.as_deref()?)?);
            let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
            if !RSA_BITS.contains(&bits) {
                return None;
            }
            (
                Algorithm::RS256,
                DecodingKey::from_rsa_raw_components(&n, &e),
                [n.as_slice(), &[0], &e].concat(),
            )
        }
        _ => return None,
    };
    // A key may name what it is for; then it is for nothing else.
    if jwk.alg.is_some_and(|named| self::algorithm(&named) != Some(algorithm)) {
        return None;
    }
    let fingerprint = Sha256::new().chain_update([algorithm as u8]).chain_update(&material).finalize().into();
    Some(Key { id: jwk.kid, algorithm, decoding, fingerprint })
}

fn fixed(text: &str, bytes: usize) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|decoded| decoded.len() == bytes)
}

/// A number without leading zeros.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let from = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[from..].to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn keys(keys: Value) -> Keys {
        Keys::of(serde_json::from_value(json!({ "keys": keys })).unwrap())
    }

    fn okp(id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": URL_SAFE_NO_PAD.encode([7; 32]) })
    }

    fn rsa(bytes: usize) -> Value {
        json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0xc1; bytes]), "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn a_key_is_for_one_algorithm() {
        let all = [Algorithm::EdDSA, Algorithm::RS256, Algorithm::ES256, Algorithm::HS256];
        for algorithm in all {
            assert_eq!(keys(json!([okp("a")])).find(Some("a"), algorithm).is_some(), algorithm == all[0]);
            assert_eq!(keys(json!([rsa(256)])).find(None, algorithm).is_some(), algorithm == all[1]);
        }
    }

    #[test]
    fn what_is_of_no_use_is_passed_over() {
        let of_no_use = [
            json!({ "kty": "oct", "k": "AAAA", "kid": "a" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA" }),
            json!("a key"),
            with(okp("a"), "use", json!("enc")),
            with(okp("a"), "key_ops", json!(["sign"])),
            with(okp("a"), "alg", json!("HS256")),
            with(okp("a"), "alg", json!("RS256")),
            with(okp("a"), "crv", json!("X25519")),
            with(okp("a"), "x", json!("AAAA")),
            rsa(255),
            rsa(128),
            rsa(1025),
            with(rsa(256), "alg", json!("PS256")),
            with(rsa(256), "n", json!("")),
        ];
        for key in of_no_use {
            assert!(keys(json!([key])).0.is_empty(), "{key}");
            assert!(keys(json!([key, okp("b")])).find(Some("b"), Algorithm::EdDSA).is_some(), "{key}");
        }
        for used in [with(okp("a"), "alg", json!("EdDSA")), with(okp("a"), "use", json!("sig")), rsa(256)] {
            assert_eq!(keys(json!([used])).0.len(), 1, "{used}");
        }
    }

    #[test]
    fn a_token_without_a_key_id_needs_a_single_key() {
        assert!(keys(json!([okp("a"), rsa(256)])).find(None, Algorithm::EdDSA).is_some());
        assert!(keys(json!([okp("a"), okp("b")])).find(None, Algorithm::EdDSA).is_none());
        assert!(keys(json!([okp("a"), okp("b")])).find(Some("b"), Algorithm::EdDSA).is_some());
        assert!(keys(json!([okp("a")])).find(Some("b"), Algorithm::EdDSA).is_none());
        assert_eq!(keys(json!(vec![okp("a"); 1000])).0.len(), KEYS_MAX);
    }
}

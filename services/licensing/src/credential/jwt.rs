//! JSON Web Tokens signed with Ed25519 (RFC 7515, RFC 8037): the one algorithm that is written and read here.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hutong_keys::{PublicKey, SigningKey, verify_strict};
use serde_json::{Map, Value, json};

use super::Fault;

/// A token that was read and not verified.
#[derive(Clone, Debug)]
pub struct Jwt<'a> {
    pub header: Map<String, Value>,
    pub payload: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Signs a payload under a type.
pub fn sign(key: &SigningKey, typ: &str, payload: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "kid": key.key_id(), "typ": typ });
    let signed = format!("{}.{}", encode(header.to_string()), encode(payload.to_string()));
    let signature = encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The public key as a JWK.
pub fn jwk(key: &PublicKey) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.key_id(), "x": encode(key.as_bytes()),
    })
}

/// The Ed25519 key of a JWK; none if it is of another kind, or one that signs for anybody.
pub fn key_of(jwk: &Value) -> Option<PublicKey> {
    let is = |name: &str, wanted: &str| jwk[name].as_str() == Some(wanted);
    if !is("kty", "OKP") || !is("crv", "Ed25519") {
        return None;
    }
    let key = PublicKey(decode(jwk["x"].as_str()?)?.try_into().ok()?);
    key.check().is_ok().then_some(key)
}

impl<'a> Jwt<'a> {
    pub fn read(text: &'a str) -> Result<Self, Fault> {
        let (signed, signature) = text.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Fault::Malformed)?;
        let object =
            |part: &str| -> Option<Map<String, Value>> { serde_json::from_slice(&decode(part)?).ok() };
        Ok(Self {
            header: object(header).ok_or(Fault::Malformed)?,
            payload: object(payload).ok_or(Fault::Malformed)?,
            signed,
            signature: decode(signature).ok_or(Fault::Malformed)?,
        })
    }

    /// Refuses another type, another algorithm, extensions that must be understood, and a wrong signature.
    pub fn verify(&self, typ: &[&str], key: &PublicKey) -> Result<(), Fault> {
        let text = |name: &str| self.header.get(name).and_then(Value::as_str);
        if !text("typ").is_some_and(|found| typ.contains(&found)) {
            return Err(Fault::Type);
        }
        if text("alg") != Some("EdDSA") || self.header.contains_key("crit") {
            return Err(Fault::Algorithm);
        }
        if verify_strict(key, self.signed.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(Fault::Signature)
        }
    }
}

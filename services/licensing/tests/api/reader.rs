//! A reader of SD-JWT VC and status lists that shares nothing with the service: signatures by jsonwebtoken, digests and
//! lists by hand.

use std::io::Read;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Map, Value};

use crate::Running;

pub(crate) fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(hutong_ledger::hash::sha256(&[text.as_bytes()]).0)
}

/// What a URL answers, whatever its host.
async fn fetch(running: &Running, url: &str) -> crate::Answer {
    let path = url.strip_prefix("https://").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap();
    running.get(path).await
}

/// The payload of a token that a key of the issuer signed.
pub(crate) async fn token(running: &Running, issuer: &str, token: &str, typ: &str) -> Map<String, Value> {
    let (scheme, rest) = issuer.split_at("https://".len());
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let metadata = fetch(running, &format!("{scheme}{host}/.well-known/jwt-vc-issuer{path}")).await.body;
    assert_eq!(metadata["issuer"], issuer);
    let keys: JwkSet = serde_json::from_value(metadata["jwks"].clone()).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some(typ));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    // Time is the city's, not this machine's.
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    decode(token, &key, &validation).unwrap().claims
}

/// What a credential shows: what is said in the clear, and its disclosed claims.
pub(crate) async fn credential(running: &Running, text: &str) -> (Map<String, Value>, Map<String, Value>) {
    let mut parts = text.split('~');
    let signed = parts.next().unwrap();
    let unverified: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let said = token(running, unverified["iss"].as_str().unwrap(), signed, "dc+sd-jwt").await;
    assert_eq!(said["_sd_alg"], "sha-256");
    let digests: Vec<&str> =
        said["_sd"].as_array().unwrap().iter().map(|digest| digest.as_str().unwrap()).collect();
    let mut claims = Map::new();
    for disclosure in parts.filter(|part| !part.is_empty()) {
        assert!(digests.contains(&digest(disclosure).as_str()), "a disclosure that was not signed");
        let triple: Vec<Value> =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(disclosure).unwrap()).unwrap();
        assert_eq!(triple.len(), 3);
        assert!(
            URL_SAFE_NO_PAD.decode(triple[0].as_str().unwrap()).unwrap().len() >= 16,
            "a salt of 128 bits"
        );
        claims.insert(triple[1].as_str().unwrap().to_owned(), triple[2].clone());
    }
    (said, claims)
}

/// The entry of a credential in its status list.
pub(crate) async fn status(running: &Running, said: &Map<String, Value>) -> u8 {
    let place = &said["status"]["status_list"];
    let uri = place["uri"].as_str().unwrap();
    let answer = fetch(running, uri).await;
    assert_eq!(answer.headers["content-type"], "application/statuslist+jwt");
    let list = token(running, said["iss"].as_str().unwrap(), &answer.text, "statuslist+jwt").await;
    assert_eq!(list["sub"], uri);
    assert!(
        list["exp"].as_u64().unwrap() > list["iat"].as_u64().unwrap() && list["ttl"].as_u64().unwrap() > 0
    );
    let bits = list["status_list"]["bits"].as_u64().unwrap();
    let packed = URL_SAFE_NO_PAD.decode(list["status_list"]["lst"].as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    ZlibDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let bit = place["idx"].as_u64().unwrap() * bits;
    bytes[(bit / 8) as usize] >> (bit % 8) & ((1 << bits) - 1)
}

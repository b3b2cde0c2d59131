//! A made-up identity provider on this machine: its documents, its keys, its failures.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use hutong_keys::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey};
use parking_lot::Mutex;
use serde_json::{Value, json};

const RSA: &[u8] = include_bytes!("rsa.der");
const RSA_MODULUS: &str = include_str!("rsa.modulus");
const P256: &[u8] = include_bytes!("p256.der");
const P256_X: &str = "xzE2TPl-HC8GUgO09Q5YiGFJ611jcsNtjydAiLSC6u4";
const P256_Y: &str = "Si0EwTOtWEyMndmjRK4j5ZT--4ubPNcM8szdCcAY9M8";

/// What the provider shows, which a test may change while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) keys: Vec<Value>,
    /// Where it says that it is; none: where it is.
    pub(super) issuer: Option<String>,
    /// Where it says that its keys are; none: where they are.
    pub(super) jwks_uri: Option<String>,
    pub(super) cache_control: Option<&'static str>,
    pub(super) status: Option<u16>,
    /// An answer that is none of its documents.
    pub(super) garbage: Option<Vec<u8>>,
    /// How often its keys were asked for.
    pub(super) fetched: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) shown: Arc<Mutex<Shown>>,
    pub(super) key: SigningKey,
}

impl Provider {
    /// Runs until the test's runtime ends.
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/city", listener.local_addr().unwrap());
        let key = SigningKey::from_seed(&[1; 32]);
        let shown = Shown { keys: vec![ed25519("first", &key)], ..Shown::default() };
        let provider = Self { issuer, shown: Arc::new(Mutex::new(shown)), key };
        let app = Router::new()
            .route("/city/.well-known/openid-configuration", get(discovery))
            .route("/city/keys", get(keys))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        provider
    }

    pub(super) fn fetched(&self) -> usize {
        self.shown.lock().fetched
    }

    /// A token by the first key.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_by("first", &self.key, claims)
    }

    pub(super) fn token_by(&self, kid: &str, key: &SigningKey, claims: &Value) -> String {
        by_ed25519(&json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid }), key, claims)
    }
}

async fn discovery(State(provider): State<Provider>) -> Response {
    let shown = provider.shown.lock().clone();
    let issuer = shown.issuer.clone().unwrap_or_else(|| provider.issuer.clone());
    let jwks_uri = shown.jwks_uri.clone().unwrap_or_else(|| format!("{}/keys", provider.issuer));
    answer(&shown, &json!({ "issuer": issuer, "jwks_uri": jwks_uri }))
}

async fn keys(State(provider): State<Provider>) -> Response {
    let shown = {
        let mut shown = provider.shown.lock();
        shown.fetched += 1;
        shown.clone()
    };
    answer(&shown, &json!({ "keys": shown.keys }))
}

fn answer(shown: &Shown, document: &Value) -> Response {
    if let Some(status) = shown.status {
        let moved = [("location", "http://127.0.0.1:1/")];
        return (StatusCode::from_u16(status).unwrap(), moved, document.to_string()).into_response();
    }
    let body = shown.garbage.clone().unwrap_or_else(|| document.to_string().into_bytes());
    let mut response = Response::new(Body::from(body));
    if let Some(value) = shown.cache_control {
        response.headers_mut().insert("cache-control", value.parse().unwrap());
    }
    response
}

pub(super) fn ed25519(kid: &str, key: &SigningKey) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode(key.public().0) })
}

pub(super) fn rsa(kid: &str) -> Value {
    json!({ "kty": "RSA", "kid": kid, "n": RSA_MODULUS.trim(), "e": "AQAB" })
}

pub(super) fn p256(kid: &str) -> Value {
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": P256_X, "y": P256_Y })
}

/// A token with any header, signed by an Ed25519 key.
pub(super) fn by_ed25519(header: &Value, key: &SigningKey, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())))
}

/// A token with any header, signed by the RSA or P-256 key, or with HMAC under any secret.
pub(super) fn by(header: &Value, algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
    let key = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_der(RSA),
        Algorithm::ES256 => EncodingKey::from_ec_der(P256),
        _ => EncodingKey::from_secret(secret),
    };
    let signed = unsigned(header, claims);
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap();
    format!("{signed}.{signature}")
}

pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

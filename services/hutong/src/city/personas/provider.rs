//! What the made-up identity provider shows: who it is, and the key that its tokens are signed with. It lets nobody log
//! in; tokens come from `hutong token --persona` and the portal.

use axum::{Json, Router, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hutong_keys::SigningKey;
use serde_json::json;

pub(super) fn routes(path: &str, issuer: &str, key: &SigningKey) -> Router {
    let discovery = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "claims_supported":
            ["iss", "sub", "aud", "iat", "exp", "persona", "resident_id", "role", "agency"],
        "persona": true,
    });
    let jwks = json!({ "keys": [{
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": key.key_id(),
        "x": URL_SAFE_NO_PAD.encode(key.public().0),
    }] });
    Router::new()
        .route(&format!("{path}/.well-known/openid-configuration"), get(|| async { Json(discovery) }))
        .route(&format!("{path}/jwks"), get(|| async { Json(jwks) }))
}

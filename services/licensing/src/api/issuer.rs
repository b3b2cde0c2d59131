//! What whoever checks credentials fetches: the issuer's keys, the status lists, the credentials' type. Under the paths that
//! the issuer's name in credentials gives.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use hutong_runtime::http::{Json, Path, Problem};
use serde_json::{Value, json};

use crate::{
    LicensingService,
    credential::{jwt, status_list::MEDIA_TYPE},
};

/// The issuer's keys
///
/// SD-JWT VC issuer metadata. With an issuer whose name has a path, that path follows.
#[utoipa::path(get, path = "/.well-known/jwt-vc-issuer", tag = "licensing", responses(
    (status = 200, description = "`issuer` and `jwks`.", body = Value)))]
pub(super) async fn metadata(State(service): State<LicensingService>) -> Json<Value> {
    let keys: Vec<Value> = service.keys.iter().map(jwt::jwk).collect();
    Json(json!({ "issuer": service.issuer.url(), "jwks": { "keys": keys } }))
}

/// A status list
///
/// IETF Token Status List, two bits an entry: 0 stands, 1 revoked, 2 suspended.
#[utoipa::path(get, path = "/licensing/v1/status/{list}", tag = "licensing", params(("list" = u64, Path)), responses(
    (status = 200, description = "The list, signed.", body = String, content_type = "application/statuslist+jwt"),
    (status = 400, description = "`malformed_path`"),
    (status = 404, description = "`status_list_unknown`")))]
pub(super) async fn status_list(
    State(service): State<LicensingService>,
    Path(list): Path<u64>,
) -> Result<Response, Problem> {
    let token = service.status_token(list).map_err(Problem::internal)?;
    let token = token.ok_or_else(|| {
        Problem::new("status_list_unknown", StatusCode::NOT_FOUND, format!("There is no status list {list}."))
    })?;
    let kept = format!("public, max-age={}", service.config.status_ttl_s);
    let kept = HeaderValue::try_from(kept).map_err(Problem::internal)?;
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::CACHE_CONTROL, kept),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    Ok((headers, token).into_response())
}

/// The type of the credentials
#[utoipa::path(get, path = "/licensing/v1/types/licence", tag = "licensing", responses(
    (status = 200, description = "SD-JWT VC type metadata.", body = Value)))]
pub(super) async fn credential_type(State(service): State<LicensingService>) -> Json<Value> {
    Json(json!({
        "vct": service.issuer.vct(),
        "name": "Licence",
        "description": "A licence of a business, as a city's register of licences has it. Each claim can be shown alone.",
        "display": [{ "locale": "en", "name": "Licence" }],
    }))
}

//! Checks for everyone, without a token: codes, resident ids, licences by number, credentials.

use axum::extract::State;
use http::StatusCode;
use hutong_disclosure::ResidentId;
use hutong_runtime::http::{Json, Path, Problem};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    LicensingService,
    code::{CreditCode, is_organisation_code},
    contract::render_licence,
    credential::sd_jwt::Wanted,
    issue::unavailable,
    verify::Checked,
};

/// The most resident ids of one check.
const RESIDENTS_MAX: usize = 1000;

/// Whether a unified social credit code is one
///
/// Its form and check character (GB 32100). Whether anyone bears it is told apart.
#[utoipa::path(get, path = "/licensing/v1/check/{uscc}", tag = "licensing", params(("uscc" = String, Path)), responses(
    (status = 200, description = "Also for what is no code at all: `valid` is false then, and `reason` says why.", body = Value),
    (status = 400, description = "`malformed_path`: bytes that are no text"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn code(
    State(service): State<LicensingService>,
    Path(uscc): Path<String>,
) -> Result<Json<Value>, Problem> {
    let code: CreditCode = match uscc.parse() {
        Ok(code) => code,
        Err(invalid) => {
            let invalid: crate::code::InvalidCode = invalid;
            return Ok(Json(
                json!({ "valid": false, "reason": invalid.code(), "detail": invalid.to_string() }),
            ));
        }
    };
    let business = service.business(code.as_str()).await.map_err(unavailable)?;
    Ok(Json(json!({
        "valid": true,
        "uscc": code.as_str(),
        "organisation_code": code.organisation(),
        "organisation_code_valid": is_organisation_code(code.organisation()),
        "registered": business.is_some(),
        "name": business.map(|business| business.name),
    })))
}

/// Resident ids to be checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Residents {
    /// At most 1,000. They are looked at and forgotten.
    #[schema(value_type = Vec<String>)]
    resident_ids: Vec<Value>,
}

/// Whether resident ids are some
///
/// Their check character and date of birth (GB 11643), in order. Nobody is looked up.
#[utoipa::path(post, path = "/licensing/v1/check", tag = "licensing", request_body = Residents, responses(
    (status = 200, description = "{valid}: one true or false for each, in order.", body = Value),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `too_many_items`")))]
pub(super) async fn residents(Json(asked): Json<Residents>) -> Result<Json<Value>, Problem> {
    if asked.resident_ids.len() > RESIDENTS_MAX {
        let detail = format!("At most {RESIDENTS_MAX} resident ids are checked at once.");
        let problem = Problem::new("too_many_items", StatusCode::UNPROCESSABLE_ENTITY, detail);
        return Err(problem.field("resident_ids"));
    }
    // What is no text is no id; to say so would repeat it.
    let is_one = |id: &Value| id.as_str().is_some_and(|id| id.parse::<ResidentId>().is_ok());
    let valid: Vec<bool> = asked.resident_ids.iter().map(is_one).collect();
    Ok(Json(json!({ "valid": valid })))
}

/// Whether the licence of a number stands
#[utoipa::path(get, path = "/licensing/v1/check/licence/{id}", tag = "licensing", params(("id" = String, Path)), responses(
    (status = 200, description = "Also for numbers of no licence: `valid` is false then, and `reason` says why.", body = Value),
    (status = 400, description = "`malformed_path`: bytes that are no text"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn number(
    State(service): State<LicensingService>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let checked = service.check_licence(&id).await.map_err(unavailable)?;
    Ok(Json(told(&checked)))
}

/// A credential to be checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    /// `<token>~<disclosure>~…~`, and the holder's proof if there is one.
    credential: String,
    /// The holder must prove to have been asked by this audience.
    audience: Option<String>,
    /// The holder must prove to have been asked with this nonce.
    nonce: Option<String>,
}

/// Whether a credential stands
///
/// Its signature, its disclosures, its time, the ledger's word on the licence, and the holder's proof where it brings one.
#[utoipa::path(post, path = "/licensing/v1/verify", tag = "licensing", request_body = Credential, responses(
    (status = 200, description = "{valid}; `reason` says why not; `claims` are those that are shown.", body = Value),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn verify(
    State(service): State<LicensingService>,
    Json(asked): Json<Credential>,
) -> Result<Json<Value>, Problem> {
    let wanted = Wanted { audience: asked.audience.as_deref(), nonce: asked.nonce.as_deref() };
    let checked = service.check_credential(&asked.credential, &wanted).await.map_err(unavailable)?;
    Ok(Json(told(&checked)))
}

/// What anyone may know of a licence.
fn told(checked: &Checked) -> Value {
    let mut told = json!({ "valid": checked.valid });
    if let Some(reason) = checked.reason {
        told["reason"] = reason.into();
    }
    if let (Some(licence), Some(standing)) = (&checked.licence, checked.standing) {
        let whole = render_licence(licence);
        told["status"] = crate::contract::standing_name(standing).into();
        told["licence"] = json!({
            "id": licence.id,
            "uscc": licence.uscc,
            "name": checked.business,
            "kind": licence.kind,
            "valid_from": whole["valid_from"],
            "valid_until": whole["valid_until"],
        });
    }
    if let Some(shown) = &checked.shown {
        told["claims"] = Value::Object(shown.claims.clone());
        told["newest"] = shown.newest.into();
        told["holder"] = match (shown.bound, shown.proven) {
            (_, true) => "proven",
            (true, false) => "not_proven",
            (false, false) => "not_bound",
        }
        .into();
    }
    told
}

//! The routes of licensing: writing for the agency that issues, reading for agencies, checking for everyone. Everything
//! shown is final.

mod checks;
mod decisions;
mod form;
mod issuer;
mod licences;
mod page;

use axum::{
    Router,
    routing::{get, post},
};
use utoipa::OpenApi;

use crate::LicensingService;

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        licences::create,
        licences::list,
        licences::one,
        decisions::revoke,
        decisions::suspend,
        decisions::reinstate,
        licences::renew,
        licences::credential,
        licences::business,
        checks::code,
        checks::residents,
        checks::number,
        checks::verify,
        page::show,
        page::check,
        page::style,
        issuer::metadata,
        issuer::status_list,
        issuer::credential_type
    ),
    components(schemas(
        form::Page,
        form::NewLicence,
        form::Reason,
        form::Renewal,
        checks::Residents,
        checks::Credential
    ))
)]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The routes; those of the issuer stand where its name in credentials says.
pub fn routes(service: LicensingService) -> Router {
    let issuer = service.issuer.clone();
    Router::new()
        .route("/licensing/v1/licences", get(licences::list).post(licences::create))
        .route("/licensing/v1/licences/{id}", get(licences::one))
        .route("/licensing/v1/licences/{id}/revoke", post(decisions::revoke))
        .route("/licensing/v1/licences/{id}/suspend", post(decisions::suspend))
        .route("/licensing/v1/licences/{id}/reinstate", post(decisions::reinstate))
        .route("/licensing/v1/licences/{id}/renew", post(licences::renew))
        .route("/licensing/v1/licences/{id}/credential", post(licences::credential))
        .route("/licensing/v1/businesses/{uscc}", get(licences::business))
        .route("/licensing/v1/check", post(checks::residents))
        .route("/licensing/v1/check/{uscc}", get(checks::code))
        .route("/licensing/v1/check/licence/{id}", get(checks::number))
        .route("/licensing/v1/verify", post(checks::verify))
        .route("/licensing/check", get(page::show).post(page::check))
        .route("/licensing/check.css", get(page::style))
        .route(&issuer.metadata_path(), get(issuer::metadata))
        .route(&format!("{}/{{list}}", issuer.status_path()), get(issuer::status_list))
        .route(&issuer.type_path(), get(issuer::credential_type))
        .with_state(service)
}

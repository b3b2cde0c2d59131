//! `/v1/subjects/me/consents`: given, listed and withdrawn in one call each.

use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use hutong_ledger::id::Domain;
use hutong_runtime::{
    auth::RequirePerson,
    http::{Json, Path, Problem},
};

use crate::{
    PortalService,
    consents::{Consents, Given, Wanted},
};

/// Consents you gave, with their state
#[utoipa::path(get, path = "/v1/subjects/me/consents", tag = "subjects", responses(
    (status = 200, body = Consents),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn list(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
) -> Result<Json<Consents>, Problem> {
    let own = service.own(&person, None).await?;
    service.consents(&own).await.map(Json)
}

/// Consent to an agency's reading; it holds when the answer comes
#[utoipa::path(post, path = "/v1/subjects/me/consents", tag = "subjects", request_body = Wanted, responses(
    (status = 201, body = Given),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`, `not_the_owner`: this portal does not sign for the domain's owner."),
    (status = 404, description = "`unknown_domain`, `person_unknown`: nothing of yours lies in the domain."),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or the contract's code: `consumer_unknown`, `consent_invalid`, …"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn give(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Given>), Problem> {
    let given = service.give(&person, wanted).await?;
    let at = format!("/v1/subjects/me/consents/{}/{}", given.domain, given.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, at)], Json(given)))
}

/// Withdraw a consent; it is withdrawn when the answer comes
#[utoipa::path(post, path = "/v1/subjects/me/consents/{domain}/{id}/withdraw", tag = "subjects",
    params(("domain" = String, Path), ("id" = String, Path, description = "16 hex digits.")), responses(
    (status = 200, body = Given),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`, `not_the_owner`"),
    (status = 404, description = "`unknown_domain`, `person_unknown`, `consent_unknown`"),
    (status = 422, description = "`consent_withdrawn`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn withdraw(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
    Path((domain, id)): Path<(String, String)>,
) -> Result<Json<Given>, Problem> {
    let domain: Domain = domain.parse().map_err(|error| {
        let detail = format!("It is no name of a domain: {error}.");
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, detail).field("domain")
    })?;
    service.withdraw(&person, domain, &id).await.map(Json)
}

/// Withdraw a consent, as DELETE; it stays listed as withdrawn
#[utoipa::path(delete, path = "/v1/subjects/me/consents/{domain}/{id}", tag = "subjects",
    params(("domain" = String, Path), ("id" = String, Path, description = "16 hex digits.")), responses(
    (status = 200, body = Given),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`, `not_the_owner`"),
    (status = 404, description = "`unknown_domain`, `person_unknown`, `consent_unknown`"),
    (status = 422, description = "`consent_withdrawn`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn delete(
    service: State<PortalService>,
    person: RequirePerson,
    path: Path<(String, String)>,
) -> Result<Json<Given>, Problem> {
    withdraw(service, person, path).await
}

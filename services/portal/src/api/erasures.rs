//! `/v1/subjects/me/erasures`: having one's own data erased, and the certificates of it.

use axum::extract::State;
use http::StatusCode;
use hutong_runtime::{
    auth::RequirePerson,
    http::{Json, Problem},
};

use crate::{
    PortalService,
    erase::{Erased, Wish},
    erasures::Erasures,
};

/// Certificates of erasure about you, with those who had read what was erased
#[utoipa::path(get, path = "/v1/subjects/me/erasures", tag = "subjects", responses(
    (status = 200, body = Erasures),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn list(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
) -> Result<Json<Erasures>, Problem> {
    let own = service.own(&person, None).await?;
    service.erasures(&own).await.map(Json)
}

/// Have the sealed fields of a record about you alone erased; the certificate is final when the answer comes
#[utoipa::path(post, path = "/v1/subjects/me/erasures", tag = "subjects", request_body = Wish, responses(
    (status = 201, body = Erased),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`, `not_the_owner`: this portal does not sign for the domain's owner."),
    (status = 404, description = "`unknown_domain`, `person_unknown`, `record_unknown`: there is no such record about you."),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`legal_hold` with `reason`, `shared_record`, `unexpected_json`, or the contract's code."),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn erase(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
    Json(wish): Json<Wish>,
) -> Result<(StatusCode, Json<Erased>), Problem> {
    let erased = service.erase(&person, wish).await?;
    Ok((StatusCode::CREATED, Json(erased)))
}

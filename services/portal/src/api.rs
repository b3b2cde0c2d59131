//! The routes of `/v1/subjects/me`: the person is whoever the token says, and nobody is ever named in an address.

mod accesses;
mod consents;
mod erasures;

use axum::{
    Router,
    extract::State,
    routing::{delete, get, post},
};
use http::StatusCode;
use hutong_runtime::{
    auth::RequirePerson,
    http::{Json, Problem},
};
use utoipa::OpenApi;

use crate::{
    PortalService,
    accesses::{Opened, Page, Seen},
    consents::{Consents, Given, Wanted},
    erase::{Erased, Wish},
    erasures::{Certificate, Erasures},
    me::{InDomain, Me},
};

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        me,
        accesses::list,
        accesses::document,
        accesses::receipt,
        consents::list,
        consents::give,
        consents::withdraw,
        consents::delete,
        erasures::list,
        erasures::erase
    ),
    components(schemas(
        Me,
        InDomain,
        Page,
        Seen,
        Opened,
        Consents,
        Given,
        Wanted,
        Erasures,
        Certificate,
        Erased,
        Wish
    ))
)]
struct Document;

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub(crate) fn routes(service: PortalService) -> Router {
    Router::new()
        .route("/v1/subjects/me", get(me))
        .route("/v1/subjects/me/accesses", get(accesses::list))
        .route("/v1/subjects/me/accesses/document", get(accesses::document))
        .route("/v1/subjects/me/receipts/{transaction}", get(accesses::receipt))
        .route("/v1/subjects/me/consents", get(consents::list).post(consents::give))
        .route("/v1/subjects/me/consents/{domain}/{id}", delete(consents::delete))
        .route("/v1/subjects/me/consents/{domain}/{id}/withdraw", post(consents::withdraw))
        .route("/v1/subjects/me/erasures", get(erasures::list).post(erasures::erase))
        .with_state(service)
}

/// Where data of yours lies
#[utoipa::path(get, path = "/v1/subjects/me", tag = "subjects", responses(
    (status = 200, body = Me),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
async fn me(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
) -> Result<Json<Me>, Problem> {
    let own = service.own(&person, None).await?;
    service.me(&person, &own).await.map(Json)
}

/// What is wrong with a query.
fn malformed(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
}

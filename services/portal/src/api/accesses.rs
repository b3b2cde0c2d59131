//! `/v1/subjects/me/accesses`: who looked, page by page or as a document that shows itself whole; and receipts.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use hutong_ledger::id::{Domain, TxId};
use hutong_runtime::{
    auth::RequirePerson,
    http::{Json, Path, Problem, Query},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::malformed;
use crate::{
    PortalService,
    accesses::{After, Page},
};

const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pages {
    /// Only this domain.
    domain: Option<String>,
    /// The last access of the page before: domain, a dot, and number.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// Who looked at your data
#[utoipa::path(get, path = "/v1/subjects/me/accesses", tag = "subjects", params(Pages), responses(
    (status = 200, body = Page),
    (status = 400, description = "`malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`"),
    (status = 404, description = "`unknown_domain`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn list(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
    Query(pages): Query<Pages>,
) -> Result<Json<Page>, Problem> {
    let domain = domain(pages.domain.as_deref())?;
    let after = pages.after.as_deref().map(after).transpose()?;
    let limit = pages.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(malformed("limit", format!("A page has 1 to {PAGE_MAX} accesses.")));
    }
    service.accesses_page(&person, domain, after, limit).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Only {
    /// Only this domain.
    domain: Option<String>,
}

/// The list of accesses as a document: `hutong verify --accesses` checks offline that it is whole
#[utoipa::path(get, path = "/v1/subjects/me/accesses/document", tag = "subjects", params(Only), responses(
    (status = 200, description = "{chain, persons: [{domain, handle, index, entries}]}", content_type = "application/json"),
    (status = 400, description = "`malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`"),
    (status = 404, description = "`unknown_domain`"),
    (status = 422, description = "`too_many_items`: ask for one domain at a time."),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`: nothing that is not whole is given."),
))]
pub(crate) async fn document(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
    Query(only): Query<Only>,
) -> Result<Response, Problem> {
    let list = service.document(&person, domain(only.domain.as_deref())?).await?;
    let disposition = [(header::CONTENT_DISPOSITION, "attachment; filename=\"accesses.json\"")];
    Ok((disposition, Json(list)).into_response())
}

/// The offline receipt of a transaction about you: an access, a consent, an erasure
#[utoipa::path(get, path = "/v1/subjects/me/receipts/{transaction}", tag = "subjects",
    params(("transaction" = String, Path, description = "Its id: 76 hex digits.")), responses(
    (status = 200, description = "The receipt; `hutong verify` checks it.", content_type = "application/json"),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`person_required`, `resident_id_missing`"),
    (status = 404, description = "`unknown_transaction`: there is none about you, or a court keeps it sealed."),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`"),
))]
pub(crate) async fn receipt(
    State(service): State<PortalService>,
    RequirePerson(person): RequirePerson,
    Path(transaction): Path<String>,
) -> Result<Response, Problem> {
    let id: TxId = transaction.parse().map_err(|_| {
        let detail = "A transaction's id has 76 hex digits.";
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, detail).field("transaction")
    })?;
    let receipt = service.receipt(&person, id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], receipt).into_response())
}

fn domain(text: Option<&str>) -> Result<Option<Domain>, Problem> {
    let parsed = text.map(str::parse::<Domain>).transpose();
    parsed.map_err(|error| malformed("domain", format!("It is no name of a domain: {error}.")))
}

fn after(text: &str) -> Result<After, Problem> {
    let parsed = text.split_once('.').and_then(|(domain, number)| {
        Some(After { domain: domain.parse().ok()?, number: number.parse().ok()? })
    });
    parsed.ok_or_else(|| malformed("after", "Give the last access of the page before: property.12, say."))
}

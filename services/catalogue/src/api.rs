//! The routes of `/catalogue`. Reading is for everyone, without a token; writing is for the agencies that this node
//! signs for. Everything shown is final.

mod agreements;
mod answer;
mod datasets;
mod dcat;
mod iri;
mod odrl;

use axum::{
    Router,
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hutong_desk::Desk;
use hutong_ledger::{
    contract::Refusal,
    id::{AgencyId, RecordId, RecordKey},
};
use hutong_peer::{StoredRecord, storage::Standing};
use hutong_runtime::{auth::RequireAgency, http::Problem};
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::{
    CatalogueService, DOMAIN,
    view::{Page, Query},
};
use answer::Form;

const PAGE_MAX: usize = 200;
const PAGE: usize = 50;

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        datasets::catalogue,
        datasets::list,
        datasets::one,
        datasets::publish,
        datasets::withdraw,
        agreements::list,
        agreements::one,
        agreements::revoke,
        agreements::draft
    ),
    components(schemas(datasets::Datasets, agreements::Agreements))
)]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(service: CatalogueService) -> Router {
    Router::new()
        .route("/catalogue/catalog.jsonld", get(datasets::catalogue))
        .route("/catalogue/datasets", get(datasets::list).post(datasets::publish))
        .route("/catalogue/datasets/{id}", get(datasets::one))
        .route("/catalogue/datasets/{id}/withdraw", post(datasets::withdraw))
        .route("/catalogue/agreements", get(agreements::list))
        // An agreement may have this id too.
        .route("/catalogue/agreements/draft", post(agreements::draft).get(agreements::one_named_draft))
        .route("/catalogue/agreements/{id}", get(agreements::one))
        .route("/catalogue/agreements/{id}/revoke", post(agreements::revoke))
        .with_state(service)
}

fn malformed(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
}

/// The part of a query that every list has.
fn query(after: Option<&str>, limit: Option<usize>, text: Option<&str>) -> Result<Query, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(malformed("limit", format!("A page has 1 to {PAGE_MAX} items.")));
    }
    let mut query = Query::new(after.map(str::to_owned), limit);
    if !query.text(text.unwrap_or_default()) {
        return Err(malformed("q", format!("A search has at most {} words.", crate::view::WORDS_MAX)));
    }
    Ok(query)
}

/// A page of a list: plain JSON, or JSON-LD for who wants that rather, then with the next page in a Link header.
fn page(headers: &HeaderMap, name: &str, context: Value, items: Items, next: Option<String>) -> Response {
    let form = Form::wanted(headers, Form::Plain);
    let body = match form {
        Form::Plain => json!({ name: items.plain, "next": next }),
        Form::Linked => json!({ "@context": context, "@graph": items.linked }),
    };
    let mut response = answer::document(form, &body);
    if let Some(Ok(link)) = next.map(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\""))) {
        response.headers_mut().insert(header::LINK, link);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// The items of a page in both forms.
#[derive(Debug, Default)]
struct Items {
    plain: Vec<Value>,
    linked: Vec<Value>,
}

/// The address of the page after this one.
fn next_page(path: &str, filters: &[(&str, Option<&str>)], page: &Page, limit: usize) -> Option<String> {
    let last = page.ids.last().filter(|_| page.more)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in filters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("after", last).append_pair("limit", &limit.to_string());
    Some(format!("{path}?{}", query.finish()))
}

/// The record in the path.
fn named(record: Result<RecordId, Refusal>) -> Result<RecordId, Problem> {
    record.map_err(|refusal| {
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, refusal.message).field("id")
    })
}

/// What the contract would say no to, said before anything is signed.
fn refused(refusal: Refusal) -> Problem {
    let problem = Problem::new(refusal.code, StatusCode::UNPROCESSABLE_ENTITY, refusal.message);
    match refusal.field {
        Some(field) => problem.field(&field),
        None => problem,
    }
}

fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

/// A live record with its value.
async fn find(service: &CatalogueService, record: RecordId) -> Result<Option<StoredRecord>, Problem> {
    let key = RecordKey { domain: DOMAIN, record };
    let stored = service.storage.record(key, None).await.map_err(unavailable)?;
    Ok(stored.filter(|stored| stored.value.is_some()))
}

async fn standing(service: &CatalogueService) -> Result<Standing, Problem> {
    service.storage.standing().await.map_err(unavailable)
}

/// The desk that signs for the caller.
fn desk<'a>(service: &'a CatalogueService, caller: &RequireAgency) -> Result<&'a Desk, Problem> {
    let agency = caller_id(caller)?;
    service.desks.get(&agency).ok_or_else(|| {
        let signed = service.desks.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let detail = format!(
            "This node signs for {signed} and not for {agency}: sign the transaction yourself and POST it to \
             /v1/transactions."
        );
        Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail)
    })
}

fn caller_id(caller: &RequireAgency) -> Result<AgencyId, Problem> {
    caller.0.parse().map_err(Problem::internal)
}

/// The value with where it comes from.
fn shown(mut plain: Value, stored: &StoredRecord) -> Value {
    plain["version"] = stored.version.into();
    plain["height"] = stored.height.into();
    plain["transaction"] = stored.transaction.to_string().into();
    plain
}

/// A page's records, in the order of its ids. One that changed since the index was read is shown as it is now.
async fn records(
    service: &CatalogueService,
    page: &Page,
    record: impl Fn(&str) -> Result<RecordId, Refusal>,
) -> Result<Vec<StoredRecord>, Problem> {
    let mut records = Vec::with_capacity(page.ids.len());
    for id in &page.ids {
        records.extend(find(service, record(id).map_err(Problem::internal)?).await?);
    }
    Ok(records)
}

//! The routes of `/epidemic/v1`. Analyses and what is published are for everyone; cases, exact counts and alerts for
//! agencies; writing is for the domain's owner, in whose name this node signs. Everything shown is final.

mod alerts;
mod analyse;
mod cases;
mod charts;
mod counts;
mod form;
mod published;
mod report;

use axum::{
    Router,
    routing::{get, post},
};
use http::StatusCode;
use hutong_runtime::{auth::Caller, http::Problem};
use utoipa::OpenApi;

use crate::{
    EpidemicService,
    day::{self, Day},
};

const PAGE_MAX: usize = 200;
const PAGE: usize = 50;

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        analyse::analyse,
        counts::counts,
        charts::chart,
        alerts::list,
        cases::list,
        cases::one,
        cases::history,
        report::report,
        report::revise,
        published::districts
    ),
    components(schemas(
        analyse::Request,
        analyse::Interval,
        analyse::Answer,
        analyse::Ears,
        analyse::Limit,
        analyse::Cumulated,
        analyse::Estimate,
        report::NewCase,
        report::Revision,
        form::Facts,
        form::Sealed,
        report::Written
    ))
)]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(service: EpidemicService) -> Router {
    Router::new()
        .route("/epidemic/v1/analyse", post(analyse::analyse))
        .route("/epidemic/v1/counts", get(counts::counts))
        .route("/epidemic/v1/districts", get(published::districts))
        .route("/epidemic/v1/series/{name}", get(charts::chart))
        .route("/epidemic/v1/alerts", get(alerts::list))
        .route("/epidemic/v1/cases", get(cases::list).post(report::report))
        .route("/epidemic/v1/cases/{id}", get(cases::one))
        .route("/epidemic/v1/cases/{id}/history", get(cases::history))
        .route("/epidemic/v1/cases/{id}/revisions", post(report::revise))
        .with_state(service)
}

fn malformed(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field(field)
}

/// How many items a page has.
fn page(limit: Option<usize>, usual: usize, max: usize) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(usual);
    if (1..=max).contains(&limit) {
        Ok(limit)
    } else {
        Err(malformed("limit", format!("A page has 1 to {max} items.")))
    }
}

fn parse_day(field: &str, text: Option<&str>) -> Result<Option<Day>, Problem> {
    let parse = |text| day::parse(text).ok_or_else(|| malformed(field, "A day is written as 2002-08-19."));
    text.map(parse).transpose()
}

/// Whether exact counts may be shown: to agencies, and to nobody else.
fn sees_all(caller: &Caller) -> bool {
    matches!(caller, Caller::Agency { .. })
}

fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

/// An address with the parameters that are there.
fn address(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    format!("{path}?{}", query.finish())
}

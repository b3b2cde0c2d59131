//! Requests as agencies look for them: lists, one, its versions, what may be the same.

use std::sync::Arc;

use axum::extract::State;
use hutong_ledger::id::RecordKey;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Status},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{known, malformed, shown, unavailable};
use crate::{
    RequestsService,
    contract::{domain, render_request, request_record, status_name},
    view::{self, Cursor, Near},
};

const PAGE: usize = 50;
const PAGE_MAX: usize = 500;
const RADIUS_M: f64 = 100.0;
const RADIUS_M_MAX: f64 = 10_000.0;
const DAYS: u64 = 7;
const DAYS_MAX: u64 = 365;
const DAY_MS: u64 = 24 * 3_600_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filters {
    /// Codes of services, separated by commas.
    service_code: Option<String>,
    /// `open`, `dispatched`, `answered` or `closed`.
    status: Option<String>,
    /// One of those who act.
    agency: Option<String>,
    /// Code of a district.
    district: Option<String>,
    /// Whether the deadline passed without an answer.
    breached: Option<bool>,
    /// Requested then or later: Unix milliseconds.
    from: Option<u64>,
    /// Requested then or earlier: Unix milliseconds.
    to: Option<u64>,
    /// Where the page before ended.
    after: Option<String>,
    /// 1 to 500; 50 unless told.
    limit: Option<usize>,
}

/// One page of requests, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    requests: Vec<Value>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

/// Requests, newest first
#[utoipa::path(get, path = "/requests/v1/requests", tag = "requests", params(Filters), responses(
    (status = 200, body = Page),
    (status = 400, description = "`malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`")))]
pub(super) async fn list(
    State(service): State<RequestsService>,
    _: RequireAgency,
    Query(filters): Query<Filters>,
) -> Result<Json<Page>, Problem> {
    let query = query(&filters)?;
    let (found, next) = service.view.read().search(&query);
    let next = next.map(|next| next_page(&filters, &next, query.limit));
    Ok(Json(Page { requests: found.iter().map(render_request).collect(), next }))
}

fn query(filters: &Filters) -> Result<view::Query, Problem> {
    let limit = limit(filters.limit)?;
    let status = filters.status.as_deref().map(|name| {
        let all = [Status::Open, Status::Dispatched, Status::Answered, Status::Closed];
        let status = all.into_iter().find(|status| status_name(*status) == name);
        status.ok_or_else(|| malformed("status", "A status is open, dispatched, answered or closed."))
    });
    let after = filters.after.as_deref().map(|text| {
        let cursor = text.split_once('.').and_then(|(requested_ms, id)| {
            Some(Cursor { requested_ms: requested_ms.parse().ok()?, id: Arc::from(id) })
        });
        cursor.ok_or_else(|| malformed("after", "Take it from the address in `next`."))
    });
    let services = filters.service_code.as_deref().unwrap_or_default().split(',').map(str::trim);
    Ok(view::Query {
        services: services.filter(|code| !code.is_empty()).map(str::to_owned).collect(),
        status: status.transpose()?,
        agency: filters.agency.clone(),
        district: filters.district.clone(),
        breached: filters.breached,
        from_ms: filters.from.unwrap_or(0),
        to_ms: filters.to.unwrap_or(u64::MAX),
        after: after.transpose()?,
        ..view::Query::newest(limit)
    })
}

fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(malformed("limit", format!("A page has 1 to {PAGE_MAX} items.")))
}

fn next_page(filters: &Filters, next: &Cursor, limit: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let texts = [
        ("service_code", &filters.service_code),
        ("status", &filters.status),
        ("agency", &filters.agency),
        ("district", &filters.district),
        ("breached", &filters.breached.map(|breached| breached.to_string())),
        ("from", &filters.from.map(|ms| ms.to_string())),
        ("to", &filters.to.map(|ms| ms.to_string())),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("after", &format!("{}.{}", next.requested_ms, next.id));
    query.append_pair("limit", &limit.to_string());
    format!("/requests/v1/requests?{}", query.finish())
}

/// A request as it stands
#[utoipa::path(get, path = "/requests/v1/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = Value),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn one(
    State(service): State<RequestsService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    shown(&known(&service, &id).await?).map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Pages {
    /// Versions below this one.
    below: Option<u64>,
    /// 1 to 500; 50 unless told.
    limit: Option<usize>,
}

/// All versions of a request, newest first
#[utoipa::path(get, path = "/requests/v1/requests/{id}/history", tag = "requests",
    params(("id" = String, Path), Pages), responses(
    (status = 200, body = Value),
    (status = 400, description = "`malformed_path`, `malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn history(
    State(service): State<RequestsService>,
    _: RequireAgency,
    Path(id): Path<String>,
    Query(pages): Query<Pages>,
) -> Result<Json<Value>, Problem> {
    let limit = limit(pages.limit)?;
    known(&service, &id).await?;
    let key = RecordKey { domain: domain(), record: request_record(&id).map_err(Problem::internal)? };
    let history = service.storage().history(key, pages.below, limit).await.map_err(unavailable)?;
    let versions: Vec<_> = history.versions.iter().map(shown).collect::<Result<_, _>>()?;
    let next = history
        .more_below
        .map(|below| format!("/requests/v1/requests/{id}/history?below={below}&limit={limit}"));
    Ok(Json(json!({ "versions": versions, "next": next })))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Around {
    /// Metres; at most 10,000; 100 unless told.
    radius: Option<f64>,
    /// Before and after; at most 365; 7 unless told.
    days: Option<u64>,
    /// 1 to 500; 50 unless told.
    limit: Option<usize>,
}

/// What may be the same request: of the same service, near it in place and time, nearest first
#[utoipa::path(get, path = "/requests/v1/requests/{id}/duplicates", tag = "requests",
    params(("id" = String, Path), Around), responses(
    (status = 200, body = Value),
    (status = 400, description = "`malformed_path`, `malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`request_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn duplicates(
    State(service): State<RequestsService>,
    _: RequireAgency,
    Path(id): Path<String>,
    Query(around): Query<Around>,
) -> Result<Json<Value>, Problem> {
    let limit = limit(around.limit)?;
    let radius_m = around.radius.unwrap_or(RADIUS_M);
    if !(0.0..=RADIUS_M_MAX).contains(&radius_m) {
        return Err(malformed("radius", "A radius is 0 to 10,000 metres."));
    }
    let days = around.days.unwrap_or(DAYS);
    if days > DAYS_MAX {
        return Err(malformed("days", "At most 365 days before and after."));
    }
    let stored = known(&service, &id).await?;
    let request = wire::Request::decode(stored.value.as_deref().unwrap_or_default());
    let request = request.map_err(Problem::internal)?;
    let point = request.place.as_ref().and_then(|place| place.point);
    let span_ms = days * DAY_MS;
    let found = point.map(|point| {
        let near = Near {
            service: &request.service_code,
            point,
            radius_m,
            times: request.requested_ms.saturating_sub(span_ms)
                ..=request.requested_ms.saturating_add(span_ms),
            // Itself is among them.
            limit: limit + 1,
        };
        service.view.read().near(&near)
    });
    let others =
        found.unwrap_or_default().into_iter().filter(|(_, other)| other.id != request.id).take(limit);
    let shown = others.map(|(distance_m, other)| {
        let mut shown = render_request(&other);
        shown["distance_m"] = ((distance_m * 10.0).round() / 10.0).into();
        shown
    });
    Ok(Json(json!({ "requests": shown.collect::<Vec<_>>() })))
}

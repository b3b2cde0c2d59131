//! Requests that were made: lists, one, and what became of a token. Public, so nothing here knows contact data.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Status},
};

use super::{
    Fault, LIST_MAX, Name,
    document::{Doc, Field, Format, Item},
    jurisdiction,
    params::Params,
    reply, times,
};
use crate::{
    RequestsService,
    contract::request_record,
    view::{Query, View},
};

const ROOT: &str = "service_requests";
const ITEM: &str = "request";
/// The farthest page that is looked for.
const PAGE_MAX: usize = 100_000;

/// Requests, newest first
///
/// `service_request_id`, a list separated by commas, overrides everything else. `start_date` and `end_date` are both part of
/// the list and at most 90 days apart; without them it is the last 90 days. At most 1,000 requests are answered; `page` and
/// `page_size` are an extension, and a `Link` header says where the next page is.
#[utoipa::path(get, path = "/open311/v2/requests", tag = "open311", operation_id = "requests", params(
    ("jurisdiction_id" = Option<String>, Query),
    ("service_request_id" = Option<String>, Query, description = "Separated by commas."),
    ("service_code" = Option<String>, Query, description = "Separated by commas."),
    ("start_date" = Option<String>, Query, description = "With its zone; UTC without one."),
    ("end_date" = Option<String>, Query, description = "With its zone; UTC without one."),
    ("status" = Option<String>, Query, description = "open, closed, or both separated by a comma."),
    ("page" = Option<usize>, Query, description = "From 1."),
    ("page_size" = Option<usize>, Query, description = "1 to 1,000; 1,000 unless told.")), responses(
    (status = 200, description = "Requests.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 400, description = "A parameter is wrong.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 404, description = "Another jurisdiction.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 503, description = "The ledger does not answer.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn list(
    State(service): State<RequestsService>,
    format: Format,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let params = Params::read(query.unwrap_or_default().as_bytes())?;
        jurisdiction(&service, &params).await?;
        find(&service, &params, format)
    };
    reply(format, answer.await)
}

fn find(service: &RequestsService, params: &Params, format: Format) -> Result<Doc, Fault> {
    let ids = params.list("service_request_id");
    if ids.len() > LIST_MAX {
        return Err(Fault::bad(format!("service_request_id: at most {LIST_MAX} at a time.")));
    }
    if !ids.is_empty() {
        let view = service.view.read();
        let items = ids.iter().filter_map(|id| view.request(id)).map(|request| item(&view, &request));
        return Ok(Doc::list(ROOT, ITEM, items.collect()));
    }
    let now_ms = service.clock.unix_ms();
    let (from_ms, to_ms) = times::span(params.one("start_date")?, params.one("end_date")?, now_ms)?;
    let number = |name: &str, unless: usize, max: usize| {
        let Some(text) = params.one(name)? else { return Ok(unless) };
        let number = text.parse().ok().filter(|number| (1..=max).contains(number));
        number.ok_or_else(|| Fault::bad(format!("{name}: 1 to {max}.")))
    };
    let (page, size) = (number("page", 1, PAGE_MAX)?, number("page_size", LIST_MAX, LIST_MAX)?);
    let query = Query {
        services: params.list("service_code").into_iter().map(str::to_owned).collect(),
        closed: closed(params)?,
        from_ms,
        to_ms,
        skip: (page - 1) * size,
        ..Query::newest(size)
    };
    let view = service.view.read();
    let (found, more) = view.search(&query);
    let next = more.map(|_| {
        let query = params.with("page", &(page + 1).to_string());
        format!("/open311/v2/requests.{}?{query}", format.ending())
    });
    Ok(Doc::list(ROOT, ITEM, found.iter().map(|request| item(&view, request)).collect()).next(next))
}

/// Whether only closed ones, only open ones, or all are wanted.
fn closed(params: &Params) -> Result<Option<bool>, Fault> {
    let mut wanted = [false, false];
    for status in params.list("status") {
        match status {
            "open" => wanted[0] = true,
            "closed" => wanted[1] = true,
            _ => return Err(Fault::bad("status: open, closed, or both separated by a comma.")),
        }
    }
    Ok(match wanted {
        [true, false] => Some(false),
        [false, true] => Some(true),
        _ => None,
    })
}

/// A request
#[utoipa::path(get, path = "/open311/v2/requests/{id}", tag = "open311", operation_id = "request",
    params(("id" = String, Path), ("jurisdiction_id" = Option<String>, Query)), responses(
    (status = 200, description = "A list of one.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 400, description = "A parameter is wrong.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 404, description = "No such request, or another jurisdiction.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 503, description = "The ledger does not answer.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn one(
    State(service): State<RequestsService>,
    format: Format,
    Name(id): Name,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let params = Params::read(query.unwrap_or_default().as_bytes())?;
        jurisdiction(&service, &params).await?;
        let request = known(&service, &id).await?;
        let item = item(&service.view.read(), &request);
        Ok(Doc::list(ROOT, ITEM, vec![item]))
    };
    reply(format, answer.await)
}

/// The id of the request that a token stands for
///
/// Ids are told at once here, so that a request's id is its own token.
#[utoipa::path(get, path = "/open311/v2/tokens/{token}", tag = "open311", operation_id = "token",
    params(("token" = String, Path), ("jurisdiction_id" = Option<String>, Query)), responses(
    (status = 200, description = "Its id.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 400, description = "A parameter is wrong.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 404, description = "No such token, or another jurisdiction.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 503, description = "The ledger does not answer.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn token(
    State(service): State<RequestsService>,
    format: Format,
    Name(token): Name,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let params = Params::read(query.unwrap_or_default().as_bytes())?;
        jurisdiction(&service, &params).await?;
        let request = known(&service, &token).await?;
        let item = vec![("service_request_id", Field::text(&request.id)), ("token", Field::text(&token))];
        Ok(Doc::list(ROOT, ITEM, vec![item]))
    };
    reply(format, answer.await)
}

/// A request as the ledger has it now: also one that the view does not show yet.
async fn known(service: &RequestsService, id: &str) -> Result<wire::Request, Fault> {
    let unknown = || Fault::unknown("service_request_id: there is no such request.");
    let record = request_record(id).map_err(|_| unknown())?;
    let stored = service.record(record).await?.ok_or_else(unknown)?;
    let request = wire::Request::decode(stored.value.unwrap_or_default());
    request.map_err(|error| hutong_runtime::http::Problem::internal(error).into())
}

/// A request in the standard's words.
pub(super) fn item(view: &View, request: &wire::Request) -> Item {
    let service = view.service(&request.service_code);
    let place = request.place.clone().unwrap_or_default();
    let status = if request.status() == Status::Closed { "closed" } else { "open" };
    let time = |ms: u64| if ms > 0 { Field::Text(times::show(ms)) } else { Field::Nothing };
    let degrees = |e7: Option<i32>| e7.map_or(Field::Nothing, Field::Degrees);
    vec![
        ("service_request_id", Field::text(&request.id)),
        ("status", Field::text(status)),
        ("status_notes", Field::text(&request.status_notes)),
        ("service_name", Field::text(service.map_or("", |service| &service.name))),
        ("service_code", Field::text(&request.service_code)),
        ("description", Field::text(&request.description)),
        ("agency_responsible", Field::text(request.agencies.first().map_or("", String::as_str))),
        ("service_notice", Field::text(service.map_or("", |service| &service.notice))),
        ("requested_datetime", time(request.requested_ms)),
        ("updated_datetime", time(request.updated_ms)),
        ("expected_datetime", time(request.expected_ms)),
        ("address", Field::text(&place.address)),
        ("address_id", Field::text(&place.address_id)),
        ("zipcode", Field::text(&place.zipcode)),
        ("lat", degrees(place.point.map(|point| point.lat_e7))),
        ("long", degrees(place.point.map(|point| point.long_e7))),
        ("media_url", Field::text(&request.media_url)),
    ]
}

//! `GET /v1/events`: a subscription over server-sent events.
//!
//! A subscriber pulls: pages are fetched from storage when its connection has taken what was there, so it costs one
//! page of memory and slows nobody else. Every block carries an id, also those without an event, so that a client that
//! comes back goes on exactly where it was.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response, Sse},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hutong_ledger::id::{AgencyId, Domain, RecordId};
use hutong_peer::Position;
use hutong_runtime::{
    Shutdown,
    auth::RequireAgency,
    http::{Problem, Query},
};
use serde::Deserialize;

use crate::{
    cursor::EventPosition,
    feed::Feed,
    filter::{Filter, Kind, NAMES_MAX},
    grant::{granted, storage_away, unknown},
    service::{Handle, Node},
};

mod subscription;

use subscription::Subscription;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that collect answers before they pass them on must not.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// The API's description.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    <Description as utoipa::OpenApi>::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(events))]
struct Description;

#[derive(Clone, Debug)]
struct Api {
    nodes: Arc<[Handle]>,
    shutdown: Shutdown,
}

/// The routes. With several nodes behind one port, a caller is served by its own agency's, or else by the first that
/// hosts what it asks for.
pub(crate) fn routes(nodes: Arc<[Handle]>, shutdown: Shutdown) -> Router {
    let api = Api { nodes, shutdown };
    Router::new().route("/v1/events", get(events)).with_state(api)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Domains, separated by commas. Without it: all that the caller hosts.
    domain: Option<String>,
    /// Only changes of the record with this id.
    record: Option<String>,
    /// Only these types of change, separated by commas: `created`, `changed`, `deleted`.
    change: Option<String>,
    /// Only changes by transactions of these agencies, separated by commas.
    agency: Option<String>,
    /// Start after this position: the id of an event, a height, or `now` for what becomes final from now on. Without it:
    /// from the beginning. The header Last-Event-ID wins.
    after: Option<String>,
    /// Start with this height, where no position is given.
    from_height: Option<u64>,
}

/// Final record changes as server-sent events, each a CloudEvent 1.0 in JSON.
///
/// First all that is final after the position, then whatever becomes final, in order and without gaps. The `id` of
/// each block is the position to go on from; it belongs to the agency that serves it. Blocks without data only move
/// the position.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "Where to go on.")),
    responses(
        (status = 200, description = "Events, until the caller leaves.", content_type = "text/event-stream"),
        (status = 400, description = "Not a position, a record id or a filter.", content_type = "application/problem+json"),
        (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
        (status = 403, description = "The caller neither hosts nor owns the domain.", content_type = "application/problem+json"),
        (status = 404, description = "No such domain here.", content_type = "application/problem+json"),
        (status = 503, description = "Too many subscribers, or storage is away.", content_type = "application/problem+json"),
    )
)]
async fn events(
    State(api): State<Api>,
    RequireAgency(caller): RequireAgency,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller: AgencyId = caller.parse().map_err(Problem::internal)?;
    let start = start(&query, &headers)?;
    let filter = filter(&query)?;
    let node = api.node(caller, &filter.domains).await?;
    let standing = node.source.storage.standing().await.map_err(storage_away)?;
    let domains = granted(&standing.epoch, caller, node.agency, &filter.domains)?;
    let place = node.subscribers.enter(caller).ok_or_else(|| {
        let detail = "All places for subscribers are taken; close subscriptions that are no longer read.";
        Problem::new("too_many_subscribers", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(10)
    })?;
    let final_height = standing.final_header.height;
    let position = match start {
        Start::After(position) => position,
        Start::Now => EventPosition::after(Position { height: final_height, ordinal: u32::MAX }),
    };
    let page_max = node.config.page_transactions_max;
    let domains: Arc<[Domain]> = domains.into();
    let feed = Feed::new(node.source.clone(), Some(domains.clone()), position.ask_after(), page_max);
    let subscription = Subscription::new(node, caller, domains, filter, feed, position, place, api.shutdown);
    let blocks = futures::stream::unfold(subscription, |mut subscription| async move {
        let block = subscription.next().await?;
        Some((Ok::<_, Infallible>(block), subscription))
    });
    Ok(([NO_BUFFERING], Sse::new(blocks)).into_response())
}

impl Api {
    async fn node(&self, caller: AgencyId, asked: &[Domain]) -> Result<Arc<Node>, Problem> {
        let own = self.nodes.iter().find(|node| node.0.agency == caller);
        let first = self.nodes.first().ok_or_else(|| Problem::internal("no node serves events"))?;
        if own.is_none() && !asked.is_empty() && self.nodes.len() > 1 {
            let epoch = first.0.source.storage.standing().await.map_err(storage_away)?.epoch;
            let hosts = |node: &&Handle| asked.iter().all(|domain| epoch.stores(&node.0.agency, *domain));
            return Ok(self.nodes.iter().find(hosts).unwrap_or(first).0.clone());
        }
        Ok(own.unwrap_or(first).0.clone())
    }
}

enum Start {
    After(EventPosition),
    Now,
}

/// Where to start: what a client that reconnects says of itself wins over the address that it was given once.
fn start(query: &EventsQuery, headers: &HeaderMap) -> Result<Start, Problem> {
    let (name, text) = match (headers.get(LAST_EVENT_ID), &query.after) {
        (Some(value), _) => ("Last-Event-ID", value.to_str().unwrap_or("(not text)")),
        (None, Some(after)) if after == "now" => return Ok(Start::Now),
        // A height alone: after all of it.
        (None, Some(after)) => match after.parse::<u64>().ok().and_then(|height| height.checked_add(1)) {
            Some(next) => return Ok(Start::After(EventPosition::before_height(next))),
            None => ("after", after.as_str()),
        },
        (None, None) => {
            return Ok(Start::After(EventPosition::before_height(query.from_height.unwrap_or(0))));
        }
    };
    text.parse().map(Start::After).map_err(|error| {
        Problem::new("bad_cursor", StatusCode::BAD_REQUEST, format!("This is no position: {error}."))
            .field(name)
    })
}

fn filter(query: &EventsQuery) -> Result<Filter, Problem> {
    let records = query.record.as_deref().map(parse_record).transpose()?;
    let domain = |name: &str| name.parse().map_err(|_| unknown(name));
    let filter = Filter {
        domains: list(query.domain.as_deref(), domain)?,
        records: records.into_iter().collect(),
        changes: list(query.change.as_deref(), |name| Kind::named(name).ok_or_else(|| no_kind(name)))?,
        agencies: list(query.agency.as_deref(), |name| name.parse().map_err(|_| no_agency(name)))?,
    };
    match filter.fault() {
        None => Ok(filter),
        Some(field) => {
            let detail = format!("{field} names more than {NAMES_MAX}; open several streams.");
            Err(Problem::new("filter_invalid", StatusCode::BAD_REQUEST, detail).field(field))
        }
    }
}

/// What is separated by commas, each once.
fn list<T: PartialEq>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let mut list = Vec::new();
    for name in text.into_iter().flat_map(|text| text.split(',')) {
        let value = parse(name.trim())?;
        if !list.contains(&value) {
            list.push(value);
        }
    }
    Ok(list)
}

fn no_kind(name: &str) -> Problem {
    let name: String = name.chars().take(80).collect();
    let detail = format!("{name:?} is no type of change; there are created, changed and deleted.");
    Problem::new("filter_invalid", StatusCode::BAD_REQUEST, detail).field("change")
}

fn no_agency(name: &str) -> Problem {
    let name: String = name.chars().take(80).collect();
    let detail = format!("{name:?} is no name of an agency.");
    Problem::new("filter_invalid", StatusCode::BAD_REQUEST, detail).field("agency")
}

fn parse_record(text: &str) -> Result<RecordId, Problem> {
    text.parse().map_err(|error: hutong_ledger::id::InvalidName| {
        Problem::new("invalid_record_id", StatusCode::BAD_REQUEST, format!("{error}.")).field("record")
    })
}

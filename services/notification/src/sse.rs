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
use hutong_ledger::{
    epoch::Epoch,
    id::{AgencyId, Domain, RecordId},
};
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
    service::{Handle, Node, error_chain},
};

mod subscription;

use subscription::Subscription;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that collect answers before they pass them on must not.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
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
/// hosts what it asks for; they must be behind [`hutong_runtime::auth::identify`].
pub fn routes(nodes: impl IntoIterator<Item = Handle>, shutdown: Shutdown) -> Router {
    let api = Api { nodes: nodes.into_iter().collect(), shutdown };
    Router::new().route("/v1/events", get(events)).with_state(api)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Domains, separated by commas. Without it: all that the caller hosts.
    domain: Option<String>,
    /// Only changes of the record with this id.
    record: Option<String>,
    /// Start after this position: the id of an event, or `now` for what becomes final from now on. Without it: from
    /// the beginning. The header Last-Event-ID wins.
    after: Option<String>,
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
        (status = 400, description = "Not a position, or not a record id.", content_type = "application/problem+json"),
        (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
        (status = 403, description = "The caller does not host the domain.", content_type = "application/problem+json"),
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
    let record = query.record.as_deref().map(parse_record).transpose()?;
    let asked = query.domain.as_deref().map(parse_domains).transpose()?;
    let node = api.node(caller, asked.as_deref()).await?;
    let standing = node.source.storage.standing().await.map_err(storage_away)?;
    let domains = granted(&standing.epoch, caller, node.agency, asked)?;
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
    let subscription = Subscription::new(node, caller, domains, record, feed, position, place, api.shutdown);
    let blocks = futures::stream::unfold(subscription, |mut subscription| async move {
        let block = subscription.next().await?;
        Some((Ok::<_, Infallible>(block), subscription))
    });
    Ok(([NO_BUFFERING], Sse::new(blocks)).into_response())
}

impl Api {
    async fn node(&self, caller: AgencyId, asked: Option<&[Domain]>) -> Result<Arc<Node>, Problem> {
        let own = self.nodes.iter().find(|node| node.0.agency == caller);
        let first = self.nodes.first().ok_or_else(|| Problem::internal("no node serves events"))?;
        if let (None, Some(asked)) = (own, asked)
            && self.nodes.len() > 1
        {
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
        (None, Some(after)) => ("after", after.as_str()),
        (None, None) => return Ok(Start::After(EventPosition::after(Position::default()))),
    };
    text.parse().map(Start::After).map_err(|error| {
        Problem::new("bad_cursor", StatusCode::BAD_REQUEST, format!("This is no position: {error}."))
            .field(name)
    })
}

fn parse_record(text: &str) -> Result<RecordId, Problem> {
    text.parse().map_err(|error: hutong_ledger::id::InvalidName| {
        Problem::new("invalid_record_id", StatusCode::BAD_REQUEST, format!("{error}.")).field("record")
    })
}

fn parse_domains(text: &str) -> Result<Vec<Domain>, Problem> {
    let mut domains = Vec::new();
    for name in text.split(',') {
        let domain = name.trim().parse().map_err(|_| unknown(name))?;
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    Ok(domains)
}

/// The domains that the caller gets: those asked for, if it and this node host them all.
fn granted(
    epoch: &Epoch,
    caller: AgencyId,
    node: AgencyId,
    asked: Option<Vec<Domain>>,
) -> Result<Vec<Domain>, Problem> {
    let Some(asked) = asked else {
        let all = epoch.domains.iter().map(|rules| rules.domain);
        let hosted: Vec<_> =
            all.filter(|domain| epoch.stores(&caller, *domain) && epoch.stores(&node, *domain)).collect();
        return if hosted.is_empty() { Err(not_a_host(caller, None)) } else { Ok(hosted) };
    };
    for domain in &asked {
        if epoch.rules(*domain).is_none() {
            return Err(unknown(domain.as_str()));
        }
        if !epoch.stores(&caller, *domain) {
            return Err(not_a_host(caller, Some(*domain)));
        }
        if !epoch.stores(&node, *domain) {
            let hosts = epoch.hosts(*domain);
            let detail = format!("Agency {node} does not host {domain}; ask one of its hosts.");
            return Err(Problem::new("domain_not_here", StatusCode::NOT_FOUND, detail).with("hosts", hosts));
        }
    }
    Ok(asked)
}

fn unknown(name: &str) -> Problem {
    let name: String = name.chars().take(80).collect();
    let detail = format!("There is no domain {name:?} in this city.");
    Problem::new("unknown_domain", StatusCode::NOT_FOUND, detail).field("domain")
}

fn not_a_host(caller: AgencyId, domain: Option<Domain>) -> Problem {
    let what = domain.map_or_else(|| "any domain".to_owned(), |domain| domain.to_string());
    let detail = format!("Agency {caller} does not host {what} and gets no events of it.");
    Problem::new("not_a_host", StatusCode::FORBIDDEN, detail).field("domain")
}

fn storage_away(error: hutong_peer::Error) -> Problem {
    tracing::warn!(error = error_chain(&error), "no events without storage");
    let detail = "Storage does not answer now; try again.";
    Problem::new("storage_unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

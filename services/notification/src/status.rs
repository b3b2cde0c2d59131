//! `/v1/status/notification`: how those stand that are told of changes. The agency whose node it is sees all subscribers, every
//! other agency itself.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, extract::State, routing::get};
use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    service::Handle,
    subscriptions::{record::Status, standing::standings},
};

type Nodes = Arc<[Handle]>;

#[derive(utoipa::OpenApi)]
#[openapi(paths(status), components(schemas(NotificationStatus, SubscriberView)))]
struct Description;

/// The description of this route.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    <Description as utoipa::OpenApi>::openapi()
}

pub(crate) fn routes(nodes: Nodes) -> Router {
    Router::new().route("/v1/status/notification", get(status)).with_state(nodes)
}

#[derive(Debug, Serialize, ToSchema)]
struct NotificationStatus {
    /// Whose node it is.
    agency: String,
    /// The last final height that it knows of.
    final_height: u64,
    subscribers: Vec<SubscriberView>,
}

/// The subscriptions of one agency.
#[derive(Debug, Default, Serialize, ToSchema)]
struct SubscriberView {
    agency: String,
    /// Open streams of events.
    streams: u64,
    /// Webhook subscriptions by status.
    subscriptions: BTreeMap<&'static str, u64>,
    /// Final heights that the slowest active one has not been told of.
    lag_heights: u64,
    /// Events that are laid aside and kept.
    dead_letters: u64,
}

/// How those stand that are told of changes
#[utoipa::path(
    get,
    path = "/v1/status/notification",
    tag = "status",
    responses(
        (status = 200, body = NotificationStatus),
        (status = 401, description = "`authentication_required`, `invalid_token`")
    )
)]
async fn status(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
) -> Result<Json<NotificationStatus>, Problem> {
    let caller: AgencyId = caller.parse().map_err(Problem::internal)?;
    let own = nodes.iter().find(|node| node.0.agency == caller).or_else(|| nodes.first());
    let node = &own.ok_or_else(|| Problem::internal("no node tells of changes"))?.0;
    let tip = *node.source.tip.borrow();
    let seen = |agency: &AgencyId| caller == node.agency || caller == *agency;
    let mut views: BTreeMap<AgencyId, SubscriberView> = BTreeMap::new();
    for (agency, standing) in standings(&node.webhooks.hooks.all(), tip) {
        let view = views.entry(agency).or_default();
        view.lag_heights = standing.lag_heights;
        view.dead_letters = standing.dead_letters;
        view.subscriptions = Status::ALL.iter().map(|(_, name)| *name).zip(standing.statuses).collect();
    }
    for (agency, streams) in node.subscribers.counts() {
        views.entry(agency).or_default().streams = streams as u64;
    }
    let subscribers = views.into_iter().filter(|(agency, _)| seen(agency));
    let subscribers = subscribers.map(|(agency, view)| SubscriberView { agency: agency.to_string(), ..view });
    Ok(Json(NotificationStatus {
        agency: node.agency.to_string(),
        final_height: tip,
        subscribers: subscribers.collect(),
    }))
}

//! `/v1/subscriptions`: an agency makes, sees and steers its own. To every other they do not exist.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode, header};
use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem},
};

use super::{
    forms::{
        ChangedSubscription, NewSubscription, Subscription, Subscriptions, Wanted, check_description,
        check_endpoint, check_filter, start,
    },
    hook::Hook,
    record::{Attempts, FORM, Progress, Secret, Settings, Status, Stopped, SubscriptionId},
    shelf::Change,
};
use crate::{
    Error,
    grant::{granted, storage_away},
    service::{Handle, Node},
};

mod steer;

type Nodes = Arc<[Handle]>;

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    create,
    list,
    show,
    change,
    remove,
    steer::dead_letters,
    steer::discard,
    steer::replay,
    steer::rotate
))]
struct Description;

/// The description of these routes.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    <Description as utoipa::OpenApi>::openapi()
}

/// The routes; a caller's subscriptions are at its own agency's node, or else at the first.
pub(crate) fn routes(nodes: Nodes) -> Router {
    Router::new()
        .route("/v1/subscriptions", get(list).post(create))
        .route("/v1/subscriptions/{id}", get(show).patch(change).delete(remove))
        .route("/v1/subscriptions/{id}/dead-letters", get(steer::dead_letters).delete(steer::discard))
        .route("/v1/subscriptions/{id}/replay", post(steer::replay))
        .route("/v1/subscriptions/{id}/secret", post(steer::rotate))
        .with_state(nodes)
}

/// A failure inside, or what the caller is told.
struct Fault(Problem);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(Problem::internal(crate::service::error_chain(&error)))
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The caller and its node.
fn at(nodes: &Nodes, caller: &str) -> Result<(AgencyId, Arc<Node>), Problem> {
    let caller: AgencyId = caller.parse().map_err(Problem::internal)?;
    let own = nodes.iter().find(|node| node.0.agency == caller).or_else(|| nodes.first());
    Ok((caller, own.ok_or_else(|| Problem::internal("no node keeps subscriptions"))?.0.clone()))
}

/// The caller's subscription of an id.
fn find(nodes: &Nodes, caller: &str, id: &str) -> Result<(Arc<Hook>, Arc<Node>), Problem> {
    let (caller, node) = at(nodes, caller)?;
    let id = SubscriptionId::try_from(id.to_owned()).ok();
    let hook = id.and_then(|id| node.webhooks.hooks.get(caller, id)).ok_or_else(|| {
        let detail = "Your agency has no subscription with this id.";
        Problem::new("unknown_subscription", StatusCode::NOT_FOUND, detail)
    })?;
    Ok((hook, node))
}

fn view(hook: &Hook, node: &Node, secret: Option<String>) -> Subscription {
    Subscription::of(&hook.look(), *node.source.tip.borrow(), secret)
}

/// Make a subscription
///
/// The receiver is asked with OPTIONS whether it wants deliveries (CloudEvents web hooks), then gets one event at a time,
/// in order, signed as Standard Webhooks has it. The secret is in this answer and in no other.
#[utoipa::path(post, path = "/v1/subscriptions", request_body = NewSubscription, tag = "subscriptions", responses(
    (status = 201, description = "Made; Location says where.", body = Subscription),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_a_host`, `agency_required`"),
    (status = 404, description = "`unknown_domain`, `domain_not_here`"),
    (status = 409, description = "`too_many_subscriptions`"),
    (status = 422, description = "`endpoint_refused`, `subscription_invalid`, `unexpected_json`"),
    (status = 503, description = "`unavailable`")))]
async fn create(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Json(asked): Json<NewSubscription>,
) -> Result<Response, Fault> {
    let (owner, node) = at(&nodes, &caller)?;
    let webhooks = &node.webhooks;
    let endpoint = check_endpoint(&asked.endpoint, webhooks)?;
    let filter = check_filter(asked.filter)?;
    let description = check_description(asked.description)?;
    let retry = asked.retry.within(webhooks)?;
    let standing = node.source.storage.standing().await.map_err(storage_away)?;
    granted(&standing.epoch, owner, node.agency, &filter.domains)?;
    let created_ms = node.clock.unix_ms();
    let secret = Secret::generate(created_ms)?;
    let told = secret.text();
    let settings = Settings {
        form: FORM,
        id: SubscriptionId(hutong_keys::random_bytes().map_err(Error::from)?),
        owner,
        endpoint,
        description,
        mode: asked.mode,
        filter,
        retry,
        created_ms,
        secrets: vec![secret],
        status: Status::Pending,
        stopped: None,
        permission: None,
    };
    let progress = Progress {
        form: FORM,
        position: start(asked.from_height, standing.final_header.height),
        sequence: 0,
        attempts: Attempts::default(),
        dead_letters: 0,
        redeliver: None,
    };
    let hook = webhooks.hooks.add(settings, progress).await?.ok_or_else(|| {
        let detail = "All places for subscriptions are taken; delete those that are no longer used.";
        Problem::new("too_many_subscriptions", StatusCode::CONFLICT, detail)
    })?;
    let mut response = (StatusCode::CREATED, Json(view(&hook, &node, told))).into_response();
    let location = HeaderValue::from_str(&format!("/v1/subscriptions/{}", hook.id));
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

/// Your agency's subscriptions
///
/// The oldest first.
#[utoipa::path(get, path = "/v1/subscriptions", tag = "subscriptions", responses(
    (status = 200, description = "All of them.", body = Subscriptions),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`")))]
async fn list(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
) -> Result<Json<Subscriptions>, Fault> {
    let (owner, node) = at(&nodes, &caller)?;
    let mut own = node.webhooks.hooks.of(owner);
    own.sort_by_key(|hook| (hook.look().settings.created_ms, hook.id));
    Ok(Json(Subscriptions { subscriptions: own.iter().map(|hook| view(hook, &node, None)).collect() }))
}

/// A subscription
///
/// What it is, how far it has come, and what stands in its way.
#[utoipa::path(get, path = "/v1/subscriptions/{id}", params(("id" = String, Path, description = "The subscription.")), tag = "subscriptions", responses(
    (status = 200, description = "The subscription.", body = Subscription),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`")))]
async fn show(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Subscription>, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    Ok(Json(view(&hook, &node, None)))
}

/// Pause, resume, move
///
/// What is not named stays. A pause loses nothing: when it ends, everything since comes. Resuming also ends a stop; a
/// receiver that refused or wanted no more is asked again, as a new one is.
#[utoipa::path(patch, path = "/v1/subscriptions/{id}", request_body = ChangedSubscription, params(("id" = String, Path, description = "The subscription.")), tag = "subscriptions", responses(
    (status = 200, description = "As it is now.", body = Subscription),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`"),
    (status = 422, description = "`endpoint_refused`, `subscription_invalid`, `unexpected_json`")))]
async fn change(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
    Json(asked): Json<ChangedSubscription>,
) -> Result<Json<Subscription>, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    let endpoint = asked.endpoint.map(|endpoint| check_endpoint(&endpoint, &node.webhooks)).transpose()?;
    let description = asked.description.map(check_description).transpose()?;
    let changed = hook.change(&node.webhooks.hooks.shelf, |settings, progress| {
        if let Some(description) = description {
            settings.description = description;
        }
        if let Some(endpoint) = endpoint {
            settings.endpoint = endpoint;
            settings.permission = None;
            if settings.status == Status::Active {
                settings.status = Status::Pending;
            }
            progress.attempts = Attempts::default();
        }
        match asked.status {
            Some(Wanted::Paused) => (settings.status, settings.stopped) = (Status::Paused, None),
            Some(Wanted::Active) => resume(settings, progress),
            None => {}
        }
        Ok::<_, Fault>(((), Change::default()))
    });
    changed.await?;
    Ok(Json(view(&hook, &node, None)))
}

/// Goes on where it was. A receiver that wanted no more is asked again.
fn resume(settings: &mut Settings, progress: &mut Progress) {
    if matches!(settings.status, Status::Active | Status::Pending) {
        return;
    }
    if let Some((Stopped::Gone | Stopped::HandshakeRefused, _)) = settings.stopped {
        settings.permission = None;
    }
    settings.status = if settings.permission.is_some() { Status::Active } else { Status::Pending };
    settings.stopped = None;
    progress.attempts = Attempts::default();
}

/// Delete a subscription
///
/// With its dead letters. A delivery under way may still arrive.
#[utoipa::path(delete, path = "/v1/subscriptions/{id}", params(("id" = String, Path, description = "The subscription.")), tag = "subscriptions", responses(
    (status = 204, description = "Gone."),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`")))]
async fn remove(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    node.webhooks.hooks.remove(&hook).await?;
    Ok(StatusCode::NO_CONTENT)
}

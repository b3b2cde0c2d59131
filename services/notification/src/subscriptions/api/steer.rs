//! What an agency does with a subscription beyond having it: looks at dead letters, has things delivered again, changes the
//! secret.

use axum::extract::State;
use http::StatusCode;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use serde::Deserialize;

use super::{
    super::{
        forms::{DeadLetterView, DeadLetters, NewSecret, Replay, Rotation, Subscription, invalid, time},
        record::{Attempts, Secret},
        shelf::Change,
    },
    Fault, Nodes, find, view,
};
use crate::{cursor::EventPosition, webhooks::SECRETS_MAX};

/// Dead letters of one answer.
const PAGE_MAX: usize = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Only those with a larger number.
    after: Option<u64>,
    /// At most so many; 100 unless this says otherwise, never above 1000.
    limit: Option<usize>,
}

/// Events that were laid aside
///
/// The smallest number first.
#[utoipa::path(get, path = "/v1/subscriptions/{id}/dead-letters", params(("id" = String, Path, description = "The subscription."), PageQuery), tag = "subscriptions", responses(
    (status = 200, description = "Some of them.", body = DeadLetters),
    (status = 400, description = "`malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`")))]
pub(super) async fn dead_letters(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<DeadLetters>, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    let limit = page.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let from = page.after.map_or(0, |after| after.saturating_add(1));
    let shelf = &node.webhooks.hooks.shelf;
    let mut letters = shelf.dead_letters(hook.id, from, limit + 1)?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    let next_after = letters.last().filter(|_| more).map(|letter| letter.sequence);
    let dead_letters = letters.iter().map(DeadLetterView::of).collect();
    Ok(Json(DeadLetters { dead_letters, next_after }))
}

/// Drop the dead letters
///
/// Their events stay on the ledger and can be replayed.
#[utoipa::path(delete, path = "/v1/subscriptions/{id}/dead-letters", params(("id" = String, Path, description = "The subscription.")), tag = "subscriptions", responses(
    (status = 204, description = "Dropped."),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`")))]
pub(super) async fn discard(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    hook.discard(&node.webhooks.hooks.shelf).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deliver again
///
/// From a height: everything from there on comes again with new numbers, and what came later after it. Dead letters: each
/// is tried again with its own number before anything else.
#[utoipa::path(post, path = "/v1/subscriptions/{id}/replay", request_body = Replay, params(("id" = String, Path, description = "The subscription.")), tag = "subscriptions", responses(
    (status = 200, description = "As it is now.", body = Subscription),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`"),
    (status = 422, description = "`subscription_invalid`, `unexpected_json`")))]
pub(super) async fn replay(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
    Json(asked): Json<Replay>,
) -> Result<Json<Subscription>, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    let from = match (asked.from_height, asked.dead_letters) {
        (Some(height), false) => Some(EventPosition::before_height(height)),
        (None, true) => None,
        _ => {
            return Err(
                invalid("from_height", "Say from_height, or dead_letters: true, and not both.").into()
            );
        }
    };
    let changed = hook.change(&node.webhooks.hooks.shelf, |_, progress| {
        match from {
            Some(position) => progress.position = position,
            None => progress.redeliver = Some(0),
        }
        progress.attempts = Attempts::default();
        Ok::<_, Fault>(((), Change::default()))
    });
    changed.await?;
    Ok(Json(view(&hook, &node, None)))
}

/// Change the secret
///
/// Deliveries carry a signature under each secret that holds, so the receiver may change over any time before the overlap
/// ends.
#[utoipa::path(post, path = "/v1/subscriptions/{id}/secret", request_body = Rotation, params(("id" = String, Path, description = "The subscription.")), tag = "subscriptions", responses(
    (status = 200, description = "The new secret.", body = NewSecret),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`unknown_subscription`"),
    (status = 422, description = "`subscription_invalid`, `unexpected_json`")))]
pub(super) async fn rotate(
    State(nodes): State<Nodes>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
    Json(asked): Json<Rotation>,
) -> Result<Json<NewSecret>, Fault> {
    let (hook, node) = find(&nodes, &caller, &id)?;
    let max = node.webhooks.config().overlap_max_s;
    if asked.overlap_s > max {
        return Err(
            invalid("overlap_s", format!("A secret overlaps with the next for at most {max} s.")).into()
        );
    }
    let now_ms = node.clock.unix_ms();
    let until_ms = now_ms.saturating_add(asked.overlap_s.saturating_mul(1000));
    let secret = Secret::generate(now_ms)?;
    let told = secret.text().ok_or_else(|| Problem::internal("a secret that was just made is none"))?;
    let rotated = hook.change(&node.webhooks.hooks.shelf, |settings, _| {
        settings.secrets.retain(|secret| secret.holds(now_ms));
        for before in &mut settings.secrets {
            before.until_ms = Some(before.until_ms.unwrap_or(u64::MAX).min(until_ms));
        }
        settings.secrets.insert(0, secret);
        settings.secrets.truncate(SECRETS_MAX);
        Ok::<_, Fault>(((), Change::default()))
    });
    rotated.await?;
    Ok(Json(NewSecret { secret: told, overlap_until: time(until_ms) }))
}

//! What agencies send and get. A secret is told once, when it is made; what a receiver sent is never told.

use http::{StatusCode, Uri, uri::Scheme};
use hutong_runtime::http::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    hook::State,
    record::{DeadLetter, Failure, Mode, Retry, Secret, Status, Stopped},
};
use crate::{
    cursor::EventPosition,
    filter::{Filter, NAMES_MAX},
    webhooks::{Webhooks, host},
};

const ENDPOINT_BYTES_MAX: usize = 2048;
const DESCRIPTION_CHARS_MAX: usize = 200;

/// A subscription to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSubscription {
    /// Where events go: an https address.
    pub(super) endpoint: String,
    #[serde(default)]
    pub(super) filter: Filter,
    /// Start with this height; 0 or 1 for the beginning. Without it: what becomes final from now on.
    pub(super) from_height: Option<u64>,
    #[serde(default)]
    pub(super) mode: Mode,
    /// For people.
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) retry: NewRetry,
}

/// When to give an event up. Without one of them, or above it: as the node is configured.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewRetry {
    /// Failed attempts.
    attempts_max: Option<u32>,
    /// Seconds waited between attempts, together.
    give_up_after_s: Option<u64>,
}

impl NewRetry {
    pub(super) fn within(self, webhooks: &Webhooks) -> Result<Retry, Problem> {
        let config = webhooks.config();
        if self.attempts_max == Some(0) || self.give_up_after_s == Some(0) {
            return Err(invalid("retry", "An event is tried at least once, for at least a second."));
        }
        Ok(Retry {
            attempts_max: self.attempts_max.unwrap_or(u32::MAX).min(config.attempts_max),
            give_up_after_s: self.give_up_after_s.unwrap_or(u64::MAX).min(config.give_up_after_s),
        })
    }
}

/// What the owner changes; what is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedSubscription {
    pub(super) status: Option<Wanted>,
    /// The new receiver is asked before anything is sent to it.
    pub(super) endpoint: Option<String>,
    pub(super) description: Option<String>,
}

/// What the owner wants a subscription to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Wanted {
    /// Resume, also after a stop.
    Active,
    Paused,
}

/// What to deliver again: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// Everything from this height on, with new numbers.
    pub(super) from_height: Option<u64>,
    /// The dead letters, with the numbers that they have.
    #[serde(default)]
    pub(super) dead_letters: bool,
}

/// How to change the secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// So long the secrets before go on to sign too. A day unless this says otherwise.
    #[serde(default = "day")]
    pub(super) overlap_s: u64,
}

fn day() -> u64 {
    86_400
}

/// A new secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewSecret {
    /// `whsec_` and 32 bytes in base64. It is not told again.
    pub(super) secret: String,
    /// Until then the secrets before sign too.
    pub(super) overlap_until: String,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Subscription {
    id: String,
    endpoint: String,
    description: String,
    mode: Mode,
    filter: Filter,
    retry: RetryView,
    created: String,
    status: Status,
    /// Why it stopped, if it did.
    stopped: Option<StoppedView>,
    /// Everything before is delivered, laid aside, or not wanted.
    position: String,
    height: u64,
    /// Final heights that it has not come to.
    lag_heights: u64,
    /// The number of the last event that was delivered or laid aside.
    sequence: u64,
    dead_letters: u64,
    /// Requests in a minute that the receiver allows, if it said so.
    rate_per_minute: Option<u32>,
    /// The current event's, if it failed.
    attempts: AttemptsView,
    /// The newest first.
    secrets: Vec<SecretView>,
    /// Told once, when the subscription is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RetryView {
    attempts_max: u32,
    give_up_after_s: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct StoppedView {
    reason: Stopped,
    at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct AttemptsView {
    failed: u32,
    last_failure: Option<FailureView>,
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailureView {
    /// `timeout`, `unresolved`, `address_forbidden`, `unreachable`, `tls`, `broken`, `redirect`, `status`, `later`, `gone`
    /// or `handshake_refused`.
    reason: String,
    /// For people.
    detail: String,
    at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct SecretView {
    created: String,
    /// It signs until then; without: it is the newest.
    until: Option<String>,
}

/// An agency's subscriptions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Subscriptions {
    pub(super) subscriptions: Vec<Subscription>,
}

/// An event that was laid aside.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetterView {
    sequence: u64,
    /// The event's id.
    event: String,
    position: String,
    height: u64,
    transaction: String,
    receipt: String,
    attempts: u32,
    laid_aside: String,
    failure: FailureView,
}

/// Some of a subscription's dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetters {
    pub(super) dead_letters: Vec<DeadLetterView>,
    /// Ask for those after this number next; without: these were the last.
    pub(super) next_after: Option<u64>,
}

impl Subscription {
    pub(super) fn of(look: &State, tip: u64, secret: Option<String>) -> Self {
        let State { settings, progress, next_attempt_ms, .. } = look;
        let secrets = settings.secrets.iter();
        Self {
            id: settings.id.to_string(),
            endpoint: settings.endpoint.clone(),
            description: settings.description.clone(),
            mode: settings.mode,
            filter: settings.filter.clone(),
            retry: RetryView {
                attempts_max: settings.retry.attempts_max,
                give_up_after_s: settings.retry.give_up_after_s,
            },
            created: time(settings.created_ms),
            status: settings.status,
            stopped: settings.stopped.map(|(reason, at_ms)| StoppedView { reason, at: time(at_ms) }),
            position: progress.position.to_string(),
            height: progress.position.transaction.height,
            lag_heights: tip.saturating_sub(progress.position.transaction.height),
            sequence: progress.sequence,
            dead_letters: progress.dead_letters,
            rate_per_minute: settings.permission.and_then(|permission| permission.rate_per_minute),
            attempts: AttemptsView {
                failed: progress.attempts.failed,
                last_failure: progress.attempts.last.as_ref().map(FailureView::of),
                next: next_attempt_ms.map(time),
            },
            secrets: secrets
                .map(|Secret { created_ms, until_ms, .. }| SecretView {
                    created: time(*created_ms),
                    until: until_ms.map(time),
                })
                .collect(),
            secret,
        }
    }
}

impl FailureView {
    fn of(failure: &Failure) -> Self {
        let Failure { at_ms, reason, detail } = failure;
        Self { reason: reason.clone(), detail: detail.clone(), at: time(*at_ms) }
    }
}

impl DeadLetterView {
    pub(super) fn of(letter: &DeadLetter) -> Self {
        Self {
            sequence: letter.sequence,
            event: letter.event.clone(),
            position: letter.position.to_string(),
            height: letter.position.transaction.height,
            transaction: letter.transaction.to_string(),
            receipt: letter.receipt.clone(),
            attempts: letter.attempts,
            laid_aside: time(letter.laid_aside_ms),
            failure: FailureView::of(&letter.failure),
        }
    }
}

/// RFC 3339; a time that no calendar has is told in milliseconds.
pub(super) fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| ms.to_string(), |time| time.to_string())
}

pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("subscription_invalid", StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
}

/// An address that deliveries may go to, as far as it can be told before they do.
pub(super) fn check_endpoint(text: &str, webhooks: &Webhooks) -> Result<String, Problem> {
    let refused = |detail: &str| {
        Problem::new("endpoint_refused", StatusCode::UNPROCESSABLE_ENTITY, detail).field("endpoint")
    };
    if text.len() > ENDPOINT_BYTES_MAX {
        return Err(refused("The endpoint is longer than 2048 bytes."));
    }
    let uri: Uri =
        text.parse().map_err(|_| refused("The endpoint is no address such as https://example.org/in."))?;
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP && webhooks.allowed.allows_plain() => false,
        _ => return Err(refused("The endpoint must be an https address.")),
    };
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    if authority.contains('@') || text.contains('#') {
        return Err(refused("The endpoint may have neither a user name nor a fragment."));
    }
    let host = host(&uri).ok_or_else(|| refused("The endpoint names no host."))?;
    if host.parse().is_ok_and(|address| !webhooks.allowed.allows(address, tls)) {
        return Err(refused(
            "Deliveries may not go to the endpoint's address: it is not on the public internet.",
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn check_description(text: String) -> Result<String, Problem> {
    if text.chars().count() > DESCRIPTION_CHARS_MAX || text.chars().any(char::is_control) {
        let detail = format!("A description has at most {DESCRIPTION_CHARS_MAX} characters, on one line.");
        return Err(invalid("description", detail));
    }
    Ok(text)
}

pub(super) fn check_filter(filter: Filter) -> Result<Filter, Problem> {
    match filter.fault() {
        None => Ok(filter),
        Some(field) => Err(invalid(field, format!("{field} names more than {NAMES_MAX}; make several."))),
    }
}

/// Where to begin.
pub(super) fn start(from_height: Option<u64>, final_height: u64) -> EventPosition {
    EventPosition::before_height(from_height.unwrap_or(final_height + 1))
}

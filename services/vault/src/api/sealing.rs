//! Sealing values for a transaction that the caller makes: they go to the vault, their commitments come back.

use std::{collections::BTreeMap, fmt};

use axum::extract::State;
use http::StatusCode;
use hutong_disclosure::records::parse_handle;
use hutong_ledger::id::RecordKey;
use hutong_peer::vault::ToSeal;
use hutong_runtime::http::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Clerk, Front, Private, Values, problems::vault};

/// Values for a record to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealing {
    /// The record that will carry the commitments, written `domain/id`.
    record: String,
    /// The handles of those whose data it is, 32 hex digits each.
    #[serde(default)]
    subjects: Vec<String>,
    /// What to seal, by field name.
    #[schema(value_type = BTreeMap<String, String>)]
    values: Values,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("record", &self.record).finish_non_exhaustive()
    }
}

/// What goes into the transaction instead of the values.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Commitments {
    /// 64 hex digits each, by field name.
    commitments: BTreeMap<String, String>,
}

/// Seal values
///
/// For the domain's own officials. Values whose commitments do not become final are dropped after 31 days.
#[utoipa::path(post, path = "/v1/sealed", tag = "disclosure", request_body = Sealing, responses(
    (status = 200, description = "Kept in the vault.", body = Commitments),
    (status = 400, description = "`malformed_json`, `not_utf8`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `not_owner_domain`, `agency_required`"),
    (status = 404, description = "`unknown_domain`"),
    (status = 413, description = "`too_large`, `body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`seal_invalid`, `unexpected_json`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`")))]
pub(super) async fn seal(
    State(front): State<Front>,
    clerk: Clerk,
    Private(asked): Private<Sealing>,
) -> Result<Json<Commitments>, Problem> {
    let wrong = |field: &str, detail: &str| {
        Problem::new("unexpected_json", StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
    };
    // Not quoted: it is not known to be a record's name.
    let record: RecordKey =
        asked.record.parse().map_err(|_| wrong("record", "A record is written domain/id."))?;
    let subjects = asked.subjects.iter().map(|handle| parse_handle(handle)).collect::<Option<Vec<_>>>();
    let subjects = subjects.ok_or_else(|| wrong("subjects", "A handle is 32 lower-case hex digits."))?;
    let (_, peer) = front.office(&clerk, record.domain).await?;
    let sealing = ToSeal { record, subjects, values: asked.values.into_bytes() };
    let sealed = peer.seal(clerk.token.expose(), sealing).await.map_err(vault)?;
    let commitments = sealed.into_iter().map(|(name, hash)| (name, hash.to_string())).collect();
    Ok(Json(Commitments { commitments }))
}

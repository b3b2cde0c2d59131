//! Registering a person who stands at a counter: found or made in the vault, sealed, then put on the ledger.

use std::fmt;

use axum::extract::State;
use http::StatusCode;
use hutong_disclosure::records;
use hutong_ledger::{
    hash::Hash,
    id::{Domain, RecordKey},
};
use hutong_peer::vault::{Handle, ToSeal};
use hutong_runtime::http::{Json, Problem};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Action, Envelope, RegisterPerson, SealedField, UpdatePerson, action::Kind},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Clerk, Front, Private, Values,
    problems::{unavailable, vault},
};

/// Who registers where a caller does not say it.
const ACTOR: &str = "registrar";

/// A person to find or to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    #[schema(value_type = String, example = "health")]
    domain: Domain,
    /// GB 11643. It goes to the vault of the domain's owner and nowhere else.
    resident_id: String,
    /// What to seal, by field name.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    values: Values,
    /// The pseudonym of the official who does this, where the token names none.
    official: Option<String>,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// The person, as the domain knows them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Registered {
    /// 32 hex digits.
    handle: String,
    /// Whether the handle is new.
    made: bool,
    /// The transaction that registered or updated the person; none if there was nothing to do.
    transaction: Option<String>,
}

/// Find or register a person
///
/// For the domain's own officials. The person need not be logged in. Counted and limited per official.
#[utoipa::path(post, path = "/v1/persons", tag = "disclosure", request_body = Registration, responses(
    (status = 200, description = "Registered, and final.", body = Registered),
    (status = 400, description = "`malformed_json`, `not_utf8`, or ingest does not take the transaction."),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `not_owner_domain`, `agency_required`"),
    (status = 404, description = "`unknown_domain`"),
    (status = 413, description = "`too_large`, `body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`resident_id_invalid`, `seal_invalid`, `unexpected_json`, or the contract's code."),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`unavailable`, `identity_unavailable`")))]
pub(super) async fn register(
    State(front): State<Front>,
    clerk: Clerk,
    Private(asked): Private<Registration>,
) -> Result<Json<Registered>, Problem> {
    let Registration { domain, resident_id, values, official } = asked;
    let (desk, peer) = front.office(&clerk, domain).await?;
    if official.as_ref().is_some_and(|official| official.is_empty() || official.len() > 128) {
        let detail = "A pseudonym has 1 to 128 bytes.";
        return Err(
            Problem::new("unexpected_json", StatusCode::UNPROCESSABLE_ENTITY, detail).field("official")
        );
    }
    // Who the token names did it, whatever the body says.
    let actor = clerk.official.or(official).unwrap_or_else(|| ACTOR.to_owned());
    let (handle, made) = peer.find_person(clerk.token.expose(), domain, &resident_id).await.map_err(vault)?;
    let record = RecordKey { domain, record: records::person(&handle) };
    let known = desk.storage().record(record.clone(), None).await.map_err(unavailable)?;
    let known = known.is_some_and(|stored| stored.value.is_some());
    let values = values.into_bytes();
    let answer =
        |transaction: Option<String>| Json(Registered { handle: hex::encode(handle), made, transaction });
    if known && values.is_empty() {
        return Ok(answer(None));
    }
    let sealed = if values.is_empty() {
        Vec::new()
    } else {
        let sealing = ToSeal { record, subjects: vec![handle], values };
        peer.seal(clerk.token.expose(), sealing).await.map_err(vault)?
    };
    let action = action(known, &handle, sealed);
    let done = desk.submit(domain, action, &actor).await?;
    Ok(answer(Some(done.id.to_string())))
}

fn action(known: bool, handle: &Handle, mut sealed: Vec<(String, Hash)>) -> bytes::Bytes {
    sealed.sort();
    let field =
        |(name, commitment): (String, Hash)| SealedField { name, commitment: commitment.0.to_vec().into() };
    let (handle, sealed) = (handle.to_vec().into(), sealed.into_iter().map(field).collect());
    let kind = if known {
        Kind::UpdatePerson(UpdatePerson { handle, sealed })
    } else {
        Kind::RegisterPerson(RegisterPerson { handle, sealed })
    };
    Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec().into()
}

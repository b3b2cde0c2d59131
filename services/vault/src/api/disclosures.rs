//! Asking for sealed fields: an access transaction, made final, then what the vault releases against it.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use hutong_ledger::{
    entry::Outcome,
    id::{Domain, TxId},
    transaction::Transaction,
};
use hutong_peer::{
    ingest::{Accepted, Wait},
    vault::Released,
};
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem},
};
use hutong_wire::transaction::decode_transaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Front,
    problems::{unavailable, vault},
};

/// An access transaction, or one that was submitted before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Disclosure {
    /// The signed transaction, a `hutong.v1.Transaction` in base64.
    transaction: Option<String>,
    /// The id of a final access, 76 hex digits: the same release again, until its window ends.
    access: Option<String>,
    /// The domain of that access; needed where the agency of this port does not host it.
    domain: Option<String>,
}

/// What was released, as the requester alone can open it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Disclosed {
    /// The access transaction.
    access: String,
    /// Where its receipt is.
    receipt: String,
    sealed: Sealed,
}

/// HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sealed {
    /// The requester's sealing key that it is sealed to.
    key: String,
    /// The encapsulated key, in base64.
    encapsulated: String,
    /// A `hutong.v1.vault.Opening`, sealed, in base64.
    ciphertext: String,
}

impl Disclosed {
    fn new(released: &Released) -> Self {
        Self {
            access: released.access.to_string(),
            receipt: format!("/v1/transactions/{}/receipt", released.access),
            sealed: Sealed {
                key: released.key.to_string(),
                encapsulated: STANDARD.encode(&released.encapsulated),
                ciphertext: STANDARD.encode(&released.ciphertext),
            },
        }
    }
}

/// Ask for sealed fields
///
/// Submits an access transaction, waits until it is final, and answers with what the vault of the domain's owner releases
/// against it. Whoever lost the answer asks again with the access alone and gets the same bytes until the window ends.
#[utoipa::path(post, path = "/v1/disclosures", tag = "disclosure", request_body = Disclosure, responses(
    (status = 200, description = "Released.", body = Disclosed),
    (status = 202, description = "The transaction is taken and not final yet: ask again with its id.", body = Value),
    (status = 400, description = "Ingest does not take the transaction; or `malformed_json`, `not_utf8`."),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "The vault refuses: `not_final`, `not_an_access`, `not_owner_domain`, `window_over`, `erased`, `revoked`, `no_sealing_key`, `value_unknown`; or `not_the_requester`, `agency_required`."),
    (status = 404, description = "`unknown_domain`, `unknown_transaction`"),
    (status = 413, description = "`too_large`, `body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "The contract refused the access, on record: its code. Or `unexpected_json`."),
    (status = 503, description = "`unavailable`, `identity_unavailable`")))]
pub(super) async fn disclose(
    State(front): State<Front>,
    caller: RequireAgency,
    Json(asked): Json<Disclosure>,
) -> Result<Response, Problem> {
    let (access, domain) = match (&asked.transaction, &asked.access) {
        (Some(transaction), None) => {
            let transaction = decode(transaction)?;
            let (id, domain) = (transaction.id, transaction.body.domain);
            if transaction.body.agency.as_str() != caller.0 {
                return Err(not_the_requester(transaction.body.agency.as_str()));
            }
            if !submit(&front, transaction).await? {
                let pending = serde_json::json!({ "access": id.to_string(), "state": "pending" });
                return Ok((StatusCode::ACCEPTED, Json(pending)).into_response());
            }
            (id, domain)
        }
        (None, Some(access)) => repeated(&front, &caller, access, asked.domain.as_deref()).await?,
        _ => {
            let detail = "Give either a transaction or the id of an access.";
            return Err(unprocessable(detail, "transaction"));
        }
    };
    let owner = front.owner(domain).await?;
    let Some(peer) = front.vaults.get(&owner) else {
        let detail = format!("The vault of {owner} is not known here; ask at its own port.");
        return Err(Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail));
    };
    let released = peer.release(access).await.map_err(vault)?;
    Ok(Json(Disclosed::new(&released)).into_response())
}

fn decode(text: &str) -> Result<Transaction, Problem> {
    let bytes = STANDARD.decode(text).map_err(|_| unprocessable("It is not base64.", "transaction"))?;
    decode_transaction(bytes.into()).map_err(|error| unprocessable(&error.to_string(), "transaction"))
}

fn unprocessable(detail: &str, field: &str) -> Problem {
    Problem::new("unexpected_json", StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
}

fn not_the_requester(requester: &str) -> Problem {
    let detail = format!("The access is {requester}'s: nobody else is given what was released against it.");
    Problem::new("not_the_requester", StatusCode::FORBIDDEN, detail)
}

/// Submits and waits; whether it is final.
async fn submit(front: &Front, transaction: Transaction) -> Result<bool, Problem> {
    let id = transaction.id;
    match front.ingest.submit(vec![transaction], Wait::Final).await.pop() {
        Some(Ok(Accepted::Final(finality))) => match finality.outcome {
            Outcome::Applied => Ok(true),
            Outcome::Refused(code) => {
                let detail = format!("The contract refused the access, on record: {code}.");
                let problem = Problem::new(code, StatusCode::UNPROCESSABLE_ENTITY, detail);
                Err(problem.with("transaction", id).with("receipt", format!("/v1/transactions/{id}/receipt")))
            }
        },
        Some(Ok(Accepted::Pending(_))) => Ok(false),
        Some(Err(rejected)) => {
            let status = if rejected.code.is_passing() {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::BAD_REQUEST
            };
            Err(Problem::new(rejected.code.name(), status, rejected.detail))
        }
        None => Err(Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Ingest gave no answer.")),
    }
}

/// An access that was submitted before, with its domain.
async fn repeated(
    front: &Front,
    caller: &RequireAgency,
    access: &str,
    domain: Option<&str>,
) -> Result<(TxId, Domain), Problem> {
    let id: TxId = access.parse().map_err(|_| unprocessable("It is no transaction id.", "access"))?;
    if let Some(found) = front.storage.transaction(id).await.map_err(unavailable)? {
        if found.agency.as_str() != caller.0 {
            return Err(not_the_requester(found.agency.as_str()));
        }
        return Ok((id, found.domain));
    }
    // Not hosted here, or not final: the owner's vault knows.
    match domain {
        Some(domain) => Ok((id, domain.parse().map_err(|_| unprocessable("It is no domain.", "domain"))?)),
        None => {
            let detail =
                format!("No transaction {id} is final here; say its domain if it is hosted elsewhere.");
            Err(Problem::new("unknown_transaction", StatusCode::NOT_FOUND, detail))
        }
    }
}

//! `/v1/transactions/{id}`: what became of a transaction, and the receipt that proves it.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use hutong_ledger::id::{AgencyId, Domain, TxId};
use hutong_peer::FinalTransaction;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{failed, not_found, parse};
use crate::handle::{Input, Storage};

/// A transaction as far as it has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransactionView {
    id: String,
    /// `pending`: in a block that is not final yet; `final`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    height: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// `applied` or `refused`, once final.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// Why the contract refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    changes: Vec<ChangeView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeView {
    record: String,
    version: u64,
    hash: String,
    /// As the domain's contract shows it; null if deleted.
    value: Option<Value>,
}

/// What became of a transaction
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}",
    tag = "transactions",
    params(("id" = String, Path, description = "76 hex digits")),
    responses(
        (status = 200, body = TransactionView),
        (status = 401, description = "`authentication_required`, `invalid_token`"),
        (status = 403, description = "`not_a_host`: the caller neither keeps the domain nor submitted it."),
        (status = 404, description = "`unknown_transaction`: nothing of this id is in a block here.")
    )
)]
pub(super) async fn transaction(
    State(storage): State<Storage>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<TransactionView>, Problem> {
    let id: TxId = parse("id", &id)?;
    if let Some(tx) = storage.read(move |reads| reads.transaction(&id)).await.map_err(failed)? {
        authorize(&storage, &caller, tx.domain, tx.agency)?;
        return Ok(Json(view(&storage, &tx)));
    }
    let pending = storage.ask(|answer| Input::Pending { id, answer }).await.map_err(failed)?;
    let Some(pending) = pending else { return Err(unknown(&id)) };
    authorize(&storage, &caller, pending.domain, pending.agency)?;
    Ok(Json(TransactionView {
        id: id.to_string(),
        state: "pending",
        domain: Some(pending.domain.to_string()),
        height: pending.height,
        index: None,
        log_index: None,
        time_ms: None,
        agency: Some(pending.agency.to_string()),
        actor: None,
        outcome: None,
        code: None,
        changes: Vec::new(),
    }))
}

fn unknown(id: &TxId) -> Problem {
    not_found("unknown_transaction", format!("Transaction {id} is not in a block here."))
}

fn authorize(storage: &Storage, caller: &str, domain: Domain, submitter: AgencyId) -> Result<(), Problem> {
    if submitter.as_str() == caller { Ok(()) } else { storage.only_keepers(caller, domain) }
}

fn view(storage: &Storage, tx: &FinalTransaction) -> TransactionView {
    let changes = tx.changes.iter().map(|change| ChangeView {
        record: change.record.to_string(),
        version: change.version,
        hash: change.hash.to_string(),
        value: change.value.as_deref().and_then(|value| storage.render(tx.domain, &change.record, value)),
    });
    TransactionView {
        id: tx.id.to_string(),
        state: "final",
        domain: Some(tx.domain.to_string()),
        height: tx.position.height,
        index: Some(tx.index),
        log_index: Some(tx.log_index),
        time_ms: Some(tx.time_ms),
        agency: Some(tx.agency.to_string()),
        actor: Some(tx.actor.clone()),
        outcome: Some(if tx.outcome.code().is_some() { "refused" } else { "applied" }),
        code: tx.outcome.code().map(str::to_owned),
        changes: changes.collect(),
    }
}

/// The offline receipt of a final transaction
///
/// It verifies with the chain's trust file alone: `hutong verify`.
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}/receipt",
    tag = "transactions",
    params(("id" = String, Path, description = "76 hex digits")),
    responses(
        (status = 200, description = "The receipt, a JSON document.", content_type = "application/json"),
        (status = 401, description = "`authentication_required`, `invalid_token`"),
        (status = 403, description = "`not_a_host`"),
        (status = 404, description = "`unknown_transaction`: nothing of this id is final here.")
    )
)]
pub(super) async fn receipt(
    State(storage): State<Storage>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: TxId = parse("id", &id)?;
    let tx = storage.read(move |reads| reads.transaction(&id)).await.map_err(failed)?;
    let tx = tx.ok_or_else(|| unknown(&id))?;
    authorize(&storage, &caller, tx.domain, tx.agency)?;
    let receipt = storage.read(move |reads| reads.receipt(&id)).await.map_err(failed)?;
    let receipt = receipt.ok_or_else(|| unknown(&id))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], receipt).into_response())
}

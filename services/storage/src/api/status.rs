//! `/v1/status`: how far this agency is, who keeps what, and whether every invariant holds.

use std::collections::BTreeMap;

use axum::extract::State;
use hutong_ledger::epoch::{Epoch, faults, quorum};
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::failed;
use crate::handle::{Input, Storage};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusView {
    chain: String,
    final_height: u64,
    final_block: String,
    final_time_ms: u64,
    /// The last height up to which all are certified.
    certified_height: u64,
    /// The last height that was executed.
    executed_height: u64,
    /// Heights that were executed and are not final.
    lag: u64,
    /// Final heights that are not in the tables yet.
    unwritten: u64,
    epoch: EpochView,
    /// Violations by invariant; each should be 0.
    invariants: BTreeMap<&'static str, u64>,
}

/// The epoch in force at the next height.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EpochView {
    number: u64,
    from_height: u64,
    validating: Vec<String>,
    quorum: usize,
    tolerated_faults: usize,
    orderers: Vec<String>,
    domains: Vec<DomainView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DomainView {
    domain: String,
    owner: String,
    contract: u32,
    /// Those that count.
    hosts: Vec<String>,
    quorum: usize,
    tolerated_faults: usize,
}

/// How far this agency is
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "status",
    responses((status = 200, body = StatusView), (status = 401, description = "`authentication_required`, `invalid_token`"))
)]
pub(super) async fn status(
    State(storage): State<Storage>,
    _: RequireAgency,
) -> Result<Json<StatusView>, Problem> {
    let progress = storage.ask(Input::Progress).await.map_err(failed)?;
    let recent = &storage.reads.recent;
    let (header, epoch) = recent.tip();
    Ok(Json(StatusView {
        chain: storage.reads.chain.to_string(),
        final_height: header.height,
        final_block: header.hash().to_string(),
        final_time_ms: header.time_ms,
        certified_height: progress.certified,
        executed_height: progress.held,
        lag: progress.held.saturating_sub(header.height),
        unwritten: recent.unwritten_blocks().len() as u64,
        epoch: show(&epoch),
        invariants: storage.invariants.iter().collect(),
    }))
}

fn show(epoch: &Epoch) -> EpochView {
    let validating: Vec<String> = epoch.validating().map(|agency| agency.id.to_string()).collect();
    let domains = epoch.domains.iter().map(|rules| {
        let hosts = epoch.hosts(rules.domain);
        DomainView {
            domain: rules.domain.to_string(),
            owner: rules.owner.to_string(),
            contract: rules.contract,
            quorum: quorum(hosts.len()),
            tolerated_faults: faults(hosts.len()),
            hosts: hosts.iter().map(ToString::to_string).collect(),
        }
    });
    EpochView {
        number: epoch.number,
        from_height: epoch.from_height,
        quorum: epoch.quorum(),
        tolerated_faults: faults(validating.len()),
        orderers: epoch.orderers.iter().map(ToString::to_string).collect(),
        domains: domains.collect(),
        validating,
    }
}

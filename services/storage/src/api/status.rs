//! `/v1/status`: how far this agency is, who keeps what, and whether every invariant holds.

use std::{collections::BTreeMap, time::Duration};

use axum::extract::State;
use hutong_ledger::{
    epoch::{Epoch, faults, quorum},
    id::AgencyId,
};
use hutong_peer::agency::AgencyTip;
use hutong_runtime::{
    auth::RequireAgency,
    disk::Disk,
    http::{Json, Problem},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::failed;
use crate::handle::{Input, Progress, Storage};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusView {
    chain: String,
    /// Whose node this is.
    agency: String,
    /// Of the program that it runs.
    version: &'static str,
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
    /// The validating agencies, this one included, as far as this node has heard of them.
    agencies: Vec<AgencyView>,
    /// None when the folder can't be read; the log says why.
    disk: Option<Disk>,
    /// Violations by invariant; each should be 0.
    invariants: BTreeMap<&'static str, u64>,
}

/// How far an agency is, by its own word.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgencyView {
    agency: String,
    /// None: nothing was heard of it since this node started.
    #[serde(flatten)]
    heard: Option<HeardView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeardView {
    executed_height: u64,
    certified_height: u64,
    final_height: u64,
    /// Final heights that it lacks of the highest that is known here.
    behind: u64,
    /// Seconds since it was heard.
    silent_s: u64,
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
    /// The version of the contract in force.
    contract: u32,
    /// The versions that this node's software has.
    contracts_here: Vec<u32>,
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
    let disk = Disk::look(storage.folder.to_path_buf()).await;
    let recent = &storage.reads.recent;
    let (header, epoch) = recent.tip();
    let own = AgencyTip {
        agency: storage.agency,
        executed: progress.held,
        certified: progress.certified,
        final_height: header.height,
    };
    let agencies = agencies(&epoch, own, &progress, storage.clock.monotonic());
    Ok(Json(StatusView {
        chain: storage.reads.chain.to_string(),
        agency: storage.agency.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        final_height: header.height,
        final_block: header.hash().to_string(),
        final_time_ms: header.time_ms,
        certified_height: progress.certified,
        executed_height: progress.held,
        lag: progress.held.saturating_sub(header.height),
        unwritten: recent.unwritten_blocks().len() as u64,
        epoch: show(&epoch, &storage),
        agencies,
        disk,
        invariants: storage.invariants.iter().collect(),
    }))
}

fn agencies(epoch: &Epoch, own: AgencyTip, progress: &Progress, now: Duration) -> Vec<AgencyView> {
    let others = progress.others.iter().map(|other| (other.tip, now.saturating_sub(other.heard)));
    let heard: Vec<(AgencyTip, Duration)> = others.chain([(own, Duration::ZERO)]).collect();
    let highest = heard.iter().map(|(tip, _)| tip.final_height).max().unwrap_or_default();
    let view = |id: AgencyId| {
        let of = heard.iter().find(|(tip, _)| tip.agency == id);
        let heard = of.map(|(tip, silent)| HeardView {
            executed_height: tip.executed,
            certified_height: tip.certified,
            final_height: tip.final_height,
            behind: highest - tip.final_height,
            silent_s: silent.as_secs(),
        });
        AgencyView { agency: id.to_string(), heard }
    };
    epoch.validating().map(|agency| view(agency.id)).collect()
}

fn show(epoch: &Epoch, storage: &Storage) -> EpochView {
    let validating: Vec<String> = epoch.validating().map(|agency| agency.id.to_string()).collect();
    let versions = |domain| {
        let of = storage.contracts.iter().filter(|contract| contract.domain() == domain);
        let mut versions: Vec<u32> = of.map(|contract| contract.version()).collect();
        versions.sort_unstable();
        versions
    };
    let domains = epoch.domains.iter().map(|rules| {
        let hosts = epoch.hosts(rules.domain);
        DomainView {
            domain: rules.domain.to_string(),
            owner: rules.owner.to_string(),
            contract: rules.contract,
            contracts_here: versions(rules.domain),
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

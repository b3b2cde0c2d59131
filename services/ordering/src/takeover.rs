//! Replacing a block that gets no certificate: statuses from a quorum of agencies, and what they oblige to.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use hutong_bus::SharedBus;
use hutong_ledger::{
    block::{Header, Proposal},
    epoch::{Epoch, faults},
    hash::Hash,
    id::{AgencyId, ChainId, Domain},
    vote::Status,
};
use hutong_peer::agency::{Answer, Ask, ask};

/// What the agencies said about a height.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Verified statuses for the view asked for, by agency.
    pub(crate) statuses: BTreeMap<AgencyId, Status>,
    /// Who answered at all.
    pub(crate) answered: Vec<AgencyId>,
}

impl Heard {
    /// Domains of which too few hosts answered to certify a segment.
    pub(crate) fn stalled(&self, epoch: &Epoch) -> Vec<Domain> {
        let stalled = |domain: &Domain| {
            let hosts = epoch.hosts(*domain);
            hosts.iter().filter(|host| self.answered.contains(host)).count() <= faults(hosts.len())
        };
        epoch.domains.iter().map(|rules| rules.domain).filter(stalled).collect()
    }
}

/// Asks every validating agency to promise the view. Waits for all of them up to the time limit: the more statuses,
/// the less is left out.
pub(crate) async fn statuses(
    bus: &SharedBus,
    chain: ChainId,
    epoch: &Epoch,
    height: u64,
    view: u32,
    timeout: Duration,
) -> Heard {
    let question = Ask::Status { height, view };
    let asked: FuturesUnordered<_> = epoch
        .validating()
        .map(|agency| {
            let (id, question) = (agency.id, &question);
            async move { (id, ask(&**bus, &id, question, timeout).await) }
        })
        .collect();
    let answers: Vec<_> = asked.collect().await;
    let mut heard = Heard::default();
    for (agency, answer) in answers {
        match answer {
            Ok(Answer::Status(bytes)) => {
                heard.answered.push(agency);
                if let Some(status) = valid(&bytes, chain, epoch, agency, height, view) {
                    heard.statuses.insert(agency, status);
                }
            }
            Ok(other) => {
                tracing::info!(%agency, height, view, answer = ?other, "no status for the view");
                heard.answered.push(agency);
            }
            Err(error) => tracing::info!(%agency, height, view, %error, "an agency does not answer"),
        }
    }
    heard
}

fn valid(
    bytes: &[u8],
    chain: ChainId,
    epoch: &Epoch,
    agency: AgencyId,
    height: u64,
    view: u32,
) -> Option<Status> {
    let status = Status::decode(bytes).ok()?;
    let fits = status.chain == chain
        && status.signature.agency == agency
        && (status.height, status.view) == (height, view)
        && status.verifies(epoch)
        && status.certificate.as_ref().is_none_or(|c| c.verifies(chain, epoch, &[]));
    if !fits {
        tracing::warn!(%agency, height, view, "a status does not verify");
    }
    fits.then_some(status)
}

/// The header of a certified block, from an agency that holds it.
pub(crate) async fn certified_header(
    bus: &SharedBus,
    epoch: &Epoch,
    height: u64,
    block: Hash,
    timeout: Duration,
) -> Option<Header> {
    for agency in epoch.validating() {
        if let Ok(Answer::Certified { proposal, .. }) =
            ask(&**bus, &agency.id, &Ask::Certified { height }, timeout).await
            && let Ok(proposal) = Proposal::decode(&proposal)
            && proposal.header.hash() == block
        {
            return Some(proposal.header);
        }
    }
    None
}

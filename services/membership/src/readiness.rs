//! A newcomer's word that it has caught up, said once it is true: domain by domain, membership first.
//!
//! It is true when the agency's own storage has as final what at least one honest counted agency has. It must not be said
//! of what was not executed from the first transaction on; that is validation's to hold to, which stops before.

use std::time::Duration;

use futures::future::join_all;
use hutong_bus::SharedBus;
use hutong_desk::Desk;
use hutong_ledger::{
    epoch::{Epoch, faults},
    id::{AgencyId, Domain},
};
use hutong_peer::agency::{Answer, Ask, ask};
use tokio_util::sync::CancellationToken;

use crate::proposal;

/// How many heights an agency may be behind when it says that it has caught up: what is on its way at any time.
const BEHIND_MAX: u64 = 2;
/// How long another agency may take to say how far it is.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause between two looks while there is something to say.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait for a new final height, after which membership is looked at again.
const WAIT: Duration = Duration::from_secs(10);

/// What an agency has to say next under an epoch: the platform before what stands on it.
pub fn next(epoch: &Epoch, agency: &AgencyId) -> Option<Domain> {
    if epoch.is_joining(agency) {
        return Some(Domain::MEMBERSHIP);
    }
    let waits = |rules: &&hutong_ledger::epoch::DomainRules| {
        rules.hosts.iter().any(|host| host.agency == *agency && !host.ready)
    };
    epoch.domains.iter().find(waits).map(|rules| rules.domain)
}

/// Whether a height is as far as at least one honest agency is, of those that count and answered; `None` where too few
/// answered to tell. A single one that claims too much holds nobody up.
pub fn caught_up(own: u64, mut others: Vec<u64>, counted: usize) -> Option<bool> {
    others.sort_unstable_by(|a, b| b.cmp(a));
    others.get(faults(counted)).map(|height| own + BEHIND_MAX >= *height)
}

/// Watches membership and says what there is to say, until stopped.
pub async fn run(desk: Desk, bus: SharedBus, stop: CancellationToken) {
    let mut height = 0;
    loop {
        let looked = async {
            let standing = desk.storage().standing().await?;
            let own = standing.final_header.height;
            match next(&standing.epoch, &desk.agency()) {
                None => height = desk.storage().wait_final(own.max(height), WAIT).await?,
                Some(domain) if is_level(&bus, &standing.epoch, &desk.agency(), own).await => {
                    say(&desk, domain).await
                }
                Some(_) => tokio::time::sleep(PAUSE).await,
            }
            Ok::<(), hutong_peer::Error>(())
        };
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = looked => looked,
        };
        if let Err(error) = looked {
            tracing::debug!(%error, "storage does not say where it stands");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

async fn is_level(bus: &SharedBus, epoch: &Epoch, agency: &AgencyId, own: u64) -> bool {
    let others: Vec<AgencyId> =
        epoch.validating().map(|other| other.id).filter(|other| other != agency).collect();
    let answers = join_all(others.iter().map(|other| ask(&**bus, other, &Ask::Tip, ASK_TIMEOUT))).await;
    let heights = answers.into_iter().filter_map(|answer| match answer {
        Ok(Answer::Tip(tip)) => Some(tip.final_height),
        _ => None,
    });
    caught_up(own, heights.collect(), epoch.validating().count()).unwrap_or(false)
}

async fn say(desk: &Desk, domain: Domain) {
    match desk.submit(Domain::MEMBERSHIP, proposal::ready(domain), "readiness").await {
        Ok(done) => {
            tracing::info!(%domain, height = done.height, "ready: this agency counts from the next epoch on")
        }
        // Another change may have come first; the next look tells what is still to be said.
        Err(error) => {
            tracing::warn!(%domain, %error, "the word that this agency is ready did not get through; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

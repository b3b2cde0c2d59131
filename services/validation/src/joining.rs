//! Catching up from nothing: which domains are executed before membership names this agency, where blocks come from that the
//! stream no longer has, and when a past is missing that nobody can make up for.
//!
//! A newcomer executes from genesis on whatever it will host, so that what it says of a domain rests on all of the domain's
//! past. It believes no one: a block from another agency counts by its certificate, a segment by its root, and a result by
//! the cosignatures that storage asks for. It must not skip: what it has not executed it must not host.

use hutong_ledger::{
    block::Proposal,
    epoch::{Epoch, Purpose},
    id::{Domain, KeyId},
    vote::Certificate,
};
use hutong_peer::agency::{Answer, Ask, ask};
use tokio::sync::watch;

use crate::{
    Error,
    service::{Round, ValidationService},
};

impl ValidationService {
    /// The domains that are executed under an epoch: those that the agency stores, and below the epoch that first names
    /// its host key also those that it will.
    pub(crate) fn hosted(&self, epoch: &Epoch) -> Vec<Domain> {
        let key = KeyId::of(self.host_key.public().as_bytes());
        let awaits = epoch.key(&self.agency, Purpose::Host, &key).is_none();
        let will = |domain: Domain| domain.is_platform() || self.config.joining.contains(&domain);
        let all = epoch.domains.iter().map(|rules| rules.domain);
        all.filter(|domain| epoch.stores(&self.agency, *domain) || (awaits && will(*domain))).collect()
    }
}

impl Round<'_> {
    /// Whether the agency can go on under an epoch: a domain that it has not executed from its first transaction on, it
    /// cannot begin to host.
    pub(crate) fn check_past(&self, height: u64, epoch: &Epoch, next: &Epoch) -> Result<(), Error> {
        let lacks = |domain: &Domain| epoch.rules(*domain).is_some() && !self.hosted.contains(domain);
        match self.service.hosted(next).into_iter().find(lacks) {
            Some(domain) => Err(Error::Past { domain, height, epoch: next.number }),
            None => Ok(()),
        }
    }

    /// Takes the blocks below a height from other agencies: the stream no longer has them.
    pub(crate) async fn catch_up(
        &mut self,
        until: u64,
        finals: &mut watch::Receiver<u64>,
    ) -> Result<(), Error> {
        tracing::info!(from = self.overlay.next_height(), until, "catching up from other agencies");
        while self.overlay.next_height() < until {
            self.settle(*finals.borrow_and_update());
            let height = self.overlay.next_height();
            let epoch = self.overlay.epoch();
            if self.lane.slot(height).is_none() {
                let proposal = self.certified(height, &epoch).await.ok_or(Error::Gap { height })?;
                let placed = self.lane.offer(proposal, 0, &epoch);
                placed.map_err(|skip| {
                    tracing::warn!(height, %skip, "a certified block does not fit");
                    Error::Gap { height }
                })?;
            }
            if !self.advance().await? {
                self.fetch_missing().await;
                if !self.advance().await? {
                    return Err(Error::Gap { height });
                }
            }
            self.hosted = self.service.hosted(&self.overlay.epoch());
        }
        Ok(())
    }

    /// The block of a height, from whichever agency has it with a certificate that holds.
    async fn certified(&self, height: u64, epoch: &Epoch) -> Option<Proposal> {
        let (service, timeout) = (self.service, self.service.config.ask_timeout());
        for other in epoch.validating().filter(|other| other.id != service.agency) {
            let answer = ask(&*service.bus, &other.id, &Ask::Certified { height }, timeout).await;
            let Ok(Answer::Certified { proposal, certificate }) = answer else { continue };
            let decoded = (Proposal::decode(&proposal), Certificate::decode(&certificate));
            let (Ok(proposal), Ok(certificate)) = decoded else { continue };
            let header = &proposal.header;
            let domains: Vec<Domain> = header.segments.iter().map(|segment| segment.domain).collect();
            if (header.height, certificate.height) == (height, height)
                && certificate.block == header.hash()
                && certificate.verifies(header.chain, epoch, &domains)
            {
                return Some(proposal);
            }
            tracing::warn!(agency = %other.id, height, "an agency gave a block whose certificate does not hold");
        }
        None
    }
}

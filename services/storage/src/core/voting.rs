//! Votes and certificates.

use std::collections::BTreeSet;

use hutong_ledger::{
    block::Proposal,
    invariant::Invariant,
    vote::{Ballot, Certificate, HostSignature, Vote},
};

use super::{Action, Charge, Core, Now, Release, heard::HEIGHTS_AHEAD_MAX};
use crate::archive::Record;

impl Core {
    /// A vote from outside; `sender` is the agency that its subject belongs to.
    pub(crate) fn hear_vote(&mut self, vote: Vote, now: Now) -> Result<(), crate::Error> {
        let height = vote.ballot.height;
        if vote.ballot.chain != self.identity.chain || !self.listens(height) {
            return Ok(());
        }
        let views = self.heard.get(&height).and_then(|heard| heard.votes.get(&vote.signature.agency));
        let held = views.and_then(|views| views.get(&vote.ballot.view)).filter(|held| held.verified);
        if let Some(first) = held.map(|held| held.vote).filter(|held| held.ballot != vote.ballot)
            && vote.verifies(self.epoch_at(height))
        {
            self.violation(Invariant::One, format!("{first:?} and {vote:?}"));
            self.actions.push(Action::Convict(Charge::TwoVotes(Box::new([first, vote]))));
            return Ok(());
        }
        self.heard.entry(height).or_default().vote(vote, false);
        self.advance(now)
    }

    pub(super) fn listens(&self, height: u64) -> bool {
        let settled = self.base.header.height;
        height > settled && height <= settled + HEIGHTS_AHEAD_MAX
    }

    /// A certificate from outside, with the proposal that it is for.
    pub(crate) fn hear_certificate(
        &mut self,
        proposal: &Proposal,
        certificate: Certificate,
        now: Now,
    ) -> Result<(), crate::Error> {
        let height = certificate.height;
        let domains: Vec<_> = proposal.header.segments.iter().map(|segment| segment.domain).collect();
        let fits = self.listens(height)
            && height <= self.next_height()
            && proposal.header.height == height
            && proposal.header.hash() == certificate.block
            && certificate.verifies(self.identity.chain, self.epoch_at(height), &domains);
        if fits {
            self.heard.entry(height).or_default().certificates.insert(certificate.view, certificate);
            self.advance(now)?;
        }
        Ok(())
    }

    /// Votes for the block in a slot if that is allowed and not done yet.
    pub(super) fn vote(&mut self, at: usize, now: Now) {
        let slot = &self.slots[at];
        let (height, view, hash) = (slot.height(), slot.view(), slot.block.hash);
        if slot.certificate.as_ref().is_some_and(|held| held.view >= view) || !self.may_vote(at, now) {
            return;
        }
        let own = self.heard.get(&height).and_then(|heard| heard.votes.get(&self.identity.agency));
        if own.and_then(|views| views.get(&view)).is_some_and(|held| held.vote.ballot.block == hash) {
            return;
        }
        // A vote of an earlier life is sent again as it was.
        let (vote, position) = match self.known.votes.get(&(height, view)) {
            Some(vote) if vote.ballot.block == hash => (*vote, self.durable),
            _ => {
                let ballot = Ballot { chain: self.identity.chain, height, view, block: hash };
                let signature = HostSignature {
                    agency: self.identity.agency,
                    key: self.identity.key_id(),
                    bytes: self.identity.host.sign(&ballot.message()),
                };
                let vote = Vote { ballot, signature };
                (vote, self.append(Record::Vote(vote)))
            }
        };
        self.commitments.voted(height, view, hash);
        self.heard.entry(height).or_default().vote(vote, true);
        self.release_at(position, Release::Vote(vote));
    }

    fn may_vote(&self, at: usize, now: Now) -> bool {
        let slot = &self.slots[at];
        let (height, view, header) = (slot.height(), slot.view(), &slot.block.proposal.header);
        let below = || self.slots.iter().take(at);
        // A barrier must be final before anything above it is voted for.
        if below().any(|slot| slot.block.next_epoch.is_some()) || !self.identity.signs(&slot.epoch) {
            return false;
        }
        if self.commitments.may_vote(height, view, &slot.block.hash).is_err() {
            return false;
        }
        let parent = at.checked_sub(1).map(|at| &self.slots[at]);
        let parent_certified = parent.is_none_or(|parent| {
            let certificate = parent.certificate.as_ref();
            certificate.is_some_and(|held| self.commitments.may_cosign(parent.height(), held.view).is_ok())
        });
        if !parent_certified || now.unix_ms.saturating_add(self.config.header_ahead_ms_max) < header.time_ms {
            return false;
        }
        // What was certified is repeated with the time that it had; that is never held against it.
        let obliged = Proposal::obliged(&slot.block.proposal.statuses).is_some();
        let seen_ms = parent.map_or(self.base_seen_ms, |parent| Some(parent.seen_ms));
        let late = seen_ms
            .is_some_and(|seen| header.time_ms.saturating_add(self.config.header_behind_ms_max) < seen);
        obliged || !late
    }

    /// When the first block that is ahead of its time comes of age, in unix milliseconds.
    pub(crate) fn of_age_at(&self, now: Now) -> Option<u64> {
        let times = self.slots.iter().map(|slot| slot.block.proposal.header.time_ms);
        let due = times.map(|time| time.saturating_sub(self.config.header_ahead_ms_max));
        due.filter(|due| *due > now.unix_ms).min()
    }

    /// Finds or makes the certificate of the block in a slot. One of a higher view replaces one of a lower: after
    /// a promise only the higher counts.
    pub(super) fn certify(&mut self, at: usize, now: Now) {
        let slot = &self.slots[at];
        let (height, hash) = (slot.height(), slot.block.hash);
        let held = slot.certificate.as_ref().map(|certificate| certificate.view);
        let above_held = |view: u32| held.is_none_or(|held| held < view);
        let given = self.heard.get(&height).and_then(|heard| {
            let given = heard.certificates.values().rev();
            given.into_iter().find(|c| c.block == hash && above_held(c.view)).cloned()
        });
        let known = || {
            let of_height = self.known.certificates.range((height, 0)..=(height, u32::MAX)).rev();
            of_height.map(|(_, c)| c).find(|c| c.block == hash && above_held(c.view)).cloned()
        };
        let Some(certificate) = given.or_else(known).or_else(|| self.count_votes(at, held)) else { return };
        let archived = self.known.certificates.contains_key(&(height, certificate.view));
        if !archived {
            self.append(Record::Certificate(certificate.clone()));
        }
        let slot = &mut self.slots[at];
        slot.certificate = Some(certificate);
        slot.certified_since.get_or_insert(now.monotonic);
    }

    /// A certificate from the votes heard, of the highest view above `held` that has enough.
    fn count_votes(&mut self, at: usize, held: Option<u32>) -> Option<Certificate> {
        let slot = &self.slots[at];
        let (height, hash, epoch) = (slot.height(), slot.block.hash, slot.epoch.clone());
        let domains = slot.domains();
        let heard = self.heard.get_mut(&height)?;
        let for_block = |vote: &Vote| vote.ballot.block == hash;
        let views = heard.votes.values().flat_map(|views| views.iter());
        let views: BTreeSet<u32> = views.filter(|(_, held)| for_block(&held.vote)).map(|(v, _)| *v).collect();
        for view in views.into_iter().rev().filter(|view| held.is_none_or(|held| held < *view)) {
            let votes: Vec<_> = heard.votes.values().filter_map(|views| views.get(&view)).collect();
            let named = |id: &_| votes.iter().any(|h| h.vote.signature.agency == *id && for_block(&h.vote));
            if !Certificate::suffices(&epoch, &domains, named) {
                continue;
            }
            for views in heard.votes.values_mut() {
                let Some(held) = views.get_mut(&view).filter(|held| for_block(&held.vote)) else { continue };
                held.verified = held.verified || held.vote.verifies(&epoch);
            }
            let valid = heard.votes.values().filter_map(|views| views.get(&view));
            let valid = valid.filter(|held| held.verified && for_block(&held.vote));
            let votes: Vec<HostSignature> = valid.map(|held| held.vote.signature).collect();
            if Certificate::suffices(&epoch, &domains, |id| votes.iter().any(|vote| vote.agency == *id)) {
                return Some(Certificate { height, view, block: hash, votes });
            }
            // A vote that does not verify must not stand in the way of its sender's right one.
            for views in heard.votes.values_mut() {
                views.retain(|v, held| *v != view || held.verified || !for_block(&held.vote));
            }
        }
        None
    }

    /// The agency's own votes from a height on that are outside already.
    pub(crate) fn own_votes(&self, from: u64) -> Vec<Vote> {
        let waiting = |vote: &Vote| {
            self.releases.iter().any(|(_, release)| matches!(release, Release::Vote(held) if held == vote))
        };
        let own = self.heard.range(from..).filter_map(|(_, heard)| heard.votes.get(&self.identity.agency));
        own.flat_map(|views| views.values()).map(|held| held.vote).filter(|vote| !waiting(vote)).collect()
    }

    pub(super) fn violation(&mut self, invariant: Invariant, evidence: String) {
        self.actions.push(Action::Violation { invariant, evidence });
    }
}

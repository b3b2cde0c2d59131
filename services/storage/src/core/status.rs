//! Statuses: promises that let a stuck height move on.

use hutong_ledger::vote::{Certificate, HostSignature, Status};

use super::{Core, Now, Release, Token};
use crate::archive::Record;

/// What becomes of a question for a status.
#[derive(Clone, Debug)]
pub(crate) enum StatusAnswer {
    /// It will come with this token, once it is durable.
    Promised(Token),
    /// The height is final; the certificate is in the final state.
    Final,
    Refused(String),
}

impl Core {
    /// Answers a question for a status of a height in a view, which binds this agency.
    pub(crate) fn status(&mut self, height: u64, view: u32, now: Now) -> StatusAnswer {
        let refused = |reason: String| StatusAnswer::Refused(reason);
        if height <= self.base.header.height {
            return StatusAnswer::Final;
        }
        if height > self.next_height() {
            return refused(format!("height {height} is not reached; {} is next", self.next_height()));
        }
        if view == 0 {
            return refused("view 0 needs no statuses".into());
        }
        if !self.identity.signs(self.epoch_at(height)) {
            return refused("this agency does not sign in the epoch in force".into());
        }
        // The same question gets the same bytes.
        if let Some(status) = self.known.statuses.get(&(height, view)).cloned() {
            let token = self.token();
            self.release_at(self.status_position(height, view), Release::Status(token, status));
            return StatusAnswer::Promised(token);
        }
        let promised = self.commitments.promise(height);
        if promised > view {
            return refused(format!("view {promised} of height {height} is promised"));
        }
        let since = self.slot(height).map_or(self.tip_since, |slot| slot.since);
        let age = now.monotonic.saturating_sub(since);
        if age < self.config.status_age() {
            return refused(format!("height {height} is {} ms old and not overdue", age.as_millis()));
        }
        let certificate = self.highest_certificate(height);
        if let Some(held) = certificate.as_ref().filter(|held| held.view >= view) {
            return refused(format!("height {height} is certified in view {}", held.view));
        }
        let message = Status::message(self.identity.chain, height, view, certificate.as_ref());
        let signature = HostSignature {
            agency: self.identity.agency,
            key: self.identity.key_id(),
            bytes: self.identity.host.sign(&message),
        };
        let status = Status { chain: self.identity.chain, height, view, certificate, signature };
        self.commitments.promised(height, view);
        let position = self.append(Record::Status(status.clone()));
        self.known.statuses.insert((height, view), status.clone());
        let token = self.token();
        self.release_at(position, Release::Status(token, status));
        StatusAnswer::Promised(token)
    }

    /// Where a status waits for the disk, if it still does.
    fn status_position(&self, height: u64, view: u32) -> u64 {
        let waiting = self.releases.iter().filter_map(|(position, release)| match release {
            Release::Status(_, status) if (status.height, status.view) == (height, view) => Some(*position),
            _ => None,
        });
        waiting.max().unwrap_or(self.durable)
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        self.next_token
    }

    /// The certificate of the highest view at a height, whatever block stands there.
    fn highest_certificate(&self, height: u64) -> Option<Certificate> {
        let slot = self.slot(height).and_then(|slot| slot.certificate.as_ref());
        let heard = self.heard.get(&height).and_then(|heard| heard.certificates.values().next_back());
        let known = self.known.certificates.range((height, 0)..=(height, u32::MAX)).next_back();
        let all = slot.into_iter().chain(heard).chain(known.map(|(_, certificate)| certificate));
        all.max_by_key(|certificate| certificate.view).cloned()
    }

    /// The certificate at a height above the final state, with what it is for.
    pub(crate) fn certified(&self, height: u64) -> Option<(Vec<u8>, Certificate)> {
        let slot = self.slot(height)?;
        Some((slot.block.proposal.encode(), slot.certificate.clone()?))
    }
}

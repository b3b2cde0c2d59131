//! What other agencies tell and ask, and what is asked of them.
//!
//! What they tell is the core's to judge; here it is only decoded, and dropped when it is not from whom it says. What they
//! ask is answered from memory where it can be, and from the disk beside the loop.

use hutong_bus::{Message, Request};
use hutong_ledger::{id::AgencyId, vote::Vote};
use hutong_peer::agency::{AgencyTip, Answer, Ask, Cosigned};

use super::{StorageService, now};
use crate::{
    Error,
    agency::{Lookup, Turn, reply, turn},
    core::StatusAnswer,
    handle::Other,
    peers::{Found, ask_all},
};

impl StorageService {
    pub(super) fn hear_vote(&mut self, message: &Message) -> Result<(), Error> {
        match (Vote::decode(&message.payload), sender(message)) {
            (Ok(vote), Some(sender)) if vote.signature.agency == sender && sender != self.identity.agency => {
                self.core.hear_vote(vote, now(&self.clock))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn hear_cosigned(&mut self, message: &Message) -> Result<(), Error> {
        match (Cosigned::decode(&message.payload), sender(message)) {
            (Ok(cosigned), Some(sender)) if cosigned.agency == sender => {
                self.recent.keep_log_signatures(&cosigned);
                self.core.hear_cosigned(cosigned, now(&self.clock))
            }
            _ => Ok(()),
        }
    }

    /// Remembered for operators, and for nothing else: it is not signed.
    pub(super) fn hear_tip(&mut self, message: &Message) {
        let (Ok(tip), Some(sender)) = (AgencyTip::decode(&message.payload), sender(message)) else { return };
        let known = self.core.epoch().agencies.iter().any(|agency| agency.id == sender);
        if tip.agency == sender && sender != self.identity.agency && known {
            self.others.insert(sender, Other { tip, heard: self.clock.monotonic() });
        }
    }

    pub(super) fn hear_found(&mut self, found: Found) -> Result<(), Error> {
        self.pace.answered();
        let now = now(&self.clock);
        for (proposal, certificate) in found.certificates {
            self.core.hear_certificate(&proposal, certificate, now)?;
        }
        for (agency, vote) in found.votes {
            if vote.signature.agency == agency && agency != self.identity.agency {
                self.core.hear_vote(vote, now)?;
            }
        }
        for (agency, cosigned) in found.cosigned {
            if cosigned.agency == agency {
                self.core.hear_cosigned(cosigned, now)?;
            } else {
                self.core.hear_relayed(&cosigned, now)?;
            }
        }
        Ok(())
    }

    /// Asks the other agencies when something has been missing for long.
    pub(super) fn ask_for_missing(&mut self) {
        let now = now(&self.clock);
        let wanted = self.core.wanted(now, self.config.patience());
        let progress = (self.core.base().header.height, self.core.certified_height());
        let Some(round) = self.pace.round(now, progress, wanted.is_empty()) else { return };
        let own = self.identity.agency;
        let others = self.core.epoch().validating().map(|agency| agency.id).filter(|id| *id != own).collect();
        let asked = ask_all(self.bus.clone(), others, wanted, round, self.config.ask_timeout());
        let found = self.found.0.clone();
        tokio::spawn(async move {
            // The service may be gone by then.
            let _ = found.send(asked.await).await;
        });
    }

    pub(super) fn answer(&mut self, request: Request) -> Result<(), Error> {
        let question = match Ask::decode(&request.message.payload) {
            Ok(question) => question,
            Err(error) => {
                tokio::spawn(reply(request, Answer::Refused(error.to_string())));
                return Ok(());
            }
        };
        let lookup = match turn(&self.core, self.tip(), self.clock.unix_ms(), question) {
            Turn::Answer(answer) => {
                tokio::spawn(reply(request, answer));
                return Ok(());
            }
            Turn::Lookup(lookup) => lookup,
            Turn::Status { height, view } => match self.core.status(height, view, now(&self.clock)) {
                StatusAnswer::Final => Lookup::Status { height, view },
                StatusAnswer::Refused(reason) => {
                    tokio::spawn(reply(request, Answer::Refused(reason)));
                    return Ok(());
                }
                StatusAnswer::Promised(token) => {
                    self.promised.insert(token, request);
                    // It may be durable already.
                    return self.core.tick(now(&self.clock));
                }
            },
        };
        let answers = self.answers.clone();
        if self.config.in_step {
            tokio::spawn(reply(request, answers.look_up(lookup)));
            return Ok(());
        }
        tokio::spawn(async move {
            let answer = tokio::task::spawn_blocking(move || answers.look_up(lookup)).await;
            reply(request, answer.unwrap_or(Answer::Absent)).await;
        });
        Ok(())
    }
}

/// The agency that a subject of the form `<kind>.<agency>` belongs to.
fn sender(message: &Message) -> Option<AgencyId> {
    message.subject.split_once('.')?.1.parse().ok()
}

//! Asking the other agencies for what was missed: votes, certificates, cosignatures. Their answers are heard as if
//! they had been published; nothing is believed that does not verify.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use hutong_bus::SharedBus;
use hutong_ledger::{
    block::Proposal,
    id::AgencyId,
    vote::{Certificate, Vote},
};
use hutong_peer::agency::{Answer, Ask, Cosigned, ask};

use crate::{
    Config,
    core::{Core, Now},
};

/// Certificates that one round asks for.
const CERTIFICATES_MAX: usize = 32;

/// What is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) votes_from: Option<u64>,
    pub(crate) certificates: Vec<u64>,
    pub(crate) cosigned_from: Option<u64>,
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the others had.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) votes: Vec<(AgencyId, Vote)>,
    pub(crate) certificates: Vec<(Proposal, Certificate)>,
    pub(crate) cosigned: Vec<(AgencyId, Cosigned)>,
}

/// When to ask: at once when something is overdue, then with growing pauses until there is progress.
#[derive(Debug)]
pub(crate) struct Pace {
    first: Duration,
    longest: Duration,
    pause: Duration,
    next: Duration,
    progress: (u64, u64),
    round: usize,
    asking: bool,
}

impl Pace {
    pub(crate) fn new(config: &Config) -> Self {
        let (first, longest) = (config.patience(), Duration::from_millis(config.ask_pause_ms_max));
        Self { first, longest, pause: first, next: Duration::ZERO, progress: (0, 0), round: 0, asking: false }
    }

    /// The number of the round of asking that is to begin now, if one is.
    pub(crate) fn round(&mut self, now: Now, progress: (u64, u64), satisfied: bool) -> Option<usize> {
        if progress != self.progress {
            self.progress = progress;
            self.pause = self.first;
            self.next = self.next.min(now.monotonic + self.first);
        }
        if satisfied || self.asking || now.monotonic < self.next {
            return None;
        }
        self.asking = true;
        self.next = now.monotonic + self.pause;
        self.pause = (self.pause * 2).min(self.longest);
        self.round += 1;
        Some(self.round)
    }

    pub(crate) fn answered(&mut self) {
        self.asking = false;
    }
}

impl Core {
    /// What has been missing for longer than is usual.
    pub(crate) fn wanted(&self, now: Now, patience: Duration) -> Wanted {
        let overdue = |since: Duration| now.monotonic.saturating_sub(since) >= patience;
        let mut wanted = Wanted::default();
        // After a promise only a certificate of the promised view counts.
        let uncertified = self.slots().filter(|slot| {
            let certified =
                slot.certificate.as_ref().is_some_and(|held| self.allows(slot.height(), held.view));
            !certified && overdue(slot.since)
        });
        wanted.certificates = uncertified.map(|slot| slot.height()).take(CERTIFICATES_MAX).collect();
        wanted.votes_from = wanted.certificates.first().copied();
        let unsettled = self
            .slots()
            .find(|slot| slot.certified_since.is_some_and(overdue) && slot.final_view().is_none());
        wanted.cosigned_from = unsettled.map(|slot| slot.height());
        wanted
    }
}

/// Asks all of them at once. `round` spreads what one answer suffices for.
pub(crate) async fn ask_all(
    bus: SharedBus,
    agencies: Vec<AgencyId>,
    wanted: Wanted,
    round: usize,
    timeout: Duration,
) -> Found {
    let mut questions = Vec::new();
    for agency in &agencies {
        questions.extend(wanted.votes_from.map(|from| (*agency, Ask::Votes { from })));
        questions.extend(wanted.cosigned_from.map(|from| (*agency, Ask::Cosigned { from })));
    }
    for (at, height) in wanted.certificates.iter().enumerate().filter(|_| !agencies.is_empty()) {
        questions.push((agencies[(at + round) % agencies.len()], Ask::Certified { height: *height }));
    }
    let bus = &*bus;
    let mut answers: FuturesUnordered<_> = questions
        .into_iter()
        .map(|(agency, question)| async move { (agency, ask(bus, &agency, &question, timeout).await) })
        .collect();
    let mut found = Found::default();
    while let Some((agency, answer)) = answers.next().await {
        match answer {
            Ok(answer) => found.take(agency, answer),
            Err(error) => tracing::debug!(%agency, %error, "an agency did not answer"),
        }
    }
    found
}

impl Found {
    fn take(&mut self, agency: AgencyId, answer: Answer) {
        match answer {
            Answer::Votes(votes) => {
                let votes = votes.iter().filter_map(|bytes| Vote::decode(bytes).ok());
                self.votes.extend(votes.map(|vote| (agency, vote)));
            }
            Answer::Cosigned(cosigned) => {
                let cosigned = cosigned.iter().filter_map(|bytes| Cosigned::decode(bytes).ok());
                self.cosigned.extend(cosigned.map(|cosigned| (agency, cosigned)));
            }
            Answer::Certified { proposal, certificate } => {
                let decoded = (Proposal::decode(&proposal), Certificate::decode(&certificate));
                if let (Ok(proposal), Ok(certificate)) = decoded {
                    self.certificates.push((proposal, certificate));
                }
            }
            _ => {}
        }
    }
}

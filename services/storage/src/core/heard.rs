//! What others said about a height, kept until the block is there and it can be checked. Bounded: one agency can
//! fill only its own place.

use std::collections::BTreeMap;

use hutong_ledger::{
    id::AgencyId,
    vote::{Certificate, Vote},
};
use hutong_peer::agency::Cosigned;

/// Heights above the base for which anything is kept.
pub(crate) const HEIGHTS_AHEAD_MAX: u64 = 512;
/// Views of one height for which an agency's votes are kept: the highest.
const VIEWS_MAX: usize = 4;
/// Cosignatures of one agency at one height, one per view.
const COSIGNED_MAX: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) votes: BTreeMap<AgencyId, BTreeMap<u32, HeardVote>>,
    /// Checked certificates, by view.
    pub(crate) certificates: BTreeMap<u32, Certificate>,
    pub(crate) cosigned: BTreeMap<AgencyId, Vec<Cosigned>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct HeardVote {
    pub(crate) vote: Vote,
    pub(crate) verified: bool,
}

impl Heard {
    /// Keeps a vote. A second one for the same view does not replace the first unless the first was never checked:
    /// who sends rubbish spoils its own vote only.
    pub(crate) fn vote(&mut self, vote: Vote, verified: bool) {
        let views = self.votes.entry(vote.signature.agency).or_default();
        match views.get(&vote.ballot.view) {
            Some(held) if held.verified => return,
            _ => views.insert(vote.ballot.view, HeardVote { vote, verified }),
        };
        while views.len() > VIEWS_MAX {
            views.pop_first();
        }
    }

    pub(crate) fn cosigned(&mut self, cosigned: Cosigned) {
        let held = self.cosigned.entry(cosigned.agency).or_default();
        if !held.contains(&cosigned) && held.len() < COSIGNED_MAX {
            held.push(cosigned);
        }
    }
}

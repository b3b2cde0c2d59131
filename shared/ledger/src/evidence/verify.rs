//! The check of evidence, and what can be wrong with it.

use super::{Evidence, Exhibit};
use crate::{
    canon::Malformed,
    hash::Hash,
    id::{AgencyId, Domain},
    note::{Checkpoint, SignedNote, origin},
    receipt::{Standing, TrustFile, VerifyError, court::Court, document::Base64, verify::Fault},
    vote::Vote,
};

/// What was proven, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub agency: AgencyId,
    pub misdeed: Misdeed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misdeed {
    TwoVotes {
        height: u64,
        view: u32,
        blocks: [Hash; 2],
    },
    OtherRoots {
        domain: Domain,
        height: u64,
        block: Hash,
        /// Who stands for the other result.
        quorum: Box<Standing>,
    },
}

/// Why a document proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Its form, its epochs, or the notes that a quorum is to have cosigned.
    #[error(transparent)]
    Document(#[from] VerifyError),
    #[error("a vote is malformed: {0}")]
    Vote(Malformed),
    #[error("the votes are of {first} and {second}, not of one agency")]
    Voters { first: AgencyId, second: AgencyId },
    #[error("the votes are not of one chain, height and view: an agency may vote for different blocks there")]
    Ballots,
    #[error("the votes are for the same block")]
    SameBlock,
    #[error("a vote is not signed by a host key that {0} has under the epoch in force")]
    VoteSignature(AgencyId),
    #[error("the note is no checkpoint of {domain} for block {block} at height {height}")]
    OtherCheckpoint { domain: Domain, height: u64, block: Hash },
    #[error("the note is to have one signature, of a host of the domain that is to be shown at fault")]
    Signer,
    #[error("the note says what the quorum says")]
    SameRoots,
}

/// Checks evidence in JSON.
pub fn verify(document: &[u8], trust: &TrustFile) -> Result<Proven, EvidenceError> {
    crate::receipt::verify::read::<Evidence>(document)?.verify(trust)
}

impl Evidence {
    pub fn verify(&self, trust: &TrustFile) -> Result<Proven, EvidenceError> {
        trust.admits(self.version, self.chain)?;
        match &self.exhibit {
            Exhibit::TwoVotes { first, second } => self.two_votes(trust, first, second),
            Exhibit::OtherRoots { signed, quorum, membership } => {
                self.other_roots(trust, &signed.0, &quorum.0, &membership.0)
            }
        }
    }

    fn two_votes(&self, trust: &TrustFile, first: &Base64, second: &Base64) -> Result<Proven, EvidenceError> {
        let read = |vote: &Base64| Vote::decode(&vote.0).map_err(EvidenceError::Vote);
        let votes = [read(first)?, read(second)?];
        let [one, two] = votes.map(|vote| vote.ballot);
        let [agency, other] = votes.map(|vote| vote.signature.agency);
        if agency != other {
            return Err(EvidenceError::Voters { first: agency, second: other });
        }
        if (one.height, one.view) != (two.height, two.view) || [one.chain, two.chain] != [self.chain; 2] {
            return Err(EvidenceError::Ballots);
        }
        if one.block == two.block {
            return Err(EvidenceError::SameBlock);
        }
        let epoch = trust.follow(&self.epochs, one.height)?;
        if !votes.iter().all(|vote| vote.verifies(&epoch)) {
            return Err(EvidenceError::VoteSignature(agency));
        }
        let misdeed =
            Misdeed::TwoVotes { height: one.height, view: one.view, blocks: [one.block, two.block] };
        Ok(Proven { agency, misdeed })
    }

    fn other_roots(
        &self,
        trust: &TrustFile,
        signed: &SignedNote,
        quorum: &SignedNote,
        membership: &SignedNote,
    ) -> Result<Proven, EvidenceError> {
        let part = Fault::Receipt;
        let right: Checkpoint = quorum.text().parse().map_err(|_| VerifyError::CheckpointForm)?;
        let epoch = trust.follow(&self.epochs, right.height)?;
        let named = |domain: &Domain| origin(&self.chain, domain) == right.origin;
        let domain = epoch.domains.iter().map(|rules| rules.domain).find(named);
        let domain = domain.ok_or(VerifyError::CheckpointForm)?;
        let court = Court { chain: &self.chain, epoch: &epoch, part };
        let standing = court.both(domain, quorum, membership)?;
        let agency = court.host(domain, signed)?.ok_or(EvidenceError::Signer)?;
        let theirs: Checkpoint = signed.text().parse().map_err(|_| VerifyError::CheckpointForm)?;
        let (height, block) = (right.height, right.block);
        if theirs.origin != right.origin || (theirs.height, theirs.block) != (height, block) {
            return Err(EvidenceError::OtherCheckpoint { domain, height, block });
        }
        if (theirs.size, theirs.root, theirs.state) == (right.size, right.root, right.state) {
            return Err(EvidenceError::SameRoots);
        }
        let misdeed = Misdeed::OtherRoots { domain, height, block, quorum: Box::new(standing) };
        Ok(Proven { agency, misdeed })
    }
}

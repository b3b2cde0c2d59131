//! The archive as it stands: what binds the agency, in the order in which it did, and which blocks are final.

use std::collections::BTreeMap;

use hutong_ledger::{
    block::Proposal,
    epoch::{Epoch, Purpose},
    hash::Hash,
    id::{AgencyId, ChainId},
    note::cosignature_message,
    vote::{Certificate, Commitments, Status, Vote},
};
use hutong_peer::agency::Cosigned;

use super::{Difference, Halt};
use crate::{
    archive::{Archive, BlockRecord, FinalRecord, Record},
    checkpoint::{Point, log_verifies},
};

/// What the archive says, by height.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// Where each block is; of one that was repeated, the last place.
    blocks: BTreeMap<(u64, Hash), u64>,
    votes: BTreeMap<u64, Vec<Vote>>,
    statuses: BTreeMap<u64, Vec<Status>>,
    certificates: BTreeMap<u64, Vec<Certificate>>,
    cosigned: BTreeMap<u64, Vec<Cosigned>>,
    pub(super) finals: BTreeMap<u64, FinalRecord>,
}

/// Reads all records and checks the order among them: a promise comes before no vote or cosignature that it forbids,
/// a cosignature after the certificate that it is for, a vote after its block.
pub(super) fn read(archive: &Archive, agency: AgencyId) -> Result<Bound, Halt> {
    let mut bound = Bound::default();
    let mut commitments = Commitments::default();
    for record in archive.records() {
        let (position, record) = record?;
        let broken = |what: &str, height: u64, reason: String| {
            Halt::from(Difference::new(what, height, format!("record {position}: {reason}")))
        };
        match record {
            Record::Start { .. } => {}
            Record::Block(block) => {
                let proposal = Proposal::decode(&block.proposal)
                    .map_err(|error| broken("block", 0, error.to_string()))?;
                bound.blocks.insert((proposal.header.height, proposal.header.hash()), position);
            }
            Record::Vote(vote) => {
                let ballot = vote.ballot;
                let height = ballot.height;
                commitments
                    .may_vote(height, ballot.view, &ballot.block)
                    .map_err(|bond| broken("vote", height, bond.to_string()))?;
                if !bound.blocks.contains_key(&(height, ballot.block)) {
                    return Err(broken("vote", height, format!("block {} is not archived", ballot.block)));
                }
                if vote.signature.agency != agency {
                    return Err(broken("vote", height, format!("it is of {}", vote.signature.agency)));
                }
                commitments.voted(height, ballot.view, ballot.block);
                bound.votes.entry(height).or_default().push(vote);
            }
            Record::Status(status) => {
                commitments.promised(status.height, status.view);
                bound.statuses.entry(status.height).or_default().push(status);
            }
            Record::Certificate(certificate) => {
                bound.certificates.entry(certificate.height).or_default().push(certificate);
            }
            Record::Cosigned(cosigned) => {
                let height = cosigned.height;
                commitments
                    .may_cosign(height, cosigned.view)
                    .map_err(|bond| broken("cosignature", height, bond.to_string()))?;
                let held = bound.certificates.get(&height).into_iter().flatten();
                if !held.into_iter().any(|c| c.block == cosigned.block && c.view == cosigned.view) {
                    let reason = format!("no certificate of view {} is before it", cosigned.view);
                    return Err(broken("cosignature", height, reason));
                }
                bound.cosigned.entry(height).or_default().push(cosigned);
            }
            Record::Final(end) => match bound.finals.get(&end.height) {
                Some(first) if first.block != end.block => {
                    let reason = format!("{} and {} are both final", first.block, end.block);
                    return Err(broken("block", end.height, reason));
                }
                Some(_) => {}
                None => {
                    bound.finals.insert(end.height, end);
                }
            },
        }
    }
    let consecutive = bound.finals.keys().zip(1..).find(|(found, expected)| **found != *expected);
    if let Some((found, expected)) = consecutive {
        let reason = format!("the archive knows {found} as final, but not this height");
        return Err(Difference::new("block", expected, reason).into());
    }
    Ok(bound)
}

impl Bound {
    /// The archived block that is final at a height.
    pub(super) fn block(
        &self,
        archive: &Archive,
        height: u64,
        end: &FinalRecord,
    ) -> Result<BlockRecord, Halt> {
        let position = self.blocks.get(&(height, end.block));
        let position = position.ok_or_else(|| {
            Difference::new("block", height, format!("block {} is not archived", end.block))
        })?;
        Ok(archive.block(*position)?)
    }

    pub(super) fn certificates(&self, height: u64) -> &[Certificate] {
        self.certificates.get(&height).map(Vec::as_slice).unwrap_or_default()
    }

    /// Checks the signatures on what this agency gave at a height.
    pub(super) fn commitments(&self, height: u64, epoch: &Epoch) -> Result<(), Halt> {
        let bad = |what: &str| Halt::from(Difference::new(what, height, "its signature does not verify"));
        if self.votes.get(&height).into_iter().flatten().any(|vote| !vote.verifies(epoch)) {
            return Err(bad("vote"));
        }
        if self.statuses.get(&height).into_iter().flatten().any(|status| !status.verifies(epoch)) {
            return Err(bad("status"));
        }
        if self.cosigned.get(&height).into_iter().flatten().any(|cosigned| !verifies(cosigned, epoch)) {
            return Err(bad("cosignature"));
        }
        Ok(())
    }

    /// Checks what lies above the last final height as far as the epoch in force there tells.
    pub(super) fn unsettled(&self, archive: &Archive, epoch: &Epoch, settled: u64) -> Result<(), Halt> {
        let height = settled + 1;
        self.commitments(height, epoch)?;
        for ((_, hash), position) in self.blocks.range((height, Hash::ZERO)..(height + 1, Hash::ZERO)) {
            let block = archive.block(*position)?;
            let proposal = Proposal::decode(&block.proposal);
            let proposal = proposal.map_err(|error| Difference::new("block", height, error.to_string()))?;
            if !proposal.signed(epoch) {
                let reason = format!("no orderer of the epoch signed block {hash}");
                return Err(Difference::new("block", height, reason).into());
            }
        }
        Ok(())
    }
}

fn verifies(cosigned: &Cosigned, epoch: &Epoch) -> bool {
    cosigned.notes.iter().all(|note| {
        let text = Point::of(note).text(&cosigned.chain, cosigned.height, &cosigned.block, cosigned.view);
        let message = cosignature_message(&text, note.time_s);
        epoch.signed(&cosigned.agency, Purpose::Host, &cosigned.key, &message, &note.signature)
            && note.log_signature.as_ref().is_none_or(|log| log_verifies(epoch, note.domain, log, &text))
    })
}

/// Whether one of the certificates certifies a block with these segments.
pub(super) fn certified(
    certificates: &[Certificate],
    chain: ChainId,
    epoch: &Epoch,
    proposal: &Proposal,
) -> bool {
    let domains: Vec<_> = proposal.header.segments.iter().map(|segment| segment.domain).collect();
    let hash = proposal.header.hash();
    certificates.iter().any(|c| c.block == hash && c.verifies(chain, epoch, &domains))
}

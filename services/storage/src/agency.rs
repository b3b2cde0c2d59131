//! Answering other agencies and the orderers.
//!
//! Who may ask what: votes, cosignatures, certificates and statuses are signed and say nothing of any record, so
//! whoever the broker lets in may have them. Segments are for hosts of the domain alone (NEED): that question is
//! signed, and [`turn`] checks it before anything is looked up, whatever the broker allows.

use bytes::Bytes;
use hutong_bus::Request;
use hutong_ledger::{
    hash::Hash,
    id::Domain,
    segment_request::Wanted,
    vote::{HostSignature, Status},
};
use hutong_peer::agency::{AgencyTip, Answer, Ask, Cosigned, LIST_MAX};

use crate::{
    Error,
    core::{Core, Identity},
    read::Reads,
};

/// A question that the core has no part in any more: the rest is reading.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// Of a final height.
    Status {
        height: u64,
        view: u32,
    },
    /// All of final heights, before the own that the core holds.
    Cosigned {
        from: u64,
        held: Vec<Cosigned>,
    },
    Certified {
        height: u64,
    },
    Segment {
        height: u64,
        block: Hash,
        domain: Domain,
    },
}

/// What becomes of a question at the core.
#[derive(Debug)]
pub(crate) enum Turn {
    Answer(Answer),
    Lookup(Lookup),
    /// It binds this agency: [`Core::status`] decides.
    Status {
        height: u64,
        view: u32,
    },
}

/// Answers what the core can, without the disk.
pub(crate) fn turn(core: &Core, tip: AgencyTip, now_ms: u64, question: Ask) -> Turn {
    let settled = core.base().header.height;
    match question {
        Ask::Status { height, view } => Turn::Status { height, view },
        Ask::Votes { from } => {
            let votes = core.own_votes(from).into_iter().take(LIST_MAX);
            Turn::Answer(Answer::Votes(votes.map(|vote| vote.encode()).collect()))
        }
        Ask::Cosigned { from } => Turn::Lookup(Lookup::Cosigned { from, held: core.own_cosigned(from) }),
        Ask::Certified { height } if height > settled => {
            Turn::Answer(core.certified(height).map_or(Answer::Absent, |(proposal, certificate)| {
                Answer::Certified { proposal, certificate: certificate.encode() }
            }))
        }
        Ask::Certified { height } => Turn::Lookup(Lookup::Certified { height }),
        Ask::Segment(request) => {
            if let Err(denied) = request.entitled(core.chain(), core.epoch(), now_ms) {
                let (asker, domain) = (request.signature.agency, request.wanted.domain);
                tracing::warn!(%asker, %domain, %denied, "a question for a segment is refused");
                return Turn::Answer(Answer::Refused(denied.to_string()));
            }
            let Wanted { height, block, domain, .. } = request.wanted;
            let slot = core.slot(height).filter(|slot| slot.block.hash == block);
            let held = slot.and_then(|slot| slot.block.segments.iter().find(|part| part.domain == domain));
            match held {
                Some(part) => Turn::Answer(Answer::Segment(part.raw.to_vec())),
                None if height <= settled => Turn::Lookup(Lookup::Segment { height, block, domain }),
                None => Turn::Answer(Answer::Absent),
            }
        }
        Ask::Tip => Turn::Answer(Answer::Tip(tip)),
    }
}

/// Answers from what is final.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) reads: Reads,
    pub(crate) identity: Identity,
}

impl Answers {
    pub(crate) fn look_up(&self, lookup: Lookup) -> Answer {
        let answer = match lookup {
            Lookup::Status { height, view } => self.status(height, view),
            Lookup::Cosigned { from, held } => self.cosigned(from, held),
            Lookup::Certified { height } => self.certified(height),
            Lookup::Segment { height, block, domain } => self.segment(height, block, domain),
        };
        answer.unwrap_or_else(|error| {
            tracing::error!(%error, "a question of another agency cannot be answered");
            Answer::Absent
        })
    }

    /// A final height binds no more than it did: nothing is ever voted for or cosigned there again, so the status
    /// needs no record, and the same certificate gives the same bytes.
    fn status(&self, height: u64, view: u32) -> Result<Answer, Error> {
        let Some(block) = self.reads.block(height)? else { return Ok(Answer::Absent) };
        let (chain, certificate) = (self.identity.chain, block.certificate);
        if certificate.view >= view {
            return Ok(Answer::Refused(format!("height {height} is certified in view {}", certificate.view)));
        }
        let message = Status::message(chain, height, view, Some(&certificate));
        let signature = HostSignature {
            agency: self.identity.agency,
            key: self.identity.key_id(),
            bytes: self.identity.host.sign(&message),
        };
        let status = Status { chain, height, view, certificate: Some(certificate), signature };
        Ok(Answer::Status(status.encode()))
    }

    fn cosigned(&self, from: u64, held: Vec<Cosigned>) -> Result<Answer, Error> {
        let settled = self.reads.recent.final_height();
        let mut list = Vec::new();
        for height in from.max(1)..=settled.min(from.saturating_add(LIST_MAX as u64)) {
            // Not the own alone: one agency that has a height as final suffices for whoever missed it.
            list.extend(self.reads.cosigned(height)?.iter().map(Cosigned::encode));
            if list.len() >= LIST_MAX {
                break;
            }
        }
        list.extend(held.iter().map(Cosigned::encode));
        list.truncate(LIST_MAX);
        Ok(Answer::Cosigned(list))
    }

    fn certified(&self, height: u64) -> Result<Answer, Error> {
        Ok(self.reads.block(height)?.map_or(Answer::Absent, |block| Answer::Certified {
            proposal: block.proposal.encode(),
            certificate: block.certificate.encode(),
        }))
    }

    fn segment(&self, height: u64, block: Hash, domain: Domain) -> Result<Answer, Error> {
        let Some(info) = self.reads.block(height)?.filter(|info| info.hash == block) else {
            return Ok(Answer::Absent);
        };
        let archived = self.reads.archive.block(info.position)?;
        let segment = archived.segments.into_iter().find(|(of, _)| *of == domain);
        Ok(segment.map_or(Answer::Absent, |(_, raw)| Answer::Segment(raw.to_vec())))
    }
}

/// Sends an answer; an asker that is gone is no concern.
pub(crate) async fn reply(request: Request, answer: Answer) {
    if let Err(error) = request.reply(Bytes::from(answer.encode())).await {
        tracing::debug!(%error, "an answer did not get through");
    }
}

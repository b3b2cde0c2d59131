//! What agencies tell each other and the orderers: cosignatures, tips, and answers to what was missed.

use std::time::Duration;

use hutong_bus::{Bus, Headers};
use hutong_ledger::{
    canon::{Malformed, Reader, Writer},
    epoch::DOMAINS_MAX,
    hash::Hash,
    id::{AgencyId, ChainId, Domain, KeyId},
    segment_request::SegmentRequest,
};

use crate::Error;

/// A host's cosignature on one domain's checkpoint, with the parts of the checkpoint that the receiver compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    pub domain: Domain,
    pub size: u64,
    pub root: Hash,
    pub state: Hash,
    /// Unix seconds, as C2SP cosignature/v1 signs it.
    pub time_s: u64,
    pub signature: [u8; 64],
    /// The owner's own signature on the note, if the sender owns the domain.
    pub log_signature: Option<(KeyId, [u8; 64])>,
}

/// An agency's cosignatures at a height: membership's, and one per hosted domain that the block touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    pub chain: ChainId,
    pub agency: AgencyId,
    pub key: KeyId,
    pub height: u64,
    pub block: Hash,
    /// Of the certificate that the agency held.
    pub view: u32,
    pub notes: Vec<Cosignature>,
}

impl Cosigned {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.chain.as_str())
            .text(self.agency.as_str())
            .raw(&self.key.0)
            .u64(self.height)
            .hash(&self.block)
            .u32(self.view);
        w.list(&self.notes, |w, note| {
            w.text(note.domain.as_str()).u64(note.size).hash(&note.root).hash(&note.state);
            w.u64(note.time_s).raw(&note.signature);
            w.option(note.log_signature.as_ref(), |w, (key, signature)| {
                w.raw(&key.0).raw(signature);
            });
        });
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self {
                chain: r.parsed()?,
                agency: r.parsed()?,
                key: KeyId(r.array()?),
                height: r.u64()?,
                block: r.hash()?,
                view: r.u32()?,
                notes: r.list(DOMAINS_MAX, |r| {
                    Ok(Cosignature {
                        domain: r.parsed()?,
                        size: r.u64()?,
                        root: r.hash()?,
                        state: r.hash()?,
                        time_s: r.u64()?,
                        signature: r.array()?,
                        log_signature: r.option(|r| Ok((KeyId(r.array()?), r.array()?)))?,
                    })
                })?,
            })
        })
    }
}

/// How far an agency is; telemetry, signed by nobody and trusted for nothing but pacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgencyTip {
    pub agency: AgencyId,
    /// The last height it executed, certified or not.
    pub executed: u64,
    pub certified: u64,
    pub final_height: u64,
}

impl AgencyTip {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.agency.as_str()).u64(self.executed).u64(self.certified).u64(self.final_height);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self { agency: r.parsed()?, executed: r.u64()?, certified: r.u64()?, final_height: r.u64()? })
        })
    }
}

/// What one agency or an orderer asks another agency (subject `agency.<id>`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A status for a view of a height: [`Answer::Status`], or `Refused` while the height is not overdue.
    Status { height: u64, view: u32 },
    /// Its own votes from a height on: [`Answer::Votes`].
    Votes { from: u64 },
    /// Its own cosignatures from a height on: [`Answer::Cosigned`].
    Cosigned { from: u64 },
    /// The proposal and certificate at a height: [`Answer::Certified`].
    Certified { height: u64 },
    /// A segment's bytes, for hosts of the domain: [`Answer::Segment`], or `Refused` to anyone else.
    Segment(Box<SegmentRequest>),
    /// How far it is: [`Answer::Tip`].
    Tip,
}

/// Lists are cut at this many items; ask again from where they end.
pub const LIST_MAX: usize = 256;

/// The answer to an [`Ask`]. Parts that are signed or hashed are the canonical bytes of their types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(Vec<u8>),
    Votes(Vec<Vec<u8>>),
    Cosigned(Vec<Vec<u8>>),
    Certified {
        proposal: Vec<u8>,
        certificate: Vec<u8>,
    },
    Segment(Vec<u8>),
    Tip(AgencyTip),
    /// It does not have it.
    Absent,
    Refused(String),
}

impl Ask {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::Status { height, view } => w.u8(1).u64(*height).u32(*view),
            Self::Votes { from } => w.u8(2).u64(*from),
            Self::Cosigned { from } => w.u8(3).u64(*from),
            Self::Certified { height } => w.u8(4).u64(*height),
            Self::Segment(request) => w.u8(5).bytes(&request.encode()),
            Self::Tip => w.u8(6),
        };
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(match r.u8()? {
                1 => Self::Status { height: r.u64()?, view: r.u32()? },
                2 => Self::Votes { from: r.u64()? },
                3 => Self::Cosigned { from: r.u64()? },
                4 => Self::Certified { height: r.u64()? },
                5 => Self::Segment(Box::new(SegmentRequest::decode(r.bytes()?)?)),
                6 => Self::Tip,
                other => return Err(r.bad(format!("unknown question {other}"))),
            })
        })
    }
}

impl Answer {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        let list = |w: &mut Writer, items: &[Vec<u8>]| {
            w.list(items, |w, item| {
                w.bytes(item);
            });
        };
        match self {
            Self::Status(status) => {
                w.u8(1).bytes(status);
            }
            Self::Votes(votes) => list(w.u8(2), votes),
            Self::Cosigned(cosigned) => list(w.u8(3), cosigned),
            Self::Certified { proposal, certificate } => {
                w.u8(4).bytes(proposal).bytes(certificate);
            }
            Self::Segment(segment) => {
                w.u8(5).bytes(segment);
            }
            Self::Tip(tip) => {
                w.u8(6).bytes(&tip.encode());
            }
            Self::Absent => {
                w.u8(7);
            }
            Self::Refused(reason) => {
                w.u8(8).text(reason);
            }
        }
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let items = |r: &mut Reader<'_>| r.list(LIST_MAX, |r| Ok(r.bytes()?.to_vec()));
        Reader::all(bytes, |r| {
            Ok(match r.u8()? {
                1 => Self::Status(r.bytes()?.to_vec()),
                2 => Self::Votes(items(r)?),
                3 => Self::Cosigned(items(r)?),
                4 => Self::Certified { proposal: r.bytes()?.to_vec(), certificate: r.bytes()?.to_vec() },
                5 => Self::Segment(r.bytes()?.to_vec()),
                6 => Self::Tip(AgencyTip::decode(r.bytes()?)?),
                7 => Self::Absent,
                8 => Self::Refused(r.text()?.to_owned()),
                other => return Err(r.bad(format!("unknown answer {other}"))),
            })
        })
    }
}

/// Asks an agency over the bus.
pub async fn ask(
    bus: &dyn Bus,
    agency: &AgencyId,
    question: &Ask,
    timeout: Duration,
) -> Result<Answer, Error> {
    let subject = crate::subjects::agency(agency);
    let answer = bus.request(&subject, Headers::default(), question.encode().into(), timeout).await;
    let answer = answer.map_err(|source| Error::Unavailable { callee: "agency", source })?;
    Answer::decode(&answer.payload).map_err(|e| Error::Garbled { callee: "agency", reason: e.to_string() })
}

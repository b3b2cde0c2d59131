//! A host's signed question for the bytes of a segment that it lacks.
//!
//! A segment's transactions are for the domain's hosts (NEED), so who holds them must know who asks. The question
//! stands for itself: it needs no session and no trust in the bus that carries it. It names the block, whose header names
//! the segment's root, and ends soon, so that one overheard is of little use. Nothing in it binds the asker to anything:
//! it is not a vote, and an agency may ask for the same segment as often as it likes.

use crate::{
    canon::{Malformed, Reader, Writer},
    epoch::{Epoch, Purpose},
    hash::{Hash, Tag},
    id::{AgencyId, ChainId, Domain},
    vote::HostSignature,
};

/// How far ahead of the answerer's clock a question may end. Clocks of agencies differ by seconds, not minutes.
pub const AHEAD_MS_MAX: u64 = 60_000;

/// What is asked for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub chain: ChainId,
    pub domain: Domain,
    pub height: u64,
    pub block: Hash,
    /// Unix time.
    pub not_after_ms: u64,
}

impl Wanted {
    pub fn message(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        Tag::SegmentRequest.message(&w.finish())
    }

    fn write(&self, w: &mut Writer) {
        w.text(self.chain.as_str()).text(self.domain.as_str());
        w.u64(self.height).hash(&self.block).u64(self.not_after_ms);
    }
}

/// The question, with the host key's signature of who asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRequest {
    pub wanted: Wanted,
    pub signature: HostSignature,
}

/// Why a question gets no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("it is of chain {0}")]
    Chain(ChainId),
    #[error("{asker} does not host {domain}")]
    NotAHost { asker: AgencyId, domain: Domain },
    #[error("it ended")]
    Expired,
    #[error("it ends more than {AHEAD_MS_MAX} ms from now")]
    TooFarAhead,
    #[error("it is not signed with a host key of {0}")]
    Signature(AgencyId),
}

impl SegmentRequest {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.wanted.write(&mut w);
        self.signature.encode(&mut w);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let wanted = Wanted {
                chain: r.parsed()?,
                domain: r.parsed()?,
                height: r.u64()?,
                block: r.hash()?,
                not_after_ms: r.u64()?,
            };
            Ok(Self { wanted, signature: HostSignature::decode(r)? })
        })
    }

    /// Whether who asks may have the segment now, under the epoch in force. The signature is checked last: it costs most.
    pub fn entitled(&self, chain: ChainId, epoch: &Epoch, now_ms: u64) -> Result<(), Denied> {
        let Wanted { domain, not_after_ms, .. } = self.wanted;
        let asker = self.signature.agency;
        if self.wanted.chain != chain {
            return Err(Denied::Chain(self.wanted.chain));
        }
        if !epoch.stores(&asker, domain) {
            return Err(Denied::NotAHost { asker, domain });
        }
        if not_after_ms < now_ms {
            return Err(Denied::Expired);
        }
        if not_after_ms - now_ms > AHEAD_MS_MAX {
            return Err(Denied::TooFarAhead);
        }
        // Also of a host that does not count yet: it is about to catch up.
        let HostSignature { key, bytes, .. } = &self.signature;
        match epoch.signed(&asker, Purpose::Host, key, &self.wanted.message(), bytes) {
            true => Ok(()),
            false => Err(Denied::Signature(asker)),
        }
    }
}

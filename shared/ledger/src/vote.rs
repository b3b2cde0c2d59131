//! Votes, certificates, statuses: how agencies agree on one block per height, and how a stuck height moves on.
//!
//! An agency votes once per height and view. A certificate is a quorum of votes. A status is a promise: whoever
//! gave one for a view neither votes nor cosigns at that height in a lower view. Since a final block's quorum
//! cosigned with its certificate in hand, every later quorum of statuses carries it.

use std::collections::BTreeMap;

use crate::{
    canon::{Malformed, Reader, Writer, ascending},
    epoch::{AGENCIES_MAX, Epoch, Purpose, faults},
    hash::{Hash, Tag},
    id::{AgencyId, ChainId, Domain, KeyId},
};

/// A host key's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostSignature {
    pub agency: AgencyId,
    pub key: KeyId,
    pub bytes: [u8; 64],
}

impl HostSignature {
    pub(crate) fn encode(&self, w: &mut Writer) {
        w.text(self.agency.as_str()).raw(&self.key.0).raw(&self.bytes);
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { agency: r.parsed()?, key: KeyId(r.array()?), bytes: r.array()? })
    }

    pub(crate) fn verifies(&self, epoch: &Epoch, message: &[u8]) -> bool {
        epoch.validating().any(|agency| agency.id == self.agency)
            && epoch.signed(&self.agency, Purpose::Host, &self.key, message, &self.bytes)
    }
}

/// What a vote says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    pub chain: ChainId,
    pub height: u64,
    pub view: u32,
    pub block: Hash,
}

impl Ballot {
    pub fn message(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.chain.as_str()).u64(self.height).u32(self.view).hash(&self.block);
        Tag::Vote.message(&w.finish())
    }
}

/// One agency's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    pub ballot: Ballot,
    pub signature: HostSignature,
}

impl Vote {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.ballot.chain.as_str()).u64(self.ballot.height).u32(self.ballot.view);
        w.hash(&self.ballot.block);
        self.signature.encode(&mut w);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let ballot = Ballot { chain: r.parsed()?, height: r.u64()?, view: r.u32()?, block: r.hash()? };
            Ok(Self { ballot, signature: HostSignature::decode(r)? })
        })
    }

    pub fn verifies(&self, epoch: &Epoch) -> bool {
        self.signature.verifies(epoch, &self.ballot.message())
    }
}

/// A quorum of votes for one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub height: u64,
    pub view: u32,
    pub block: Hash,
    /// Sorted by agency.
    pub votes: Vec<HostSignature>,
}

impl Certificate {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u64(self.height).u32(self.view).hash(&self.block);
        w.list(&self.votes, |w, vote| vote.encode(w));
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let certificate = Self {
                height: r.u64()?,
                view: r.u32()?,
                block: r.hash()?,
                votes: r.list(AGENCIES_MAX, HostSignature::decode)?,
            };
            if ascending(&certificate.votes, |v| v.agency) {
                Ok(certificate)
            } else {
                Err(r.bad("votes must be sorted by agency, each once"))
            }
        })
    }

    /// Whether the named agencies suffice: a quorum of all, and of each segment's hosts one more than may be
    /// faulty, so that an honest one holds the segment.
    pub fn suffices(epoch: &Epoch, domains: &[Domain], voted: impl Fn(&AgencyId) -> bool) -> bool {
        epoch.validating().filter(|a| voted(&a.id)).count() >= epoch.quorum()
            && domains.iter().all(|domain| {
                let hosts = epoch.hosts(*domain);
                hosts.iter().filter(|host| voted(host)).count() > faults(hosts.len())
            })
    }

    /// Whether it certifies a block with these segments under the epoch: enough votes, all of them valid.
    pub fn verifies(&self, chain: ChainId, epoch: &Epoch, domains: &[Domain]) -> bool {
        let ballot = Ballot { chain, height: self.height, view: self.view, block: self.block };
        let message = ballot.message();
        ascending(&self.votes, |v| v.agency)
            && Self::suffices(epoch, domains, |id| self.votes.iter().any(|vote| vote.agency == *id))
            && self.votes.iter().all(|vote| vote.verifies(epoch, &message))
    }
}

/// A promise about a height, with the highest certificate that the agency holds there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub chain: ChainId,
    pub height: u64,
    /// The view promised: no vote or cosignature at this height in a lower one from now on.
    pub view: u32,
    pub certificate: Option<Certificate>,
    pub signature: HostSignature,
}

impl Status {
    pub fn message(chain: ChainId, height: u64, view: u32, certificate: Option<&Certificate>) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(chain.as_str()).u64(height).u32(view);
        w.option(certificate, |w, certificate| {
            w.bytes(&certificate.encode());
        });
        Tag::Status.message(&w.finish())
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.chain.as_str()).u64(self.height).u32(self.view);
        w.option(self.certificate.as_ref(), |w, certificate| {
            w.bytes(&certificate.encode());
        });
        self.signature.encode(&mut w);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self {
                chain: r.parsed()?,
                height: r.u64()?,
                view: r.u32()?,
                certificate: r.option(|r| Certificate::decode(r.bytes()?))?,
                signature: HostSignature::decode(r)?,
            })
        })
    }

    /// Whether the agency signed it, and its certificate (if any) is of this height and a lower view. The votes
    /// in the certificate are the caller's to check, since only it knows the block's segments.
    pub fn verifies(&self, epoch: &Epoch) -> bool {
        let fits = |c: &Certificate| c.height == self.height && c.view < self.view;
        let message = Self::message(self.chain, self.height, self.view, self.certificate.as_ref());
        self.certificate.as_ref().is_none_or(fits) && self.signature.verifies(epoch, &message)
    }
}

/// Why an agency must not vote or cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bound {
    #[error("voted for {block} at height {height}, view {view}")]
    Voted { height: u64, view: u32, block: Hash },
    #[error("promised view {promised} at height {height}")]
    Promised { height: u64, promised: u32 },
}

/// What an agency has bound itself to: its votes and promises, as its archive holds them.
#[derive(Clone, Debug, Default)]
pub struct Commitments {
    votes: BTreeMap<(u64, u32), Hash>,
    promises: BTreeMap<u64, u32>,
}

impl Commitments {
    /// Whether a vote is allowed. Repeating an earlier vote is.
    pub fn may_vote(&self, height: u64, view: u32, block: &Hash) -> Result<(), Bound> {
        self.may_cosign(height, view)?;
        match self.votes.get(&(height, view)) {
            Some(voted) if voted != block => Err(Bound::Voted { height, view, block: *voted }),
            _ => Ok(()),
        }
    }

    /// Whether a certificate of this view may be built on: cosigned, or voted on as a parent.
    pub fn may_cosign(&self, height: u64, view: u32) -> Result<(), Bound> {
        match self.promises.get(&height) {
            Some(promised) if *promised > view => Err(Bound::Promised { height, promised: *promised }),
            _ => Ok(()),
        }
    }

    pub fn voted(&mut self, height: u64, view: u32, block: Hash) {
        self.votes.insert((height, view), block);
    }

    pub fn promised(&mut self, height: u64, view: u32) {
        let promise = self.promises.entry(height).or_default();
        *promise = view.max(*promise);
    }

    pub fn promise(&self, height: u64) -> u32 {
        self.promises.get(&height).copied().unwrap_or_default()
    }

    /// Forgets what is below a final height: nothing can be asked there any more.
    pub fn forget_below(&mut self, height: u64) {
        self.votes = self.votes.split_off(&(height, 0));
        self.promises = self.promises.split_off(&height);
    }
}

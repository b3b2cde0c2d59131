//! Log entries: what the log says of a transaction, blinded, and the opening that a receipt adds.

use std::borrow::Cow;

use crate::{
    canon::{Malformed, Reader, Writer},
    contract::CHANGES_MAX,
    hash::{Hash, Tag},
    id::{RecordId, TxId},
};

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// The contract's stable code.
    Refused(Cow<'static, str>),
}

impl Outcome {
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Applied => None,
            Self::Refused(code) => Some(code),
        }
    }
}

/// A record version that a transaction made, by hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub record: RecordId,
    pub version: u64,
    pub hash: Hash,
}

/// What opens a leaf: the transaction's nonce, its outcome and its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub nonce: [u8; 16],
    pub outcome: Outcome,
    pub changes: Vec<Changed>,
}

impl Opening {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&self.nonce);
        w.option(self.outcome.code(), |w, code| {
            w.text(code);
        });
        w.list(&self.changes, |w, change| {
            w.text(change.record.as_str()).u64(change.version).hash(&change.hash);
        });
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let nonce = r.array()?;
            let code = r.option(|r| r.text().map(str::to_owned))?;
            let outcome = code.map_or(Outcome::Applied, |code| Outcome::Refused(code.into()));
            let changes = r.list(CHANGES_MAX, |r| {
                Ok(Changed { record: r.parsed()?, version: r.u64()?, hash: r.hash()? })
            })?;
            Ok(Self { nonce, outcome, changes })
        })
    }

    pub fn hash(&self) -> Hash {
        Tag::Outcome.hash(&[&self.encode()])
    }
}

/// The leaf of a domain's log: public tiles hold exactly these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: TxId,
    pub height: u64,
    /// The transaction's place in the block's segment.
    pub index: u32,
    /// The hash of the opening.
    pub blind: Hash,
}

impl Entry {
    /// 38 + 8 + 4 + 32 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&self.id.0).u64(self.height).u32(self.index).hash(&self.blind);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self { id: TxId(r.array()?), height: r.u64()?, index: r.u32()?, blind: r.hash()? })
        })
    }
}

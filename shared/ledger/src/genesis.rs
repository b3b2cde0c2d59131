//! Genesis: the file a chain starts from. It fixes the name, the first epoch and with them the chain's id, and is
//! block 0 by definition: final, without votes.

use serde::{Deserialize, Serialize};

use crate::{
    block::Header,
    canon::{Malformed, Reader, Writer},
    epoch::Epoch,
    hash::{Hash, Tag},
    id::{AgencyId, ChainId},
};

/// The rules that this code follows; a header names the rules it was made under.
pub const RULES_VERSION: u32 = 1;

/// The start of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The city's name.
    pub name: AgencyId,
    /// Unix milliseconds.
    pub time_ms: u64,
    /// Epoch 0.
    pub epoch: Epoch,
}

impl Genesis {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.name.as_str()).u64(self.time_ms).bytes(&self.epoch.encode());
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self { name: r.parsed()?, time_ms: r.u64()?, epoch: Epoch::decode(r.bytes()?)? })
        })
    }

    /// Whether the file can start a chain.
    pub fn check(&self) -> Result<(), String> {
        if self.epoch.number != 0 || self.epoch.from_height != 1 {
            return Err("the first epoch must have number 0 and hold from height 1".into());
        }
        self.epoch.check()
    }

    pub fn hash(&self) -> Hash {
        Tag::Genesis.hash(&[&self.encode()])
    }

    pub fn chain(&self) -> ChainId {
        ChainId::new(self.name, &self.hash())
    }

    /// Header 0, which every first block names as its previous one.
    pub fn header(&self) -> Header {
        Header {
            chain: self.chain(),
            rules: RULES_VERSION,
            epoch: 0,
            height: 0,
            prev: self.hash(),
            time_ms: self.time_ms,
            cursors: Vec::new(),
            segments: Vec::new(),
        }
    }
}

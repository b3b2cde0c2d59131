//! The JSON documents. Hashes and nonces are lower-case hex, values base64, notes and proofs their own texts.

use std::str::FromStr;

use base64::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    contract::CHANGES_MAX,
    entry::{Changed, Entry, Opening, Outcome},
    epoch::Epoch,
    genesis::Genesis,
    hash::{Hash, decode_hex},
    id::{ChainId, Domain, RecordId, TxId},
    note::SignedNote,
    proof::TlogProof,
};

/// The form of the documents.
pub const VERSION: u32 = 1;

/// The longest chain of epochs that a document may carry.
pub const TRANSITIONS_MAX: usize = 10_000;

/// Where a transaction stands: the height and its place in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub height: u64,
    pub index: u32,
}

/// What opens a log entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revealed {
    pub nonce: Hex<16>,
    /// `applied` or `refused`.
    pub outcome: String,
    /// The contract's code, if it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub changes: Vec<RevealedChange>,
}

/// A record version that the transaction made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealedChange {
    pub record: RecordId,
    pub version: u64,
    pub hash: Hash,
}

/// Proves that a transaction is final, and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub version: u32,
    pub chain: ChainId,
    pub domain: Domain,
    pub transaction: TxId,
    pub entry: Place,
    pub opening: Revealed,
    pub proof: Text<TlogProof>,
    /// Membership's note for the same block.
    pub membership: Text<SignedNote>,
    pub epochs: Vec<Transition>,
}

/// Proves what a record is, or that there is none, as of a height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateReceipt {
    pub version: u32,
    pub chain: ChainId,
    pub domain: Domain,
    pub record: RecordId,
    /// None: there is no such record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<RevealedRecord>,
    /// A state proof in canonical bytes.
    pub proof: Base64,
    /// The domain's note for the last block that touched it.
    pub note: Text<SignedNote>,
    /// Membership's note for the same block.
    pub membership: Text<SignedNote>,
    pub epochs: Vec<Transition>,
}

/// A record version with what opens its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealedRecord {
    pub version: u64,
    pub salt: Hex<16>,
    /// None: the version deleted the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Base64>,
}

/// The membership transaction that made an epoch, final under the epoch before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    pub transaction: TxId,
    pub entry: Place,
    pub opening: Revealed,
    pub proof: Text<TlogProof>,
    /// The epoch in canonical bytes.
    pub epoch: Base64,
    /// Of the epoch's record version.
    pub salt: Hex<16>,
}

/// What a verifier trusts to begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    pub version: u32,
    pub chain: ChainId,
    /// Given by genesis, from which the chain has its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis: Option<Hash>,
    pub epoch: Epoch,
}

impl TrustFile {
    /// Trust in the first epoch.
    pub fn of(genesis: &Genesis) -> Self {
        let (chain, hash) = (genesis.chain(), genesis.hash());
        Self { version: VERSION, chain, genesis: Some(hash), epoch: genesis.epoch.clone() }
    }
}

impl From<&Opening> for Revealed {
    fn from(opening: &Opening) -> Self {
        let changes = opening.changes.iter().map(|change| RevealedChange {
            record: change.record.clone(),
            version: change.version,
            hash: change.hash,
        });
        let outcome = if opening.outcome == Outcome::Applied { "applied" } else { "refused" };
        Self {
            nonce: Hex(opening.nonce),
            outcome: outcome.to_owned(),
            code: opening.outcome.code().map(str::to_owned),
            changes: changes.collect(),
        }
    }
}

impl Revealed {
    /// The opening that this shows; None if outcome and code do not fit each other.
    pub(super) fn opening(&self) -> Option<Opening> {
        let outcome = match (self.outcome.as_str(), &self.code) {
            ("applied", None) => Outcome::Applied,
            ("refused", Some(code)) => Outcome::Refused(code.clone().into()),
            _ => return None,
        };
        if self.changes.len() > CHANGES_MAX {
            return None;
        }
        let changes = self.changes.iter().map(|change| Changed {
            record: change.record.clone(),
            version: change.version,
            hash: change.hash,
        });
        Some(Opening { nonce: self.nonce.0, outcome, changes: changes.collect() })
    }
}

impl Place {
    pub(super) fn entry(&self, id: TxId, opening: &Opening) -> Entry {
        Entry { id, height: self.height, index: self.index, blind: opening.hash() }
    }
}

/// Bytes in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        decode_hex(&text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Bytes in padded base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A text of its own form within the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<T: ToString> Serialize for Text<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

//! The list of who looked at a person's data, as a document that shows itself whole, offline.
//!
//! Per handle it has the state proof of the person's index {count, head} and all entries. The entries must give exactly
//! this count and head, and each open one must lead to the final transaction that made it: drop, swap or alter one and
//! the check says which. An access that a court sealed is counted and shows nothing until its time.
//!
//! It holds as of the height of each index. That the handles are all that a person has is the word of the vaults; no
//! document can show it, since nothing on the ledger joins two domains on a person.

mod verify;

use hutong_ledger::{
    hash::Hash,
    id::{ChainId, Domain},
    receipt::{
        Receipt, StateReceipt,
        document::{Base64, Hex},
    },
};
use serde::{Deserialize, Serialize};

pub use verify::{EntryFault, Fault, Opened, PersonFault, Verified, VerifiedEntry, VerifiedPerson, verify};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessList {
    pub chain: ChainId,
    /// One for each handle of the person.
    pub persons: Vec<PersonAccesses>,
}

/// All accesses under one handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonAccesses {
    pub domain: Domain,
    pub handle: Hex<16>,
    /// Of the record `accesses/<handle>`. A proof that there is none counts as one that counts nothing.
    pub index: StateReceipt,
    /// From number 1 on.
    pub entries: Vec<ListedEntry>,
}

/// One access. Either both its record and its receipt are there, or it is sealed and neither is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedEntry {
    pub number: u64,
    /// 0: not sealed.
    pub sealed_until_ms: u64,
    /// The ledger's hash of the record `access/<transaction id>`.
    pub details: Hash,
    /// The value of that record.
    pub access: Option<Base64>,
    /// Of the transaction.
    pub receipt: Option<Receipt>,
}

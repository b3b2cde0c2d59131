//! Evidence: documents that prove to whoever holds the trust file, offline, that an agency did what none that keeps the rules ever does.
//!
//! Only contradictions prove anything: two things that one key signed and that exclude each other, or something signed that a quorum
//! contradicts. What an agency did not do (an orderer that withholds, a host that is silent) leaves no signature, and two proposals of
//! an orderer for one height exclude nothing: whoever appends first wins, and a proposal that was not appended may be made anew.
//!
//! A document stands on its own: it leads from the trust file's epoch to the one in force, as receipts do.

mod verify;

use serde::{Deserialize, Serialize};

use crate::{
    id::{AgencyId, ChainId, Domain},
    note::SignedNote,
    receipt::{
        Transition,
        document::{Base64, Text},
    },
};

pub use verify::{EvidenceError, Misdeed, Proven, verify};

/// What is shown, and the epochs that say whose the keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub version: u32,
    pub chain: ChainId,
    pub exhibit: Exhibit,
    pub epochs: Vec<Transition>,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Exhibit {
    /// Two votes of one agency at one height and view, for different blocks. Canonical bytes.
    TwoVotes { first: Base64, second: Base64 },
    /// A checkpoint that one host cosigned, and the one that a quorum of the domain's hosts cosigned of the same block, with
    /// membership's: the same transactions on the same state lead to one result only.
    OtherRoots { signed: Text<SignedNote>, quorum: Text<SignedNote>, membership: Text<SignedNote> },
}

/// A name for a file of it, of characters that any file system takes.
pub fn file_name(misdeed: &Misdeed, agency: &AgencyId) -> String {
    match misdeed {
        Misdeed::TwoVotes { height, view, .. } => format!("two-votes-{height}-{view}-{agency}.json"),
        Misdeed::OtherRoots { domain, height, .. } => other_roots(domain, *height, agency),
    }
}

fn other_roots(domain: &Domain, height: u64, agency: &AgencyId) -> String {
    format!("other-roots-{height}-{domain}-{agency}.json")
}

#[cfg(test)]
mod tests;

//! What always holds. Numbered here once; tests and simulation check each, and every node counts violations.

use std::fmt;

/// The invariants of the ledger. See `docs/invariants.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Invariant {
    /// Final header h names the hash of final header h−1.
    Link,
    /// No agency votes twice at a height and view, or below a view it promised; one final block per height.
    One,
    /// A transaction id has at most one log entry.
    Once,
    /// All hosts of a domain have the same log root and state root at a height.
    Same,
    /// An accepted transaction is ordered before its deadline, or its submitter can prove that it was not.
    Kept,
    /// What is final never changes.
    Final,
    /// A subscriber gets each final change that matches, at least once, in order, with no gap it cannot see.
    Told,
    /// A segment's bytes reach only the domain's hosts, the submitter and the operators of ingest and ordering.
    Need,
    /// A sealed value leaves the vault only against a final access receipt that allows it.
    Look,
    /// Every receipt verifies offline from the receipt and the trust file alone.
    Proof,
}

impl Invariant {
    pub const ALL: [Self; 10] = [
        Self::Link,
        Self::One,
        Self::Once,
        Self::Same,
        Self::Kept,
        Self::Final,
        Self::Told,
        Self::Need,
        Self::Look,
        Self::Proof,
    ];

    /// The id in documents and metrics.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Link => "LINK",
            Self::One => "ONE",
            Self::Once => "ONCE",
            Self::Same => "SAME",
            Self::Kept => "KEPT",
            Self::Final => "FINAL",
            Self::Told => "TOLD",
            Self::Need => "NEED",
            Self::Look => "LOOK",
            Self::Proof => "PROOF",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

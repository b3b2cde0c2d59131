//! What a domain says of its records, and the contract that this makes of its own.

use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};

/// The handle of a person in one domain.
pub type Handle = [u8; 16];

/// The sealed part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecord {
    /// As agreements and consents name it.
    pub record_type: &'static str,
    /// Those whose data it is.
    pub subjects: Vec<Handle>,
    /// Commitments by field name.
    pub fields: Vec<(String, Hash)>,
}

/// A domain's own contract, with what disclosure must know of its records.
pub trait SealedDomain: Contract {
    /// The sealed part of a record, if it has one.
    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord>;
}

/// A domain's contract with disclosure added: actions in field 15 of the domain's Action are decided by the shared
/// rules, all others by the domain's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disclosing<C>(pub C);

impl<C: SealedDomain> Contract for Disclosing<C> {
    fn domain(&self) -> Domain {
        self.0.domain()
    }

    fn version(&self) -> u32 {
        self.0.version()
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        self.0.decode(action)
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        self.0.reads(tx, loaded)
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        self.0.decide(tx, state)
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        self.0.render(record, value)
    }
}

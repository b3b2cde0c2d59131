//! What a domain says of its records, and the contract that this makes of its own.

use std::sync::Arc;

use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Envelope, action::Kind},
};

use crate::{case::Case, decode_strict, fields, records, render, rules};

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

/// A record type with sealed fields, as its domain declares it: what the catalogue publishes, and what agreements and
/// consents can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedType {
    pub name: &'static str,
    /// Those that the domain's own service seals, ascending.
    pub fields: &'static [&'static str],
}

/// A domain's own contract, with what disclosure must know of its records.
pub trait SealedDomain: Contract {
    /// Its record types that have sealed fields; also `person`, where its service seals who a person is.
    fn sealed_types(&self) -> Vec<SealedType>;

    /// The sealed part of a record, if it has one.
    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord>;
}

/// A domain's contract with disclosure added: actions in field 15 of the domain's Action are decided by the shared
/// rules, all others by the domain's own, which may read the records of disclosure and change none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disclosing<C>(pub C);

/// An action that the shared rules decide.
struct Shared(Kind);

impl<C: SealedDomain> Contract for Disclosing<C> {
    fn domain(&self) -> Domain {
        self.0.domain()
    }

    fn version(&self) -> u32 {
        self.0.version()
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        // Whether field 15 is there is all that this tells; the domain reads the others.
        let Ok(Envelope { disclosure: Some(_) }) = Envelope::decode(action) else {
            return self.0.decode(action);
        };
        let envelope: Envelope = decode_strict(action)?;
        let kind = envelope.disclosure.and_then(|action| action.kind);
        let kind = kind.ok_or_else(|| Refusal::malformed("the action of disclosure has no kind"))?;
        Ok(Arc::new(Shared(kind)))
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        match tx.action.downcast_ref::<Shared>() {
            Some(Shared(kind)) => rules::reads(&Case { domain: &self.0, tx, state: loaded }, kind),
            None => self.0.reads(tx, loaded),
        }
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        if let Some(Shared(kind)) = tx.action.downcast_ref::<Shared>() {
            return rules::decide(&Case { domain: &self.0, tx, state }, kind);
        }
        let changes = self.0.decide(tx, state)?;
        changes.iter().try_for_each(|change| self.check(change))?;
        Ok(changes)
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        if records::is_reserved(record) {
            render::record(record, value)
        } else {
            self.0.render(record, value)
        }
    }
}

impl<C: SealedDomain> Disclosing<C> {
    /// What the domain's own contract may do to a record, so that disclosure can do its part later.
    fn check(&self, change: &Change) -> Result<(), Refusal> {
        let record = &change.record;
        if records::is_reserved(record) {
            return Err(Refusal::fault(format!("{record} is a record of disclosure")));
        }
        let sealed = change.value.as_ref().and_then(|value| self.0.sealed(record, value));
        let Some(sealed) = sealed else { return Ok(()) };
        if record.as_str().len() > records::RECORD_BYTES_MAX {
            let told = format!(
                "a record with sealed fields has a name of at most {} bytes",
                records::RECORD_BYTES_MAX
            );
            return Err(Refusal::new("record_id_invalid", told));
        }
        fields::check_record(&sealed)
    }
}

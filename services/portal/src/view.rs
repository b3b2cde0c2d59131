//! Whose records were erased: by handle, the records with a certificate. All of it is on the ledger; a restart reads it
//! again.

use std::collections::{BTreeMap, BTreeSet};

use hutong_disclosure::{Handle, records};
use hutong_ledger::{
    contract::Versioned,
    id::{Domain, RecordId},
};
use hutong_peer::Position;
use hutong_wire::{prost::Message, v1::disclosure::Erasure};

/// Certificates of erasure by the handles of those whose data it was.
#[derive(Debug, Default)]
pub(crate) struct View {
    position: Position,
    erased: BTreeMap<(Domain, Handle), BTreeSet<RecordId>>,
}

impl View {
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn advance(&mut self, to: Position) {
        self.position = to;
    }

    pub(crate) fn apply(&mut self, domain: Domain, change: &Versioned) {
        if !change.record.as_str().starts_with("erasure/") {
            return;
        }
        let Some(erasure) = change.value.as_deref().and_then(|value| Erasure::decode(value).ok()) else {
            return;
        };
        for handle in subjects(&erasure) {
            self.erased.entry((domain, handle)).or_default().insert(change.record.clone());
        }
    }

    /// The certificates about a person, in order of record.
    pub(crate) fn erased(&self, domain: Domain, handle: &Handle) -> Vec<RecordId> {
        self.erased.get(&(domain, *handle)).into_iter().flatten().cloned().collect()
    }
}

/// Those whose data was erased.
pub(crate) fn subjects(erasure: &Erasure) -> impl Iterator<Item = Handle> {
    let own = erasure.record.parse().ok().and_then(|record| records::person_of(&record));
    let read_by = erasure.read_by.iter().filter_map(|read| Handle::try_from(&read.handle[..]).ok());
    own.into_iter().chain(read_by)
}

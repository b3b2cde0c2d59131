//! The view: which resources there are, in which versions, and by what they are found. Built from final changes and from
//! the bodies that the service keeps; what is final is never shown before it is.
//!
//! Bodies themselves are not here: a version names its commitment, and [`crate::bodies::Bodies`] has the text.

mod find;
mod index;
mod sort;

use std::collections::{BTreeSet, HashMap};

use hutong_disclosure::Handle;
use hutong_ledger::hash::Hash;
use hutong_peer::Position;

use crate::{
    audit::Access,
    kind::{Key, Kind},
    search::value::Values,
};
use index::Index;

/// What a version is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// The body under this commitment.
    Body(Hash),
    Deleted,
    /// Made from an access on the ledger.
    Access(Box<Access>),
}

/// One version of a resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) time_ms: u64,
    pub(crate) content: Content,
}

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct Doc {
    pub(crate) key: Key,
    /// Ascending, without gaps.
    pub(crate) versions: Vec<Version>,
    pub(crate) subjects: Vec<Handle>,
    pub(crate) erased: bool,
    values: Values,
}

impl Doc {
    pub(crate) fn last(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub(crate) fn is_live(&self) -> bool {
        !self.erased && self.last().is_some_and(|last| last.content != Content::Deleted)
    }

    pub(crate) fn version(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }
}

/// A version that became final.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) key: Key,
    pub(crate) version: Version,
    pub(crate) subjects: Vec<Handle>,
    /// By what it is found.
    pub(crate) values: Values,
}

#[derive(Debug, Default)]
pub(crate) struct View {
    docs: Vec<Doc>,
    by_key: HashMap<Key, u32>,
    index: Index,
    live: [BTreeSet<u32>; Kind::ALL.len()],
    /// Versions in the order in which they became final: resource and number.
    log: Vec<(u32, u64)>,
    patients: HashMap<Handle, Key>,
    consents: HashMap<String, bool>,
    position: Position,
}

impl View {
    /// How far the view has read.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn advance(&mut self, position: Position) {
        self.position = position;
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Doc> {
        self.by_key.get(key).map(|at| self.doc(*at))
    }

    fn doc(&self, at: u32) -> &Doc {
        &self.docs[at as usize]
    }

    /// The patient of a handle.
    pub(crate) fn patient_of(&self, handle: &Handle) -> Option<&Key> {
        self.patients.get(handle)
    }

    /// Whether a consent of the ledger stands; None if it was never given.
    pub(crate) fn consent(&self, record: &str) -> Option<bool> {
        self.consents.get(record).copied()
    }

    pub(crate) fn apply_consent(&mut self, record: String, stands: bool) {
        self.consents.insert(record, stands);
    }

    pub(crate) fn apply(&mut self, applied: Applied) {
        let Applied { key, version, subjects, values } = applied;
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None => {
                // Four thousand million resources do not fit into memory before.
                let Ok(at) = u32::try_from(self.docs.len()) else { return };
                let (versions, subjects, values) = (Vec::new(), Vec::new(), Values::new());
                self.docs.push(Doc { key: key.clone(), versions, subjects, erased: false, values });
                self.by_key.insert(key.clone(), at);
                at
            }
        };
        if key.kind == Kind::Patient {
            for handle in &subjects {
                self.patients.insert(*handle, key.clone());
            }
        }
        self.log.push((at, version.number));
        let doc = &mut self.docs[at as usize];
        self.index.remove(key.kind, at, &doc.values);
        doc.versions.push(version);
        doc.subjects = subjects;
        doc.values = if doc.is_live() { values } else { Values::new() };
        self.index.insert(key.kind, at, &doc.values);
        let live = &mut self.live[key.kind as usize];
        if doc.is_live() {
            live.insert(at);
        } else {
            live.remove(&at);
        }
    }

    /// Takes up by what a resource is found, when its body came later than its version.
    pub(crate) fn reindex(&mut self, key: &Key, commitment: &Hash, values: Values) {
        let Some(at) = self.by_key.get(key).copied() else { return };
        let doc = &mut self.docs[at as usize];
        let stands = doc.last().is_some_and(|last| last.content == Content::Body(*commitment));
        if stands && doc.is_live() {
            self.index.remove(key.kind, at, &doc.values);
            doc.values = values;
            self.index.insert(key.kind, at, &doc.values);
        }
    }

    /// Live resources, with the commitments of their bodies.
    pub(crate) fn bodies(&self) -> Vec<(Key, Hash)> {
        let all = Kind::ALL.into_iter().flat_map(|kind| self.live(kind));
        let body = |doc: &Doc| match doc.last()?.content {
            Content::Body(commitment) => Some((doc.key.clone(), commitment)),
            Content::Deleted | Content::Access(_) => None,
        };
        all.filter_map(body).collect()
    }

    /// Takes an erased resource out; the commitments whose bodies have to go.
    pub(crate) fn erase(&mut self, key: &Key) -> Vec<Hash> {
        let Some(at) = self.by_key.get(key).copied() else { return Vec::new() };
        let doc = &mut self.docs[at as usize];
        doc.erased = true;
        let values = std::mem::take(&mut doc.values);
        let commitment = |version: &Version| match version.content {
            Content::Body(commitment) => Some(commitment),
            Content::Deleted | Content::Access(_) => None,
        };
        let gone = doc.versions.iter().filter_map(commitment).collect();
        self.index.remove(key.kind, at, &values);
        self.live[key.kind as usize].remove(&at);
        gone
    }

    /// Live resources of a type.
    pub(crate) fn live(&self, kind: Kind) -> impl Iterator<Item = &Doc> {
        self.live[kind as usize].iter().map(|at| self.doc(*at))
    }

    /// Versions, newest first, below a place in the log: of a type, or of all but the AuditEvents made from accesses.
    /// Each with its place; and whether there are more.
    pub(crate) fn history(
        &self,
        kind: Option<Kind>,
        below: Option<usize>,
        since: Option<u64>,
        limit: usize,
    ) -> (Vec<(usize, Key, Version)>, bool) {
        let end = below.unwrap_or(self.log.len()).min(self.log.len());
        let mut found = Vec::new();
        for (place, (at, number)) in self.log[..end].iter().enumerate().rev() {
            let doc = self.doc(*at);
            let Some(version) = doc.version(*number) else { continue };
            if since.is_some_and(|since| version.time_ms < since) {
                break;
            }
            let wanted = match kind {
                Some(kind) => doc.key.kind == kind,
                None => !matches!(version.content, Content::Access(_)),
            };
            if wanted && !doc.erased {
                found.push((place, doc.key.clone(), version.clone()));
            }
            if found.len() > limit {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        (found, more)
    }

    /// How many versions [`Self::history`] has in all.
    pub(crate) fn history_total(&self, kind: Option<Kind>, since: Option<u64>) -> usize {
        let counts = |(at, number): &&(u32, u64)| {
            let doc = self.doc(*at);
            let version = doc.version(*number);
            !doc.erased
                && kind.is_none_or(|kind| doc.key.kind == kind)
                && version.is_some_and(|version| {
                    since.is_none_or(|since| version.time_ms >= since)
                        && (kind.is_some() || !matches!(version.content, Content::Access(_)))
                })
        };
        self.log.iter().filter(counts).count()
    }
}

#[cfg(test)]
mod tests;

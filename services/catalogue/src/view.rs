//! The view: which datasets and agreements fit a search. Built from final changes alone, and only to search; what they
//! are, storage says.

mod index;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hutong_ledger::{contract::Versioned, id::RecordId};
use hutong_peer::Position;
use hutong_wire::{prost::Message, v1::catalogue as wire};

use crate::contract::{AGREEMENTS, DATASETS, is_active};
use index::{Id, Index};
pub(crate) use index::{Key, Page};

/// The most words that one search takes.
pub(crate) const WORDS_MAX: usize = 16;

/// The index.
#[derive(Debug, Default)]
pub(crate) struct View {
    datasets: Index,
    agreements: Index,
    /// The terms of agreements, and when they next change what an agreement is found by.
    terms: BTreeMap<Id, wire::Agreement>,
    turns: BTreeSet<(u64, Id)>,
    now_ms: u64,
    position: Position,
}

/// What to search for: everything that has all of this.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) keys: BTreeSet<Key>,
    /// The last id of the page before.
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

impl Query {
    pub(crate) fn new(after: Option<String>, limit: usize) -> Self {
        Self { keys: BTreeSet::from([Key::All]), after, limit }
    }

    pub(crate) fn and(&mut self, key: Option<Key>) {
        self.keys.extend(key);
    }

    /// All words of a text; false if there are too many.
    pub(crate) fn text(&mut self, text: &str) -> bool {
        let words = words::words(text);
        let takes = words.len() <= WORDS_MAX;
        self.keys.extend(words.into_iter().map(Key::Word));
        takes
    }
}

impl View {
    /// How far the view has read.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn advance(&mut self, position: Position) {
        self.position = position;
    }

    pub(crate) fn apply(&mut self, change: &Versioned) {
        if let Some(id) = id(&change.record, DATASETS) {
            let dataset = change.value.as_deref().and_then(|value| wire::Dataset::decode(value).ok());
            match dataset.filter(|dataset| dataset.withdrawn_ms == 0) {
                Some(dataset) => self.datasets.put(&id, keys_of_dataset(&dataset)),
                None => self.datasets.remove(&id),
            }
        } else if let Some(id) = id(&change.record, AGREEMENTS) {
            self.forget(&id);
            let agreement = change.value.as_deref().and_then(|value| wire::Agreement::decode(value).ok());
            if let Some(agreement) = agreement {
                self.agreements.put(&id, keys_of_agreement(&agreement, self.now_ms));
                self.await_turns(id, agreement);
            }
        }
    }

    fn forget(&mut self, id: &Id) {
        self.agreements.remove(id);
        if let Some(agreement) = self.terms.remove(id) {
            for time_ms in [agreement.from_ms, agreement.until_ms] {
                self.turns.remove(&(time_ms, id.clone()));
            }
        }
    }

    /// Only an agreement whose time is to come or to end is kept in mind.
    fn await_turns(&mut self, id: Id, agreement: wire::Agreement) {
        if agreement.revoked_ms > 0 || agreement.until_ms <= self.now_ms {
            return;
        }
        let turns = [agreement.from_ms, agreement.until_ms].into_iter().filter(|turn| *turn > self.now_ms);
        self.turns.extend(turns.map(|turn| (turn, id.clone())));
        self.terms.insert(id, agreement);
    }

    /// Whether agreements have begun or ended since [`Self::settle`].
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        self.turns.first().is_some_and(|(turn, _)| *turn <= now_ms)
    }

    /// Moves to a time; a clock that goes back changes nothing.
    pub(crate) fn settle(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        while self.is_due(self.now_ms) {
            let Some((_, id)) = self.turns.pop_first() else { return };
            let Some(agreement) = self.terms.get(&id) else { continue };
            let active = is_active(agreement, self.now_ms);
            if agreement.until_ms <= self.now_ms {
                self.terms.remove(&id);
            }
            self.agreements.swap(&id, &Key::Active(!active), Key::Active(active));
        }
    }

    /// Datasets that are not withdrawn, in order of id.
    pub(crate) fn datasets(&self, query: &Query) -> Page {
        self.datasets.search(&query.keys, query.after.as_deref(), query.limit)
    }

    /// Agreements, in order of id.
    pub(crate) fn agreements(&self, query: &Query) -> Page {
        self.agreements.search(&query.keys, query.after.as_deref(), query.limit)
    }
}

fn id(record: &RecordId, prefix: &str) -> Option<Id> {
    record.as_str().strip_prefix(prefix).map(Arc::from)
}

fn keys_of_dataset(dataset: &wire::Dataset) -> BTreeSet<Key> {
    let mut text =
        vec![&dataset.id, &dataset.domain, &dataset.record_type, &dataset.title, &dataset.description];
    text.extend(&dataset.keywords);
    text.extend(dataset.fields.iter().map(|field| &field.name));
    let keys = [
        Key::All,
        Key::Domain(dataset.domain.clone()),
        Key::RecordType(dataset.record_type.clone()),
        Key::Class(dataset.sharing),
    ];
    keys.into_iter().chain(word_keys(&text)).collect()
}

fn keys_of_agreement(agreement: &wire::Agreement, now_ms: u64) -> BTreeSet<Key> {
    let wire::Agreement { id, owner, consumer, domain, record_type, legal_basis, .. } = agreement;
    let mut text = vec![id, owner, consumer, domain, record_type, legal_basis];
    text.extend(agreement.fields.iter().chain(&agreement.purposes));
    let keys = [
        Key::All,
        Key::Owner(owner.clone()),
        Key::Consumer(consumer.clone()),
        Key::Domain(domain.clone()),
        Key::RecordType(record_type.clone()),
        Key::Active(is_active(agreement, now_ms)),
    ];
    keys.into_iter().chain(word_keys(&text)).collect()
}

fn word_keys<'a>(text: &'a [&'a String]) -> impl Iterator<Item = Key> + 'a {
    text.iter().flat_map(|text| words::beginnings(text)).map(Key::Word)
}

#[cfg(test)]
mod tests;

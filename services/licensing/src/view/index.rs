//! An index by many keys at once: the ids that have all of some keys, in order, page by page. A page costs as much as
//! the rarest of its keys asks for, however many ids there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use crate::contract::Standing;

/// The number of a licence.
pub(crate) type Id = Arc<str>;

/// What a licence is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Everything that is found at all.
    All,
    Business(String),
    Kind(String),
    /// As it stands at the view's time.
    Standing(Standing),
}

/// Ids by key.
#[derive(Debug, Default)]
pub(crate) struct Index {
    ids: BTreeMap<Key, BTreeSet<Id>>,
    keys: BTreeMap<Id, BTreeSet<Key>>,
}

/// A page of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) ids: Vec<Id>,
    pub(crate) more: bool,
}

impl Index {
    /// Finds the id by these keys from now on, and by no others.
    pub(crate) fn put(&mut self, id: &Id, keys: BTreeSet<Key>) {
        self.remove(id);
        for key in &keys {
            self.ids.entry(key.clone()).or_default().insert(id.clone());
        }
        self.keys.insert(id.clone(), keys);
    }

    pub(crate) fn remove(&mut self, id: &Id) {
        for key in self.keys.remove(id).unwrap_or_default() {
            self.unlink(id, &key);
        }
    }

    /// Puts one key in another's place, if the id has it.
    pub(crate) fn swap(&mut self, id: &Id, old: &Key, new: Key) {
        let Some(keys) = self.keys.get_mut(id) else { return };
        if keys.remove(old) {
            keys.insert(new.clone());
            self.unlink(id, old);
            self.ids.entry(new).or_default().insert(id.clone());
        }
    }

    fn unlink(&mut self, id: &Id, key: &Key) {
        if let Some(ids) = self.ids.get_mut(key) {
            ids.remove(id);
            if ids.is_empty() {
                self.ids.remove(key);
            }
        }
    }

    /// The ids that have all the keys, in order, after an id.
    pub(crate) fn search(&self, keys: &BTreeSet<Key>, after: Option<&str>, limit: usize) -> Page {
        let sets: Option<Vec<_>> = keys.iter().map(|key| self.ids.get(key)).collect();
        let Some(mut sets) = sets else { return Page::default() };
        sets.sort_by_key(|ids| ids.len());
        let Some((rarest, others)) = sets.split_first() else { return Page::default() };
        let mut found: Vec<Id> = Vec::new();
        let mut from = after.map_or(Bound::Unbounded, Bound::Excluded);
        while let Some(candidate) = first(rarest, from) {
            match others
                .iter()
                .map(|ids| first(ids, Bound::Included(candidate)))
                .find(|next| *next != Some(candidate))
            {
                // One of them has nothing more.
                Some(None) => break,
                // All between is not in that one: the search leaps over it.
                Some(Some(next)) => from = Bound::Included(next),
                None if found.len() == limit => return Page { ids: found, more: true },
                None => {
                    found.push(candidate.clone());
                    from = Bound::Excluded(candidate);
                }
            }
        }
        Page { ids: found, more: false }
    }
}

fn first<'a>(ids: &'a BTreeSet<Id>, from: Bound<&str>) -> Option<&'a Id> {
    ids.range::<str, _>((from, Bound::Unbounded)).next()
}

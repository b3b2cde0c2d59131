//! An index by many keys at once: the ids that have all of some keys, in order, page by page. A page costs as much as
//! the rarest of its keys asks for, however many ids there are.
//!
//! It is what a domain's view searches by. It rests in memory and is built from final changes, so it can be lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

/// What is found.
pub type Id = Arc<str>;

/// Ids by key.
#[derive(Debug)]
pub struct Index<K> {
    ids: BTreeMap<K, BTreeSet<Id>>,
    keys: BTreeMap<Id, BTreeSet<K>>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self { ids: BTreeMap::new(), keys: BTreeMap::new() }
    }
}

/// A page of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub ids: Vec<Id>,
    pub more: bool,
}

impl<K: Clone + Ord> Index<K> {
    /// Finds the id by these keys from now on, and by no others.
    pub fn put(&mut self, id: &Id, keys: BTreeSet<K>) {
        let old = self.keys.remove(id).unwrap_or_default();
        for key in old.difference(&keys) {
            self.unlink(id, key);
        }
        for key in keys.difference(&old) {
            self.ids.entry(key.clone()).or_default().insert(id.clone());
        }
        self.keys.insert(id.clone(), keys);
    }

    pub fn remove(&mut self, id: &Id) {
        for key in self.keys.remove(id).unwrap_or_default() {
            self.unlink(id, &key);
        }
    }

    /// Puts one key in another's place, if the id has it.
    pub fn swap(&mut self, id: &Id, old: &K, new: K) {
        let Some(keys) = self.keys.get_mut(id) else { return };
        if keys.remove(old) {
            keys.insert(new.clone());
            self.unlink(id, old);
            self.ids.entry(new).or_default().insert(id.clone());
        }
    }

    fn unlink(&mut self, id: &Id, key: &K) {
        if let Some(ids) = self.ids.get_mut(key) {
            ids.remove(id);
            if ids.is_empty() {
                self.ids.remove(key);
            }
        }
    }

    /// The ids that have all the keys, in order, after an id.
    pub fn search(&self, keys: &BTreeSet<K>, after: Option<&str>, limit: usize) -> Page {
        let sets: Option<Vec<_>> = keys.iter().map(|key| self.ids.get(key)).collect();
        let Some(mut sets) = sets else { return Page::default() };
        sets.sort_by_key(|ids| ids.len());
        let Some((rarest, others)) = sets.split_first() else { return Page::default() };
        let mut found: Vec<Id> = Vec::new();
        let mut from = after.map_or(Bound::Unbounded, Bound::Excluded);
        while let Some(candidate) = first(rarest, from) {
            let mut ahead = others.iter().map(|ids| first(ids, Bound::Included(candidate)));
            match ahead.find(|next| *next != Some(candidate)) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is done to an index.
    #[derive(Clone, Debug)]
    enum Done {
        Put(u8, BTreeSet<u8>),
        Remove(u8),
        Swap(u8, u8, u8),
    }

    fn done() -> impl Strategy<Value = Done> {
        let keys = prop::collection::btree_set(0..4_u8, 0..4);
        prop_oneof![
            3 => (0..12_u8, keys).prop_map(|(id, keys)| Done::Put(id, keys)),
            1 => (0..12_u8).prop_map(Done::Remove),
            1 => (0..12_u8, 0..4_u8, 0..4_u8).prop_map(|(id, old, new)| Done::Swap(id, old, new)),
        ]
    }

    fn id(number: u8) -> Id {
        format!("{number:02}").into()
    }

    proptest! {
        /// Whatever was done, pages together are what a look at everything finds.
        #[test]
        fn it_finds_what_a_look_at_everything_finds(
            history in prop::collection::vec(done(), 0..60),
            wanted in prop::collection::btree_set(0..4_u8, 1..4),
            limit in 1..5_usize,
        ) {
            let (mut index, mut model) = (Index::default(), BTreeMap::<u8, BTreeSet<u8>>::new());
            for done in history {
                match done {
                    Done::Put(at, keys) => {
                        index.put(&id(at), keys.clone());
                        model.insert(at, keys);
                    }
                    Done::Remove(at) => {
                        index.remove(&id(at));
                        model.remove(&at);
                    }
                    Done::Swap(at, old, new) => {
                        index.swap(&id(at), &old, new);
                        if let Some(keys) = model.get_mut(&at) && keys.remove(&old) {
                            keys.insert(new);
                        }
                    }
                }
            }
            let fits = model.iter().filter(|(_, keys)| wanted.is_subset(keys));
            let fits: Vec<Id> = fits.map(|(at, _)| id(*at)).collect();
            let (mut found, mut after) = (Vec::<Id>::new(), None);
            loop {
                let page = index.search(&wanted, after.as_deref(), limit);
                prop_assert!(page.ids.len() <= limit);
                found.extend(page.ids);
                after = found.last().cloned();
                if !page.more {
                    break;
                }
            }
            prop_assert_eq!(found, fits);
        }
    }

    #[test]
    fn without_keys_nothing_is_asked_for() {
        let mut index = Index::default();
        index.put(&id(1), BTreeSet::from([1]));
        assert_eq!(index.search(&BTreeSet::new(), None, 9), Page::default());
    }
}

//! Tables, and the changes that become visible together.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use redb::TableDefinition;

use crate::{Codec, Key};

/// A table by name, with the codecs of its keys and values.
pub struct Table<K, V> {
    pub(crate) name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Codec> Table<K, V> {
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.name)
    }
}

pub(crate) fn definition(name: &'static str) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

/// A key and what becomes of it: a value, or None to delete it.
type Change = (Vec<u8>, Option<Vec<u8>>);

/// Changes that become visible together. A later change of a key replaces an earlier one.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) tables: BTreeMap<&'static str, Vec<Change>>,
    pub(crate) bytes: usize,
}

impl Batch {
    pub fn put<K: Key, V: Codec>(&mut self, table: &Table<K, V>, key: &K, value: &V) {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        self.change(table, key, Some(bytes));
    }

    pub fn delete<K: Key, V: Codec>(&mut self, table: &Table<K, V>, key: &K) {
        self.change(table, key, None);
    }

    fn change<K: Key, V: Codec>(&mut self, table: &Table<K, V>, key: &K, value: Option<Vec<u8>>) {
        let mut bytes = Vec::with_capacity(64);
        key.encode(&mut bytes);
        self.bytes += bytes.len() + value.as_ref().map_or(0, Vec::len);
        self.tables.entry(table.name).or_default().push((bytes, value));
    }

    /// Appends the changes of a later batch.
    pub fn append(&mut self, later: Self) {
        self.bytes += later.bytes;
        for (table, mut changes) in later.tables {
            self.tables.entry(table).or_default().append(&mut changes);
        }
    }

    /// Sorts each table's changes by key and keeps the last of each: a B-tree takes sorted keys at a fraction of
    /// the cost of random ones.
    pub(crate) fn settle(&mut self) {
        for changes in self.tables.values_mut() {
            // Stable, so that among equal keys the last is the latest.
            changes.sort_by(|a, b| a.0.cmp(&b.0));
            changes.reverse();
            changes.dedup_by(|later, kept| later.0 == kept.0);
            changes.reverse();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// What its keys and values take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_key_counts_and_keys_are_sorted() {
        const TABLE: Table<u64, Vec<u8>> = Table::new("t");
        let mut batch = Batch::default();
        batch.put(&TABLE, &2, &b"old".to_vec());
        batch.put(&TABLE, &1, &b"one".to_vec());
        let mut later = Batch::default();
        later.put(&TABLE, &2, &b"new".to_vec());
        later.delete(&TABLE, &1);
        later.put(&TABLE, &0, &b"zero".to_vec());
        batch.append(later);
        batch.settle();
        let kept: Vec<_> = batch.tables["t"].iter().map(|(key, value)| (key[7], value.as_deref())).collect();
        assert_eq!(kept, [(0, Some(&b"zero"[..])), (1, None), (2, Some(&b"new"[..]))]);
    }
}

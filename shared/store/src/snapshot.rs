//! Reading: a snapshot sees what was committed when it was taken, and goes on seeing exactly that.

use std::marker::PhantomData;

use redb::{ReadOnlyTable, ReadTransaction, ReadableDatabase, TableError};

use crate::{Codec, Error, Key, Table, batch::definition};

/// A consistent view of all tables.
#[derive(Debug)]
pub struct Snapshot {
    transaction: ReadTransaction,
}

impl Snapshot {
    pub(crate) fn new(database: &redb::Database) -> Result<Self, Error> {
        let transaction = database.begin_read().map_err(Error::redb("read"))?;
        Ok(Self { transaction })
    }

    /// Opens a table for several look-ups. A table that nothing was ever written to is empty.
    pub fn table<K: Key, V: Codec>(&self, table: &Table<K, V>) -> Result<View<K, V>, Error> {
        let rows = match self.transaction.open_table(definition(table.name)) {
            Ok(rows) => Some(rows),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(Error::redb("read")(error)),
        };
        Ok(View { name: table.name, rows, types: PhantomData })
    }

    pub fn get<K: Key, V: Codec>(&self, table: &Table<K, V>, key: &K) -> Result<Option<V>, Error> {
        self.table(table)?.get(key)
    }
}

/// One table of a snapshot.
#[derive(Debug)]
pub struct View<K, V> {
    name: &'static str,
    rows: Option<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Codec> View<K, V> {
    pub fn get(&self, key: &K) -> Result<Option<V>, Error> {
        let Some(rows) = &self.rows else { return Ok(None) };
        let mut bytes = Vec::with_capacity(64);
        key.encode(&mut bytes);
        match rows.get(bytes.as_slice()).map_err(Error::redb("read"))? {
            None => Ok(None),
            Some(value) => decode(self.name, value.value()).map(Some),
        }
    }

    /// The rows from a key on to before another.
    pub fn range(&self, from: &K, to: &K) -> Result<Rows<K, V>, Error> {
        let (mut start, mut end) = (Vec::new(), Vec::new());
        from.encode(&mut start);
        to.encode(&mut end);
        self.between(&start, Some(&end))
    }

    /// The rows whose encoded keys lie from `start` on to before `end` (None: to the last).
    pub fn between(&self, start: &[u8], end: Option<&[u8]>) -> Result<Rows<K, V>, Error> {
        let range = match (&self.rows, end) {
            (None, _) => None,
            (Some(_), Some(end)) if end <= start => None,
            (Some(rows), Some(end)) => Some(rows.range::<&[u8]>(start..end).map_err(Error::redb("read"))?),
            (Some(rows), None) => Some(rows.range::<&[u8]>(start..).map_err(Error::redb("read"))?),
        };
        Ok(Rows { name: self.name, range, types: PhantomData })
    }

    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.between(&[], None)?.next().transpose()?.is_none())
    }
}

fn decode<T: Codec>(table: &'static str, bytes: &[u8]) -> Result<T, Error> {
    T::decode(bytes).ok_or(Error::Garbled { table })
}

/// Rows in order of their keys, from either end.
pub struct Rows<K, V> {
    name: &'static str,
    range: Option<redb::Range<'static, &'static [u8], &'static [u8]>>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> std::fmt::Debug for Rows<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rows of {}", self.name)
    }
}

type Guards = (redb::AccessGuard<'static, &'static [u8]>, redb::AccessGuard<'static, &'static [u8]>);

impl<K: Key, V: Codec> Rows<K, V> {
    fn row(&self, row: Result<Guards, redb::StorageError>) -> Result<(K, V), Error> {
        let (key, value) = row.map_err(Error::redb("read"))?;
        Ok((decode(self.name, key.value())?, decode(self.name, value.value())?))
    }
}

impl<K: Key, V: Codec> Iterator for Rows<K, V> {
    type Item = Result<(K, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.range.as_mut()?.next()?;
        Some(self.row(row))
    }
}

impl<K: Key, V: Codec> DoubleEndedIterator for Rows<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let row = self.range.as_mut()?.next_back()?;
        Some(self.row(row))
    }
}

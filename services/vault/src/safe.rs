//! What the vault keeps, and every way to it: two stores and the keys that wrap keys.
//!
//! `values.redb` has ciphertext, `keys.redb` the wrapped keys, so that the one without the other, and both without the
//! key-encryption key, tell nothing. Each sealing of a record has a key of its own: to forget a value is to delete its
//! key, here at once and in every old copy with the key-encryption key.
//!
//! All of this blocks, on disk and on the provider of keys: call it on threads for that. Who may ask is not decided
//! here; but values are opened by one function alone, which takes an [`Allowed`](crate::access::Allowed).
//!
//! One file per concern: `tables` (names, rows), `sealing`, `releasing`, `persons`, `erasing`, `following` (what becomes
//! final), `sweeping` (what is over), `rotating`, `backup`.

pub(crate) mod backup;
mod erasing;
mod following;
mod persons;
mod releasing;
mod rotating;
mod sealing;
mod sweeping;
mod tables;

use std::{fmt, path::Path};

use hutong_keys::{aead::AeadKey, mac::MacKey, random_bytes};
use hutong_ledger::id::RecordKey;
use hutong_peer::Position;
use hutong_store::{Batch, Form, Options, Snapshot, Store};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::{Error, kek::SharedKeys};
use tables::{Generation, STATE, WRAPPED, Wrapped, item, name};

pub(crate) use following::Changed;
pub(crate) use rotating::Unrecoverable;
pub(crate) use sweeping::Times;

/// The files, in the vault's folder.
pub(crate) const KEYS: &str = "keys.redb";
pub(crate) const VALUES: &str = "values.redb";
const KEYS_FORM: Form = Form { name: "vault keys", version: 1 };
const VALUES_FORM: Form = Form { name: "vault values", version: 1 };

const CACHE_BYTES: usize = 32 << 20;
const CURSOR: &[u8] = b"cursor";

/// The vault's stores and keys.
pub(crate) struct Safe {
    keys: Store,
    values: Store,
    kek: SharedKeys,
    /// Finds persons by their resident id; it rests here alone, wrapped.
    finder: MacKey,
    /// Whoever only adds holds it shared; whoever replaces or deletes what others may be reading holds it alone.
    guard: RwLock<()>,
}

impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Safe").field("kek", &self.kek).finish_non_exhaustive()
    }
}

impl Safe {
    /// Opens the stores in a folder, which are made if they do not exist.
    pub(crate) fn open(folder: &Path, kek: SharedKeys) -> Result<Self, Error> {
        let open = |file, form| {
            let options = Options { cache_bytes: CACHE_BYTES, form: Some(form), ..Options::default() };
            Store::open(&folder.join(file), options)
        };
        let (keys, values) = (open(KEYS, KEYS_FORM), open(VALUES, VALUES_FORM));
        let (keys, values) = (keys.map_err(of_keys)?, values.map_err(of_values)?);
        Self::over(keys, values, kek)
    }

    /// Over stores that are open already.
    pub(crate) fn over(keys: Store, values: Store, kek: SharedKeys) -> Result<Self, Error> {
        let finder = match finder(&keys.snapshot().map_err(of_keys)?, &kek)? {
            Some(finder) => finder,
            None => {
                let made = Zeroizing::new(random_bytes::<32>()?.to_vec());
                let mut batch = Batch::default();
                batch.put(&WRAPPED, &item::finder(), &wrap(&kek, &item::finder(), &made)?);
                keys.write_synced(batch).map_err(of_keys)?;
                made
            }
        };
        let finder: Zeroizing<[u8; 32]> = secret(&finder, "the key that finds persons")?;
        Ok(Self { keys, values, kek, finder: MacKey::new(&finder), guard: RwLock::default() })
    }

    fn keys_now(&self) -> Result<Snapshot, Error> {
        self.keys.snapshot().map_err(of_keys)
    }

    fn values_now(&self) -> Result<Snapshot, Error> {
        self.values.snapshot().map_err(of_values)
    }

    fn write_keys(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() { Ok(()) } else { self.keys.write_synced(batch).map_err(of_keys) }
    }

    fn write_values(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() { Ok(()) } else { self.values.write_synced(batch).map_err(of_values) }
    }

    fn wrap(&self, item: &[u8], plain: &[u8]) -> Result<Wrapped, Error> {
        wrap(&self.kek, item, plain)
    }

    fn unwrap(&self, item: &[u8], row: &Wrapped) -> Result<Zeroizing<Vec<u8>>, Error> {
        unwrap(&self.kek, item, row)
    }

    /// The key of one sealing of a record, if it was not destroyed.
    fn key_of(
        &self,
        keys: &Snapshot,
        record: &RecordKey,
        generation: &Generation,
    ) -> Result<Option<AeadKey>, Error> {
        let item = item::key(&name(record), generation);
        let Some(row) = keys.get(&WRAPPED, &item).map_err(of_keys)? else { return Ok(None) };
        let key = self.unwrap(&item, &row)?;
        Ok(Some(AeadKey::new(&*secret(&key, "a record's key")?)))
    }

    /// Up to where the agency's final transactions are applied here.
    pub(crate) fn cursor(&self) -> Result<Position, Error> {
        let row = self.keys_now()?.get(&STATE, &CURSOR.to_vec()).map_err(of_keys)?;
        Ok(row.and_then(|row| tables::to_position(&row)).unwrap_or_default())
    }

    /// Durable with the next synced write: what a crash takes of it is applied again, to the same end.
    pub(crate) fn keep_cursor(&self, position: Position) {
        let mut batch = Batch::default();
        batch.put(&STATE, &CURSOR.to_vec(), &tables::position(position));
        self.keys.write(batch, |written| {
            if let Err(error) = written {
                tracing::error!(%error, "the vault's position is not kept");
            }
        });
    }
}

/// The key that finds persons; none in a store that is new.
fn finder(keys: &Snapshot, kek: &SharedKeys) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let wrapped = keys.table(&WRAPPED).map_err(of_keys)?;
    match wrapped.get(&item::finder()).map_err(of_keys)? {
        Some(row) => unwrap(kek, &item::finder(), &row).map(Some),
        // Without it, known persons would get second handles.
        None if !wrapped.is_empty().map_err(of_keys)? => {
            Err(Error::Damaged { what: "the key that finds persons" })
        }
        None => Ok(None),
    }
}

fn wrap(kek: &SharedKeys, item: &[u8], plain: &[u8]) -> Result<Wrapped, Error> {
    let (kek, bytes) = kek.wrap(plain, &tables::wrapping_aad(item))?;
    Ok(Wrapped { kek, bytes })
}

fn unwrap(kek: &SharedKeys, item: &[u8], row: &Wrapped) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(kek.unwrap(row.kek, &row.bytes, &tables::wrapping_aad(item))?)
}

fn secret<const N: usize>(bytes: &[u8], what: &'static str) -> Result<Zeroizing<[u8; N]>, Error> {
    bytes.try_into().map(Zeroizing::new).map_err(|_| Error::Damaged { what })
}

fn of_keys(source: hutong_store::Error) -> Error {
    Error::Store { store: KEYS, source }
}

fn of_values(source: hutong_store::Error) -> Error {
    Error::Store { store: VALUES, source }
}

#[cfg(test)]
mod tests;

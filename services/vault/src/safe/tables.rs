//! The tables of both stores, and how their rows are named and written.
//!
//! Rows of a record begin with its name: domain, a zero byte, record id, a zero byte. Neither has a zero byte in it, so
//! the rows of one record are a range of their own.

use hutong_ledger::{
    canon::{Malformed, Reader, Writer},
    hash::Hash,
    id::{KeyId, RecordKey, TxId},
};
use hutong_peer::Position;
use hutong_store::{Codec, Table};

use crate::kek::KekId;

/// Names one sealing of a record, at random: no two ever share a key, whatever is restored from where.
pub(crate) type Generation = [u8; 8];

/// In `keys.redb`: every secret of the vault, wrapped.
pub(super) const WRAPPED: Table<Vec<u8>, Wrapped> = Table::new("wrapped");
/// In `keys.redb`: records that were erased and are not confirmed unrecoverable, with the last key-encryption key that
/// may have wrapped their keys.
pub(super) const ERASED: Table<Vec<u8>, KekId> = Table::new("erased");
/// In `keys.redb`: positions and times.
pub(super) const STATE: Table<Vec<u8>, Vec<u8>> = Table::new("state");
/// In `values.redb`: ciphertext of salt and value.
pub(super) const CIPHERTEXT: Table<Vec<u8>, Vec<u8>> = Table::new("values");
/// In `values.redb`: where each value stands. Apart from the ciphertext, since it changes and that does not.
pub(super) const STANDINGS: Table<Vec<u8>, Standing> = Table::new("standings");
/// In `values.redb`: what was released, until its window ends.
pub(super) const RELEASES: Table<Vec<u8>, KeptRelease> = Table::new("releases");
/// In `values.redb`: when to look whether something is over, by time.
pub(super) const DUE: Table<Vec<u8>, Vec<u8>> = Table::new("due");

pub(super) const ALL_KEYS: [&str; 3] = [WRAPPED.name(), ERASED.name(), STATE.name()];
pub(super) const ALL_VALUES: [&str; 4] = [CIPHERTEXT.name(), STANDINGS.name(), RELEASES.name(), DUE.name()];

/// Bytes after a record's name in a value's row name.
const VALUE_BYTES: usize = size_of::<Generation>() + 32;

/// What every row of a record begins with.
pub(super) fn name(record: &RecordKey) -> Vec<u8> {
    [record.domain.as_str().as_bytes(), &[0], record.record.as_str().as_bytes(), &[0]].concat()
}

/// Where the rows that begin with a name end.
pub(super) fn end(name: &[u8]) -> Vec<u8> {
    let mut end = name.to_vec();
    // The name ends with a zero byte.
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// The record that a row's name begins with.
pub(super) fn record(row: &[u8]) -> Option<RecordKey> {
    let mut parts = row.splitn(3, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    Some(RecordKey { domain: text()?.parse().ok()?, record: text()?.parse().ok()? })
}

/// The row of a value.
pub(super) fn value(name: &[u8], generation: &Generation, commitment: &Hash) -> Vec<u8> {
    [name, generation, &commitment.0].concat()
}

/// The generation and commitment in a value's row name.
pub(super) fn value_parts(row: &[u8]) -> Option<(Generation, Hash)> {
    let (generation, commitment) =
        row[row.len().checked_sub(VALUE_BYTES)?..].split_at(size_of::<Generation>());
    Some((generation.try_into().ok()?, Hash(commitment.try_into().ok()?)))
}

/// The row of a release.
pub(super) fn release(name: &[u8], access: &TxId) -> Vec<u8> {
    [name, &access.0].concat()
}

/// What is due, and of which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Value = 1,
    Release = 2,
}

pub(super) fn due(time_ms: u64, kind: Due, row: &[u8]) -> Vec<u8> {
    [&time_ms.to_be_bytes()[..], &[kind as u8], row].concat()
}

pub(super) fn due_parts(due: &[u8]) -> Option<(Due, &[u8])> {
    match due.get(8)? {
        1 => Some((Due::Value, &due[9..])),
        2 => Some((Due::Release, &due[9..])),
        _ => None,
    }
}

/// Names of wrapped secrets.
pub(super) mod item {
    use hutong_ledger::id::Domain;
    use hutong_peer::vault::Handle;

    use super::Generation;

    const KEY: u8 = b'k';

    /// The key that finds persons.
    pub(in crate::safe) fn finder() -> Vec<u8> {
        b"h".to_vec()
    }

    /// The key of one sealing of a record.
    pub(in crate::safe) fn key(name: &[u8], generation: &Generation) -> Vec<u8> {
        [&[KEY], name, generation].concat()
    }

    /// What the keys of a record begin with.
    pub(in crate::safe) fn keys(name: &[u8]) -> Vec<u8> {
        [&[KEY], name].concat()
    }

    /// The name of the record and the generation that a key is of.
    pub(in crate::safe) fn key_parts(item: &[u8]) -> Option<(&[u8], Generation)> {
        let (kind, rest) = item.split_first()?;
        let (name, generation) = rest.split_at(rest.len().checked_sub(size_of::<Generation>())?);
        (*kind == KEY).then_some((name, generation.try_into().ok()?))
    }

    /// The handle of whom a tag finds.
    pub(in crate::safe) fn person(tag: &[u8; 32]) -> Vec<u8> {
        [&b"p"[..], tag].concat()
    }

    /// The tag that finds a handle: so that a person can be forgotten.
    pub(in crate::safe) fn tag(domain: Domain, handle: &Handle) -> Vec<u8> {
        [b"r", domain.as_str().as_bytes(), &[0], handle].concat()
    }
}

/// What a wrapped secret is bound to.
pub(super) fn wrapping_aad(item: &[u8]) -> Vec<u8> {
    [b"hutong/v1/vault-wrap\0", item].concat()
}

/// What a value's ciphertext is bound to.
pub(super) fn value_aad(row: &[u8], field: &str) -> Vec<u8> {
    [b"hutong/v1/vault-value\0", row, &[0], field.as_bytes()].concat()
}

/// What a kept release is bound to.
pub(super) fn release_aad(row: &[u8]) -> Vec<u8> {
    [b"hutong/v1/vault-release\0", row].concat()
}

/// A wrapped secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) kek: KekId,
    pub(super) bytes: Vec<u8>,
}

impl Codec for Wrapped {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.kek.to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kek, bytes) = bytes.split_first_chunk()?;
        Some(Self { kek: KekId::from_be_bytes(*kek), bytes: bytes.to_vec() })
    }
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) field: String,
    pub(super) sealed_ms: u64,
    /// Where its commitment became final; None: it is pending.
    pub(super) settled: Option<Position>,
    /// Since when another commitment stands instead; 0: none does.
    pub(super) superseded_ms: u64,
}

impl Codec for Standing {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new();
        w.text(&self.field).u64(self.sealed_ms).u64(self.superseded_ms);
        w.option(self.settled.as_ref(), |w, position| {
            w.u64(position.height).u32(position.ordinal);
        });
        out.extend(w.finish());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let read = |r: &mut Reader<'_>| -> Result<Self, Malformed> {
            let (field, sealed_ms, superseded_ms) = (r.text()?.to_owned(), r.u64()?, r.u64()?);
            let settled = r.option(|r| Ok(Position { height: r.u64()?, ordinal: r.u32()? }))?;
            Ok(Self { field, sealed_ms, settled, superseded_ms })
        };
        Reader::all(bytes, read).ok()
    }
}

/// A release as it was answered, encrypted under the key of one of its values: destroying that destroys this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptRelease {
    /// The requester's key that it was sealed to.
    pub(super) key: KeyId,
    pub(super) generation: Generation,
    pub(super) bytes: Vec<u8>,
}

impl Codec for KeptRelease {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.generation);
        out.extend_from_slice(&self.bytes);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (key, bytes) = bytes.split_first_chunk()?;
        let (generation, bytes) = bytes.split_first_chunk()?;
        Some(Self { key: KeyId(*key), generation: *generation, bytes: bytes.to_vec() })
    }
}

pub(super) fn position(position: Position) -> Vec<u8> {
    let mut w = Writer::new();
    w.u64(position.height).u32(position.ordinal);
    w.finish()
}

pub(super) fn to_position(bytes: &[u8]) -> Option<Position> {
    Reader::all(bytes, |r| Ok(Position { height: r.u64()?, ordinal: r.u32()? })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back<T: Codec>(value: &T) -> Option<T> {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        T::decode(&bytes)
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        let wrapped = Wrapped { kek: 7, bytes: vec![1, 2, 3] };
        assert_eq!(back(&wrapped).as_ref(), Some(&wrapped));
        let place = Position { height: 3, ordinal: 2 };
        for settled in [None, Some(place)] {
            let standing = Standing { field: "name".into(), sealed_ms: 5, settled, superseded_ms: 9 };
            assert_eq!(back(&standing).as_ref(), Some(&standing));
        }
        let kept = KeptRelease { key: KeyId([1; 8]), generation: [2; 8], bytes: vec![3; 40] };
        assert_eq!(back(&kept).as_ref(), Some(&kept));
        assert_eq!((Wrapped::decode(&[1; 7]), KeptRelease::decode(&[1; 15])), (None, None));
        assert_eq!(to_position(&position(place)), Some(place));
        assert_eq!(to_position(b"rubbish"), None);
    }

    #[test]
    fn names_are_found_again_and_end_where_the_next_begins() {
        let key: RecordKey = "health/chart/7".parse().unwrap();
        let name = name(&key);
        let row = value(&name, &[4; 8], &Hash([0; 32]));
        assert_eq!((record(&row), value_parts(&row)), (Some(key.clone()), Some(([4; 8], Hash([0; 32])))));
        assert!(row > name && row < end(&name));
        let other = super::name(&"health/chart/70".parse().unwrap());
        assert!(other > end(&name) || other < name);
        let item = item::key(&name, &[4; 8]);
        assert_eq!(item::key_parts(&item), Some((&name[..], [4; 8])));
        assert_eq!((item::key_parts(&item::finder()), value_parts(b"short")), (None, None));
        assert_eq!(due_parts(&due(9, Due::Release, &row)), Some((Due::Release, &row[..])));
        assert!(due(9, Due::Release, &row) < due(10, Due::Value, b""));
        assert_eq!((due_parts(b"short"), record(b"nothing")), (None, None));
    }
}

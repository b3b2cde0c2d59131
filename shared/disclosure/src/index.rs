//! The index of a person's accesses: a count and the head of a hash chain over the entries, so that the state proof of
//! one small record shows a whole list complete.

use hutong_ledger::{
    contract::{Change, Refusal},
    hash::{Hash, Tag},
    id::TxId,
};
use hutong_wire::v1::disclosure::{AccessEntry, AccessIndex};

use crate::{
    Handle,
    case::{Case, hash, put},
    records,
};

/// The head of the chain with one entry more.
pub fn access_head(before: &Hash, number: u64, sealed_until_ms: u64, details: &Hash) -> Hash {
    let (number, sealed_until) = (number.to_be_bytes(), sealed_until_ms.to_be_bytes());
    Tag::AccessHead.hash(&[&before.0, &number, &sealed_until, &details.0])
}

pub(crate) fn empty() -> AccessIndex {
    AccessIndex { count: 0, head: Hash::ZERO.0.to_vec().into() }
}

/// A person's index as it stands; nobody has read anything where there is none.
pub(crate) fn of(case: &Case<'_>, handle: &Handle) -> Result<AccessIndex, Refusal> {
    Ok(case.stored(&records::index(handle))?.unwrap_or_else(empty))
}

/// One access, as every index of its subjects takes it up.
pub(crate) struct Counted<'a> {
    pub(crate) access: TxId,
    pub(crate) sealed_until_ms: u64,
    /// The ledger's hash of its record.
    pub(crate) details: &'a Hash,
}

/// The number of the entry that a person's next access makes.
pub(crate) fn next(index: &AccessIndex) -> Result<u64, Refusal> {
    index.count.checked_add(1).ok_or_else(|| Refusal::fault("the index of accesses is full"))
}

/// Takes up an access into a person's index: the index and its new entry.
pub(crate) fn advance(
    case: &Case<'_>,
    handle: &Handle,
    counted: &Counted<'_>,
) -> Result<[Change; 2], Refusal> {
    let before = of(case, handle)?;
    let number = next(&before)?;
    let head = access_head(&hash(&before.head)?, number, counted.sealed_until_ms, counted.details);
    let head = bytes_of(&head);
    let entry = AccessEntry {
        number,
        access: counted.access.0.to_vec().into(),
        time_ms: case.time_ms(),
        sealed_until_ms: counted.sealed_until_ms,
        details: bytes_of(counted.details).into(),
        head: head.clone().into(),
    };
    let index = AccessIndex { count: number, head: head.into() };
    Ok([put(records::index(handle), &index), put(records::entry(handle, number), &entry)])
}

fn bytes_of(hash: &Hash) -> Vec<u8> {
    hash.0.to_vec()
}

//! A domain's state tree: the authenticated map from record to the hash of its current version.
//!
//! It is a binary sparse Merkle tree over 256-bit keys in which a subtree with one leaf is that leaf and an empty one
//! a fixed hash, so the root depends on the content alone, not on the way there. Hashes are those of the Jellyfish
//! Merkle Tree, and the tests compare roots with the jmt crate. Its nodes are not used: it hashes all sixteen slots of
//! every node on a path and copies each several times, at about three times the cost of the pages here, and keeps
//! each value besides; its proofs panic where a node is missing.
//!
//! Parts: [`page`] holds four levels of the tree and is the unit of storage, [`key`] names it; [`update`] applies a
//! block's changes; [`proof`] proves presence and absence; [`memory`] is a whole tree in memory, for tests, checks and
//! small cities.
//! Pages are never changed, only followed by newer ones, so those of blocks that are not final yet, a cache and a
//! database can be layered behind one [`PageReader`], and any of them dropped.

use std::sync::Arc;

use ring::digest;

use crate::{
    canon::{Malformed, Reader, Writer},
    hash::{Hash, Tag},
    id::RecordId,
};

pub mod key;
pub mod memory;
pub mod page;
pub mod proof;
pub mod update;

pub use key::PageKey;
pub use memory::MemoryTree;
pub use page::Page;
pub use proof::{Disproved, StateProof, get, prove};
pub use update::{Update, apply};

/// The root of a tree that holds nothing.
pub const EMPTY_ROOT: Hash = Hash(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

/// Where a record stands in its domain's tree: a hash, so that no choice of ids can unbalance it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateKey(pub Hash);

/// An entry of the tree that is no record's: every block with log entries of the domain changes it, whatever came of
/// them. Without it a root that stays as it was would tell everyone that all of them were refused. The nonce is that
/// of the block's last entry, which only those know who may read the domain.
pub fn veil(height: u64, nonce: &[u8; 16]) -> (StateKey, Hash) {
    (StateKey(Tag::Veil.hash(&[])), Tag::Veil.hash(&[&height.to_be_bytes(), nonce]))
}

impl StateKey {
    pub fn of(record: &RecordId) -> Self {
        Self(Tag::StateKey.hash(&[record.as_str().as_bytes()]))
    }

    /// The 4 bits that choose among a page's slots at a depth counted in pages.
    fn nibble(&self, depth: u8) -> u8 {
        let byte = self.0.0[usize::from(depth / 2)];
        if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
    }

    fn bit(&self, depth: usize) -> bool {
        self.0.0[depth / 8] >> (7 - depth % 8) & 1 == 1
    }

    fn common_bits(&self, other: &Self) -> usize {
        let differ = self.0.0.iter().zip(&other.0.0).position(|(a, b)| a != b);
        differ.map_or(256, |at| at * 8 + (self.0.0[at] ^ other.0.0[at]).leading_zeros() as usize)
    }
}

/// A tree as of some height: its root, and the height at which it last changed, which names its first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    root: Hash,
    /// None while the tree is empty: then there is no page.
    version: Option<u64>,
}

impl Head {
    pub const EMPTY: Self = Self { root: EMPTY_ROOT, version: None };

    pub fn root(&self) -> Hash {
        self.root
    }

    pub fn version(&self) -> Option<u64> {
        self.version
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.hash(&self.root).option(self.version.as_ref(), |w, version| {
            w.u64(*version);
        });
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let head = Self { root: r.hash()?, version: r.option(Reader::u64)? };
            if head.version.is_none() && head != Self::EMPTY {
                return Err(r.bad("a tree without a page that has a root"));
            }
            Ok(head)
        })
    }
}

/// Where pages are kept.
pub trait PageReader {
    type Error;

    fn page(&self, key: &PageKey) -> Result<Option<Arc<Page>>, Self::Error>;
}

impl<R: PageReader + ?Sized> PageReader for &R {
    type Error = R::Error;

    fn page(&self, key: &PageKey) -> Result<Option<Arc<Page>>, Self::Error> {
        (**self).page(key)
    }
}

/// Why a tree could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    #[error("a page of the state tree could not be read")]
    Read(#[source] E),
    /// Pages are derived data: rebuild the tree from the records.
    #[error("the state tree lacks page {0}")]
    Missing(PageKey),
    #[error("a tree last changed at height {head} cannot change at height {version}")]
    NotLater { head: u64, version: u64 },
}

fn load<R: PageReader + ?Sized>(reader: &R, key: PageKey) -> Result<Arc<Page>, Error<R::Error>> {
    reader.page(&key).map_err(Error::Read)?.ok_or(Error::Missing(key))
}

fn leaf_hash(key: &StateKey, value: &Hash) -> Hash {
    joined(b"JMT::LeafNode", &key.0, value)
}

fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    joined(b"JMT::IntrnalNode", left, right)
}

/// One call on one buffer: this is where an update's time goes.
fn joined(label: &[u8], left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0; 80];
    let end = label.len() + 64;
    bytes[..label.len()].copy_from_slice(label);
    bytes[label.len()..end - 32].copy_from_slice(&left.0);
    bytes[end - 32..end].copy_from_slice(&right.0);
    let mut out = Hash::ZERO;
    out.0.copy_from_slice(digest::digest(&digest::SHA256, &bytes[..end]).as_ref());
    out
}

#[cfg(test)]
mod tests;

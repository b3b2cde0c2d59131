//! A domain's append-only Merkle log, as RFC 6962 hashes it and C2SP tlog-tiles stores and serves it.
//!
//! Parts: [`tree`] is a small tree held whole (a segment, a group of acceptances); [`frontier`] is the right edge of
//! a big one, enough to append; [`tile`] names and fills the tiles that the rest is kept in; [`proof`] makes proofs
//! from tiles and checks them.
//!
//! Nothing here stores: the frontier says what to add to which tile, and whoever holds the tiles reads them back
//! through [`proof::TileReader`]. Hashes follow RFC 6962 and so carry no tag of ours.

use crate::hash::{Hash, sha256};

pub mod frontier;
pub mod proof;
pub mod tile;
pub mod tree;

pub use frontier::{Frontier, Growth};
pub use proof::{
    TileReader, Unproven, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
pub use tile::TilePath;
pub use tree::Tree;

/// The root of a log without entries: the hash of nothing.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

/// The root over leaf hashes, where no path is wanted later.
pub fn root(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    Tree::new(leaves).root()
}

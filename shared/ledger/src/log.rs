//! The Merkle tree hashes of RFC 6962.

use crate::hash::{Hash, sha256};

pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

/// The root over leaf hashes; that of no leaves is the hash of nothing.
pub fn root(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let leaves: Vec<Hash> = leaves.into_iter().collect();
    if leaves.is_empty() { sha256(&[]) } else { subtree(&leaves) }
}

fn subtree(leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    node_hash(&subtree(left), &subtree(right))
}

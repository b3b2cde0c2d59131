//! A small Merkle tree held whole in memory: for a segment's ids, or a group of transactions accepted together.
//! A log is never held this way; see [`super::frontier`].

use crate::hash::Hash;

use super::{EMPTY_ROOT, node_hash};

/// All hashes of a tree, level by level. A last node without a sibling rises unhashed, which gives RFC 6962's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// From the leaves up to the root; never empty, and only the first may be.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn new(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut levels = vec![leaves.into_iter().collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pairs = below.chunks(2);
            let above = pairs.map(|pair| match pair {
                [left, right] => node_hash(left, right),
                rest => rest[0],
            });
            let above = above.collect();
            levels.push(above);
        }
        Self { levels }
    }

    pub fn size(&self) -> usize {
        self.levels[0].len()
    }

    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or(EMPTY_ROOT)
    }

    /// The inclusion path of a leaf, from its sibling up, or None where there is no such leaf.
    pub fn path(&self, index: usize) -> Option<Vec<Hash>> {
        if index >= self.size() {
            return None;
        }
        let siblings =
            self.levels.iter().enumerate().filter_map(|(level, hashes)| hashes.get((index >> level) ^ 1));
        Some(siblings.copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{leaf_hash, verify_inclusion};
    use super::*;

    #[test]
    fn every_path_leads_to_the_root() {
        for size in 0..70_usize {
            let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(&[i as u8])).collect();
            let tree = Tree::new(leaves.iter().copied());
            assert_eq!(tree.path(size), None);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = tree.path(index).unwrap();
                verify_inclusion(&tree.root(), size as u64, index as u64, leaf, &path).unwrap();
            }
        }
    }

    #[test]
    fn a_tree_without_leaves_has_the_hash_of_nothing() {
        assert_eq!(Tree::new([]).root(), crate::hash::sha256(&[]));
    }
}

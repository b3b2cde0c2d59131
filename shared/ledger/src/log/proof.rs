//! Proofs that a log holds an entry, and that a log is an older one with more appended: made from stored tiles, and
//! checked from the hashes alone.
//!
//! The algorithms are the tlog_tiles crate's; this file gives it tiles to read and keeps from it what it would take
//! as a fault of its caller. Checking never reads a tile and takes hostile input.

use std::cell::RefCell;

use tlog_tiles::tlog;

use crate::hash::Hash;

use super::{
    EMPTY_ROOT, node_hash,
    tile::{HEIGHT, WIDTH},
};

/// No path is longer: one hash per level, and one more for the edge of a consistency proof.
pub const PATH_HASHES_MAX: usize = 65;

/// Beyond this tlog_tiles' numbering of hashes overflows; no log comes near.
const SIZE_MAX: u64 = 1 << 62;

/// Where the tiles of one log are kept.
pub trait TileReader {
    type Error;

    /// The hashes that the tile holds so far, 32 bytes each; empty where there is no such tile.
    fn tile(&self, level: u8, index: u64) -> Result<bytes::Bytes, Self::Error>;
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade<E> {
    #[error("entry {index} is not in a log of {size}")]
    Outside { index: u64, size: u64 },
    #[error("tile {index} of level {level} lacks hashes that a log of this size has")]
    Missing { level: u8, index: u64 },
    #[error("a tile could not be read")]
    Read(#[source] E),
}

/// Why a proof does not prove what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    #[error("entry {index} cannot be in a log of {size}")]
    Outside { index: u64, size: u64 },
    #[error("a log of {new} cannot continue one of {old}")]
    Shrunk { old: u64, new: u64 },
    #[error("the hashes do not lead to the root")]
    Mismatch,
}

/// The inclusion path of the `index`th entry in the log when it held `size`, from the leaf's sibling up.
pub fn inclusion_proof<R: TileReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, Unmade<R::Error>> {
    if index >= size || size > SIZE_MAX {
        return Err(Unmade::Outside { index, size });
    }
    made(reader, Unmade::Outside { index, size }, |hashes| tlog::prove_record(size, index, hashes))
}

/// The proof that the log of `new` entries begins with the one of `old`; empty from nothing and to itself.
pub fn consistency_proof<R: TileReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, Unmade<R::Error>> {
    if old > new || new > SIZE_MAX {
        return Err(Unmade::Outside { index: old, size: new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    made(reader, Unmade::Outside { index: old, size: new }, |hashes| tlog::prove_tree(new, old, hashes))
}

/// Checks that `leaf` is the `index`th leaf hash under the root of a log of `size`.
pub fn verify_inclusion(
    root: &Hash,
    size: u64,
    index: u64,
    leaf: &Hash,
    path: &[Hash],
) -> Result<(), Unproven> {
    if index >= size {
        return Err(Unproven::Outside { index, size });
    }
    if path.len() > PATH_HASHES_MAX {
        return Err(Unproven::Mismatch);
    }
    tlog::check_record(&theirs(path), size, tlog::Hash(root.0), index, tlog::Hash(leaf.0))
        .map_err(|_| Unproven::Mismatch)
}

/// Checks that the log of `new` entries under `new_root` begins with the `old` entries under `old_root`.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), Unproven> {
    if old > new {
        return Err(Unproven::Shrunk { old, new });
    }
    let empty_is_empty = (old > 0 || *old_root == EMPTY_ROOT) && (new > 0 || *new_root == EMPTY_ROOT);
    if path.len() > PATH_HASHES_MAX || !empty_is_empty {
        return Err(Unproven::Mismatch);
    }
    if old == 0 {
        return if path.is_empty() { Ok(()) } else { Err(Unproven::Mismatch) };
    }
    tlog::check_tree(&theirs(path), new, tlog::Hash(new_root.0), old, tlog::Hash(old_root.0))
        .map_err(|_| Unproven::Mismatch)
}

fn theirs(path: &[Hash]) -> Vec<tlog::Hash> {
    path.iter().map(|hash| tlog::Hash(hash.0)).collect()
}

fn made<R: TileReader>(
    reader: &R,
    refused: Unmade<R::Error>,
    prove: impl FnOnce(&Hashes<'_, R>) -> Result<Vec<tlog::Hash>, tlog::Error>,
) -> Result<Vec<Hash>, Unmade<R::Error>> {
    let hashes = Hashes { reader, failure: RefCell::new(None) };
    match prove(&hashes) {
        Ok(path) => Ok(path.into_iter().map(|hash| Hash(hash.0)).collect()),
        Err(_) => Err(hashes.failure.into_inner().unwrap_or(refused)),
    }
}

/// Tiles as tlog_tiles wants to read them, keeping the reason of a failure that its error type has no room for.
struct Hashes<'a, R: TileReader> {
    reader: &'a R,
    failure: RefCell<Option<Unmade<R::Error>>>,
}

impl<R: TileReader> Hashes<'_, R> {
    /// The root of the `index`th full subtree of a height: one hash of a tile, or that over a few.
    fn subtree(&self, height: u8, index: u64) -> Result<Hash, Unmade<R::Error>> {
        let (level, above) = (height / HEIGHT, height % HEIGHT);
        let first = index << above;
        let tile_index = first / WIDTH as u64;
        let held = self.reader.tile(level, tile_index).map_err(Unmade::Read)?;
        let start = (first % WIDTH as u64) as usize * 32;
        let bytes = held.get(start..start + (32 << above));
        let bytes = bytes.ok_or(Unmade::Missing { level, index: tile_index })?;
        let mut hashes: Vec<Hash> = bytes.as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect();
        while hashes.len() > 1 {
            hashes = hashes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(hashes[0])
    }
}

impl<R: TileReader> tlog::HashReader for Hashes<'_, R> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let read = indexes.iter().map(|stored| {
            let (height, index) = tlog::split_stored_hash_index(*stored);
            self.subtree(height, index).map(|hash| tlog::Hash(hash.0))
        });
        read.collect::<Result<_, _>>().map_err(|failure| {
            self.failure.replace(Some(failure));
            tlog::Error::IndexesNotInTree
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{Frontier, leaf_hash, root};
    use super::*;

    #[derive(Default)]
    struct Tiles(BTreeMap<(u8, u64), Vec<u8>>);

    impl TileReader for Tiles {
        type Error = std::convert::Infallible;

        fn tile(&self, level: u8, index: u64) -> Result<bytes::Bytes, Self::Error> {
            Ok(self.0.get(&(level, index)).cloned().unwrap_or_default().into())
        }
    }

    fn log(size: u64) -> (Vec<Hash>, Tiles) {
        let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let mut tiles = Tiles::default();
        for growth in Frontier::new().extend(leaves.iter().copied()) {
            for tile in growth.tiles() {
                let stored = tiles.0.entry((tile.level, tile.index)).or_default();
                stored.extend(tile.hashes.iter().flat_map(|hash| hash.0));
            }
        }
        (leaves, tiles)
    }

    #[test]
    fn what_tiles_do_not_hold_is_named() {
        let (_, tiles) = log(300);
        assert!(matches!(inclusion_proof(&tiles, 3, 3), Err(Unmade::Outside { index: 3, size: 3 })));
        assert!(matches!(consistency_proof(&tiles, 4, 3), Err(Unmade::Outside { .. })));
        assert!(matches!(inclusion_proof(&tiles, 3, 400), Err(Unmade::Missing { level: 0, index: 1 })));
        assert!(matches!(inclusion_proof(&tiles, SIZE_MAX - 1, SIZE_MAX), Err(Unmade::Missing { .. })));
        assert!(matches!(inclusion_proof(&tiles, 0, u64::MAX), Err(Unmade::Outside { .. })));
        assert_eq!(consistency_proof(&tiles, 0, 300).unwrap(), []);
        assert_eq!(consistency_proof(&tiles, 300, 300).unwrap(), []);
    }

    #[test]
    fn the_empty_log_is_the_start_of_every_log() {
        let one = leaf_hash(b"one");
        verify_consistency(0, &EMPTY_ROOT, 1, &one, &[]).unwrap();
        verify_consistency(0, &EMPTY_ROOT, 0, &EMPTY_ROOT, &[]).unwrap();
        assert_eq!(verify_consistency(0, &one, 1, &one, &[]), Err(Unproven::Mismatch));
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 0, &one, &[]), Err(Unproven::Mismatch));
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 1, &one, &[one]), Err(Unproven::Mismatch));
        assert_eq!(verify_consistency(1, &one, 0, &one, &[]), Err(Unproven::Shrunk { old: 1, new: 0 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn proofs_hold_for_every_size_that_the_log_had(held in 1..1500_u64, size: prop::sample::Index, index: prop::sample::Index, old: prop::sample::Index, flip: (prop::sample::Index, u8)) {
            let (leaves, tiles) = log(held);
            let size = size.index(held as usize) as u64 + 1;
            let index = index.index(size as usize) as u64;
            let old = old.index(size as usize) as u64 + 1;
            let root_at = |size: u64| root(leaves[..size as usize].iter().copied());
            let leaf = &leaves[index as usize];

            let mut path = inclusion_proof(&tiles, index, size).unwrap();
            verify_inclusion(&root_at(size), size, index, leaf, &path).unwrap();
            prop_assert!(verify_inclusion(&root_at(size), size, index ^ 1, leaf, &path).is_err());
            if let Some(hash) = (!path.is_empty()).then(|| flip.0.index(path.len())) {
                path[hash].0[usize::from(flip.1 % 32)] ^= 1;
                prop_assert!(verify_inclusion(&root_at(size), size, index, leaf, &path).is_err());
            }

            let path = consistency_proof(&tiles, old, size).unwrap();
            verify_consistency(old, &root_at(old), size, &root_at(size), &path).unwrap();
            for hash in 0..path.len() {
                let mut forged = path.clone();
                forged[hash].0[usize::from(flip.1 % 32)] ^= 1;
                prop_assert!(verify_consistency(old, &root_at(old), size, &root_at(size), &forged).is_err());
            }
            if old < size {
                prop_assert!(verify_consistency(old, &leaves[0], size, &root_at(size), &path).is_err() || old == 1);
                prop_assert!(verify_consistency(old, &root_at(old), size, &Hash::ZERO, &path).is_err());
            }
        }

        #[test]
        fn hostile_proofs_never_panic(root: [u8; 32], sizes: (u64, u64), index: u64, path in prop::collection::vec(any::<[u8; 32]>(), 0..80)) {
            let path: Vec<Hash> = path.into_iter().map(Hash).collect();
            prop_assert!(verify_inclusion(&Hash(root), sizes.0, index, &Hash::ZERO, &path).is_err());
            prop_assert!(verify_consistency(sizes.0, &Hash::ZERO, sizes.1, &Hash(root), &path).is_err());
        }
    }
}

//! The right edge of a log: its size and the roots of the full subtrees that it splits into. Enough to append and to
//! name the root, in about a kilobyte whatever the log holds; cheap to clone, so that blocks that are not final yet
//! can each have their own.

use crate::{
    canon::{Malformed, Reader, Writer},
    hash::Hash,
};

use super::{
    EMPTY_ROOT, node_hash,
    tile::{HEIGHT, WIDTH},
};

/// The size of a log and the roots of its full subtrees, largest and oldest first: one per bit set in the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// What an append adds at one tile level: hashes that follow one another from the `first`th of that level on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    pub level: u8,
    pub first: u64,
    pub hashes: Vec<Hash>,
}

/// The part of a growth that falls into one tile: to be appended to its stored hashes, of which there are `held`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileGrowth<'a> {
    pub level: u8,
    /// The tile's number within its level.
    pub index: u64,
    pub held: usize,
    pub hashes: &'a [Hash],
}

impl Growth {
    pub fn tiles(&self) -> impl Iterator<Item = TileGrowth<'_>> {
        let mut first = self.first;
        let mut rest = self.hashes.as_slice();
        std::iter::from_fn(move || {
            let held = (first % WIDTH as u64) as usize;
            let (hashes, later) = rest.split_at(rest.len().min(WIDTH - held));
            let tile = TileGrowth { level: self.level, index: first / WIDTH as u64, held, hashes };
            first += hashes.len() as u64;
            rest = later;
            (!hashes.is_empty()).then_some(tile)
        })
    }
}

impl Frontier {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return EMPTY_ROOT };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// Appends one leaf hash and returns its index; for those who keep no tiles.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        self.push(leaf, |_, _| ())
    }

    /// Appends leaf hashes in order and says what to add to the tiles, lowest level first.
    pub fn extend(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<Growth> {
        let mut growths: Vec<Growth> = Vec::new();
        for leaf in leaves {
            let index = self.size;
            self.push(leaf, |height, hash| {
                if height % HEIGHT != 0 {
                    return;
                }
                let level = height / HEIGHT;
                // Levels grow one after the other within a leaf, and a lower one always before a higher one.
                match growths.get_mut(usize::from(level)) {
                    Some(growth) => growth.hashes.push(hash),
                    None => growths.push(Growth { level, first: index >> height, hashes: vec![hash] }),
                }
            });
        }
        growths
    }

    /// Appends a leaf, telling of every full subtree that it completes, by height.
    fn push(&mut self, leaf: Hash, mut completed: impl FnMut(u8, Hash)) -> u64 {
        let index = self.size;
        let mut hash = leaf;
        completed(0, hash);
        // Each trailing one bit of the index is a full subtree that waits for a right sibling of its height.
        for height in 1..=index.trailing_ones() as u8 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            completed(height, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
        index
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u64(self.size);
        for peak in &self.peaks {
            w.hash(peak);
        }
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let size = r.u64()?;
            let peaks = (0..size.count_ones()).map(|_| r.hash()).collect::<Result<_, _>>()?;
            Ok(Self { size, peaks })
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::*;
    use proptest::prelude::*;

    use super::super::{leaf_hash, root};
    use super::*;

    fn leaf(i: u64) -> Hash {
        leaf_hash(format!("entry-{i}").as_bytes())
    }

    #[test]
    fn roots_are_those_of_the_published_vector() {
        let published = [
            (3, "pkvybgkSj2/i/m+LLYyAHhZrV8BHp82bK4Ceepai8cs="),
            (256, "+F9OrTQIBxC00egIMBVDqquBqgTeuIWZNQ3Cak8vWN4="),
            (300, "rrsCfVw90Ihx7lJXemH8gxItDRQ1J5GUNjm9TBLTaUM="),
        ];
        let mut log = Frontier::new();
        for i in 0..300 {
            assert_eq!(log.append(leaf(i)), i);
            if let Some((_, root)) = published.iter().find(|(size, _)| *size == log.size()) {
                assert_eq!(BASE64_STANDARD.encode(log.root().0), *root);
            }
        }
    }

    proptest! {
        #[test]
        fn grows_alike_whatever_the_batches(batches in prop::collection::vec(0..700_usize, 1..5)) {
            let mut log = Frontier::new();
            let mut tiles: std::collections::BTreeMap<(u8, u64), Vec<Hash>> = Default::default();
            let mut leaves = Vec::new();
            for batch in batches {
                let new: Vec<Hash> = (0..batch as u64).map(|i| leaf(leaves.len() as u64 + i)).collect();
                for growth in log.extend(new.iter().copied()) {
                    for tile in growth.tiles() {
                        let stored = tiles.entry((tile.level, tile.index)).or_default();
                        prop_assert_eq!(stored.len(), tile.held);
                        stored.extend(tile.hashes);
                        prop_assert!(stored.len() <= WIDTH);
                    }
                }
                leaves.extend(new);
                prop_assert_eq!(log.root(), root(leaves.iter().copied()));
                prop_assert_eq!(Frontier::decode(&log.encode()).unwrap(), log.clone());
            }
            // Level 0 holds the leaves; a level-1 hash is the root of a full level-0 tile.
            for ((level, index), stored) in &tiles {
                for (place, hash) in stored.iter().enumerate() {
                    let at = *index as usize * WIDTH + place;
                    let expected = if *level == 0 { leaves[at] } else { root(tiles[&(0, at as u64)].iter().copied()) };
                    prop_assert_eq!(*hash, expected);
                }
            }
        }

        #[test]
        fn decoding_takes_canonical_bytes_only(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(log) = Frontier::decode(&bytes) {
                prop_assert_eq!(log.encode(), bytes);
            }
        }

        #[test]
        fn a_cut_or_longer_edge_is_refused(size in 1..10_000_u64, cut in 1..32_usize) {
            let mut log = Frontier::new();
            log.extend((0..size % 513).map(leaf));
            let mut bytes = log.encode();
            bytes.push(0);
            prop_assert!(Frontier::decode(&bytes).is_err());
            bytes.truncate(bytes.len().saturating_sub(1 + cut));
            prop_assert!(Frontier::decode(&bytes).is_err());
        }
    }
}

//! A page: four levels of the tree, sixteen slots at their foot. A slot is empty, a record's leaf, or a further page.
//!
//! A page is kept by the height that made it and its place in the tree, and never changes. The hashes between its root
//! and its slots are held in memory, so that a change costs four of them, and are not stored: they follow from the
//! slots.

use std::fmt;

use crate::{
    canon::{Malformed, Reader, Writer},
    hash::Hash,
};

use super::{EMPTY_ROOT, StateKey, inner_hash, leaf_hash};

/// Levels of pages: one for each 4 bits of a key.
pub const DEPTH_MAX: u8 = 64;

/// Names a page: the height that made it, and the first bits of the keys below it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey {
    version: u64,
    place: Place,
}

/// A place in the tree: the first `4 * depth` bits of all keys below it, the other bits zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    depth: u8,
    prefix: [u8; 32],
}

impl Place {
    pub(super) const ROOT: Self = Self { depth: 0, prefix: [0; 32] };

    pub(super) fn depth(&self) -> u8 {
        self.depth
    }

    pub(super) fn below(&self, nibble: u8) -> Self {
        let mut below = *self;
        let shift = if self.depth.is_multiple_of(2) { 4 } else { 0 };
        below.prefix[usize::from(self.depth / 2)] |= nibble << shift;
        below.depth += 1;
        below
    }

    fn covers(&self, key: &StateKey) -> bool {
        (0..self.depth).all(|depth| key.nibble(depth) == StateKey(Hash(self.prefix)).nibble(depth))
    }
}

impl PageKey {
    pub(super) fn new(version: u64, place: Place) -> Self {
        Self { version, place }
    }

    /// The height that made the page.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Height first: pages are written in the order of heights, so a database grows at its end.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u64(self.version)
            .u8(self.place.depth)
            .raw(&self.place.prefix[..usize::from(self.place.depth.div_ceil(2))]);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let (version, depth) = (r.u64()?, r.u8()?);
            if depth >= DEPTH_MAX {
                return Err(r.bad("a page deeper than any key"));
            }
            let stored = r.raw(usize::from(depth.div_ceil(2)))?;
            let mut prefix = [0; 32];
            prefix[..stored.len()].copy_from_slice(stored);
            if depth % 2 == 1 && stored.last().is_some_and(|byte| byte & 15 != 0) {
                return Err(r.bad("bits beyond the page's depth"));
            }
            Ok(Self { version, place: Place { depth, prefix } })
        })
    }
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = hex::encode(self.place.prefix);
        write!(f, "{}/{}", self.version, &prefix[..usize::from(self.place.depth)])
    }
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What is at the foot of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Leaf { key: StateKey, value: Hash, hash: Hash },
    Page { version: u64, hash: Hash },
}

impl Slot {
    pub(super) fn leaf(key: StateKey, value: Hash) -> Self {
        Self::Leaf { key, value, hash: leaf_hash(&key, &value) }
    }

    fn hash(&self) -> &Hash {
        match self {
            Self::Leaf { hash, .. } | Self::Page { hash, .. } => hash,
        }
    }
}

/// Four levels of the tree.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Which slots are not empty, slot 0 at bit 0; and which of those are leaves.
    occupied: u16,
    leaves: u16,
    /// The slots that are not empty, in order.
    slots: Vec<Slot>,
    /// Hashes above the slots, as a heap: 1 is the page's root, 2 and 3 its halves, down to 15. Only those that stand
    /// over more than a lone leaf mean anything.
    hashes: [Hash; 16],
}

/// A power of two of neighbouring slots: a node of the page.
#[derive(Clone, Copy)]
struct Range {
    start: u8,
    width: u8,
}

impl Range {
    const ALL: Self = Self { start: 0, width: 16 };

    fn mask(self) -> u16 {
        (u16::MAX >> (16 - self.width)) << self.start
    }

    fn heap_index(self) -> usize {
        usize::from((16 + self.start) / self.width)
    }

    fn halves(self) -> [Self; 2] {
        let width = self.width / 2;
        [Self { start: self.start, width }, Self { start: self.start + width, width }]
    }
}

/// What is at the end of a key's way through a page.
pub(super) enum End<'a> {
    Nothing,
    /// The only leaf of the last node; perhaps another key's.
    Leaf(&'a StateKey, &'a Hash),
    Page(u64),
}

impl Page {
    pub(super) fn slot(&self, nibble: u8) -> Option<&Slot> {
        let bit = 1_u16 << nibble;
        (self.occupied & bit != 0).then(|| &self.slots[self.slot_index(bit)])
    }

    fn slot_index(&self, bit: u16) -> usize {
        (self.occupied & (bit - 1)).count_ones() as usize
    }

    /// Sets a slot; the hashes above are wrong until [`Self::rehash`].
    pub(super) fn set(&mut self, nibble: u8, slot: Option<Slot>) {
        let bit = 1_u16 << nibble;
        let at = self.slot_index(bit);
        match (self.occupied & bit != 0, slot) {
            (true, Some(slot)) => self.slots[at] = slot,
            (false, Some(slot)) => self.slots.insert(at, slot),
            (true, None) => {
                self.slots.remove(at);
            }
            (false, None) => {}
        }
        self.occupied = if slot.is_some() { self.occupied | bit } else { self.occupied & !bit };
        let leaf = matches!(slot, Some(Slot::Leaf { .. }));
        self.leaves = if leaf { self.leaves | bit } else { self.leaves & !bit };
    }

    /// Renews the hashes over the slots in the mask.
    pub(super) fn rehash(&mut self, changed: u16) {
        self.rehash_range(Range::ALL, changed);
    }

    fn rehash_range(&mut self, range: Range, changed: u16) {
        if range.width == 1 || range.mask() & changed == 0 || self.short(range).is_some() {
            return;
        }
        let [left, right] = range.halves();
        self.rehash_range(left, changed);
        self.rehash_range(right, changed);
        self.hashes[range.heap_index()] = inner_hash(self.hash(left), self.hash(right));
    }

    /// The hash of a node that needs no hashing of its own: empty, a lone leaf, or a slot.
    fn short(&self, range: Range) -> Option<&Hash> {
        let inside = self.occupied & range.mask();
        match inside.count_ones() {
            0 => Some(&EMPTY_ROOT),
            1 if range.width == 1 || inside & self.leaves != 0 => {
                Some(self.slots[self.slot_index(inside)].hash())
            }
            _ => None,
        }
    }

    fn hash(&self, range: Range) -> &Hash {
        self.short(range).unwrap_or_else(|| &self.hashes[range.heap_index()])
    }

    pub(super) fn root(&self) -> Hash {
        *self.hash(Range::ALL)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// The leaf, if the page holds one and nothing else: then it belongs into the slot above.
    pub(super) fn lone_leaf(&self) -> Option<Slot> {
        match self.slots[..] {
            [leaf @ Slot::Leaf { .. }] => Some(leaf),
            _ => None,
        }
    }

    /// Follows a key through the page to where its way ends, adding the sibling hashes from the top down.
    pub(super) fn walk(&self, nibble: u8, siblings: &mut Vec<Hash>) -> End<'_> {
        let mut range = Range::ALL;
        loop {
            let inside = self.occupied & range.mask();
            if inside == 0 {
                return End::Nothing;
            }
            if inside.count_ones() == 1
                && let slot = &self.slots[self.slot_index(inside)]
                && (range.width == 1 || matches!(slot, Slot::Leaf { .. }))
            {
                return match slot {
                    Slot::Leaf { key, value, .. } => End::Leaf(key, value),
                    Slot::Page { version, .. } => End::Page(*version),
                };
            }
            let [left, right] = range.halves();
            let (own, sibling) = if nibble < right.start { (left, right) } else { (right, left) };
            siblings.push(*self.hash(sibling));
            range = own;
        }
    }

    /// About what the page takes in memory, for caches that count bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.slots.len() * size_of::<Slot>()
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&self.occupied.to_be_bytes()).raw(&self.leaves.to_be_bytes());
        for slot in &self.slots {
            match slot {
                Slot::Leaf { key, value, .. } => w.hash(&key.0).hash(value),
                Slot::Page { version, hash } => w.hash(hash).u64(*version),
            };
        }
        w.finish()
    }

    /// Reads a page that was kept under this key.
    pub fn decode(key: &PageKey, bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let (occupied, leaves) = (u16::from_be_bytes(r.array()?), u16::from_be_bytes(r.array()?));
            if leaves & !occupied != 0 {
                return Err(r.bad("a leaf in an empty slot"));
            }
            let mut page = Self::default();
            for nibble in (0..16).filter(|nibble| occupied >> nibble & 1 == 1) {
                let slot = if leaves >> nibble & 1 == 1 {
                    let (leaf, value) = (StateKey(r.hash()?), r.hash()?);
                    if !key.place.below(nibble).covers(&leaf) {
                        return Err(r.bad("a leaf out of its place"));
                    }
                    Slot::leaf(leaf, value)
                } else {
                    let (hash, version) = (r.hash()?, r.u64()?);
                    if version > key.version || key.place.depth + 1 >= DEPTH_MAX {
                        return Err(r.bad("a page that cannot be below this one"));
                    }
                    Slot::Page { version, hash }
                };
                page.set(nibble, Some(slot));
            }
            let risen = key.place != Place::ROOT && page.lone_leaf().is_some();
            if page.is_empty() || risen {
                return Err(r.bad("a page that should not be there"));
            }
            page.rehash(u16::MAX);
            Ok(page)
        })
    }
}

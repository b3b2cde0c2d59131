//! A page: four levels of the tree, sixteen slots at their foot. A slot is empty, a record's leaf, or a further page.
//!
//! A page is kept by the height that made it and its place in the tree, and never changes. The hashes between its root
//! and its slots are held in memory, so that a change costs four of them, and are not stored: they follow from the
//! slots.

use crate::{
    canon::{Malformed, Reader, Writer},
    hash::Hash,
};

use super::{
    EMPTY_ROOT, StateKey, inner_hash,
    key::{DEPTH_MAX, PageKey, Place},
    leaf_hash,
};

/// What is at the foot of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Leaf(Leaf),
    Page(Below),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) key: StateKey,
    pub(super) value: Hash,
    hash: Hash,
}

/// A page further down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Below {
    pub(super) version: u64,
    pub(super) hash: Hash,
}

impl Leaf {
    pub(super) fn new(key: StateKey, value: Hash) -> Self {
        Self { key, value, hash: leaf_hash(&key, &value) }
    }
}

/// Four levels of the tree.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Which slots hold a leaf and which a page, slot 0 at bit 0; and what they hold, in order.
    leaf_slots: u16,
    page_slots: u16,
    leaves: Vec<Leaf>,
    pages: Vec<Below>,
    /// The hashes above the slots; without them in a page that has few, which hashes them again as fast as it would
    /// fetch them. Most pages are such, so it halves a tree's memory.
    above: Option<Box<Above>>,
}

/// Hashes above the slots as a heap: 1 is the page's root, 2 and 3 its halves, down to 15. Only those that stand over
/// more than a lone leaf mean anything.
type Above = [Hash; 16];

/// With this many slots in use a page holds the hashes above them.
const ABOVE_FROM: u32 = 5;

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
    Leaf(&'a Leaf),
    Page(u64),
}

impl Page {
    pub(super) fn slot(&self, nibble: u8) -> Option<Slot> {
        let bit = 1 << nibble;
        if self.leaf_slots & bit != 0 {
            Some(Slot::Leaf(self.leaves[rank(self.leaf_slots, bit)]))
        } else if self.page_slots & bit != 0 {
            Some(Slot::Page(self.pages[rank(self.page_slots, bit)]))
        } else {
            None
        }
    }

    fn occupied(&self) -> u16 {
        self.leaf_slots | self.page_slots
    }

    /// Sets a slot; the hashes above are wrong until [`Self::rehash`].
    pub(super) fn set(&mut self, nibble: u8, slot: Option<Slot>) {
        let (leaf, page) = match slot {
            Some(Slot::Leaf(leaf)) => (Some(leaf), None),
            Some(Slot::Page(page)) => (None, Some(page)),
            None => (None, None),
        };
        put(&mut self.leaf_slots, &mut self.leaves, 1 << nibble, leaf);
        put(&mut self.page_slots, &mut self.pages, 1 << nibble, page);
    }

    /// Renews the hashes over the slots in the mask.
    pub(super) fn rehash(&mut self, changed: u16) {
        if self.occupied().count_ones() < ABOVE_FROM {
            self.above = None;
            return;
        }
        let (mut above, changed) = match self.above.take() {
            Some(above) => (above, changed),
            None => (Box::default(), u16::MAX),
        };
        self.renew(Range::ALL, changed, &mut above);
        self.above = Some(above);
    }

    fn renew(&self, range: Range, changed: u16, above: &mut Above) -> Hash {
        if let Some(hash) = self.short(range) {
            return *hash;
        }
        if range.mask() & changed != 0 {
            let [left, right] = range.halves();
            let (left, right) = (self.renew(left, changed, above), self.renew(right, changed, above));
            above[range.heap_index()] = inner_hash(&left, &right);
        }
        above[range.heap_index()]
    }

    /// The hash of a node that needs no hashing of its own: empty, a lone leaf, or a slot.
    fn short(&self, range: Range) -> Option<&Hash> {
        let (leaves, pages) = (self.leaf_slots & range.mask(), self.page_slots & range.mask());
        match (leaves.count_ones(), pages.count_ones()) {
            (0, 0) => Some(&EMPTY_ROOT),
            (1, 0) => Some(&self.leaves[rank(self.leaf_slots, leaves)].hash),
            (0, 1) if range.width == 1 => Some(&self.pages[rank(self.page_slots, pages)].hash),
            _ => None,
        }
    }

    fn hash(&self, range: Range) -> Hash {
        match (self.short(range), &self.above) {
            (Some(hash), _) => *hash,
            (None, Some(above)) => above[range.heap_index()],
            (None, None) => {
                let [left, right] = range.halves();
                inner_hash(&self.hash(left), &self.hash(right))
            }
        }
    }

    pub(super) fn root(&self) -> Hash {
        self.hash(Range::ALL)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied() == 0
    }

    /// The leaf, if the page holds one and nothing else: then it belongs into the slot above.
    pub(super) fn lone_leaf(&self) -> Option<Leaf> {
        match self.leaves[..] {
            [leaf] if self.pages.is_empty() => Some(leaf),
            _ => None,
        }
    }

    /// Follows a key through the page to where its way ends, adding the sibling hashes from the top down.
    pub(super) fn walk(&self, nibble: u8, siblings: &mut Vec<Hash>) -> End<'_> {
        let mut range = Range::ALL;
        loop {
            let (leaves, pages) = (self.leaf_slots & range.mask(), self.page_slots & range.mask());
            match (leaves.count_ones(), pages.count_ones()) {
                (0, 0) => return End::Nothing,
                (1, 0) => return End::Leaf(&self.leaves[rank(self.leaf_slots, leaves)]),
                (0, 1) if range.width == 1 => {
                    return End::Page(self.pages[rank(self.page_slots, pages)].version);
                }
                _ => {}
            }
            let [left, right] = range.halves();
            let (own, sibling) = if nibble < right.start { (left, right) } else { (right, left) };
            siblings.push(self.hash(sibling));
            range = own;
        }
    }

    /// About what the page takes in memory, for caches that count bytes.
    pub fn weight(&self) -> usize {
        let above = self.above.as_ref().map_or(0, |_| size_of::<Above>());
        size_of::<Self>()
            + self.leaves.len() * size_of::<Leaf>()
            + self.pages.len() * size_of::<Below>()
            + above
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&self.leaf_slots.to_be_bytes()).raw(&self.page_slots.to_be_bytes());
        for Leaf { key, value, .. } in &self.leaves {
            w.hash(&key.0).hash(value);
        }
        for Below { version, hash } in &self.pages {
            w.u64(*version).hash(hash);
        }
        w.finish()
    }

    /// Reads a page that was kept under this key.
    pub fn decode(key: &PageKey, bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let (leaf_slots, page_slots) = (u16::from_be_bytes(r.array()?), u16::from_be_bytes(r.array()?));
            if leaf_slots & page_slots != 0 {
                return Err(r.bad("a slot with both a leaf and a page"));
            }
            let mut page = Self { leaf_slots, page_slots, ..Self::default() };
            for nibble in (0..16).filter(|nibble| leaf_slots >> nibble & 1 == 1) {
                let leaf = Leaf::new(StateKey(r.hash()?), r.hash()?);
                if !key.place.below(nibble).covers(&leaf.key) {
                    return Err(r.bad("a leaf out of its place"));
                }
                page.leaves.push(leaf);
            }
            for _ in 0..page_slots.count_ones() {
                let below = Below { version: r.u64()?, hash: r.hash()? };
                if below.version > key.version() || key.place.depth() + 1 >= DEPTH_MAX {
                    return Err(r.bad("a page that cannot be below this one"));
                }
                page.pages.push(below);
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

/// Which of the items that stand for the set bits belongs to this bit.
fn rank(bits: u16, bit: u16) -> usize {
    (bits & (bit - 1)).count_ones() as usize
}

/// Sets, replaces or takes out the item of a bit.
fn put<T>(bits: &mut u16, items: &mut Vec<T>, bit: u16, item: Option<T>) {
    let at = rank(*bits, bit);
    match (*bits & bit != 0, item) {
        (true, Some(item)) => items[at] = item,
        (false, Some(item)) => items.insert(at, item),
        (true, None) => {
            items.remove(at);
            *bits &= !bit;
            return;
        }
        (false, None) => return,
    }
    *bits |= bit;
}

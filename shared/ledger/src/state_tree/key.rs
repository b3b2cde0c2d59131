//! Names of pages: the height that made one, and its place in the tree.

use std::{
    fmt,
    hash::{Hash as HashInto, Hasher},
};

use crate::{
    canon::{Malformed, Reader, Writer},
    hash::Hash,
};

use super::StateKey;

/// Levels of pages: one for each 4 bits of a key.
pub(super) const DEPTH_MAX: u8 = 64;

/// Names a page: the height that made it, and the first bits of the keys below it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageKey {
    version: u64,
    pub(super) place: Place,
}

/// A place in the tree: the first `4 * depth` bits of all keys below it, the other bits zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    pub(super) fn covers(&self, key: &StateKey) -> bool {
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

/// Pages are looked up in maps several times for every change, and the first bits of a prefix, themselves a hash's,
/// tell them apart as well as all of it.
impl HashInto for PageKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.place.prefix;
        state.write_u64(self.version);
        state.write_u64(
            u64::from_be_bytes([a, b, c, d, e, f, g, h]).rotate_left(8) ^ u64::from(self.place.depth),
        );
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

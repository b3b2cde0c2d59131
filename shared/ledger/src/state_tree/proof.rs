//! Looking a record up in a tree, and proving what was found: that it has a value, or that it is not there.

use crate::{
    canon::{Malformed, Reader, Writer},
    hash::Hash,
};

use super::{
    EMPTY_ROOT, Error, Head, PageReader, StateKey, inner_hash,
    key::{PageKey, Place},
    leaf_hash, load,
    page::{End, Page},
};

/// A key has no more bits to branch on.
const SIBLINGS_MAX: usize = 256;

/// Proves the value, or the absence, of one key under a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The leaf where the key's way ends: the key's own, another's that stands in its place, or none.
    leaf: Option<(StateKey, Hash)>,
    /// From the leaf's sibling up to the root's child.
    siblings: Vec<Hash>,
}

/// Why a proof does not prove what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disproved {
    #[error("the proof is about another key or another value")]
    OtherLeaf,
    #[error("the hashes do not lead to the root")]
    Root,
}

/// The value of a key, without proof.
pub fn get<R: PageReader + ?Sized>(
    reader: &R,
    head: &Head,
    key: &StateKey,
) -> Result<Option<Hash>, Error<R::Error>> {
    Ok(prove(reader, head, key)?.value(key))
}

/// The proof for a key as of a head. It reads one page per four levels, about one per factor of sixteen in size.
pub fn prove<R: PageReader + ?Sized>(
    reader: &R,
    head: &Head,
    key: &StateKey,
) -> Result<StateProof, Error<R::Error>> {
    let mut siblings = Vec::new();
    let mut leaf = None;
    let mut place = Place::ROOT;
    let mut next = head.version;
    while let Some(version) = next.take() {
        let page = load(reader, PageKey::new(version, place))?;
        let nibble = key.nibble(place.depth());
        match Page::walk(&page, nibble, &mut siblings) {
            End::Nothing => {}
            End::Leaf(found) => leaf = Some((found.key, found.value)),
            End::Page(version) => {
                place = place.below(nibble);
                next = Some(version);
            }
        }
    }
    siblings.reverse();
    Ok(StateProof { leaf, siblings })
}

impl StateProof {
    /// What the proof says of the key; nothing until it is verified.
    pub fn value(&self, key: &StateKey) -> Option<Hash> {
        self.leaf.filter(|(leaf, _)| leaf == key).map(|(_, value)| value)
    }

    /// Checks that under this root the key has this value, or, for None, that it is not there.
    pub fn verify(&self, root: &Hash, key: &StateKey, value: Option<&Hash>) -> Result<(), Disproved> {
        let fits = match (&self.leaf, value) {
            (Some((leaf, held)), Some(value)) => leaf == key && held == value,
            (None, Some(_)) => false,
            // Another's leaf stands for the whole subtree that the key would be in.
            (Some((leaf, _)), None) => leaf != key && leaf.common_bits(key) >= self.siblings.len(),
            (None, None) => true,
        };
        if !fits || self.siblings.len() > SIBLINGS_MAX {
            return Err(Disproved::OtherLeaf);
        }
        let foot = self.leaf.map_or(EMPTY_ROOT, |(key, value)| leaf_hash(&key, &value));
        let upward = self.siblings.iter().zip((0..self.siblings.len()).rev());
        let top = upward.fold(foot, |hash, (sibling, depth)| {
            if key.bit(depth) { inner_hash(sibling, &hash) } else { inner_hash(&hash, sibling) }
        });
        if top == *root { Ok(()) } else { Err(Disproved::Root) }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.option(self.leaf.as_ref(), |w, (key, value)| {
            w.hash(&key.0).hash(value);
        });
        w.list(&self.siblings, |w, hash| {
            w.hash(hash);
        });
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let leaf = r.option(|r| Ok((StateKey(r.hash()?), r.hash()?)))?;
            Ok(Self { leaf, siblings: r.list(SIBLINGS_MAX, Reader::hash)? })
        })
    }
}

//! Applies a block's changes to a tree, all at once, so that what they share is hashed once. Nothing is stored: the
//! pages to keep and those no longer needed come back to the caller.

use std::sync::Arc;

use crate::hash::Hash;

use super::{
    Error, Head, PageReader, StateKey,
    key::{PageKey, Place},
    load,
    page::{Below, Leaf, Page, Slot},
};

/// What changes made of a tree.
#[derive(Clone, Debug)]
pub struct Update {
    pub head: Head,
    /// Pages to keep, each made at the update's height.
    pub new: Vec<(PageKey, Arc<Page>)>,
    /// Pages of older heads that the new head does not use.
    pub stale: Vec<PageKey>,
}

type Change = (StateKey, Option<Hash>);

/// Applies changes at a height, later than any at which the tree changed before. A value of None takes the record
/// out. Where a key is named twice, the last holds. What has no effect makes no page.
pub fn apply<R: PageReader + ?Sized>(
    reader: &R,
    head: &Head,
    version: u64,
    changes: impl IntoIterator<Item = Change>,
) -> Result<Update, Error<R::Error>> {
    if let Some(head) = head.version.filter(|head| *head >= version) {
        return Err(Error::NotLater { head, version });
    }
    let changes = sorted(changes.into_iter().collect());
    let mut updating = Updating { reader, version, new: Vec::new(), stale: Vec::new() };
    let old = match head.version {
        Some(version) => load(reader, PageKey::new(version, Place::ROOT))?,
        None => Arc::default(),
    };
    let Some(page) = updating.page(Place::ROOT, &old, &changes)? else {
        return Ok(Update { head: *head, new: Vec::new(), stale: Vec::new() });
    };
    updating.stale.extend(head.version.map(|version| PageKey::new(version, Place::ROOT)));
    let head = if page.is_empty() { Head::EMPTY } else { Head { root: page.root(), version: Some(version) } };
    if !page.is_empty() {
        updating.new.push((PageKey::new(version, Place::ROOT), Arc::new(page)));
    }
    Ok(Update { head, new: updating.new, stale: updating.stale })
}

/// In the order of the keys, the last change to each.
fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|(key, _)| *key);
    // dedup keeps the first of equals, and the last change is to hold.
    changes.reverse();
    changes.dedup_by_key(|(key, _)| *key);
    changes.reverse();
    changes
}

struct Updating<'a, R: ?Sized> {
    reader: &'a R,
    version: u64,
    new: Vec<(PageKey, Arc<Page>)>,
    stale: Vec<PageKey>,
}

impl<R: PageReader + ?Sized> Updating<'_, R> {
    /// The page after the changes, or None if they change nothing.
    fn page(
        &mut self,
        place: Place,
        old: &Page,
        changes: &[Change],
    ) -> Result<Option<Page>, Error<R::Error>> {
        let mut page = None;
        let mut changed = 0_u16;
        for group in changes.chunk_by(|(a, _), (b, _)| a.nibble(place.depth()) == b.nibble(place.depth())) {
            let nibble = group[0].0.nibble(place.depth());
            let slot = old.slot(nibble);
            let new = self.slot(place.below(nibble), slot, group)?;
            if new != slot {
                page.get_or_insert_with(|| old.clone()).set(nibble, new);
                changed |= 1 << nibble;
            }
        }
        Ok(page.map(|mut page: Page| {
            page.rehash(changed);
            page
        }))
    }

    /// The slot after the changes, all of which fall below it.
    fn slot(
        &mut self,
        place: Place,
        old: Option<Slot>,
        changes: &[Change],
    ) -> Result<Option<Slot>, Error<R::Error>> {
        match old {
            Some(Slot::Page(below)) => {
                let key = PageKey::new(below.version, place);
                let page = load(self.reader, key)?;
                let Some(page) = self.page(place, &page, changes)? else { return Ok(old) };
                self.stale.push(key);
                Ok(self.keep(place, page))
            }
            Some(Slot::Leaf(Leaf { key, value, .. })) => {
                let mut leaves: Vec<(StateKey, Hash)> = present(changes);
                if let Err(at) = changes.binary_search_by_key(&key, |(key, _)| *key) {
                    let before = changes[..at].iter().filter(|(_, value)| value.is_some()).count();
                    leaves.insert(before, (key, value));
                }
                Ok(self.build(place, &leaves))
            }
            None => Ok(self.build(place, &present(changes))),
        }
    }

    /// A subtree of these leaves, sorted, where there was none.
    fn build(&mut self, place: Place, leaves: &[(StateKey, Hash)]) -> Option<Slot> {
        if let [] | [_] = leaves {
            return leaves.first().map(|(key, value)| Slot::Leaf(Leaf::new(*key, *value)));
        }
        let mut page = Page::default();
        for group in leaves.chunk_by(|(a, _), (b, _)| a.nibble(place.depth()) == b.nibble(place.depth())) {
            let nibble = group[0].0.nibble(place.depth());
            page.set(nibble, self.build(place.below(nibble), group));
        }
        page.rehash(u16::MAX);
        self.keep(place, page)
    }

    /// Keeps a page below the root, unless it holds so little that its slot can.
    fn keep(&mut self, place: Place, page: Page) -> Option<Slot> {
        if page.is_empty() {
            return None;
        }
        if let Some(leaf) = page.lone_leaf() {
            return Some(Slot::Leaf(leaf));
        }
        let hash = page.root();
        self.new.push((PageKey::new(self.version, place), Arc::new(page)));
        Some(Slot::Page(Below { version: self.version, hash }))
    }
}

fn present(changes: &[Change]) -> Vec<(StateKey, Hash)> {
    changes.iter().filter_map(|(key, value)| value.map(|value| (*key, value))).collect()
}

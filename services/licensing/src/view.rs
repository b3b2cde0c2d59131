//! The view: which licences fit a search, and the status lists. Built from final changes alone; what a licence is, storage
//! says.

mod index;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hutong_ledger::contract::Versioned;
use hutong_peer::Position;
use hutong_wire::{prost::Message, v1::licensing as wire};

use crate::{
    contract::{LICENCES, Standing, standing},
    credential::status_list::{BITS, ENTRIES, StatusList, entry},
};
pub(crate) use index::{Id, Key, Page};

/// The index.
#[derive(Debug, Default)]
pub(crate) struct View {
    licences: index::Index,
    /// Licences whose standing is to change with time alone, and when.
    alive: BTreeMap<Id, Alive>,
    turns: BTreeSet<(u64, Id)>,
    lists: BTreeMap<u64, Kept>,
    now_ms: u64,
    position: Position,
}

/// A status list, and how often it was changed.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) list: StatusList,
    pub(crate) revision: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { list: StatusList::new(BITS, ENTRIES as usize), revision: 0 }
    }
}

#[derive(Debug)]
struct Alive {
    /// Without what time does not change.
    licence: wire::Licence,
    standing: Standing,
}

/// What to search for: everything that has all of this.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    keys: BTreeSet<Key>,
    /// The last number of the page before.
    after: Option<String>,
    pub(crate) limit: usize,
}

impl Query {
    pub(crate) fn new(after: Option<String>, limit: usize) -> Self {
        Self { keys: BTreeSet::from([Key::All]), after, limit }
    }

    pub(crate) fn and(mut self, key: Option<Key>) -> Self {
        self.keys.extend(key);
        self
    }
}

impl View {
    /// How far the view has read.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn advance(&mut self, position: Position) {
        self.position = position;
    }

    pub(crate) fn apply(&mut self, change: &Versioned) {
        let Some(id) = change.record.as_str().strip_prefix(LICENCES) else { return };
        let id: Id = Arc::from(id);
        self.forget(&id);
        let licence = change.value.as_deref().and_then(|value| wire::Licence::decode(value).ok());
        let Some(licence) = licence else { return };
        self.mark(&licence);
        let standing = standing(&licence, self.now_ms);
        let keys = [
            Key::All,
            Key::Business(licence.uscc.clone()),
            Key::Kind(licence.kind.clone()),
            Key::Standing(standing),
        ];
        self.licences.put(&id, keys.into());
        if !matches!(standing, Standing::Revoked | Standing::Expired) {
            let licence = wire::Licence {
                valid_from_ms: licence.valid_from_ms,
                valid_until_ms: licence.valid_until_ms,
                status: licence.status,
                ..wire::Licence::default()
            };
            let to_come = turns(&licence).filter(|turn| *turn > self.now_ms);
            self.turns.extend(to_come.map(|turn| (turn, id.clone())));
            self.alive.insert(id, Alive { licence, standing });
        }
    }

    /// Its place in the status lists.
    fn mark(&mut self, licence: &wire::Licence) {
        let kept = self.lists.entry(licence.status_index / ENTRIES).or_default();
        let (index, value) = ((licence.status_index % ENTRIES) as usize, entry(licence.status()));
        if kept.list.get(index) != Some(value) {
            kept.list.set(index, value);
            kept.revision += 1;
        }
    }

    fn forget(&mut self, id: &Id) {
        self.licences.remove(id);
        if let Some(Alive { licence, .. }) = self.alive.remove(id) {
            for turn in turns(&licence) {
                self.turns.remove(&(turn, id.clone()));
            }
        }
    }

    /// Whether licences have begun or ended since [`Self::settle`].
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        self.turns.first().is_some_and(|(turn, _)| *turn <= now_ms)
    }

    /// Moves to a time; a clock that goes back changes nothing.
    pub(crate) fn settle(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        while self.is_due(self.now_ms) {
            let Some((_, id)) = self.turns.pop_first() else { return };
            let Some(alive) = self.alive.get_mut(&id) else { continue };
            let after = standing(&alive.licence, self.now_ms);
            self.licences.swap(&id, &Key::Standing(alive.standing), Key::Standing(after));
            alive.standing = after;
            if after == Standing::Expired {
                self.alive.remove(&id);
            }
        }
    }

    /// Licences in order of number.
    pub(crate) fn search(&self, query: &Query) -> Page {
        self.licences.search(&query.keys, query.after.as_deref(), query.limit)
    }

    /// A status list; the first is there from the beginning.
    pub(crate) fn list(&self, number: u64) -> Option<Kept> {
        let kept = self.lists.get(&number).cloned();
        if number == 0 { Some(kept.unwrap_or_default()) } else { kept }
    }

    /// How often a list was changed: cheaper than the list.
    pub(crate) fn revision(&self, number: u64) -> u64 {
        self.lists.get(&number).map_or(0, |kept| kept.revision)
    }
}

fn turns(licence: &wire::Licence) -> impl Iterator<Item = u64> + use<> {
    [licence.valid_from_ms, licence.valid_until_ms].into_iter()
}

#[cfg(test)]
mod tests;

//! A whole tree in memory: for tests of contracts, for checks that derive a tree again, for cities that fit.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use crate::hash::Hash;

use super::{Error, Head, Page, PageKey, PageReader, StateKey, StateProof, apply, get, prove};

/// The newest head and its pages.
#[derive(Clone, Debug)]
pub struct MemoryTree {
    head: Head,
    pages: HashMap<PageKey, Arc<Page>>,
}

impl Default for MemoryTree {
    fn default() -> Self {
        Self { head: Head::EMPTY, pages: HashMap::new() }
    }
}

impl MemoryTree {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn head(&self) -> Head {
        self.head
    }

    pub fn root(&self) -> Hash {
        self.head.root
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Applies changes at a height and returns the root.
    pub fn apply(
        &mut self,
        version: u64,
        changes: impl IntoIterator<Item = (StateKey, Option<Hash>)>,
    ) -> Result<Hash, Error<Infallible>> {
        let update = apply(self, &self.head, version, changes)?;
        for key in &update.stale {
            self.pages.remove(key);
        }
        self.pages.extend(update.new);
        self.head = update.head;
        Ok(self.head.root)
    }

    pub fn get(&self, key: &StateKey) -> Result<Option<Hash>, Error<Infallible>> {
        get(self, &self.head, key)
    }

    pub fn prove(&self, key: &StateKey) -> Result<StateProof, Error<Infallible>> {
        prove(self, &self.head, key)
    }
}

impl PageReader for MemoryTree {
    type Error = Infallible;

    fn page(&self, key: &PageKey) -> Result<Option<Arc<Page>>, Infallible> {
        Ok(self.pages.get(key).cloned())
    }
}

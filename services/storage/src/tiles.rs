//! The tiles of a log as proofs read them: those of the tables, what blocks add that are not written yet, and a cache,
//! since the receipts of a block all read the same few tiles.

use std::{cell::OnceCell, sync::Arc};

use bytes::Bytes;
use hutong_ledger::{
    id::Domain,
    log::{
        TileReader,
        tile::{HEIGHT, WIDTH},
    },
};
use hutong_store::{Snapshot, Store};
use moka::sync::Cache;

use crate::{Error, edge::StoredTiles, read::Reads, recent::FinalBlock};

/// Each takes 8 KiB at most.
const CACHED_TILES_MAX: u64 = 2048;

/// Tiles read lately. What a log holds never changes, so a tile that is wide enough is right.
#[derive(Clone, Debug)]
pub(crate) struct TileCache(Cache<(Domain, u8, u64), Bytes>);

impl Default for TileCache {
    fn default() -> Self {
        Self(Cache::new(CACHED_TILES_MAX))
    }
}

/// The tiles of a log of a given size.
pub(crate) struct Tiles<'a> {
    cache: &'a TileCache,
    unwritten: OnceCell<Vec<Arc<FinalBlock>>>,
    reads: &'a Reads,
    store: &'a Store,
    domain: Domain,
    size: u64,
    snapshot: OnceCell<Snapshot>,
}

impl<'a> Tiles<'a> {
    pub(crate) fn new(reads: &'a Reads, domain: Domain, size: u64) -> Self {
        Self {
            cache: &reads.tiles,
            unwritten: OnceCell::new(),
            reads,
            store: &reads.store,
            domain,
            size,
            snapshot: OnceCell::new(),
        }
    }

    /// How many bytes of a tile a log of this size fills.
    fn filled(&self, level: u8, index: u64) -> usize {
        let hashes = self.size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0);
        let before = index.saturating_mul(WIDTH as u64);
        usize::try_from(hashes.saturating_sub(before)).unwrap_or(WIDTH).min(WIDTH) * 32
    }

    fn read(&self, level: u8, index: u64) -> Result<Bytes, Error> {
        // Memory is looked at before the tables are: what leaves it in between is in them.
        let unwritten = self.unwritten.get_or_init(|| self.reads.recent.unwritten_blocks());
        let snapshot = match self.snapshot.get() {
            Some(snapshot) => snapshot,
            None => {
                let snapshot = self.store.snapshot()?;
                self.snapshot.get_or_init(|| snapshot)
            }
        };
        let stored = StoredTiles { snapshot, domain: self.domain }.tile(level, index)?;
        let segments = unwritten.iter().flat_map(|block| &block.segments);
        let growths = segments.filter(|s| s.domain == self.domain).flat_map(|s| s.growths.iter());
        let mut tile: Option<Vec<u8>> = None;
        for growth in growths.filter(|growth| growth.level == level) {
            for added in growth.tiles().filter(|added| added.index == index) {
                let held = tile.as_ref().map_or(stored.len(), Vec::len) / 32;
                // The table may have some of it already.
                let new = added.hashes.get(held.saturating_sub(added.held)..).unwrap_or_default();
                if added.held <= held && !new.is_empty() {
                    let tile = tile.get_or_insert_with(|| {
                        let mut tile = Vec::with_capacity(WIDTH * 32);
                        tile.extend_from_slice(&stored);
                        tile
                    });
                    new.iter().for_each(|hash| tile.extend_from_slice(&hash.0));
                }
            }
        }
        Ok(tile.map_or(stored, Bytes::from))
    }
}

impl TileReader for Tiles<'_> {
    type Error = Error;

    fn tile(&self, level: u8, index: u64) -> Result<Bytes, Error> {
        let (key, filled) = ((self.domain, level, index), self.filled(level, index));
        if let Some(tile) = self.cache.0.get(&key)
            && tile.len() >= filled
        {
            return Ok(tile);
        }
        let tile = self.read(level, index)?;
        self.cache.0.insert(key, tile.clone());
        Ok(tile)
    }
}

//! The tiles of a log that are not full yet: they grow in memory, and their rows are replaced as they do.

use std::collections::BTreeMap;

use bytes::Bytes;
use hutong_ledger::{
    id::Domain,
    log::{
        Growth, TileReader,
        tile::{HEIGHT, LEVEL_MAX, WIDTH},
    },
};
use hutong_store::{Batch, Snapshot};

use crate::{
    Error,
    read::damaged,
    tables::{TILES, TileKey},
};

/// The last tile of each level, unless it is full.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    levels: BTreeMap<u8, (u64, Vec<u8>)>,
}

impl Edge {
    /// Reads back the edge of a log of a size.
    pub(crate) fn open(snapshot: &Snapshot, domain: Domain, size: u64) -> Result<Self, Error> {
        let mut edge = Self::default();
        for level in 0..=LEVEL_MAX {
            let hashes = size >> (level * HEIGHT);
            let (index, held) = (hashes / WIDTH as u64, (hashes % WIDTH as u64) as usize);
            if held == 0 {
                continue;
            }
            let tile = snapshot.get(&TILES, &TileKey { domain, level, index })?.unwrap_or_default();
            let tile = tile.get(..held * 32).ok_or_else(|| {
                damaged(format!("tile {index} of level {level} of {domain} holds too little"))
            })?;
            edge.levels.insert(level, (index, tile.to_vec()));
        }
        Ok(edge)
    }

    /// Adds what an append adds.
    pub(crate) fn grow(&mut self, batch: &mut Batch, domain: Domain, growths: &[Growth]) {
        for growth in growths {
            for added in growth.tiles() {
                let (index, tile) = self.levels.entry(added.level).or_default();
                if *index != added.index || added.held == 0 {
                    (*index, *tile) = (added.index, Vec::with_capacity(WIDTH * 32));
                }
                debug_assert_eq!(tile.len(), added.held * 32);
                added.hashes.iter().for_each(|hash| tile.extend_from_slice(&hash.0));
                let key = TileKey { domain, level: added.level, index: added.index };
                batch.put(&TILES, &key, &Bytes::copy_from_slice(tile));
            }
        }
    }
}

/// The stored tiles of a log, for proofs.
#[derive(Debug)]
pub(crate) struct StoredTiles<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) domain: Domain,
}

impl TileReader for StoredTiles<'_> {
    type Error = Error;

    fn tile(&self, level: u8, index: u64) -> Result<Bytes, Error> {
        let key = TileKey { domain: self.domain, level, index };
        Ok(self.snapshot.get(&TILES, &key)?.unwrap_or_default())
    }
}

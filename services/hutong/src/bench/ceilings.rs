//! What this machine could do at best: each part of a transaction's way alone, on one core, in this very run.
//!
//! The ratio to these limits says more than transactions a second: it can be compared between machines.

use std::{path::Path, time::Instant};

use hutong_journal::Journal;
use hutong_keys::{Claim, SigningKey, VerifierCache, verify_batch};
use hutong_ledger::{
    hash::{Tag, sha256},
    state_tree::{MemoryTree, StateKey},
};
use hutong_store::{Batch, Store, Table};
use serde::Serialize;

use super::BenchError as Error;

/// Parts done alone, a second, on one core.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Ceilings {
    /// ZIP 215 checks of Ed25519 signatures, in batches of 256 by few keys.
    pub(super) signature_checks_per_s: f64,
    /// Appends of one transaction's bytes to a journal, synced every 100.
    pub(super) appends_per_s: f64,
    /// Puts of one record's bytes under random keys into an embedded B-tree, committed every 1,000.
    pub(super) store_puts_per_s: f64,
    /// Updates of the state tree in memory, in batches of 1,000.
    pub(super) tree_updates_per_s: f64,
    /// cores ÷ (two signature checks + one put + one tree update + one append).
    pub(super) limit_tps: f64,
}

const SIGNATURES: usize = 256;
const PUTS: u64 = 20_000;
const APPENDS: u64 = 20_000;
const TREE_UPDATES: u64 = 20_000;

pub(super) fn measure(folder: &Path, record_bytes: usize, cores: usize) -> Result<Ceilings, Error> {
    let signature_checks_per_s = signatures(record_bytes);
    let appends_per_s = appends(&folder.join("journal"), record_bytes)?;
    let store_puts_per_s = puts(&folder.join("store.redb"), record_bytes)?;
    let tree_updates_per_s = tree_updates()?;
    let seconds_each = 2.0 / signature_checks_per_s
        + 1.0 / store_puts_per_s
        + 1.0 / tree_updates_per_s
        + 1.0 / appends_per_s;
    Ok(Ceilings {
        signature_checks_per_s,
        appends_per_s,
        store_puts_per_s,
        tree_updates_per_s,
        limit_tps: cores as f64 / seconds_each,
    })
}

fn per_second(count: u64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

fn signatures(record_bytes: usize) -> f64 {
    let keys: Vec<SigningKey> = (0..4).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
    let messages: Vec<Vec<u8>> = (0..SIGNATURES).map(|i| vec![i as u8; record_bytes]).collect();
    let signed: Vec<_> = messages
        .iter()
        .zip(keys.iter().cycle())
        .map(|(message, key)| (key.public(), message, key.sign(&Tag::Transaction.message(message))))
        .collect();
    let claims: Vec<Claim<'_>> = signed
        .iter()
        .map(|(key, message, signature)| Claim {
            key: *key,
            prefix: Tag::Transaction.prefix(),
            message,
            signature: *signature,
        })
        .collect();
    let cache = VerifierCache::default();
    let (mut checked, since) = (0, Instant::now());
    while since.elapsed().as_millis() < 300 {
        checked += verify_batch(&claims, &cache).into_iter().filter(|valid| *valid).count() as u64;
    }
    per_second(checked, since)
}

fn appends(folder: &Path, record_bytes: usize) -> Result<f64, Error> {
    let (journal, _) = Journal::open(folder, hutong_journal::Options::default())?;
    let payload = vec![7; record_bytes];
    let since = Instant::now();
    for number in 1..=APPENDS {
        let position = journal.append(1, &payload)?;
        if number % 100 == 0 {
            journal.sync(position)?;
        }
    }
    Ok(per_second(APPENDS, since))
}

fn puts(file: &Path, record_bytes: usize) -> Result<f64, Error> {
    let table: Table<[u8; 32], Vec<u8>> = Table::new("records");
    let store = Store::open(file, hutong_store::Options::default())?;
    let value = vec![7; record_bytes];
    let since = Instant::now();
    for thousand in 0..PUTS / 1000 {
        let mut batch = Batch::default();
        for number in 0..1000 {
            let key = sha256(&[&(thousand * 1000 + number).to_be_bytes()]);
            batch.put(&table, &key.0, &value);
        }
        store.write_synced(batch)?;
    }
    Ok(per_second(PUTS, since))
}

fn tree_updates() -> Result<f64, Error> {
    let mut tree = MemoryTree::new();
    let mut version = 0;
    let mut apply = |from: u64| {
        version += 1;
        let changes: Vec<_> = (from..from + 1000)
            .map(|number| {
                let hash = sha256(&[&number.to_be_bytes()]);
                (StateKey(hash), Some(hash))
            })
            .collect();
        tree.apply(version, changes).map_err(|error| Error::Tree(error.to_string()))
    };
    for thousand in 0..TREE_UPDATES / 1000 {
        apply(thousand * 1000)?;
    }
    let since = Instant::now();
    for thousand in 0..TREE_UPDATES / 1000 {
        apply(TREE_UPDATES + thousand * 1000)?;
    }
    Ok(per_second(TREE_UPDATES, since))
}

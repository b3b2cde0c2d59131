//! What log and state tree cost, measured on this machine: run it with `--release`.
//!
//! `cargo run --release -p hutong-ledger --example proof_costs [keys]` fills a tree with that many keys (default a
//! million), changes some at random in batches, and prints microseconds per change.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use hutong_ledger::{
    hash::{Hash, sha256},
    log::{Frontier, leaf_hash},
    state_tree::{MemoryTree, StateKey},
};

const CHANGES: u64 = 40_000;

fn key(i: u64) -> StateKey {
    StateKey(sha256(&[&i.to_be_bytes()]))
}

fn value(i: u64) -> Hash {
    sha256(&[b"value", &i.to_be_bytes()])
}

fn per(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_secs_f64() * 1e6 / count as f64
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    let mut out = std::io::stdout().lock();

    let started = Instant::now();
    let mut log = Frontier::new();
    log.extend((0..CHANGES).map(|i| leaf_hash(&i.to_be_bytes())));
    writeln!(out, "log: {:.2} us per append", per(started.elapsed(), CHANGES))?;

    let mut tree = MemoryTree::new();
    let mut height = 0;
    let started = Instant::now();
    for first in (0..keys).step_by(10_000) {
        height += 1;
        tree.apply(height, (first..keys.min(first + 10_000)).map(|i| (key(i), Some(value(i)))))?;
    }
    writeln!(
        out,
        "{keys} keys in {} pages: {:.2} us per insert",
        tree.pages(),
        per(started.elapsed(), keys)
    )?;

    let mut at = 1_u64;
    for batch in [1, 10, 100, 1000] {
        let changes = CHANGES.min(batch * 1000);
        let mut elapsed = Duration::ZERO;
        for _ in 0..changes / batch {
            height += 1;
            let set: Vec<_> = (0..batch)
                .map(|_| {
                    at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (key((at >> 20) % keys), Some(value(at)))
                })
                .collect();
            let started = Instant::now();
            tree.apply(height, set)?;
            elapsed += started.elapsed();
        }
        writeln!(out, "batches of {batch}: {:.2} us per change", per(elapsed, changes))?;
    }

    let probes: Vec<StateKey> = (0..10_000).map(|i| key(i * 7919 % keys)).collect();
    let started = Instant::now();
    let proofs = probes.iter().map(|key| tree.prove(key)).collect::<Result<Vec<_>, _>>()?;
    writeln!(out, "proofs: {:.2} us each", per(started.elapsed(), 10_000))?;
    let started = Instant::now();
    for (key, proof) in probes.iter().zip(&proofs) {
        proof.verify(&tree.root(), key, proof.value(key).as_ref())?;
    }
    writeln!(out, "verified: {:.2} us each", per(started.elapsed(), 10_000))?;
    Ok(())
}

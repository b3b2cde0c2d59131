//! Hostile input: a saved corpus per decoder, mutants of it by a seed, and what must hold of every one of them.
//!
//! Nothing may panic, take long or take memory without bound; where a form is canonical, what decodes must encode to the
//! same bytes. It runs on stable Rust within `cargo test`, some mutants by fixed seeds and some by a fresh one that a
//! failure names. An input that failed is saved beside the corpus: with its fault mended, it stays there under a name.
//!
//! `FUZZ_SECONDS` asks for more: `make fuzz SECONDS=600`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it did"
)]

mod fields;
mod mutate;
pub mod surface;
pub mod targets;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use mutate::Mutator;

/// One input takes no longer than this, on a loaded machine and without optimisation.
const INPUT_TIME_MAX: Duration = Duration::from_secs(3);
/// All inputs of a target together may leave the process so much larger at its peak, in KiB.
const GROWTH_KIB_MAX: u64 = 512 << 10;
/// Mutants of each entry of the corpus by fixed seeds, and so many by a fresh one.
const MUTANTS: u64 = 120;

/// What takes bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its folder in the corpus too.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub check: fn(&[u8]),
    pub form: Form,
}

/// What inputs are made of, which tells how to change them so that they get past the first check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Bytes,
    Text,
    /// Protobuf fields, written canonically again after a change.
    Fields,
}

/// The saved inputs of a target, by name.
pub fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{} has no corpus", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read =
        |path: &PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap());
    files.iter().map(read).collect()
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// How long to go on beyond the fixed mutants; all targets share it.
pub fn extra_seconds() -> u64 {
    std::env::var("FUZZ_SECONDS").map_or(0, |seconds| seconds.parse().expect("FUZZ_SECONDS is a number"))
}

/// A seed that no run had before.
pub fn fresh_seed() -> u64 {
    getrandom::u64().unwrap()
}

/// Runs a target over its corpus and mutants of it, for `extra` beyond the fixed ones. Returns how many inputs it saw.
pub fn run(target: &Target, extra: Duration) -> u64 {
    let corpus = corpus(target.name);
    assert!(!corpus.is_empty(), "{} has an empty corpus", target.name);
    let before = peak_kib();
    let mut inputs = 0;
    let mut one = |input: &[u8], origin: &dyn Fn() -> String| {
        inputs += 1;
        let since = Instant::now();
        let held = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
        let took = since.elapsed();
        if held.is_err() || took > INPUT_TIME_MAX {
            let saved = save(target.name, input);
            panic!(
                "{} fails on {} after {took:?}; the input is in {}",
                target.name,
                origin(),
                saved.display()
            );
        }
    };
    for (name, input) in &corpus {
        one(input, &|| name.clone());
    }
    let fresh = fresh_seed();
    for seed in (0..MUTANTS).chain((0..MUTANTS / 2).map(|n| fresh.wrapping_add(n))) {
        for (number, (name, _)) in corpus.iter().enumerate() {
            let mutant = Mutator::new(seed ^ (number as u64) << 48).mutant(target.form, &corpus, number);
            one(&mutant, &|| format!("{name}, seed {seed}"));
        }
    }
    let (until, mut seed) = (Instant::now() + extra, fresh);
    while Instant::now() < until {
        seed = seed.wrapping_add(0x9e37_79b9);
        let number = (seed >> 7) as usize % corpus.len();
        let mutant = Mutator::new(seed).mutant(target.form, &corpus, number);
        one(&mutant, &|| format!("{}, seed {seed}", corpus[number].0));
    }
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{} took {grown} KiB of memory", target.name);
    inputs
}

/// Keeps an input that failed, where the corpus is if that can be written to.
fn save(target: &str, input: &[u8]) -> PathBuf {
    let name = format!("failed-{}", hex::encode(&hutong_ledger::hash::sha256(&[input]).0[..6]));
    let path = folder(target).join(&name);
    match fs::write(&path, input) {
        Ok(()) => path,
        Err(_) => {
            let elsewhere = std::env::temp_dir().join(format!("hutong-{target}-{name}"));
            fs::write(&elsewhere, input).unwrap();
            elsewhere
        }
    }
}

/// The most memory that the process ever held, in KiB; 0 where the system does not say.
pub fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

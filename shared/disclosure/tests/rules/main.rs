//! The rules of disclosure over a small domain of notes, each kept and broken; and lists of accesses, made and altered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod agreements;
mod build;
mod consents;
mod erasures;
mod holds;
mod hostile;
mod inner;
mod ledger;
mod lists;
mod notes;
mod persons;
mod renders;
mod sequences;
mod support;

//! The ledger's rules from outside: names, bytes, epochs, transactions, the lane, votes, execution.
//!
//! One binary with a module per subject. Everything is deterministic: keys come from seeds, and what is random from
//! proptest, which prints what failed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod commitments;
mod decoders;
mod entries;
mod epochs;
mod execution;
mod lane;
mod names;
mod safety;
mod segment_requests;
mod support;
mod transactions;
mod votes;

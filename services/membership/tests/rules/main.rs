//! The rules of membership from outside: who may change what, each rule broken once, and that no change, however
//! odd, leaves an epoch that the city cannot run on.
//!
//! Everything runs through the ledger's execution, as on a host; nothing calls the contract directly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod joining;
mod keys;
mod mutations;
mod proposals;
mod replacing;
mod support;

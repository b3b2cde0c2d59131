//! The rules of the catalogue from outside: each is broken once and must be refused by its code, and whatever comes in
//! whatever order, every host comes to the same sound records.
//!
//! Everything runs through the ledger's execution, as on a host; nothing calls the contract directly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agreements;
mod datasets;
mod hostile;
mod sequences;
mod support;

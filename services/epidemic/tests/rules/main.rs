//! The rules of epidemic from outside: each is broken once and must be refused by its code, and whatever comes in
//! whatever order, what stands on the ledger stays sound.
//!
//! Everything runs through the ledger's execution, as on a host; nothing calls the contract directly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alerts;
mod cases;
mod hostile;
mod imports;
mod releases;
mod sequences;
mod settings;
mod support;

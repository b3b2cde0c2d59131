//! The rules of property from outside: each is broken once and must be refused by its code, and whatever comes in
//! whatever order, what stands in the register stays sound.
//!
//! Everything runs through the ledger's execution, as on a host; nothing calls the contract directly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod authorities;
mod burdens;
mod claims;
mod corrections;
mod forms;
mod hostile;
mod land;
mod law;
mod lineage;
mod map;
mod mortgages;
mod persons;
mod registration;
mod sales;
mod sequences;
mod support;
mod transfers;

//! The vault: an owner's sealed values, salts and handles, released only against final access receipts.
//!
//! A value rests here encrypted under a key of its own, and that key wrapped under one that is replaced every week; on
//! the ledger there is only its commitment. It leaves in one way: sealed to the agency that a final, applied access
//! names, as long as nothing final takes that back. The vault believes its own agency's storage and nobody else, least
//! of all the caller. It decides nothing: the domain's contract did, on the ledger, in front of everyone.
//!
//! Parts: [`Vault`] answers calls, `access` is the proof without which nothing opens, `safe` the stores, [`kek`] the keys
//! that wrap keys, [`VaultService`] the loops, [`api`] the routes, [`control`] what the operator of the machine asks.

mod access;
pub mod api;
mod config;
pub mod control;
mod error;
pub mod kek;
mod limit;
mod meters;
pub mod ports;
mod safe;
mod service;
mod vault;

pub use config::Config;
pub use error::Error;
pub use service::{Ports, VaultService, backup_stopped, restore};
pub use vault::Vault;

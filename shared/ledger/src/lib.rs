//! The pure rules of the ledger: what is signed, hashed and stored, what a valid block is, when something is
//! final, what a receipt proves, and how contracts are run.
//!
//! Nothing here does IO, reads a clock, draws a random number, starts a thread or knows tokio. Everything that two
//! hosts must agree on is in this crate, so that agreement can be tested without a network.
//!
//! Parts, in the order in which a transaction meets them: [`id`], [`hash`] and [`canon`] name and encode;
//! [`transaction`] is what agencies sign; [`epoch`] and [`genesis`] say who they are; [`block`], [`vote`] and
//! [`chain`] order transactions into blocks; [`contract`], [`execute`] and [`entry`] apply them; [`log`] and the modules beside it
//! prove it.

#[macro_use]
mod text;

pub mod acceptance;
pub mod block;
pub mod canon;
pub mod chain;
pub mod contract;
pub mod entry;
pub mod epoch;
pub mod evidence;
pub mod execute;
pub mod genesis;
pub mod hash;
pub mod id;
pub mod invariant;
pub mod log;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod sealed;
pub mod segment_request;
pub mod state_tree;
pub mod transaction;
pub mod vote;

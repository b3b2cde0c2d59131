//! Storage: one agency's only source of truth. It archives blocks, votes, cosigns, decides what is final here, keeps
//! the final state and answers for it with proofs.
//!
//! It must not execute contracts (validation does, and hands the results over), trust what it was told without a
//! signature that verifies, or show anything that is not final.
//!
//! Rooms, in the order in which a block passes them:
//! - [`service`]: the loop; [`handle`]: what the agency's other services hold
//! - [`core`]: the decisions, pure: votes, certificates, statuses, finality
//! - [`archive`]: typed records in the journal, the write-ahead log of everything else
//! - [`state`], [`tree`], [`edge`], [`worker`]: logs and state trees ahead of finality, on a thread of their own
//! - [`recent`], [`tables`], [`write`], [`read`], [`segment`], [`checkpoint`]: what is final, in memory and in redb
//! - [`receipts`]: offline proofs; [`api`]: HTTP
//! - [`agency`], [`peers`]: what other agencies ask, and are asked
//! - [`recovery`]: starting; [`fsck`]: deriving everything again from the archive, to compare
//!
//! Nothing is let out before what binds the agency is synced, and nothing that is not final is written to the final
//! state, so nothing is ever undone.

mod agency;
pub mod api;
mod archive;
mod checkpoint;
mod config;
mod core;
mod edge;
mod error;
mod evidence;
mod fsck;
mod gauges;
mod handle;
mod peers;
mod read;
mod receipts;
mod recent;
mod recovery;
mod segment;
mod service;
mod state;
mod tables;
mod tiles;
mod tree;
mod worker;
mod write;

pub use config::Config;
pub use error::{Error, GenesisFault};
pub use fsck::{Difference, Report, fsck};
pub use handle::Storage;
pub use service::{Setup, StorageService};

//! Ingest: takes transactions in. It checks them, groups those of a domain, makes each group durable in its own
//! journal, appends it to the domain's subject of the TRANSACTIONS stream, and answers with a signed acceptance.
//!
//! **What it promises**: a transaction that it answered for is in its journal and on the stream, and goes back onto
//! the stream, should that lose it, until it is final or can no longer be ordered. The same transaction submitted
//! again is answered with what became of it.
//!
//! **What it must not do**: order (its groups are only queued), decide (a contract may still refuse), or keep anything
//! that the ledger does not: all that it holds can be lost with its disk, and acceptances then show what was promised.
//!
//! Parts, in the order in which a transaction meets them: [`api`] reads HTTP; `intake` answers the caller; `check` says
//! what is wrong with a transaction; `verify` checks signatures in batches; `group` cuts groups and appends them;
//! `journal` keeps them; `waiters` knows who waits for what; `follow` learns what is final and finds what was lost;
//! `recover` reads the journal back. [`service`] runs them.

pub mod api;
mod check;
mod config;
mod core;
mod error;
mod follow;
mod form;
mod group;
mod intake;
mod journal;
mod meters;
mod recover;
pub mod service;
mod verify;
mod waiters;

pub use config::Config;
pub use error::Error;
pub use intake::Ingest;
pub use service::{IngestService, Ports};

//! redb with typed tables, one writer and group commit.
//!
//! A [`Table`] names a redb table and says how its keys and values are encoded; keys sort as their values do.
//! A [`Batch`] is what must become visible together. The store's one writer thread gathers the batches that wait,
//! sorts their keys and commits them in one redb transaction. Most commits are not synced: whoever uses the store
//! has a write-ahead log, so losing the last of them loses nothing. Every so often one is synced, and with it all
//! before it. Readers see snapshots and never wait for the writer.
//!
//! This is the only crate that knows redb. It must not know what is stored, and never retries a failed commit:
//! after one the store stops, and a new process reads back what is really there.

mod backend;
mod batch;
mod codec;
mod create;
mod error;
pub mod faulty;
mod form;
mod snapshot;
mod store;
mod writer;

pub use backend::Backend;
pub use batch::{Batch, Table};
pub use codec::{Codec, Key};
pub use error::Error;
pub use form::Form;
pub use snapshot::{Rows, Snapshot, View};
pub use store::{BeforeSync, Options, Store};

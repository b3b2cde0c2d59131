//! The Rust SDK: build, sign, submit, wait, verify, subscribe.
//!
//! ```no_run
//! # async fn example() -> Result<(), hutong_client::Error> {
//! use hutong_client::{City, Client, Submitted};
//!
//! let city = City::open("./data".as_ref())?;
//! let client = Client::of(&city, &"natural-resources".parse()?)?;
//! let action = bytes::Bytes::from_static(b"an encoded action of the domain");
//! let transaction = client.build("property".parse()?)?.actor("clerk-7").action(action).sign(&[client.signer()?])?;
//! if let Submitted::Final { receipt, .. } = client.submit_final(&transaction).await? {
//!     hutong_client::verify(&receipt, &city.trust()?)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It speaks HTTP to a city and trusts nothing that it answers further than it verifies: what it verifies, it verifies
//! offline. It keeps no state on disk and must not hide a refusal: what passes is tried again, everything else comes
//! back with the city's own code.
//!
//! Parts: [`city`] reads a data folder, [`transaction`] builds and signs, [`client`] calls, [`events`] subscribes.

mod call;
pub mod city;
pub mod client;
mod error;
pub mod events;
mod sse;
mod submit;
pub mod tls;
pub mod transaction;

pub use city::{City, Signer};
pub use client::Client;
pub use error::{Error, Refusal};
pub use events::{Change, Event, NOW, Subscription};
pub use hutong_ledger::receipt::{verify, verify_state};
pub use submit::Submitted;
pub use transaction::{TransactionBuilder, cosign};

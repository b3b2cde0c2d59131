//! Validation: checks and executes blocks for one agency, and hands them to the agency's storage.
//!
//! It reads proposals and the segments of hosted domains, decides which proposal counts at each height (the lane),
//! checks roots, signatures, expiry and replay, runs the contracts on an overlay over storage's final state, and
//! submits the result.
//!
//! **It keeps no durable state.** Everything it holds can be dropped at any moment and is then built again from what
//! storage says it has. It never votes or decides finality, and it never lets an IO failure look like a
//! refusal: it waits, or starts over. All that it signs is a question to another host, for a segment that it lacks.
//!
//! Parts: [`service`] is the loop; `feed` brings proposals and segments; `overlay` is what is executed and not yet
//! final; `check` finds void transactions; `execute` runs a block; `joining` is catching up from nothing.

mod check;
mod config;
mod error;
mod execute;
mod feed;
mod joining;
mod overlay;
pub mod service;

pub use config::Config;
pub use error::Error;
pub use service::{Ports, ValidationService};

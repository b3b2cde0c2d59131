//! Ordering: sequences accepted transactions into blocks.
//!
//! Any number of orderers may run. There is no election, no lease, and no state of their own: the last header on
//! the stream says how far each domain was ordered, a block is one atomic append on the condition that no other
//! header came between, and whoever loses reads again. A standby steps in when the active orderer is silent for
//! longer than the standby's delay, and replaces a block that gets no certificate in the next view.
//!
//! It must not look into actions, keep a durable cursor, or decide finality. What it decides, certificates confirm.
//!
//! Parts: [`service`] is the loop; `queue` holds what is accepted and not final; `cut` makes a block of it (pure), `propose` a batch of that;
//! `pace` says whose turn it is, `spacing` how closely blocks follow each other; `takeover` collects the statuses that a higher view needs.

mod config;
mod cut;
mod error;
mod pace;
mod propose;
mod queue;
pub mod service;
mod spacing;
mod takeover;

pub use config::Config;
pub use error::Error;
pub use service::{OrderingService, Ports};

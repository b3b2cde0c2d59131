//! The shape of a service: what every process needs whatever it does.
//!
//! - [`clock`]: time as a port, so that rules and tests never read the machine's clock
//! - [`config`]: defaults < file < environment < flags, all faults at once
//! - [`shutdown`], [`supervisor`]: two-phase drain, and parts whose unexpected end is noticed
//! - [`health`], [`metrics`], [`telemetry`], [`trace`]: what operators see
//! - [`http`], [`auth`]: one way to serve, fail and ask who is calling
//! - [`compute`]: a pool for work that would block the async threads
//! - [`disk`]: what a folder takes and what is left
//! - [`limiter`]: how often each of many may do something
//! - [`tls`]: TLS as a client
//!
//! Nothing here knows the ledger or any domain, and nothing is global except what the process itself has only
//! one of (signals, the tracing subscriber): two cities run in one test process, each with its own of all this.

pub mod auth;
pub mod clock;
pub mod compute;
pub mod config;
pub mod disk;
mod error;
pub mod health;
pub mod http;
pub mod limiter;
pub mod metrics;
pub mod shutdown;
pub mod supervisor;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use compute::ComputePool;
pub use error::{Cause, Error};
pub use health::{Component, Health};
pub use metrics::{InvariantCounters, Metrics};
pub use shutdown::Shutdown;
pub use supervisor::{Context, Supervisor};

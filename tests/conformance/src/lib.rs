//! One suite per port, run on every adapter, and the broker that adapters are tested against.
//!
//! A case says what a caller may rely on. It knows the port only, so it cannot tell the adapters apart; what one
//! of them adds is tested beside that adapter.

pub mod bus;
mod nats_server;

pub use nats_server::{NatsServer, ServerError, ServerOptions, binary, ports};

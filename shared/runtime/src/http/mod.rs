//! One way to serve HTTP: the server and its limits, problem documents, extractors that answer with them, and
//! the API's description.
//!
//! Handlers here see only requests that passed the limits; whatever goes wrong, also before a handler or in a
//! panic, the caller gets a problem document.

mod extract;
mod layers;
pub mod openapi;
mod problem;
mod server;

pub use extract::{Json, Path, Query, RawBody};
pub use layers::{Edge, ErrorForm, harden};
pub use problem::Problem;
pub use server::{HttpServer, HttpSettings};

//! One way to serve HTTP: the server and its limits, problem documents, extractors that answer with them, and
//! the API's description.
//!
//! Handlers here see only requests that passed the limits; whatever goes wrong, also before a handler or in a
//! panic, the caller gets a problem document.

mod address;
mod cors;
mod extract;
mod layers;
pub mod openapi;
mod problem;
mod rates;
mod server;
mod tls;

pub use address::{ClientAddress, FORWARDED_FOR};
pub use cors::CorsSettings;
pub use extract::{Json, Path, Query, RawBody};
pub use layers::{Edge, ErrorForm, harden};
pub use problem::Problem;
pub use rates::{Rate, RateSettings, Rates, limit_rates};
pub use server::{HttpServer, HttpSettings};
pub use tls::{TlsFault, TlsSettings};

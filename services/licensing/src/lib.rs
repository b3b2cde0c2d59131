//! The city domain licensing: businesses and their licences, issued as verifiable credentials (SD-JWT VC) that anyone can
//! check, whether they still stand included (Token Status List).
//!
//! The ledger holds what a licence is called by, whether it stands and the hash of its credential; what the credential says
//! beside that is sealed. The contract alone decides what may change; view and API only show what is final.
//!
//! Parts: [`code`] checks codes, [`contract`] (pure), [`build`] makes actions, [`credential`] writes and reads SD-JWTs and
//! status lists, [`mod@import`] reads an older register, `view` is the index for searching, `api` the routes.

mod api;
pub mod build;
pub mod code;
mod config;
pub mod contract;
pub mod credential;
mod error;
pub mod import;
mod issue;
mod issuer;
mod moment;
mod service;
mod status;
mod verify;
mod view;

pub use api::{document, routes};
pub use config::Config;
pub use contract::{DOMAIN, Licensing, domain};
pub use error::Error;
pub use issuer::Issuer;
pub use service::LicensingService;

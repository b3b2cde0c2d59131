//! The platform domain catalogue: what datasets there are, and who may read what of them under which agreement.
//! Described in DCAT-AP 3 and ODRL.
//!
//! The records `dataset/<id>` and `agreement/<id>` hold no personal data and are public. The contract alone decides what
//! changes; whether an access may rest on an agreement, the domain of the access decides.
//!
//! Parts: [`contract`] (pure), [`build`] makes actions, [`default_datasets`] is what a city publishes to begin with,
//! `view` is the index for searching, `api` the routes.

mod api;
pub mod build;
mod config;
pub mod contract;
mod defaults;
mod service;
mod view;

pub use api::{document, routes};
pub use config::Config;
pub use contract::{Catalogue, DOMAIN};
pub use defaults::default_datasets;
pub use service::CatalogueService;

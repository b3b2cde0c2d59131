//! The city domain epidemic: line lists of cases with their revisions, alerts, and the tables that are published.
//!
//! A case is one record with public facts and sealed personal data; each revision is a version of it. The contract alone
//! decides what may change and what may never be published; view and API only show what is final. Personal data never
//! comes here but on its way to the vault.
//!
//! Parts: [`contract`] (pure), [`build`] makes actions, [`analysis`] early warning and reproduction numbers (pure),
//! [`tables`] what is safe to publish (pure), [`import`] reads line lists, `view` counts and finds, `watch` raises alerts
//! and publishes, `chart` draws, `api` the routes.

pub mod analysis;
mod api;
pub mod build;
mod chart;
mod config;
pub mod contract;
pub mod day;
pub mod import;
mod service;
pub mod tables;
mod view;
mod watch;

pub use api::{document, routes};
pub use config::Config;
pub use contract::{DOMAIN, Epidemic, domain};
pub use service::EpidemicService;

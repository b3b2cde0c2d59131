//! The city domain property: parcels, their titles and what burdens them, and where they lie (ISO 19152, LADM).
//!
//! A parcel is one record, named by its id. People appear under handles; who they are rests in the vault and never enters
//! a transaction. The contract alone decides what may change; view and API only show what is final.
//!
//! Parts: [`contract`] and [`geometry`] (pure), [`geojson`] for the outside, [`build`] makes actions, [`sales`] reads the
//! open data of property sales, [`view`] is the index for searching, `api` the routes.

mod api;
pub mod build;
mod config;
pub mod contract;
pub mod geojson;
pub mod geometry;
pub mod sales;
mod service;
pub mod view;

pub use api::{document, routes};
pub use config::Config;
pub use contract::{DOMAIN, Property, domain};
pub use service::PropertyService;

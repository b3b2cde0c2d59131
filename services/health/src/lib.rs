//! The city domain health: clinical resources, as HL7 FHIR R4 (4.0.1) at `/fhir/R4`.
//!
//! A resource is one record, `<type>/<id>`; each of its versions is a version of the record. On the ledger stand type, id,
//! the handles of those it is about, the custodian, and a commitment to the body. The body is sealed in the owner's vault
//! and never enters a transaction. No body reaches a caller before the access that says so is final.
//!
//! Parts: [`contract`] (pure), [`build`] makes actions, [`records`] is the port to ledger and vault, [`bodies`] keeps what
//! the service shows, `view` is the index, `search` what matches, `rules` whether a resource is one of R4, `engine` does
//! the interactions, `api` is HTTP. [`import`] reads files to be loaded. [`sample`] is the index alone, to be measured.

mod api;
mod audit;
pub mod bodies;
pub mod build;
mod config;
mod consent;
pub mod contract;
mod document;
mod engine;
mod error;
pub mod import;
mod json;
mod kind;
mod outcome;
mod patch;
pub mod records;
mod resource;
mod rules;
pub mod sample;
mod search;
mod service;
mod time;
mod view;

pub use api::{error_form, routes};
pub use audit::AGENCY_SYSTEM;
pub use bodies::Bodies;
pub use config::Config;
pub use contract::{DOMAIN, Health, domain};
pub use document::document;
pub use engine::persons::RESIDENT_SYSTEMS;
pub use error::{BodiesError, Error};
pub use kind::{Key, Kind, NoKey};
pub use records::{DeskRecords, Records, SharedRecords};
pub use service::{HealthService, Ports};

//! The city domain parking: sites, operators, permits and live occupancy (ParkAPI v3, DATEX II).
//!
//! Sites, operators and permits are records. Occupancy is telemetry: it goes over the bus to the views and never becomes
//! a transaction; each site's day is anchored as one digest over the lines of a log that the domain's owner keeps. A
//! permit's holder appears under a handle, with commitments in place of plate and name.
//!
//! Parts: [`contract`] (pure), [`build`] makes actions, [`import`] reads the feeds of real operators, `realtime` is an
//! update of occupancy, `log` its journal, `view` and `geo` the index, `live` the changes for subscribers, `api` the routes.

mod api;
pub mod build;
mod config;
pub mod contract;
mod error;
mod geo;
pub mod import;
mod live;
mod log;
pub mod realtime;
mod service;
mod shown;
pub mod view;

pub use api::{document, routes};
pub use config::Config;
pub use contract::{DOMAIN, Parking, domain};
pub use error::Error;
pub use import::{Import, ImportError, RowError, actions, import};
pub use realtime::{OpeningStatus, Sent, Update};
pub use service::ParkingService;

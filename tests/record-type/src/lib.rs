//! The city domain allotments: garden plots of the city, and who has them. It is the example of docs/record-types.md,
//! which shows these files; it is no part of the product.

mod api;
mod contract;
pub mod wire;

pub use api::{document, routes};
pub use contract::{Allotments, domain};

//! Searching as FHIR R4 says: parameters, what they find in a resource, and how a wanted value meets a found one.
//!
//! Pure: `params` names the parameters of each type, `extract` takes their values out of a resource, `query` reads a
//! request, and one file per type of value says what matches. Which resources there are, the view knows.

pub(crate) mod criteria;
pub(crate) mod date;
pub(crate) mod extract;
pub(crate) mod params;
pub(crate) mod prefix;
pub(crate) mod quantity;
pub(crate) mod query;
pub(crate) mod reference;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod value;

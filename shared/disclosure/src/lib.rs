//! Rules of disclosure that every city domain shares: sealed fields, persons, access, consent, holds, erasure.
//!
//! Pure, as all contracts are. A domain says which of its records have sealed fields ([`SealedDomain`]); [`Disclosing`]
//! adds the actions and records of `hutong.v1.disclosure` to its contract. No service can override what is decided here.
//!
//! One file per rule: `person`, `access` with its `basis`, `index`, `consent`, `hold`, `erasure`; [`records`] names what
//! they write. [`accesses`] checks offline that a person's list of accesses is whole.

mod access;
pub mod accesses;
mod basis;
mod case;
mod consent;
mod decode;
mod domain;
mod erasure;
mod fields;
mod hold;
mod index;
mod person;
pub mod records;
pub mod render;
mod resident;
mod rules;

pub use access::{PURPOSE_BYTES_MAX, RELEASE_WINDOW_MS, SEALED_AHEAD_MS_MAX, is_open};
pub use basis::{EMERGENCY_BYTES_MAX, REFERENCE_BYTES_MAX};
pub use case::{PERSON, SUBJECTS_MAX};
pub use consent::PURPOSES_MAX;
pub use decode::{decode_strict, stored};
pub use domain::{Disclosing, Handle, SealedDomain, SealedRecord, SealedType};
pub use erasure::BASIS_BYTES_MAX;
pub use fields::{FIELDS_MAX, RECORD_FIELDS_MAX};
pub use hold::REASON_BYTES_MAX;
pub use hutong_ledger::sealed::{commitment, is_field_name};
pub use index::access_head;
pub use resident::{InvalidResidentId, ResidentId, find_resident_id};

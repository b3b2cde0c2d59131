//! Rules of disclosure that every city domain shares: sealed fields, persons, access, consent, holds, erasure.
//!
//! Pure, as all contracts are. A domain says which of its records have sealed fields ([`SealedDomain`]); [`Disclosing`]
//! adds the actions and records of `hutong.v1.disclosure` to its contract. No service can override what is decided here.

mod domain;
mod resident;
mod strict;

pub use domain::{Disclosing, Handle, SealedDomain, SealedRecord};
pub use hutong_ledger::sealed::{commitment, is_field_name};
pub use resident::{InvalidResidentId, ResidentId, find_resident_id};
pub use strict::decode_strict;

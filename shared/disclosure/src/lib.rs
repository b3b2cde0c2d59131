//! Rules of disclosure that every city domain shares: sealed fields, persons, access, consent, holds, erasure.
//!
//! Pure, as all contracts are. A domain says which of its records have sealed fields ([`SealedDomain`]); [`Disclosing`]
//! adds the actions and records of `hutong.v1.disclosure` to its contract. No service can override what is decided here.

mod domain;

pub use domain::{Disclosing, Handle, SealedDomain, SealedRecord};

//! Receipts: documents that prove, offline, what became of a transaction or what a record is, to whoever holds the
//! trust file of the chain.
//!
//! A receipt leads from the epoch that the trust file pins, over the epochs that followed, each made by a membership
//! transaction that was final under the one before, to the notes that a quorum of hosts and a quorum of all
//! validating agencies cosigned for the same block, and from those to the transaction or record.
//!
//! Every byte of a document matters: unknown fields, signatures by unknown keys and second spellings are refused, so
//! that an altered document fails instead of passing by luck.
//!
//! Parts: [`document`] is the form, [`verify`] the check and what can be wrong, `court` its judge of
//! notes.

pub(crate) mod court;
pub mod document;
pub mod verify;

pub use document::{
    Place, Receipt, Revealed, RevealedChange, RevealedRecord, StateReceipt, Transition, TrustFile,
};
pub use verify::{Fault, Standing, Verified, VerifiedState, VerifyError, verify, verify_state};

#[cfg(test)]
pub(crate) mod tests;

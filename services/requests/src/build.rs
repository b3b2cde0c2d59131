//! Makes actions: for the service, importers and tests. Pure; the contract checks what it makes like anything else.

use bytes::Bytes;
use hutong_ledger::hash::Hash;
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        requests::{self as wire, action::Kind},
    },
};

/// An action, encoded for a transaction's body.
pub fn action(kind: Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

/// Commitments as an action carries them.
pub fn sealed(mut commitments: Vec<(String, Hash)>) -> Vec<SealedField> {
    commitments.sort();
    let field = |(name, hash): (String, Hash)| SealedField { name, commitment: hash.0.to_vec().into() };
    commitments.into_iter().map(field).collect()
}

pub fn dispatch(request: &str, agencies: &[&str], notes: &str) -> Bytes {
    let agencies = agencies.iter().map(|agency| (*agency).to_owned()).collect();
    action(Kind::Dispatch(wire::Dispatch { request: request.into(), agencies, notes: notes.into() }))
}

pub fn answer(request: &str, notes: &str, contacted: bool) -> Bytes {
    action(Kind::Answer(wire::Answer { request: request.into(), notes: notes.into(), contacted }))
}

pub fn close(request: &str, notes: &str) -> Bytes {
    action(Kind::Close(wire::Close { request: request.into(), notes: notes.into() }))
}

pub fn mark_duplicate(request: &str, of: &str) -> Bytes {
    action(Kind::MarkDuplicate(wire::MarkDuplicate { request: request.into(), of: of.into() }))
}

pub fn breach(request: &str) -> Bytes {
    action(Kind::Breach(wire::Breach { request: request.into() }))
}

/// A call-back that reached somebody.
pub fn called(request: &str, contacted: bool, resolved: bool, satisfied: bool) -> Bytes {
    let request = request.into();
    action(Kind::Called(wire::Called { request, valid: true, contacted, resolved, satisfied }))
}

//! Makes actions: for the service, clients and tests. Pure; what it makes is checked by the contract like anything else.

use bytes::Bytes;
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        licensing::{self as wire, action::Kind},
    },
};

pub fn register_business(uscc: &str, name: &str) -> Bytes {
    let (uscc, name) = (uscc.to_owned(), name.to_owned());
    action(Kind::RegisterBusiness(wire::RegisterBusiness { uscc, name, ..wire::RegisterBusiness::default() }))
}

pub fn close_business(uscc: &str) -> Bytes {
    action(Kind::CloseBusiness(wire::CloseBusiness { uscc: uscc.to_owned() }))
}

/// Fields and subjects in order.
pub fn apply(terms: wire::Terms, sealed: Vec<SealedField>, subjects: Vec<Bytes>) -> Bytes {
    action(Kind::Apply(wire::Apply { terms: Some(terms), sealed, subjects }))
}

/// Enters a licence that was issued before the city had this register.
pub fn enter(terms: wire::Terms) -> Bytes {
    action(Kind::Enter(wire::Enter { terms: Some(terms) }))
}

pub fn issue(id: &str, credential: wire::Credential) -> Bytes {
    action(Kind::Issue(wire::Issue { id: id.to_owned(), credential: Some(credential) }))
}

pub fn renew(id: &str, valid_until_ms: u64, credential: wire::Credential, sealed: Vec<SealedField>) -> Bytes {
    let (id, credential) = (id.to_owned(), Some(credential));
    action(Kind::Renew(wire::Renew { id, valid_until_ms, credential, sealed }))
}

pub fn suspend(id: &str, reason: &str) -> Bytes {
    action(Kind::Suspend(wire::Suspend { id: id.to_owned(), reason: reason.to_owned() }))
}

pub fn reinstate(id: &str, reason: &str) -> Bytes {
    action(Kind::Reinstate(wire::Reinstate { id: id.to_owned(), reason: reason.to_owned() }))
}

pub fn revoke(id: &str, reason: &str) -> Bytes {
    action(Kind::Revoke(wire::Revoke { id: id.to_owned(), reason: reason.to_owned() }))
}

/// An action as it is.
pub fn action(kind: Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

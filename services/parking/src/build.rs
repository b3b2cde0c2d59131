//! Makes actions: for clients, importers and tests. Pure; what it makes is checked by the contract like anything else.

use bytes::Bytes;
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure,
        parking::{self as wire, action::Kind},
    },
};

/// An action, encoded for a transaction's body.
pub fn action(kind: Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

pub fn put_site(site: wire::Site) -> Bytes {
    action(Kind::PutSite(wire::PutSite { site: Some(site) }))
}

pub fn import_sites(sites: Vec<wire::Site>) -> Bytes {
    action(Kind::ImportSites(wire::ImportSites { sites }))
}

pub fn retire_site(site: &str, reason: &str) -> Bytes {
    action(Kind::RetireSite(wire::RetireSite { site: site.into(), reason: reason.into() }))
}

pub fn register_operator(id: &str, name: &str, agency: &str) -> Bytes {
    let (id, name, agency) = (id.into(), name.into(), agency.into());
    action(Kind::RegisterOperator(wire::RegisterOperator { id, name, agency }))
}

pub fn issue_permit(permit: wire::IssuePermit) -> Bytes {
    action(Kind::IssuePermit(permit))
}

pub fn revoke_permit(id: &str, reason: &str) -> Bytes {
    action(Kind::RevokePermit(wire::RevokePermit { id: id.into(), reason: reason.into() }))
}

pub fn anchor(digest: wire::AnchorDay) -> Bytes {
    action(Kind::AnchorDay(digest))
}

/// Registers a person under a handle, without sealed fields of its own.
pub fn register_person(handle: [u8; 16]) -> Bytes {
    let person = disclosure::RegisterPerson { handle: Bytes::copy_from_slice(&handle), sealed: Vec::new() };
    let person = disclosure::Action { kind: Some(disclosure::action::Kind::RegisterPerson(person)) };
    action(Kind::Disclosure(person))
}

//! Makes actions: for clients, importers and tests. Pure; what it makes is checked by the contract like anything else.

use bytes::Bytes;
use hutong_ledger::id::AgencyId;
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, action::Kind},
};

/// The whole.
pub const WHOLE: wire::Share = wire::Share { numerator: 1, denominator: 1 };

pub fn share(numerator: u64, denominator: u64) -> wire::Share {
    wire::Share { numerator, denominator }
}

pub fn party(handle: [u8; 16], agent: &AgencyId) -> wire::Party {
    wire::Party { handle: Bytes::copy_from_slice(&handle), agent: agent.to_string() }
}

pub fn ownership(party: wire::Party, share: wire::Share) -> wire::Holding {
    wire::Holding { r#type: wire::RightType::Ownership.into(), party: Some(party), share: Some(share) }
}

/// An action on a parcel, encoded for a transaction's body.
pub fn action(parcel: &str, expected_version: u64, source: Option<[u8; 32]>, kind: Kind) -> Bytes {
    let source = source.map(|hash| Bytes::copy_from_slice(&hash)).unwrap_or_default();
    let action = wire::Action { parcel: parcel.to_owned(), expected_version, source, kind: Some(kind) };
    action.encode_to_vec().into()
}

pub fn register(parcel: &str, unit: wire::Unit, holdings: Vec<wire::Holding>) -> Bytes {
    let register = wire::Register { unit: Some(unit), holdings, ..wire::Register::default() };
    action(parcel, 0, None, Kind::Register(register))
}

/// Transfers the whole of one right to one party.
pub fn transfer_whole(
    parcel: &str,
    right: u32,
    to: wire::Holding,
    price_minor: u64,
    currency: &str,
) -> Bytes {
    let transfer = wire::Transfer {
        disposals: vec![wire::Disposal { right, share: Some(WHOLE) }],
        acquisitions: vec![to],
        price_minor,
        currency: currency.to_owned(),
        ..wire::Transfer::default()
    };
    action(parcel, 0, None, Kind::Transfer(transfer))
}

/// Names who may place caveats and seizures beside the domain's owner.
pub fn authorities(caveat: &[AgencyId], seizure: &[AgencyId]) -> Bytes {
    let names = |agencies: &[AgencyId]| {
        let mut names: Vec<_> = agencies.iter().map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        names
    };
    let authorities = wire::Authorities { caveat: names(caveat), seizure: names(seizure) };
    let set = wire::SetAuthorities { authorities: Some(authorities) };
    action("", 0, None, Kind::Authorities(set))
}

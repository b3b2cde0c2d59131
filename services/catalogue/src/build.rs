//! Makes actions: for clients, founding a city and tests. Pure; what it makes is checked by the contract like anything
//! else.

use bytes::Bytes;
use hutong_wire::{
    prost::Message,
    v1::catalogue::{self as wire, action::Kind},
};

/// Publishes a dataset, or replaces it. The domain's owner signs.
pub fn publish(dataset: wire::Dataset) -> Bytes {
    action(Kind::PublishDataset(wire::PublishDataset { dataset: Some(dataset) }))
}

/// Withdraws a dataset. The domain's owner signs.
pub fn withdraw(id: &str) -> Bytes {
    action(Kind::WithdrawDataset(wire::WithdrawDataset { id: id.to_owned() }))
}

/// Agrees. Owner and consumer both sign; fields and purposes are put in order here.
pub fn agree(agreement: wire::Agreement) -> Bytes {
    action(Kind::Agree(wire::Agree { agreement: Some(ordered(agreement)) }))
}

/// The agreement with its sets in the one order that they are written in.
pub fn ordered(mut agreement: wire::Agreement) -> wire::Agreement {
    for set in [&mut agreement.fields, &mut agreement.purposes] {
        set.sort();
        set.dedup();
    }
    agreement
}

/// Ends an agreement. Either side signs.
pub fn revoke(id: &str, reason: &str) -> Bytes {
    action(Kind::Revoke(wire::Revoke { id: id.to_owned(), reason: reason.to_owned() }))
}

/// An action as it is.
pub fn action(kind: Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

//! Makes actions: for the service and for tests. Pure; the contract checks what it makes like anything else.

use bytes::Bytes;
use hutong_disclosure::Handle;
use hutong_ledger::hash::Hash;
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{self, action::Kind as Disclosed},
        health::{self as wire, action, revision::What},
    },
};

use crate::kind::Key;

/// A version of a resource; None deletes.
pub fn revision(key: &Key, version: u64, body: Option<(Hash, &[Handle])>) -> wire::Revision {
    let what = match body {
        None => What::Deleted(true),
        Some((commitment, subjects)) => {
            let mut subjects = subjects.to_vec();
            subjects.sort_unstable();
            subjects.dedup();
            What::Body(wire::Body {
                commitment: bytes_of(&commitment.0),
                subjects: subjects.iter().map(|handle| bytes_of(handle)).collect(),
            })
        }
    };
    wire::Revision { r#type: key.kind.name().into(), id: key.id.clone(), version, what: Some(what) }
}

/// Versions of resources that come to be together.
pub fn write(revisions: Vec<wire::Revision>) -> Bytes {
    encode(action::Kind::Write(wire::Write { revisions }))
}

/// An action of disclosure in this domain.
pub fn disclosure(kind: Disclosed) -> Bytes {
    encode(action::Kind::Disclosure(disclosure::Action { kind: Some(kind) }))
}

fn encode(kind: action::Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

fn bytes_of(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

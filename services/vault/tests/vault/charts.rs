//! A domain with sealed fields, as small as can be: `chart/<handle>` is about one person. Its own action, an
//! `UpdatePerson` that is not in field 15, replaces the chart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, records::parse_handle};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_peer::vault::Handle;
use hutong_wire::{
    prost::Message,
    v1::disclosure::{self as v1, Person, SealedField, UpdatePerson, action::Kind},
};

pub(crate) fn domain() -> Domain {
    "health".parse().unwrap()
}

pub(crate) fn record(handle: &Handle) -> RecordKey {
    RecordKey { domain: domain(), record: chart(handle) }
}

pub(crate) fn chart(handle: &Handle) -> RecordId {
    format!("chart/{}", hex::encode(handle)).parse().unwrap()
}

/// An action that makes these the chart's fields.
pub(crate) fn write(handle: &Handle, sealed: &[(String, Hash)]) -> Bytes {
    UpdatePerson { handle: handle.to_vec().into(), sealed: fields(sealed) }.encode_to_vec().into()
}

pub(crate) fn fields(sealed: &[(String, Hash)]) -> Vec<SealedField> {
    let mut sealed = sealed.to_vec();
    sealed.sort();
    sealed
        .into_iter()
        .map(|(name, commitment)| SealedField { name, commitment: commitment.0.to_vec().into() })
        .collect()
}

/// An action of disclosure.
pub(crate) fn disclosure(kind: Kind) -> Bytes {
    v1::Envelope { disclosure: Some(v1::Action { kind: Some(kind) }) }.encode_to_vec().into()
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Charts;

impl Contract for Charts {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action = UpdatePerson::decode(action).map_err(|error| Refusal::malformed(error.to_string()))?;
        Ok(Arc::new(action))
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let action: &UpdatePerson = tx.action()?;
        Ok(vec![record(&action.handle[..].try_into().unwrap())])
    }

    fn decide(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let action: &UpdatePerson = tx.action()?;
        let value = Person { sealed: action.sealed.clone(), since_ms: 1 }.encode_to_vec();
        Ok(vec![Change::put(chart(&action.handle[..].try_into().unwrap()), value)])
    }

    fn render(&self, _: &RecordId, _: &[u8]) -> Option<serde_json::Value> {
        None
    }
}

impl SealedDomain for Charts {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: "chart", fields: &["blood-group", "name"] }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        let handle = parse_handle(record.as_str().strip_prefix("chart/")?)?;
        let fields = Person::decode(value).ok()?.sealed.into_iter();
        let fields = fields.map(|field| (field.name, Hash(field.commitment[..].try_into().unwrap())));
        Some(SealedRecord { record_type: "chart", subjects: vec![handle], fields: fields.collect() })
    }
}

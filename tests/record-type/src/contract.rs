//! The rules of allotments. Pure: the plot, the epoch and the block's time decide.

use std::sync::Arc;

use bytes::Bytes;
use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, decode_strict};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use prost::Message;
use serde_json::json;

use crate::wire::{self, Plot, action::Kind};

/// The contract, version 1.
#[derive(Clone, Copy, Debug)]
pub struct Allotments;

pub fn domain() -> Domain {
    "allotments".parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

pub(crate) fn plot_record(id: &str) -> Result<RecordId, Refusal> {
    let invalid = || Refusal::new("plot_id_invalid", "1 to 32 of a-z, 0-9 and -").at("id");
    let formed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=32).contains(&id.len()) || !id.bytes().all(formed) {
        return Err(invalid());
    }
    format!("plot/{id}").parse().map_err(|_| invalid())
}

impl Contract for Allotments {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action: wire::Action = decode_strict(action)?;
        Ok(Arc::new(action.kind.ok_or_else(|| Refusal::malformed("the action has no kind"))?))
    }

    /// What deciding may look at. A record that is not named here cannot be read.
    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let id = match tx.action::<Kind>()? {
            Kind::Open(action) => &action.id,
            Kind::Let(action) => &action.id,
            Kind::Disclosure(_) => return Ok(Vec::new()),
        };
        Ok(vec![RecordKey { domain: domain(), record: plot_record(id)? }])
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        tx.submitted_by_owner(state)?;
        match tx.action::<Kind>()? {
            Kind::Open(action) => open(action, state),
            Kind::Let(action) => let_out(action, state),
            Kind::Disclosure(_) => Err(Refusal::malformed("the rules of disclosure decide this")),
        }
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        let plot = Plot::decode(value).ok()?;
        let sealed: Vec<_> = plot.sealed.iter().map(|field| &field.name).collect();
        Some(json!({ "area_m2": plot.area_m2, "until_ms": plot.until_ms, "sealed": sealed }))
    }
}

fn stored(record: &RecordId, state: &View<'_>) -> Result<Option<Plot>, Refusal> {
    let decode = |value: &Bytes| Plot::decode(value.clone());
    state.get(record).map(decode).transpose().map_err(|error| Refusal::fault(error.to_string()))
}

fn open(action: &wire::Open, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let record = plot_record(&action.id)?;
    if action.area_m2 == 0 {
        return Err(Refusal::new("plot_invalid", "a plot has an area").at("area_m2"));
    }
    if stored(&record, state)?.is_some() {
        return Err(Refusal::new("plot_exists", format!("{record} is there already")).at("id"));
    }
    let plot = Plot { area_m2: action.area_m2, ..Plot::default() };
    Ok(vec![Change::put(record, plot.encode_to_vec())])
}

fn let_out(action: &wire::Let, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let record = plot_record(&action.id)?;
    let unknown = || Refusal::new("plot_unknown", format!("{record} was never opened")).at("id");
    let plot = stored(&record, state)?.ok_or_else(unknown)?;
    // The block's time: a contract knows no other clock.
    if plot.until_ms > state.time_ms {
        return Err(Refusal::new("plot_taken", format!("{record} has a tenant")).at("id"));
    }
    if action.until_ms <= state.time_ms || action.tenant.len() != 16 {
        return Err(Refusal::new("plot_invalid", "a tenant's handle, and a time to come").at("until_ms"));
    }
    let plot = Plot {
        tenant: action.tenant.clone(),
        until_ms: action.until_ms,
        sealed: action.sealed.clone(),
        ..plot
    };
    Ok(vec![Change::put(record, plot.encode_to_vec())])
}

/// What of a record is sealed, and whose it is. Accesses, consents and erasures follow from this alone.
impl SealedDomain for Allotments {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: "plot", fields: &["name", "phone"] }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        record.as_str().strip_prefix("plot/")?;
        let plot = Plot::decode(value).ok()?;
        let field = |field: &hutong_wire::v1::disclosure::SealedField| {
            Some((field.name.clone(), Hash(field.commitment.as_ref().try_into().ok()?)))
        };
        Some(SealedRecord {
            record_type: "plot",
            subjects: vec![plot.tenant.as_ref().try_into().ok()?],
            fields: plot.sealed.iter().map(field).collect::<Option<_>>()?,
        })
    }
}

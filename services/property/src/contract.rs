//! The rules of property. Pure: the record of the parcel, the epoch and the block's time decide.

mod burden;
mod parcel;
mod render;
mod shares;
mod title;

use std::sync::Arc;

use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, RestrictionType, action::Kind},
};

pub use parcel::{check_unit, record};
pub use render::render;
pub use shares::{DENOMINATOR_MAX, Fraction};

/// The domain's name.
pub const DOMAIN: &str = "property";

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Property;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

impl Contract for Property {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action = wire::Action::decode(action).map_err(|e| Refusal::malformed(e.to_string()))?;
        if action.kind.is_none() {
            return Err(Refusal::malformed("the action has no kind"));
        }
        Ok(Arc::new(action))
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let action = tx.action::<wire::Action>()?;
        Ok(vec![RecordKey { domain: domain(), record: record(&action.parcel)? }])
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let action = tx.action::<wire::Action>()?;
        let record = record(&action.parcel)?;
        if !matches!(action.source.len(), 0 | 32) {
            return Err(Refusal::new("source_invalid", "a SHA-256 hash has 32 bytes").at("source"));
        }
        let kind = action.kind.as_ref().ok_or_else(|| Refusal::malformed("the action has no kind"))?;
        let mut parcel = match (kind, state.get(&record)) {
            (Kind::Register(_), Some(_)) => {
                return Err(Refusal::new("parcel_exists", format!("{record} is registered")).at("parcel"));
            }
            (Kind::Register(register), None) => {
                expect_version(action.expected_version, state.version(&record))?;
                title::register(&action.parcel, register, tx, state)?
            }
            (_, None) => {
                return Err(
                    Refusal::new("parcel_unknown", format!("{record} is not registered")).at("parcel")
                );
            }
            (kind, Some(stored)) => {
                expect_version(action.expected_version, state.version(&record))?;
                amend(kind, title::current(parcel::decode(stored)?)?, tx, state)?
            }
        };
        parcel.last_registration = registration(kind).to_owned();
        parcel.source = action.source.clone();
        Ok(vec![Change::put(record, parcel::encode(&parcel)?)])
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        wire::Parcel::decode(value).ok().map(|parcel| render(&parcel))
    }
}

fn amend(
    kind: &Kind,
    parcel: wire::Parcel,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    match kind {
        Kind::Register(_) => Err(Refusal::fault("a registration amends nothing")),
        Kind::Transfer(action) => title::transfer(parcel, action, tx, state),
        Kind::Mortgage(action) => burden::mortgage(parcel, action, tx, state),
        Kind::Discharge(action) => burden::discharge(parcel, action, tx),
        Kind::Restrict(action) => burden::restrict(parcel, action, tx, state),
        Kind::Lift(action) => burden::lift(parcel, action, tx),
        Kind::Correct(action) => title::correct(parcel, action, tx, state),
        Kind::Cancel(action) => title::cancel(parcel, action, tx, state),
        Kind::Disclosure(_) => Err(Refusal::fault("disclosure is decided by the rules of disclosure")),
    }
}

fn expect_version(expected: u64, current: u64) -> Result<(), Refusal> {
    if expected == 0 || expected == current {
        return Ok(());
    }
    let message = format!("the record is at version {current}, not {expected}; look again");
    Err(Refusal::new("stale_version", message).at("expected_version"))
}

fn registration(kind: &Kind) -> &'static str {
    match kind {
        Kind::Register(_) => "first",
        Kind::Transfer(_) => "transfer",
        Kind::Mortgage(_) => "mortgage",
        Kind::Discharge(_) => "discharge",
        Kind::Restrict(restrict) if restrict.r#type() == RestrictionType::Seizure => "seizure",
        Kind::Restrict(_) => "caveat",
        Kind::Lift(_) => "lifting",
        Kind::Correct(_) => "correction",
        Kind::Cancel(_) => "cancellation",
        Kind::Disclosure(_) => "",
    }
}

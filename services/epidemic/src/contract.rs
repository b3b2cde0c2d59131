//! The rules of the line list, of alerts and of what is published. Pure: the records named, the epoch and the block's
//! time decide. No floating point: statistics come in as whole millionths.

mod alert;
mod case;
mod form;
mod release;
mod render;
mod settings;

use std::sync::Arc;

use hutong_disclosure::{Handle, SealedDomain, SealedRecord, SealedType, decode_strict};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, action::Kind},
};

pub use alert::{ALERTS, ALERTS_MAX, alert_record};
pub use case::{CASES, CASES_MAX, REASON_BYTES_MAX, case_record};
pub use form::{AGE_BANDS, check_facts};
pub use release::{CLOSED_AFTER_DAYS, Grid, RELEASES, categories, release_record};
pub use render::{
    method_name, origin_name, parse_origin, parse_sex, parse_status, render_alert, render_case, sex_name,
    status_name,
};
pub use settings::{DISTRICTS, DISTRICTS_MAX, REPORTERS, REPORTERS_MAX};

/// The domain's name.
pub const DOMAIN: &str = "epidemic";

/// The record type of cases in agreements and consents.
pub const CASE: &str = "case";
/// The sealed fields of a case.
pub const SEALED: [&str; 4] = ["address", "contact", "name", "resident_id"];

/// Counts below this and above 0 are never published.
pub const SMALL: u64 = 5;

/// The contract, version 1. What is registered is `Disclosing(Epidemic)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epidemic;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

impl Contract for Epidemic {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action: wire::Action = decode_strict(action)?;
        kind(&action)?;
        Ok(Arc::new(action))
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let records = match kind(tx.action()?)? {
            Kind::Report(report) => {
                vec![case_record(&report.id)?, settings::districts(), settings::reporters()]
            }
            Kind::Revise(revise) => vec![case_record(&revise.id)?, settings::districts()],
            Kind::Import(import) => {
                let cases = case::listed(import)?.iter().map(|case| case_record(&case.id));
                cases.chain([Ok(settings::districts())]).collect::<Result<_, _>>()?
            }
            Kind::Raise(raise) => alert::listed(raise)?.iter().map(alert_record).collect::<Result<_, _>>()?,
            Kind::Publish(publish) => {
                let release = release::named(publish)?;
                vec![release_record(&release.disease, release.monday)?, settings::districts()]
            }
            Kind::AddDistricts(_) => vec![settings::districts()],
            Kind::SetReporters(_) => vec![settings::reporters()],
            Kind::Disclosure(_) => return Err(not_ours()),
        };
        Ok(records.into_iter().map(|record| RecordKey { domain: domain(), record }).collect())
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        match kind(tx.action()?)? {
            Kind::Report(report) => case::report(report, tx, state),
            Kind::Revise(revise) => case::revise(revise, tx, state),
            Kind::Import(import) => case::import(import, tx, state),
            Kind::Raise(raise) => alert::raise(raise, tx, state),
            Kind::Publish(publish) => release::publish(publish, tx, state),
            Kind::AddDistricts(add) => settings::add_districts(add, tx, state),
            Kind::SetReporters(set) => settings::set_reporters(set, tx, state),
            Kind::Disclosure(_) => Err(not_ours()),
        }
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        render::record(record.as_str(), value)
    }
}

impl SealedDomain for Epidemic {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: CASE, fields: &SEALED }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        record.as_str().strip_prefix(CASES)?;
        let case = wire::Case::decode(value).ok()?;
        let subjects: Vec<Handle> = case.subject.as_ref().try_into().into_iter().collect();
        if subjects.is_empty() && case.sealed.is_empty() {
            return None;
        }
        let hash = |field: &hutong_wire::v1::disclosure::SealedField| {
            Some((field.name.clone(), Hash(field.commitment.as_ref().try_into().ok()?)))
        };
        let fields = case.sealed.iter().map(hash).collect::<Option<Vec<_>>>()?;
        Some(SealedRecord { record_type: CASE, subjects, fields })
    }
}

fn kind(action: &wire::Action) -> Result<&Kind, Refusal> {
    action.kind.as_ref().ok_or_else(|| Refusal::malformed("the action has no kind"))
}

fn not_ours() -> Refusal {
    Refusal::malformed("actions of disclosure are decided by the rules of disclosure")
}

fn put(record: RecordId, message: &impl Message) -> Change {
    Change::put(record, message.encode_to_vec())
}

//! The rules of parking. Pure: the records, the epoch and the block's time decide.

mod digest;
mod names;
mod operator;
mod permit;
mod render;
mod site;

use std::sync::Arc;

use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, decode_strict, stored};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, VALUE_BYTES_MAX, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::parking::{self as wire, action::Kind},
};

pub use digest::{DAY_MS, day_of, day_start_ms};
pub use names::{digest_record, is_site, operator_record, permit_record, site_name, site_record};
pub use render::{iso, purpose_name, render_permit, render_site, type_name};
pub use site::{SITES_MAX, check_site};

/// The domain's name.
pub const DOMAIN: &str = "parking";

/// The record type of permits in agreements and consents.
pub const PERMIT: &str = "permit";
/// The sealed fields of a permit.
pub const SEALED: [&str; 2] = ["name", "plate"];

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parking;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

impl Contract for Parking {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action: wire::Action = decode_strict(action)?;
        match action.kind {
            None => Err(Refusal::malformed("the action has no kind")),
            Some(Kind::Disclosure(_)) => {
                Err(Refusal::malformed("disclosure is decided by the rules of disclosure"))
            }
            Some(kind) => Ok(Arc::new(kind)),
        }
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let records = match tx.action::<Kind>()? {
            Kind::RegisterOperator(action) => vec![operator_record(&action.id)?],
            Kind::PutSite(action) => site::reads(action.site.iter())?,
            Kind::ImportSites(action) => site::reads(action.sites.iter())?,
            Kind::RetireSite(action) => site::retire_reads(action, loaded)?,
            Kind::IssuePermit(action) => permit::reads(action)?,
            Kind::RevokePermit(action) => vec![permit_record(&action.id)?],
            Kind::AnchorDay(action) => digest::reads(action)?,
            Kind::Disclosure(_) => Vec::new(),
        };
        Ok(records.into_iter().map(|record| RecordKey { domain: domain(), record }).collect())
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let case = Case { tx, state };
        match tx.action::<Kind>()? {
            Kind::RegisterOperator(action) => operator::register(&case, action),
            Kind::PutSite(action) => site::put(&case, action),
            Kind::ImportSites(action) => site::import(&case, action),
            Kind::RetireSite(action) => site::retire(&case, action),
            Kind::IssuePermit(action) => permit::issue(&case, action),
            Kind::RevokePermit(action) => permit::revoke(&case, action),
            Kind::AnchorDay(action) => digest::anchor(&case, action),
            Kind::Disclosure(_) => Err(Refusal::fault("disclosure is decided by the rules of disclosure")),
        }
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        render::record(record, value)
    }
}

impl SealedDomain for Parking {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: PERMIT, fields: &SEALED }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        record.as_str().strip_prefix("permit/")?;
        let permit = wire::Permit::decode(value).ok()?;
        let holder = permit.holder.as_ref().try_into().ok()?;
        let commitment = |bytes: &[u8]| bytes.try_into().ok().map(Hash);
        let fields = permit.sealed.iter();
        let fields = fields.map(|field| Some((field.name.clone(), commitment(&field.commitment)?)));
        Some(SealedRecord {
            record_type: PERMIT,
            subjects: vec![holder],
            fields: fields.collect::<Option<_>>()?,
        })
    }
}

/// One transaction, and what it may see.
struct Case<'a> {
    tx: &'a Verified<'a>,
    state: &'a View<'a>,
}

impl Case<'_> {
    fn signed_by(&self, agency: &str) -> bool {
        self.tx.body.signers.iter().any(|signer| signer.as_str() == agency)
    }

    fn is_by_owner(&self) -> Result<bool, Refusal> {
        Ok(self.tx.body.signers.contains(&self.state.owner()?))
    }

    fn by_owner(&self) -> Result<(), Refusal> {
        self.tx.signed_by_owner(self.state)
    }

    fn stored<M: Message + Default>(&self, record: &RecordId) -> Result<Option<M>, Refusal> {
        stored(self.state, record)
    }
}

fn put(record: RecordId, message: &impl Message) -> Result<Change, Refusal> {
    let value = message.encode_to_vec();
    if value.len() > VALUE_BYTES_MAX {
        return Err(Refusal::fault(format!("{record} is too large")));
    }
    Ok(Change::put(record, value))
}

/// A text that people read: so long, without control characters.
fn is_text(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max && !text.chars().any(|c| c.is_control() && c != '\n')
}

fn reason(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || !is_text(text, 256) {
        return Err(Refusal::new("reason_missing", "a reason of 1 to 256 bytes").at("reason"));
    }
    Ok(())
}

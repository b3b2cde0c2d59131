//! The rules of licensing. Pure: the records that are named, the epoch and the block's time decide.
//!
//! One file per idea: `business`, `licence` (what is applied for, and what becomes of it), `names` of records, `form` of what
//! comes in, `render` for people.

mod business;
mod form;
mod licence;
mod names;
mod render;

use std::sync::Arc;

use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, decode_strict};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        licensing::{self as wire, action::Kind},
    },
};

pub use form::{KIND_BYTES_MAX, NAME_BYTES_MAX, TIME_MS_MAX, is_kind};
pub use licence::{CREDENTIALS_MAX, Standing, standing};
pub use names::{BUSINESSES, LICENCES, business_record, is_licence, licence_record, status_record};
pub use render::{render_business, render_licence, standing_name};

/// The domain's name.
pub const DOMAIN: &str = "licensing";

/// Record types in agreements and consents.
pub const BUSINESS: &str = "business";
pub const LICENCE: &str = "licence";

/// The sealed field of a licence that says what its credential says.
pub const CLAIMS: &str = "claims";

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Licensing;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

impl Contract for Licensing {
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
            Some(Kind::Disclosure(_)) => Err(Refusal::malformed("the rules of disclosure decide this")),
            Some(_) => Ok(Arc::new(action)),
        }
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let records = match kind(tx.action()?)? {
            Kind::RegisterBusiness(action) => vec![business_record(&action.uscc)?],
            Kind::UpdateBusiness(action) => with_erasure(business_record(&action.uscc)?),
            Kind::CloseBusiness(action) => vec![business_record(&action.uscc)?],
            Kind::Apply(action) => licence::terms_reads(action.terms.as_ref())?,
            Kind::Enter(action) => licence::terms_reads(action.terms.as_ref())?,
            Kind::Issue(action) => vec![licence_record(&action.id)?],
            Kind::Renew(action) => {
                let licence = licence_record(&action.id)?;
                let mut records = licence::business_of(&licence, loaded)?;
                records.extend(with_erasure(licence));
                records
            }
            Kind::Suspend(action) => vec![licence_record(&action.id)?],
            Kind::Reinstate(action) => vec![licence_record(&action.id)?],
            Kind::Revoke(action) => vec![licence_record(&action.id)?],
            Kind::Disclosure(_) => return Err(Refusal::fault("the rules of disclosure read for this")),
        };
        Ok(records.into_iter().map(|record| RecordKey { domain: domain(), record }).collect())
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let kind = kind(tx.action()?)?;
        tx.signed_by_owner(state)?;
        match kind {
            Kind::RegisterBusiness(action) => business::register(action, state),
            Kind::UpdateBusiness(action) => business::update(action, state),
            Kind::CloseBusiness(action) => business::close(action, state),
            Kind::Apply(action) => licence::apply(action, state),
            Kind::Enter(action) => licence::enter(action, state),
            Kind::Issue(action) => licence::issue(action, state),
            Kind::Renew(action) => licence::renew(action, state),
            Kind::Suspend(action) => licence::suspend(action, state),
            Kind::Reinstate(action) => licence::reinstate(action, state),
            Kind::Revoke(action) => licence::revoke(action, state),
            Kind::Disclosure(_) => Err(Refusal::fault("the rules of disclosure decide this")),
        }
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        if record.as_str().starts_with(LICENCES) {
            wire::Licence::decode(value).ok().map(|licence| render_licence(&licence))
        } else if record.as_str().starts_with(BUSINESSES) {
            wire::Business::decode(value).ok().map(|business| render_business(&business))
        } else {
            wire::StatusCount::decode(value).ok().map(|next| serde_json::json!({ "count": next.count }))
        }
    }
}

impl SealedDomain for Licensing {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![
            SealedType { name: BUSINESS, fields: &["contact", "legal_representative"] },
            SealedType { name: LICENCE, fields: &[CLAIMS] },
        ]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        let (record_type, subjects, sealed) = if record.as_str().starts_with(LICENCES) {
            let licence = wire::Licence::decode(value).ok()?;
            (LICENCE, licence.subjects, licence.sealed)
        } else if record.as_str().starts_with(BUSINESSES) {
            let business = wire::Business::decode(value).ok()?;
            (BUSINESS, business.subjects, business.sealed)
        } else {
            return None;
        };
        let field = |field: &SealedField| {
            Some((field.name.clone(), Hash(field.commitment.as_ref().try_into().ok()?)))
        };
        let fields: Vec<_> = sealed.iter().filter_map(field).collect();
        let subjects = subjects.iter().filter_map(|handle| handle.as_ref().try_into().ok()).collect();
        (!fields.is_empty()).then_some(SealedRecord { record_type, subjects, fields })
    }
}

fn kind(action: &wire::Action) -> Result<&Kind, Refusal> {
    action.kind.as_ref().ok_or_else(|| Refusal::malformed("the action has no kind"))
}

/// A record, and whether what is sealed in it was erased.
fn with_erasure(record: RecordId) -> Vec<RecordId> {
    hutong_disclosure::records::erasure(&record).into_iter().chain([record]).collect()
}

//! The rules of the catalogue. Pure: the record that is named, the epoch and the block's time decide.

mod agreement;
mod dataset;
mod form;
mod render;

use std::sync::Arc;

use hutong_disclosure::decode_strict;
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    id::{AgencyId, Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::catalogue::{self as wire, action::Kind},
};

pub use agreement::{AGREEMENTS, agreement_record, check_agreement, is_active};
pub use dataset::{DATASETS, check_dataset, dataset_record};
pub(crate) use render::media_type;
pub use render::{class_name, render_agreement, render_dataset};

/// The domain.
pub const DOMAIN: Domain = Domain::CATALOGUE;

/// The latest time that a record may name: the end of the year 9999, as far as calendars reach.
pub const TIME_MS_MAX: u64 = 253_402_207_200_000;

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue;

impl Contract for Catalogue {
    fn domain(&self) -> Domain {
        DOMAIN
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
        let record = match kind(tx.action()?)? {
            Kind::PublishDataset(publish) => dataset_record(&dataset::named(publish)?.id)?,
            Kind::WithdrawDataset(withdraw) => dataset_record(&withdraw.id)?,
            Kind::Agree(agree) => agreement_record(&agreement::named(agree)?.id)?,
            Kind::Revoke(revoke) => agreement_record(&revoke.id)?,
        };
        Ok(vec![RecordKey { domain: DOMAIN, record }])
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let change = match kind(tx.action()?)? {
            Kind::PublishDataset(publish) => dataset::publish(publish, tx, state)?,
            Kind::WithdrawDataset(withdraw) => dataset::withdraw(withdraw, tx, state)?,
            Kind::Agree(agree) => agreement::agree(agree, tx, state)?,
            Kind::Revoke(revoke) => agreement::revoke(revoke, tx, state)?,
        };
        Ok(vec![change])
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        if record.as_str().starts_with(DATASETS) {
            wire::Dataset::decode(value).ok().map(|dataset| render_dataset(&dataset))
        } else {
            wire::Agreement::decode(value).ok().map(|agreement| render_agreement(&agreement))
        }
    }
}

fn kind(action: &wire::Action) -> Result<&Kind, Refusal> {
    action.kind.as_ref().ok_or_else(|| Refusal::malformed("the action has no kind"))
}

/// The agency that a domain belongs to in the epoch in force.
fn owner_of(domain: &str, state: &View<'_>) -> Result<AgencyId, Refusal> {
    let known = domain.parse().ok().and_then(|domain| state.epoch.rules(domain));
    known.map(|rules| rules.owner).ok_or_else(|| {
        Refusal::new("unknown_domain", "the epoch in force has no domain of this name").at("domain")
    })
}

/// Refuses unless the domain's owner signs.
fn by_owner(domain: &str, tx: &Verified<'_>, state: &View<'_>) -> Result<(), Refusal> {
    let owner = owner_of(domain, state)?;
    if tx.body.signers.contains(&owner) {
        return Ok(());
    }
    let message = format!("{domain} belongs to {owner}, which must sign");
    Err(Refusal::new("owner_required", message).at("signers"))
}

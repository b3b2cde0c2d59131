//! Sharing agreements: what one agency may read of a domain that another owns. Both sign it, either ends it.

use hutong_disclosure::stored;
use hutong_ledger::{
    contract::{Change, Refusal, Verified, View},
    id::{AgencyId, RecordId},
    sealed::is_field_name,
};
use hutong_wire::{prost::Message, v1::catalogue as wire};

use super::{TIME_MS_MAX, form, owner_of};

/// Before the id, in a record's name.
pub const AGREEMENTS: &str = "agreement/";

const FIELDS_MAX: usize = 64;
const PURPOSES_MAX: usize = 32;

const INVALID: form::Form = form::Form { code: "agreement_invalid" };

/// The record of an agreement.
pub fn agreement_record(id: &str) -> Result<RecordId, Refusal> {
    form::record(AGREEMENTS, id, INVALID.code)
}

pub(super) fn named(agree: &wire::Agree) -> Result<&wire::Agreement, Refusal> {
    agree.agreement.as_ref().ok_or_else(|| INVALID.no("agreement", "the agreement is missing"))
}

/// Whether it may be relied on at a time.
pub fn is_active(agreement: &wire::Agreement, time_ms: u64) -> bool {
    agreement.revoked_ms == 0 && (agreement.from_ms..agreement.until_ms).contains(&time_ms)
}

/// Whether an agreement is well formed, whoever signs it; its sides.
pub fn check_agreement(agreement: &wire::Agreement) -> Result<[AgencyId; 2], Refusal> {
    agreement_record(&agreement.id)?;
    let side = |name: &str, field| {
        name.parse::<AgencyId>().map_err(|_| INVALID.no(field, "the name of an agency is expected"))
    };
    let (owner, consumer) = (side(&agreement.owner, "owner")?, side(&agreement.consumer, "consumer")?);
    if owner == consumer {
        return Err(INVALID.no("consumer", "the owner needs no agreement with itself"));
    }
    INVALID.name(&agreement.record_type, "record_type")?;
    INVALID.count(agreement.fields.len(), 1, FIELDS_MAX, "fields")?;
    if !agreement.fields.iter().all(|name| is_field_name(name)) {
        return Err(INVALID.no("fields", "a sealed field's name is 1 to 64 of a-z, 0-9, _, - and ."));
    }
    INVALID.ascending(&agreement.fields, "fields")?;
    INVALID.count(agreement.purposes.len(), 1, PURPOSES_MAX, "purposes")?;
    agreement.purposes.iter().try_for_each(|purpose| INVALID.line(purpose, 128, "purposes"))?;
    INVALID.ascending(&agreement.purposes, "purposes")?;
    INVALID.line(&agreement.legal_basis, 512, "legal_basis")?;
    if agreement.until_ms <= agreement.from_ms || agreement.until_ms > TIME_MS_MAX {
        let message = "it ends after it begins, and before the year 10000";
        return Err(Refusal::new("period_invalid", message).at("until_ms"));
    }
    if agreement.agreed_ms > 0 || agreement.revoked_ms > 0 {
        return Err(INVALID.no("agreed_ms", "the times of agreeing and revoking are set when it is decided"));
    }
    if !agreement.revoked_by.is_empty() || !agreement.revocation_reason.is_empty() {
        return Err(INVALID.no("revoked_by", "nobody has revoked what is being agreed"));
    }
    Ok([owner, consumer])
}

pub(super) fn agree(action: &wire::Agree, tx: &Verified<'_>, state: &View<'_>) -> Result<Change, Refusal> {
    let agreement = named(action)?;
    let sides = check_agreement(agreement)?;
    let [owner, consumer] = sides;
    if owner_of(&agreement.domain, state)? != owner {
        let message = format!("{} does not belong to {owner}", agreement.domain);
        return Err(Refusal::new("owner_required", message).at("owner"));
    }
    if state.epoch.agency(&consumer).is_none() {
        return Err(Refusal::new("consumer_unknown", format!("{consumer} is no member")).at("consumer"));
    }
    if agreement.until_ms <= state.time_ms {
        return Err(Refusal::new("period_invalid", "it would be over before it begins").at("until_ms"));
    }
    if let Some(missing) = sides.into_iter().find(|side| !tx.body.signers.contains(side)) {
        let message = format!("both sides sign an agreement, and {missing} does not");
        return Err(Refusal::new("both_sides_required", message).at("signers"));
    }
    let record = agreement_record(&agreement.id)?;
    if state.get(&record).is_some() {
        return Err(Refusal::new("agreement_exists", format!("{record} is agreed already")).at("id"));
    }
    let agreement = wire::Agreement { agreed_ms: state.time_ms, ..agreement.clone() };
    Ok(Change::put(record, agreement.encode_to_vec()))
}

pub(super) fn revoke(action: &wire::Revoke, tx: &Verified<'_>, state: &View<'_>) -> Result<Change, Refusal> {
    let record = agreement_record(&action.id)?;
    form::Form { code: "reason_missing" }.line(&action.reason, 256, "reason")?;
    let unknown = || Refusal::new("agreement_unknown", format!("{record} was never agreed")).at("id");
    let mut agreement = stored::<wire::Agreement>(state, &record)?.ok_or_else(unknown)?;
    let by = revoker(&agreement, tx, state).ok_or_else(|| {
        let message = format!("{} and {} are its sides", agreement.owner, agreement.consumer);
        Refusal::new("side_required", message).at("signers")
    })?;
    if agreement.revoked_ms > 0 {
        return Err(Refusal::new("agreement_revoked", format!("{record} is revoked already")).at("id"));
    }
    agreement.revoked_ms = state.time_ms;
    agreement.revoked_by = by.to_string();
    agreement.revocation_reason = action.reason.clone();
    Ok(Change::put(record, agreement.encode_to_vec()))
}

/// The side that signs, the submitter before others. The domain's owner of today is one too: who takes a domain over
/// must be able to end what its predecessor agreed to.
fn revoker(agreement: &wire::Agreement, tx: &Verified<'_>, state: &View<'_>) -> Option<AgencyId> {
    let owner = owner_of(&agreement.domain, state).ok();
    let is_side = |agency: &&AgencyId| {
        let name = agency.as_str();
        name == agreement.owner || name == agreement.consumer || owner == Some(**agency)
    };
    std::iter::once(&tx.body.agency).chain(&tx.body.signers).find(is_side).copied()
}

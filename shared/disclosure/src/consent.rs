//! Consent: given and withdrawn by the person, whom the owner's vault recognised, for one agency, fields, purposes and
//! a time.

use hutong_ledger::{
    canon::ascending,
    contract::{Change, Refusal},
    id::{AgencyId, RecordId},
    sealed::is_field_name,
};
use hutong_wire::v1::disclosure::{Consent, GiveConsent, WithdrawConsent};

use crate::{
    access::PURPOSE_BYTES_MAX,
    case::{Case, handle, is_text, put},
    fields, records,
};

/// The most purposes of one consent.
pub const PURPOSES_MAX: usize = 16;

pub(crate) fn record(handle_bytes: &[u8], id: &str) -> Result<RecordId, Refusal> {
    let handle = handle(handle_bytes)?;
    let invalid = || Refusal::new("consent_invalid", "the id of a consent has 16 lower-case hex digits");
    records::consent(&handle, id).ok_or_else(|| invalid().at("id"))
}

pub(crate) fn give(case: &Case<'_>, action: &GiveConsent) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let record = record(&action.handle, &action.id)?;
    check(case, action)?;
    // Ids are used once, whatever became of the consent.
    if case.state.version(&record) != 0 {
        return Err(Refusal::new("consent_exists", "a consent of this id was given").at("id"));
    }
    let consent = Consent {
        id: action.id.clone(),
        handle: action.handle.clone(),
        consumer: action.consumer.clone(),
        record_type: action.record_type.clone(),
        fields: action.fields.clone(),
        purposes: action.purposes.clone(),
        from_ms: action.from_ms,
        until_ms: action.until_ms,
        given_ms: case.time_ms(),
        withdrawn_ms: 0,
    };
    Ok(vec![put(record, &consent)])
}

fn check(case: &Case<'_>, action: &GiveConsent) -> Result<(), Refusal> {
    let consumer = action.consumer.parse::<AgencyId>().ok();
    if consumer.and_then(|agency| case.state.epoch.agency(&agency)).is_none() {
        return Err(Refusal::new("consumer_unknown", "the consumer is no member agency").at("consumer"));
    }
    if !is_field_name(&action.record_type) {
        return Err(Refusal::new("consent_invalid", "a record type is named").at("record_type"));
    }
    fields::names(&action.fields)?;
    let purposes = &action.purposes;
    let named = (1..=PURPOSES_MAX).contains(&purposes.len())
        && ascending(purposes, String::clone)
        && purposes.iter().all(|purpose| is_text(purpose, PURPOSE_BYTES_MAX));
    if !named {
        let told =
            format!("1 to {PURPOSES_MAX} purposes of 1 to {PURPOSE_BYTES_MAX} bytes, ascending, each once");
        return Err(Refusal::new("purpose_invalid", told).at("purposes"));
    }
    if action.until_ms <= action.from_ms || action.until_ms <= case.time_ms() {
        let told = "a consent holds until a time to come, after the time from which it holds";
        return Err(Refusal::new("consent_invalid", told).at("until_ms"));
    }
    Ok(())
}

pub(crate) fn withdraw(case: &Case<'_>, action: &WithdrawConsent) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let record = record(&action.handle, &action.id)?;
    let unknown = || Refusal::new("consent_unknown", "there is no such consent").at("id");
    let mut consent: Consent = case.stored(&record)?.ok_or_else(unknown)?;
    if consent.withdrawn_ms != 0 {
        return Err(Refusal::new("consent_withdrawn", "the consent was withdrawn").at("id"));
    }
    consent.withdrawn_ms = case.time_ms();
    Ok(vec![put(record, &consent)])
}

//! On what an access rests: a sharing agreement, the person's consent, danger to life or limb, or the owner's own task.

use hutong_ledger::{
    contract::{Change, Refusal},
    id::AgencyId,
};
use hutong_wire::{
    prost::Message,
    v1::{
        catalogue::Agreement,
        disclosure::{AgreementUse, Basis, Consent, basis::Kind},
    },
};

use crate::{
    Handle,
    case::{Case, is_text, put},
    records,
};

/// The longest account of an emergency, in bytes.
pub const EMERGENCY_BYTES_MAX: usize = 256;
/// The longest reference of a task or a court's order, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// What is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) record_type: &'a str,
    pub(crate) subjects: &'a [Handle],
    pub(crate) fields: &'a [String],
    pub(crate) purpose: &'a String,
}

/// Whether the access may rest on this; what counts it, if it is counted.
pub(crate) fn check(
    case: &Case<'_>,
    basis: Option<&Basis>,
    asked: &Asked<'_>,
) -> Result<Option<Change>, Refusal> {
    match basis.and_then(|basis| basis.kind.as_ref()) {
        None => {
            let told = "an access rests on an agreement, a consent, an emergency or the owner's duty";
            Err(Refusal::new("basis_missing", told).at("basis"))
        }
        Some(Kind::Agreement(id)) => agreement(case, id, asked).map(Some),
        Some(Kind::Consent(id)) => consent(case, id, asked).map(|()| None),
        Some(Kind::Emergency(told)) => emergency(told).map(|()| None),
        Some(Kind::Duty(reference)) => duty(case, reference).map(|()| None),
    }
}

fn agreement(case: &Case<'_>, id: &str, asked: &Asked<'_>) -> Result<Change, Refusal> {
    let unknown = || Refusal::new("agreement_unknown", "the catalogue has no such agreement").at("basis");
    let key = records::agreement(id).ok_or_else(unknown)?;
    let used = records::agreement_use(id).ok_or_else(unknown)?;
    let value = case.state.get_in(&key).ok_or_else(unknown)?;
    let agreement = Agreement::decode(value.as_ref())
        .map_err(|e| Refusal::fault(format!("the record {key} does not decode: {e}")))?;
    let (owner, requester) = (case.state.owner()?, case.tx.body.agency);
    if agreement.owner != owner.as_str() || agreement.consumer != requester.as_str() {
        let told = format!("{id} is between {} and {}", agreement.owner, agreement.consumer);
        return Err(Refusal::new("agreement_other_party", told).at("basis"));
    }
    if agreement.domain != case.state.domain.as_str() || agreement.record_type != asked.record_type {
        let told = format!("{id} is about {}/{}", agreement.domain, agreement.record_type);
        return Err(Refusal::new("agreement_record_type", told).at("record"));
    }
    if let Some(other) = asked.fields.iter().find(|field| !agreement.fields.contains(field)) {
        return Err(Refusal::new("agreement_field", format!("{id} is not about {other}")).at("fields"));
    }
    if !agreement.purposes.contains(asked.purpose) {
        return Err(Refusal::new("agreement_purpose", format!("{id} is not for this purpose")).at("purpose"));
    }
    if agreement.revoked_ms != 0 {
        return Err(Refusal::new("agreement_revoked", format!("{id} was revoked")).at("basis"));
    }
    let now = case.time_ms();
    if now < agreement.from_ms {
        return Err(Refusal::new("agreement_not_yet", format!("{id} does not hold yet")).at("basis"));
    }
    if now >= agreement.until_ms {
        return Err(Refusal::new("agreement_expired", format!("{id} holds no more")).at("basis"));
    }
    let uses = case.stored::<AgreementUse>(&used)?.unwrap_or_default().count;
    if agreement.count_limit != 0 && uses >= agreement.count_limit {
        let told = format!("{id} allows {} accesses, and they were made", agreement.count_limit);
        return Err(Refusal::new("agreement_exhausted", told).at("basis"));
    }
    Ok(put(used, &AgreementUse { count: uses.saturating_add(1) }))
}

fn consent(case: &Case<'_>, id: &str, asked: &Asked<'_>) -> Result<(), Refusal> {
    let unknown = || Refusal::new("consent_unknown", "there is no such consent").at("basis");
    let (handle, record) = records::consent_of(id).ok_or_else(unknown)?;
    let consent: Consent = case.stored(&record)?.ok_or_else(unknown)?;
    let [subject] = asked.subjects else {
        let told = "a consent opens records of one person alone; this one is about others or nobody";
        return Err(Refusal::new("consent_subjects", told).at("basis"));
    };
    if *subject != handle || !is(&consent.consumer, case.tx.body.agency) {
        let told = "the consent is another person's, or given to another agency";
        return Err(Refusal::new("consent_other_party", told).at("basis"));
    }
    if consent.record_type != asked.record_type {
        let told = format!("the consent is about {}", consent.record_type);
        return Err(Refusal::new("consent_record_type", told).at("record"));
    }
    if let Some(other) = asked.fields.iter().find(|field| !consent.fields.contains(field)) {
        return Err(Refusal::new("consent_field", format!("the consent is not about {other}")).at("fields"));
    }
    if !consent.purposes.contains(asked.purpose) {
        return Err(Refusal::new("consent_purpose", "the consent is not for this purpose").at("purpose"));
    }
    if consent.withdrawn_ms != 0 {
        return Err(Refusal::new("consent_withdrawn", "the consent was withdrawn").at("basis"));
    }
    let now = case.time_ms();
    if now < consent.from_ms {
        return Err(Refusal::new("consent_not_yet", "the consent does not hold yet").at("basis"));
    }
    if now >= consent.until_ms {
        return Err(Refusal::new("consent_expired", "the consent holds no more").at("basis"));
    }
    Ok(())
}

/// Any agency may; that it did is told at once.
fn emergency(told: &str) -> Result<(), Refusal> {
    if is_text(told, EMERGENCY_BYTES_MAX) {
        return Ok(());
    }
    let told = format!("an emergency is told in 1 to {EMERGENCY_BYTES_MAX} bytes without control characters");
    Err(Refusal::new("basis_invalid", told).at("basis.emergency"))
}

fn duty(case: &Case<'_>, reference: &str) -> Result<(), Refusal> {
    let owner = case.state.owner()?;
    if case.tx.body.agency != owner {
        let told = format!("{owner} owns the domain; for others its duty is no basis");
        return Err(Refusal::new("duty_not_owner", told).at("basis.duty"));
    }
    if is_text(reference, REFERENCE_BYTES_MAX) {
        return Ok(());
    }
    let told =
        format!("a task is referred to in 1 to {REFERENCE_BYTES_MAX} bytes without control characters");
    Err(Refusal::new("basis_invalid", told).at("basis.duty"))
}

fn is(name: &str, agency: AgencyId) -> bool {
    name == agency.as_str()
}

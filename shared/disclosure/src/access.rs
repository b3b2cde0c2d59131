//! Access to sealed fields: who asked for what, why and on what basis. Where this refuses, no vault releases anything.

use hutong_ledger::{
    contract::{Change, Refusal, record_hash, record_salt},
    hash::Hash,
    id::{RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Access, Erasure, RequestAccess, basis::Kind},
};

use crate::{
    Handle, SealedRecord,
    basis::{self, Asked},
    case::{Case, beside, is_text, record},
    fields, index, records,
};

/// How long the vault releases against an access.
pub const RELEASE_WINDOW_MS: u64 = 24 * 3600 * 1000;
/// How far ahead a court may seal an access: five years.
pub const SEALED_AHEAD_MS_MAX: u64 = 1_827 * 24 * 3600 * 1000;
/// The longest purpose, in bytes.
pub const PURPOSE_BYTES_MAX: usize = 128;

/// What deciding reads: the record and its basis, then the indexes of its subjects, then the entries that come next.
pub(crate) fn reads(case: &Case<'_>, action: &RequestAccess) -> Result<Vec<RecordKey>, Refusal> {
    let own = |record: RecordId| RecordKey { domain: case.state.domain, record };
    let record = record(&action.record)?;
    let mut reads = vec![own(beside(&record, records::erasure)?), own(records::access(&case.tx.id))];
    match action.basis.as_ref().and_then(|basis| basis.kind.as_ref()) {
        Some(Kind::Agreement(id)) => {
            reads.extend(records::agreement(id));
            reads.extend(records::agreement_use(id).map(own));
        }
        Some(Kind::Consent(id)) => reads.extend(records::consent_of(id).map(|(_, record)| own(record))),
        Some(Kind::Emergency(_) | Kind::Duty(_)) | None => {}
    }
    for handle in case.sealed(&record)?.map(|sealed| sealed.subjects).unwrap_or_default() {
        let name = records::index(&handle);
        if case.state.is_loaded(&own(name.clone())) {
            let number = index::next(&index::of(case, &handle)?)?;
            reads.push(own(records::entry(&handle, number)));
        }
        reads.push(own(name));
    }
    reads.push(own(record));
    Ok(reads)
}

pub(crate) fn decide(case: &Case<'_>, action: &RequestAccess) -> Result<Vec<Change>, Refusal> {
    let name = record(&action.record)?;
    fields::names(&action.fields)?;
    if case.tx.body.actor.is_empty() {
        let told = "an access is an official's: the transaction's actor is their pseudonym";
        return Err(Refusal::new("official_missing", told).at("actor"));
    }
    if !is_text(&action.purpose, PURPOSE_BYTES_MAX) {
        let told = format!("a purpose has 1 to {PURPOSE_BYTES_MAX} bytes without control characters");
        return Err(Refusal::new("purpose_invalid", told).at("purpose"));
    }
    let sealed = case.sealed_or_refuse(&name)?;
    let wanted = wanted(case, &name, &sealed, &action.fields)?;
    let asked = Asked {
        record_type: sealed.record_type,
        subjects: &sealed.subjects,
        fields: &action.fields,
        purpose: &action.purpose,
    };
    let rested = basis::check(case, action.basis.as_ref(), &asked)?;
    sealed_until(case, action)?;
    let access = Access {
        record: action.record.clone(),
        record_type: sealed.record_type.to_owned(),
        fields: fields::wire(&wanted),
        requester: case.tx.body.agency.to_string(),
        official: case.tx.body.actor.clone(),
        purpose: action.purpose.clone(),
        basis: action.basis.clone(),
        subjects: sealed.subjects.iter().map(|handle| handle.to_vec().into()).collect(),
        time_ms: case.time_ms(),
        release_until_ms: case.time_ms().saturating_add(RELEASE_WINDOW_MS),
        sealed_until_ms: action.sealed_until_ms,
    };
    let mut changes: Vec<Change> = rested.into_iter().collect();
    changes.extend(counted(case, &access, &sealed.subjects)?);
    Ok(changes)
}

/// The fields asked for, with the commitments that stand now.
fn wanted(
    case: &Case<'_>,
    name: &RecordId,
    sealed: &SealedRecord,
    names: &[String],
) -> Result<Vec<(String, Hash)>, Refusal> {
    let erasure: Erasure = case.stored(&beside(name, records::erasure)?)?.unwrap_or_default();
    let find = |field: &String| {
        let unknown = || Refusal::new("field_unknown", format!("{name} has no sealed field {field}"));
        let at = sealed.fields.iter().find(|(name, _)| name == field);
        let found = at.ok_or_else(|| unknown().at("fields"))?;
        let (_, commitment) = found;
        if erasure.fields.iter().any(|gone| gone.name == *field && gone.commitment[..] == commitment.0) {
            return Err(Refusal::new("erased", format!("{field} of {name} was erased")).at("fields"));
        }
        Ok(found.clone())
    };
    names.iter().map(find).collect()
}

fn sealed_until(case: &Case<'_>, action: &RequestAccess) -> Result<(), Refusal> {
    let order = action.basis.as_ref().map(|basis| basis.court_order.as_str()).unwrap_or_default();
    let until = action.sealed_until_ms;
    if until == 0 && order.is_empty() {
        return Ok(());
    }
    if until == 0 || !is_text(order, 64) {
        let told = "an access is sealed until a time on a court's order, referred to in 1 to 64 bytes: both or neither";
        return Err(Refusal::new("court_order_invalid", told).at("basis.court_order"));
    }
    let now = case.time_ms();
    if until <= now || until > now.saturating_add(SEALED_AHEAD_MS_MAX) {
        let told = "it may be sealed until a time to come, at most five years ahead";
        return Err(Refusal::new("sealed_until_invalid", told).at("sealed_until_ms"));
    }
    Ok(())
}

/// The access, and what it adds to the indexes of its subjects.
fn counted(case: &Case<'_>, access: &Access, subjects: &[Handle]) -> Result<Vec<Change>, Refusal> {
    let record = records::access(&case.tx.id);
    let value = access.encode_to_vec();
    if case.state.version(&record) != 0 {
        return Err(Refusal::fault("an access of this transaction stands already"));
    }
    // What the state tree will hold for the access: a chain over these hashes tells nobody what they are of.
    let salt = record_salt(&case.tx.body.nonce, &record);
    let details = record_hash(case.state.domain, &record, 1, &salt, Some(&value));
    let one =
        index::Counted { access: case.tx.id, sealed_until_ms: access.sealed_until_ms, details: &details };
    let mut changes = vec![Change::put(record, value)];
    for handle in subjects {
        changes.extend(index::advance(case, handle, &one)?);
    }
    Ok(changes)
}

/// Whether there is something to show to the subject at a time.
pub fn is_open(sealed_until_ms: u64, time_ms: u64) -> bool {
    sealed_until_ms <= time_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_years_hold_two_leap_days_at_most() {
        assert_eq!(SEALED_AHEAD_MS_MAX / (24 * 3600 * 1000), 5 * 365 + 2);
        assert!(is_open(0, 0) && is_open(5, 5) && !is_open(6, 5));
    }
}

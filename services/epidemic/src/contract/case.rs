//! Cases: reported once, revised as often as needed, never taken away.

use hutong_disclosure::stored;
use hutong_ledger::{
    canon::ascending,
    contract::{Change, Refusal, Verified, View},
    id::RecordId,
};
use hutong_wire::v1::{
    disclosure::SealedField,
    epidemic::{self as wire, Status},
};

use super::{
    form, put,
    settings::{self, known_district, may_report},
};

/// What the names of cases begin with.
pub const CASES: &str = "case/";
/// The most cases of one import.
pub const CASES_MAX: usize = 100;
pub const REASON_BYTES_MAX: usize = 256;

/// The record `case/<id>`.
pub fn case_record(id: &str) -> Result<RecordId, Refusal> {
    let sound = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !sound {
        return Err(Refusal::new("case_invalid", "a case's id is 1 to 64 of a-z, 0-9 and -").at("id"));
    }
    form::named(format!("{CASES}{id}"))
}

pub(super) fn report(
    report: &wire::ReportCase,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    may_report(tx, state)?;
    let listed = stored::<wire::Districts>(state, &settings::districts())?;
    let case = new(report, listed.as_ref(), tx, state)?;
    let record = case_record(&case.id)?;
    if state.get(&record).is_some() {
        return Err(exists(&case.id));
    }
    Ok(vec![put(record, &case)])
}

/// The cases of an import: bounded and in one order.
pub(super) fn listed(import: &wire::ImportCases) -> Result<&[wire::ReportCase], Refusal> {
    if (1..=CASES_MAX).contains(&import.cases.len()) && ascending(&import.cases, |case| case.id.clone()) {
        return Ok(&import.cases);
    }
    let message = format!("1 to {CASES_MAX} cases, ascending by id, each once");
    Err(Refusal::new("batch_invalid", message).at("cases"))
}

pub(super) fn import(
    import: &wire::ImportCases,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    tx.submitted_by_owner(state)?;
    let districts = stored::<wire::Districts>(state, &settings::districts())?;
    let mut changes = Vec::new();
    for report in listed(import)? {
        let case = new(report, districts.as_ref(), tx, state)?;
        let record = case_record(&case.id)?;
        match stored::<wire::Case>(state, &record)? {
            None => changes.push(put(record, &case)),
            // An older register does not undo what was found out since.
            Some(known) if known == case || known.revision > 1 => {}
            Some(_) => return Err(exists(&case.id)),
        }
    }
    match changes.is_empty() {
        true => Err(Refusal::new("case_exists", "all of these cases are registered already").at("cases")),
        false => Ok(changes),
    }
}

fn exists(id: &str) -> Refusal {
    Refusal::new("case_exists", format!("case {id} is registered; revise it")).at("id")
}

fn new(
    report: &wire::ReportCase,
    districts: Option<&wire::Districts>,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Case, Refusal> {
    let facts = form::facts(report.facts.as_ref(), state.time_ms)?;
    known_district(&facts.district, districts)?;
    form::sealed(&report.sealed)?;
    form::subject(&report.subject)?;
    Ok(wire::Case {
        id: report.id.clone(),
        facts: Some(facts.clone()),
        agency: tx.body.agency.to_string(),
        subject: report.subject.clone(),
        sealed: report.sealed.clone(),
        revision: 1,
        reason: String::new(),
    })
}

pub(super) fn revise(
    revise: &wire::ReviseCase,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    let record = case_record(&revise.id)?;
    let unknown = || Refusal::new("case_unknown", format!("case {} was not reported", revise.id)).at("id");
    let mut case = stored::<wire::Case>(state, &record)?.ok_or_else(unknown)?;
    if tx.body.agency != state.owner()? && tx.body.agency.as_str() != case.agency {
        let message = format!("{} reported it; that agency and the domain's owner revise it", case.agency);
        return Err(Refusal::new("not_the_reporter", message).at("agency"));
    }
    let version = state.version(&record);
    if revise.expected_version != 0 && revise.expected_version != version {
        let message =
            format!("the record is at version {version}, not {}; look again", revise.expected_version);
        return Err(Refusal::new("stale_version", message).at("expected_version"));
    }
    let facts = form::facts(revise.facts.as_ref(), state.time_ms)?;
    let districts = stored::<wire::Districts>(state, &settings::districts())?;
    known_district(&facts.district, districts.as_ref())?;
    form::sealed(&revise.sealed)?;
    let before = case.facts.clone().unwrap_or_default();
    if facts.disease != before.disease {
        let message = "another disease is another case: discard this one and report that one";
        return Err(Refusal::new("disease_fixed", message).at("disease"));
    }
    needs_reason(revise, before.status() != facts.status() && is_discarded(&before, facts))?;
    let sealed = merged(&case.sealed, &revise.sealed);
    if before == *facts && sealed == case.sealed {
        return Err(Refusal::new("revision_empty", "the revision changes nothing").at("facts"));
    }
    case.facts = Some(facts.clone());
    case.sealed = sealed;
    case.reason.clone_from(&revise.reason);
    case.revision =
        case.revision.checked_add(1).ok_or_else(|| Refusal::fault("a case has too many revisions"))?;
    Ok(vec![put(record, &case)])
}

/// Whether the case is discarded before or after.
fn is_discarded(before: &wire::Facts, after: &wire::Facts) -> bool {
    [before, after].iter().any(|facts| facts.status() == Status::Discarded)
}

fn needs_reason(revise: &wire::ReviseCase, needed: bool) -> Result<(), Refusal> {
    if revise.reason.is_empty() && !needed || form::is_line(&revise.reason, REASON_BYTES_MAX) {
        return Ok(());
    }
    let message = "discarding a case and taking it up again need a reason, in 1 to 256 bytes on one line";
    Err(Refusal::new("reason_missing", message).at("reason"))
}

/// The fields with others put in their place, by name.
fn merged(known: &[SealedField], new: &[SealedField]) -> Vec<SealedField> {
    let mut fields: Vec<_> =
        known.iter().filter(|field| new.iter().all(|other| other.name != field.name)).cloned().collect();
    fields.extend_from_slice(new);
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields
}

//! Legal holds: nothing of a record is erased while one stands.

use hutong_ledger::{
    contract::{Change, Refusal},
    id::{AgencyId, RecordId},
};
use hutong_wire::v1::disclosure::{Hold, LiftHold, PlaceHold};

use crate::{
    case::{Case, beside, is_text, put, record},
    records,
};

/// The longest reason of a hold, in bytes.
pub const REASON_BYTES_MAX: usize = 256;

pub(crate) fn place_reads(action: &PlaceHold) -> Result<Vec<RecordId>, Refusal> {
    let record = record(&action.record)?;
    let hold = beside(&record, records::hold)?;
    Ok(vec![record, hold])
}

pub(crate) fn place(case: &Case<'_>, action: &PlaceHold) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let name = record(&action.record)?;
    if !is_text(&action.reason, REASON_BYTES_MAX) {
        let told = format!("a hold has a reason of 1 to {REASON_BYTES_MAX} bytes without control characters");
        return Err(Refusal::new("hold_invalid", told).at("reason"));
    }
    if action.until_ms != 0 && action.until_ms <= case.time_ms() {
        return Err(Refusal::new("hold_invalid", "a hold ends at a time to come").at("until_ms"));
    }
    case.sealed_or_refuse(&name)?;
    if let Some(hold) = standing(case, &name)? {
        return Err(Refusal::new("hold_exists", format!("{} holds it: {}", hold.agency, hold.reason)));
    }
    let hold = Hold {
        record: action.record.clone(),
        reason: action.reason.clone(),
        agency: case.tx.body.agency.to_string(),
        since_ms: case.time_ms(),
        until_ms: action.until_ms,
    };
    Ok(vec![put(beside(&name, records::hold)?, &hold)])
}

/// The hold that stands on a record at the block's time.
pub(crate) fn standing(case: &Case<'_>, name: &RecordId) -> Result<Option<Hold>, Refusal> {
    let hold: Option<Hold> = case.stored(&beside(name, records::hold)?)?;
    Ok(hold.filter(|hold| hold.until_ms == 0 || case.time_ms() < hold.until_ms))
}

pub(crate) fn lift_reads(action: &LiftHold) -> Result<Vec<RecordId>, Refusal> {
    Ok(vec![beside(&record(&action.record)?, records::hold)?])
}

pub(crate) fn lift(case: &Case<'_>, action: &LiftHold) -> Result<Vec<Change>, Refusal> {
    let hold_record = beside(&record(&action.record)?, records::hold)?;
    let unknown = || Refusal::new("hold_unknown", "no hold stands on the record").at("record");
    let hold: Hold = case.stored(&hold_record)?.ok_or_else(unknown)?;
    if hold.agency == case.tx.body.agency.as_str() {
        return Ok(vec![Change::delete(hold_record)]);
    }
    // Nobody else could when the agency that placed it has left the city.
    let placer = hold.agency.parse::<AgencyId>().ok();
    if placer.and_then(|agency| case.state.epoch.agency(&agency)).is_none() {
        case.tx.submitted_by_owner(case.state)?;
        return Ok(vec![Change::delete(hold_record)]);
    }
    let told = format!("{} placed the hold and alone may lift it", hold.agency);
    Err(Refusal::new("not_the_holder", told).at("record"))
}

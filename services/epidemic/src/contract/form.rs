//! The forms of codes, facts and sealed fields, each checked where it comes in.

use hutong_ledger::{canon::ascending, contract::Refusal, id::RecordId, sealed::is_field_name};
use hutong_wire::v1::{
    disclosure::SealedField,
    epidemic::{self as wire, Origin, Sex, Status},
};

use crate::day::{self, Day};

/// Bands of five years; the last one is open.
pub const AGE_BANDS: [&str; 15] = [
    "0-4", "5-9", "10-14", "15-19", "20-24", "25-29", "30-34", "35-39", "40-44", "45-49", "50-54", "55-59",
    "60-64", "65-69", "70+",
];
/// Sealed fields of one case.
const SEALED_MAX: usize = 32;

/// Whether a text is 1 to `max` of a-z, 0-9, - and .
pub(super) fn is_code(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

/// One line for people: 1 to `max` bytes.
pub(super) fn is_line(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// A record's name from checked parts.
pub(super) fn named(name: String) -> Result<RecordId, Refusal> {
    name.parse().map_err(|_| Refusal::fault("a name made of checked parts is none"))
}

fn invalid(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::new("case_invalid", message).at(field)
}

/// Refuses facts that cannot be so at a time. Whether the district is in the list, the ledger knows.
pub fn check_facts(checked: &wire::Facts, time_ms: u64) -> Result<(), Refusal> {
    facts(Some(checked), time_ms).map(|_| ())
}

/// Facts that can be so, as of the day of a block.
pub(super) fn facts(facts: Option<&wire::Facts>, time_ms: u64) -> Result<&wire::Facts, Refusal> {
    let facts = facts.ok_or_else(|| invalid("facts", "a case has facts"))?;
    if !is_code(&facts.disease, 32) {
        return Err(invalid("disease", "a disease's code is 1 to 32 of a-z, 0-9, - and ."));
    }
    if Status::try_from(facts.status).unwrap_or_default() == Status::Unspecified {
        return Err(invalid("status", "a case is suspected, confirmed or discarded"));
    }
    if Origin::try_from(facts.origin).unwrap_or_default() == Origin::Unspecified {
        return Err(invalid("origin", "a case is local or imported"));
    }
    if Sex::try_from(facts.sex).is_err() {
        return Err(invalid("sex", "female, male or not known"));
    }
    if !facts.district.is_empty() && !is_code(&facts.district, 48) {
        return Err(invalid("district", "a district's code is 1 to 48 of a-z, 0-9, - and ."));
    }
    if !facts.age_band.is_empty() && !AGE_BANDS.contains(&facts.age_band.as_str()) {
        return Err(invalid("age_band", "bands are 0-4, 5-9 and so on up to 65-69, and 70+"));
    }
    let facility = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if facts.facility.len() > 64 || !facts.facility.bytes().all(facility) {
        return Err(invalid("facility", "a facility's code is at most 64 of A-Z, a-z, 0-9, - and ."));
    }
    dates(facts, time_ms)?;
    Ok(facts)
}

fn dates(facts: &wire::Facts, time_ms: u64) -> Result<(), Refusal> {
    let no = |field: &str, message: String| Refusal::new("dates_invalid", message).at(field);
    let report = facts.report.ok_or_else(|| no("report", "a case has a day of report".into()))?;
    // Where the sun rises first it is a day later than in UTC.
    let today = day::of_ms(time_ms) + 1;
    let named = [
        ("onset", facts.onset),
        ("specimen", facts.specimen),
        ("diagnosis", facts.diagnosis),
        ("report", facts.report),
    ];
    for (field, day) in named {
        if day.is_some_and(|day| !(day::FIRST..=today).contains(&day)) {
            return Err(no(field, "a day since 1800 that is not in the future".into()));
        }
    }
    let after = |earlier: Option<Day>, later: Option<Day>| earlier.zip(later).is_some_and(|(a, b)| a > b);
    if after(facts.onset, Some(report)) {
        return Err(no("onset", "the onset is not after the report".into()));
    }
    if after(facts.onset, facts.diagnosis) {
        return Err(no("diagnosis", "the diagnosis is not before the onset".into()));
    }
    if after(facts.specimen, facts.diagnosis) {
        return Err(no("diagnosis", "the diagnosis is not before the specimen that it rests on".into()));
    }
    Ok(())
}

/// Sealed fields: ascending by name, each once, with commitments.
pub(super) fn sealed(fields: &[SealedField]) -> Result<(), Refusal> {
    let sound = fields.len() <= SEALED_MAX
        && ascending(fields, |field| field.name.clone())
        && fields.iter().all(|field| is_field_name(&field.name) && field.commitment.len() == 32);
    if sound {
        return Ok(());
    }
    let told = format!("at most {SEALED_MAX} fields, ascending by name, each with a commitment of 32 bytes");
    Err(Refusal::new("sealed_field_invalid", told).at("sealed"))
}

/// The handle of a person, or none.
pub(super) fn subject(handle: &[u8]) -> Result<(), Refusal> {
    if matches!(handle.len(), 0 | 16) {
        return Ok(());
    }
    Err(Refusal::new("handle_invalid", "a handle has 16 bytes").at("subject"))
}

//! The form of what comes in: whatever stands in a record is bounded and can be shown.

use bytes::Bytes;
use hutong_disclosure::records::erasure;
use hutong_ledger::{
    canon::ascending,
    contract::{Refusal, View},
    id::RecordId,
    sealed::is_field_name,
};
use hutong_wire::v1::disclosure::SealedField;

pub const NAME_BYTES_MAX: usize = 256;
pub const KIND_BYTES_MAX: usize = 128;
/// The latest time that a record may name: the end of the year 9999, as far as calendars reach.
pub const TIME_MS_MAX: u64 = 253_402_207_200_000;

const REASON_BYTES_MAX: usize = 256;
const SEALED_MAX: usize = 32;
const SUBJECTS_MAX: usize = 16;

/// One line for people: nothing that cannot be seen, no space at the ends.
fn is_line(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

pub(super) fn name(text: &str) -> Result<(), Refusal> {
    if is_line(text, NAME_BYTES_MAX) {
        return Ok(());
    }
    let told =
        format!("the name of a business is 1 to {NAME_BYTES_MAX} bytes on one line, no space at the ends");
    Err(Refusal::new("business_invalid", told).at("name"))
}

pub(super) fn reason(text: &str) -> Result<(), Refusal> {
    if is_line(text, REASON_BYTES_MAX) {
        return Ok(());
    }
    let told = format!("a reason is 1 to {REASON_BYTES_MAX} bytes on one line, no space at the ends");
    Err(Refusal::new("reason_missing", told).at("reason"))
}

/// Whether a text may say what a licence allows.
pub fn is_kind(text: &str) -> bool {
    is_line(text, KIND_BYTES_MAX)
}

pub(super) fn kind(text: &str) -> Result<(), Refusal> {
    if is_kind(text) {
        return Ok(());
    }
    let told = format!("what it allows is 1 to {KIND_BYTES_MAX} bytes on one line, no space at the ends");
    Err(Refusal::new("licence_invalid", told).at("kind"))
}

/// From the first until just before the second.
pub(super) fn period(from_ms: u64, until_ms: u64) -> Result<(), Refusal> {
    if from_ms < until_ms && until_ms <= TIME_MS_MAX {
        return Ok(());
    }
    let told = "a licence ends after it begins, and before the year 10000";
    Err(Refusal::new("period_invalid", told).at("valid_until_ms"))
}

/// Sealed fields as they come in: ascending by name, each once.
pub(super) fn sealed(fields: &[SealedField]) -> Result<(), Refusal> {
    let sound = |field: &SealedField| is_field_name(&field.name) && field.commitment.len() == 32;
    if fields.len() <= SEALED_MAX && ascending(fields, |field| field.name.clone()) && fields.iter().all(sound)
    {
        return Ok(());
    }
    let told = format!(
        "at most {SEALED_MAX} sealed fields, ascending by name, each once, with commitments of 32 bytes"
    );
    Err(Refusal::new("sealed_field_invalid", told).at("sealed"))
}

/// Handles as they come in: ascending, each once.
pub(super) fn subjects(handles: &[Bytes]) -> Result<(), Refusal> {
    if handles.len() > SUBJECTS_MAX {
        let told = format!("at most {SUBJECTS_MAX} subjects");
        return Err(Refusal::new("too_many_subjects", told).at("subjects"));
    }
    if ascending(handles, Bytes::clone) && handles.iter().all(|handle| handle.len() == 16) {
        return Ok(());
    }
    Err(Refusal::new("handle_invalid", "handles have 16 bytes and ascend, each once").at("subjects"))
}

/// Puts the new ones in place of those of their names.
pub(super) fn replace(standing: &mut Vec<SealedField>, new: &[SealedField]) -> Result<(), Refusal> {
    sealed(new)?;
    standing.retain(|old| new.iter().all(|field| field.name != old.name));
    standing.extend_from_slice(new);
    standing.sort_by(|a, b| a.name.cmp(&b.name));
    if standing.len() <= SEALED_MAX {
        return Ok(());
    }
    Err(Refusal::new("sealed_field_invalid", format!("at most {SEALED_MAX} sealed fields in all"))
        .at("sealed"))
}

/// Refuses to seal anew in a record what was erased from it.
pub(super) fn not_erased(record: &RecordId, new: &[SealedField], state: &View<'_>) -> Result<(), Refusal> {
    let erased = erasure(record).is_some_and(|erasure| state.get(&erasure).is_some());
    if new.is_empty() || !erased {
        return Ok(());
    }
    Err(Refusal::new("erased", "what is sealed in the record was erased").at("sealed"))
}

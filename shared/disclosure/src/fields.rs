//! Lists of fields: sealed ones with their commitments, and names alone.

use hutong_ledger::{canon::ascending, contract::Refusal, hash::Hash, sealed::is_field_name};
use hutong_wire::v1::disclosure::SealedField;

use crate::SealedRecord;

/// The most fields of a person, and the most that one action may name.
pub const FIELDS_MAX: usize = 32;
/// The most sealed fields of any record.
pub const RECORD_FIELDS_MAX: usize = 128;

/// Sealed fields as they travel: ascending by name, each once, at most [`FIELDS_MAX`].
pub(crate) fn sealed(fields: &[SealedField]) -> Result<Vec<(String, Hash)>, Refusal> {
    if fields.len() > FIELDS_MAX || !ascending(fields, |field| field.name.clone()) {
        return Err(invalid(format!("at most {FIELDS_MAX} sealed fields, ascending by name, each once")));
    }
    let parse = |field: &SealedField| {
        if !is_field_name(&field.name) {
            return Err(invalid("the name of a field is 1 to 64 of a-z, 0-9, _, - and .".into()));
        }
        let commitment = field.commitment.as_ref().try_into();
        let commitment = commitment.map_err(|_| invalid("a commitment has 32 bytes".into()))?;
        Ok((field.name.clone(), Hash(commitment)))
    };
    fields.iter().map(parse).collect()
}

/// Sealed fields as they are stored and sent.
pub(crate) fn wire(fields: &[(String, Hash)]) -> Vec<SealedField> {
    let field = |(name, commitment): &(String, Hash)| SealedField {
        name: name.clone(),
        commitment: commitment.0.to_vec().into(),
    };
    fields.iter().map(field).collect()
}

/// The names that an action lists: 1 to [`FIELDS_MAX`], ascending, each once.
pub(crate) fn names(names: &[String]) -> Result<(), Refusal> {
    let fit = (1..=FIELDS_MAX).contains(&names.len())
        && ascending(names, String::clone)
        && names.iter().all(|name| is_field_name(name));
    if fit {
        return Ok(());
    }
    let told = format!("1 to {FIELDS_MAX} names of fields, ascending, each once");
    Err(Refusal::new("fields_invalid", told).at("fields"))
}

/// What a domain's own contract makes of its records, before it becomes a change.
pub(crate) fn check_record(sealed: &SealedRecord) -> Result<(), Refusal> {
    crate::case::few_subjects(sealed)?;
    let mut names: Vec<_> = sealed.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.len() > RECORD_FIELDS_MAX || names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(invalid(format!("at most {RECORD_FIELDS_MAX} sealed fields, each once")));
    }
    if names.iter().all(|name| is_field_name(name)) {
        Ok(())
    } else {
        Err(invalid("the name of a field is 1 to 64 of a-z, 0-9, _, - and .".into()))
    }
}

fn invalid(told: String) -> Refusal {
    Refusal::new("sealed_field_invalid", told).at("sealed")
}

//! Persons: the record `person/<handle>` with sealed fields alone. The vault alone knows who it is.

use std::collections::BTreeMap;

use hutong_ledger::{
    contract::{Change, Refusal},
    hash::Hash,
    id::RecordId,
};
use hutong_wire::v1::disclosure::{Person, RegisterPerson, UpdatePerson};

use crate::{
    case::{Case, beside, handle, put},
    fields::{self, FIELDS_MAX},
    index, records,
};

pub(crate) fn register_reads(action: &RegisterPerson) -> Result<Vec<RecordId>, Refusal> {
    let handle = handle(&action.handle)?;
    Ok(vec![records::person(&handle), records::index(&handle)])
}

pub(crate) fn register(case: &Case<'_>, action: &RegisterPerson) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let handle = handle(&action.handle)?;
    let sealed = fields::sealed(&action.sealed)?;
    let record = records::person(&handle);
    if case.state.get(&record).is_some() {
        return Err(Refusal::new("person_exists", "the person is registered already").at("handle"));
    }
    let person = Person { sealed: fields::wire(&sealed), since_ms: case.time_ms() };
    let mut changes = vec![put(record, &person)];
    let index = records::index(&handle);
    // A record of the domain's own may have named the handle before, and have been read.
    if case.state.get(&index).is_none() {
        changes.push(put(index, &index::empty()));
    }
    Ok(changes)
}

pub(crate) fn update_reads(action: &UpdatePerson) -> Result<Vec<RecordId>, Refusal> {
    let record = records::person(&handle(&action.handle)?);
    let erasure = beside(&record, records::erasure)?;
    Ok(vec![record, erasure])
}

pub(crate) fn update(case: &Case<'_>, action: &UpdatePerson) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let record = records::person(&handle(&action.handle)?);
    let new = fields::sealed(&action.sealed)?;
    let unknown = || Refusal::new("person_unknown", "the person is not registered").at("handle");
    let stored: Person = case.stored(&record)?.ok_or_else(unknown)?;
    if case.state.get(&beside(&record, records::erasure)?).is_some() {
        return Err(Refusal::new("erased", "the person's data was erased").at("handle"));
    }
    if new.is_empty() {
        return Err(Refusal::new("sealed_field_invalid", "there is nothing to update").at("sealed"));
    }
    let standing = case.sealed(&record)?.map(|sealed| sealed.fields).unwrap_or_default();
    let mut sealed: BTreeMap<String, Hash> = standing.into_iter().collect();
    for (name, commitment) in new {
        if sealed.get(&name) == Some(&commitment) {
            let message = format!("{name} is sealed anew with a fresh salt, and so has another commitment");
            return Err(Refusal::new("commitment_unchanged", message).at("sealed"));
        }
        sealed.insert(name, commitment);
    }
    if sealed.len() > FIELDS_MAX {
        let message = format!("a person has at most {FIELDS_MAX} sealed fields");
        return Err(Refusal::new("sealed_field_invalid", message).at("sealed"));
    }
    let sealed: Vec<_> = sealed.into_iter().collect();
    Ok(vec![put(record, &Person { sealed: fields::wire(&sealed), ..stored })])
}

//! Erasure: the certificate of what can no longer be opened. The vault destroys the keys; the ledger keeps its
//! commitments, which tell nothing, so every proof still verifies.

use std::collections::BTreeSet;

use hutong_ledger::{
    contract::{Change, Refusal},
    hash::Hash,
    id::RecordId,
};
use hutong_wire::v1::disclosure::{ConfirmUnrecoverable, Erase, Erasure, ErasureStatus, ReadBy};

use crate::{
    case::{Case, beside, hash, is_text, nothing_sealed, put, record},
    fields, hold, index, records,
};

/// The longest legal basis of an erasure, in bytes.
pub const BASIS_BYTES_MAX: usize = 256;
/// The most fields that a certificate repeats from the one before it; the record's history has the others.
const CERTIFIED_MAX: usize = 512;

/// The record with its hold and certificate, then the indexes of its subjects.
pub(crate) fn erase_reads(case: &Case<'_>, action: &Erase) -> Result<Vec<RecordId>, Refusal> {
    let name = record(&action.record)?;
    let subjects = case.sealed(&name)?.map(|sealed| sealed.subjects).unwrap_or_default();
    let mut reads: Vec<_> = subjects.iter().map(records::index).collect();
    reads.extend([beside(&name, records::hold)?, beside(&name, records::erasure)?, name]);
    Ok(reads)
}

pub(crate) fn erase(case: &Case<'_>, action: &Erase) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let name = record(&action.record)?;
    if !matches!(action.requested_by.as_str(), "person" | "owner") {
        let told = "an erasure is requested by the person or the owner";
        return Err(Refusal::new("erasure_invalid", told).at("requested_by"));
    }
    if !is_text(&action.basis, BASIS_BYTES_MAX) {
        let told = format!("a legal basis of 1 to {BASIS_BYTES_MAX} bytes without control characters");
        return Err(Refusal::new("erasure_invalid", told).at("basis"));
    }
    if action.destroy_handle && records::person_of(&name).is_none() {
        let told = "a handle is destroyed with the person's own record";
        return Err(Refusal::new("erasure_invalid", told).at("destroy_handle"));
    }
    let sealed = case.sealed_or_refuse(&name)?;
    if let Some(hold) = hold::standing(case, &name)? {
        let told = format!("{} holds it: {}", hold.agency, hold.reason);
        return Err(Refusal::new("legal_hold", told).at("record"));
    }
    if sealed.fields.is_empty() && !action.destroy_handle {
        return Err(nothing_sealed(&name));
    }
    let certificate = beside(&name, records::erasure)?;
    let before: Erasure = case.stored(&certificate)?.unwrap_or_default();
    let gone = before.fields.iter().map(|field| Ok((field.name.clone(), hash(&field.commitment)?)));
    let gone: BTreeSet<(String, Hash)> = gone.collect::<Result<_, Refusal>>()?;
    let forgets = action.destroy_handle && !before.handle_destroyed;
    if !forgets && sealed.fields.iter().all(|field| gone.contains(field)) {
        return Err(Refusal::new("already_erased", format!("{name} was erased")).at("record"));
    }
    let read_by = sealed.subjects.iter().map(|handle| {
        let index = index::of(case, handle)?;
        Ok(ReadBy { handle: handle.to_vec().into(), count: index.count, head: index.head })
    });
    let erasure = Erasure {
        record: action.record.clone(),
        fields: fields::wire(&certified(gone, sealed.fields)),
        requested_by: action.requested_by.clone(),
        basis: action.basis.clone(),
        status: ErasureStatus::Erased.into(),
        erased_ms: case.time_ms(),
        unrecoverable_ms: 0,
        handle_destroyed: action.destroy_handle || before.handle_destroyed,
        read_by: read_by.collect::<Result<_, Refusal>>()?,
    };
    Ok(vec![put(certificate, &erasure)])
}

/// What was erased before stays erased: a vault restored from long ago reads one certificate.
fn certified(gone: BTreeSet<(String, Hash)>, standing: Vec<(String, Hash)>) -> Vec<(String, Hash)> {
    let all: BTreeSet<_> = standing.iter().cloned().chain(gone).collect();
    if all.len() <= CERTIFIED_MAX { all.into_iter().collect() } else { standing }
}

pub(crate) fn confirm_reads(action: &ConfirmUnrecoverable) -> Result<Vec<RecordId>, Refusal> {
    Ok(vec![beside(&record(&action.record)?, records::erasure)?])
}

pub(crate) fn confirm(case: &Case<'_>, action: &ConfirmUnrecoverable) -> Result<Vec<Change>, Refusal> {
    case.tx.submitted_by_owner(case.state)?;
    let certificate = beside(&record(&action.record)?, records::erasure)?;
    let unknown = || Refusal::new("erasure_unknown", "the record was not erased").at("record");
    let mut erasure: Erasure = case.stored(&certificate)?.ok_or_else(unknown)?;
    if erasure.status() == ErasureStatus::Unrecoverable {
        return Err(Refusal::new("already_unrecoverable", "it was confirmed before").at("record"));
    }
    erasure.status = ErasureStatus::Unrecoverable.into();
    erasure.unrecoverable_ms = case.time_ms();
    Ok(vec![put(certificate, &erasure)])
}

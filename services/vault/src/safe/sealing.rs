//! Keeping values for a transaction to come.

use std::collections::BTreeSet;

use hutong_disclosure::{
    RECORD_FIELDS_MAX, SUBJECTS_MAX, commitment, is_field_name,
    records::{self, RECORD_BYTES_MAX},
};
use hutong_keys::{aead::AeadKey, random_bytes};
use hutong_ledger::{
    hash::Hash,
    id::{RecordId, RecordKey},
    sealed::SALT_BYTES,
};
use hutong_peer::vault::{ToSeal, VALUE_BYTES_MAX, VALUES_BYTES_MAX};
use hutong_store::Batch;
use zeroize::Zeroizing;

use super::{
    Safe,
    tables::{
        CIPHERTEXT, DUE, Due, Generation, STANDINGS, Standing, WRAPPED, due, item, name, value, value_aad,
    },
};
use crate::{Error, error::refused};

/// Whether the values can be kept, before anything is.
pub(crate) fn check(sealing: &ToSeal) -> Result<(), Error> {
    let invalid = |told: String| refused("seal_invalid", told);
    let RecordKey { record, .. } = &sealing.record;
    if record.as_str().len() > RECORD_BYTES_MAX || !may_be_sealed(record) {
        let told = "sealed fields are those of a domain's own records, or of person/<handle>, of at most";
        return Err(invalid(format!("{told} {RECORD_BYTES_MAX} bytes")));
    }
    if sealing.subjects.len() > SUBJECTS_MAX {
        return Err(invalid(format!("a record is about {SUBJECTS_MAX} persons at most")));
    }
    let values = &sealing.values;
    let names: BTreeSet<_> = values.iter().map(|(name, _)| name).collect();
    let named = names.len() == values.len() && names.into_iter().all(|name| is_field_name(name));
    if !named || !(1..=RECORD_FIELDS_MAX).contains(&values.len()) {
        let told =
            format!("1 to {RECORD_FIELDS_MAX} values, each name once: 1 to 64 of a-z, 0-9, _, - and .");
        return Err(invalid(told));
    }
    let bytes: usize = values.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > VALUES_BYTES_MAX || values.iter().any(|(_, value)| value.len() > VALUE_BYTES_MAX) {
        let told = format!(
            "a value has at most {VALUE_BYTES_MAX} bytes, and those of one call {VALUES_BYTES_MAX} together"
        );
        return Err(refused("too_large", told));
    }
    Ok(())
}

fn may_be_sealed(record: &RecordId) -> bool {
    !records::is_reserved(record) || records::person_of(record).is_some()
}

impl Safe {
    /// Keeps values under fresh salts and a fresh key; their commitments by name.
    pub(crate) fn seal(
        &self,
        sealing: &ToSeal,
        now_ms: u64,
        pending_ms_max: u64,
    ) -> Result<Vec<(String, Hash)>, Error> {
        check(sealing)?;
        let name = name(&sealing.record);
        let generation: Generation = random_bytes()?;
        let secret = Zeroizing::new(random_bytes::<32>()?);
        let key = AeadKey::new(&secret);
        let mut commitments = Vec::with_capacity(sealing.values.len());
        let mut values = Batch::default();
        for (field, plain) in &sealing.values {
            let salt: [u8; SALT_BYTES] = random_bytes()?;
            let RecordKey { domain, record } = &sealing.record;
            let commitment = commitment(*domain, record, field, &salt, plain);
            let row = value(&name, &generation, &commitment);
            let salted = Zeroizing::new([&salt[..], plain].concat());
            values.put(&CIPHERTEXT, &row, &key.seal(&value_aad(&row, field), &salted)?);
            let standing =
                Standing { field: field.clone(), sealed_ms: now_ms, settled: None, superseded_ms: 0 };
            values.put(&STANDINGS, &row, &standing);
            values.put(&DUE, &due(now_ms.saturating_add(pending_ms_max), Due::Value, &row), &Vec::new());
            commitments.push((field.clone(), commitment));
        }
        let _adding = self.guard.read();
        let item = item::key(&name, &generation);
        let mut keys = Batch::default();
        keys.put(&WRAPPED, &item, &self.wrap(&item, &secret[..])?);
        // The key first: a crash in between leaves a key without values, and never values without their key.
        self.write_keys(keys)?;
        self.write_values(values)?;
        Ok(commitments)
    }
}

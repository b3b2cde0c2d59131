//! Releasing what an access allows: the one place where values are opened.

use std::collections::BTreeMap;

use bytes::Bytes;
use hutong_disclosure::commitment;
use hutong_keys::{aead::AeadKey, seal};
use hutong_ledger::{hash::Hash, id::ChainId, sealed::SALT_BYTES};
use hutong_peer::vault::{RELEASE_INFO, Released, VALUES_BYTES_MAX, release_aad, released, to_released};
use hutong_store::{Batch, Snapshot};
use hutong_wire::{
    prost::Message,
    v1::vault::{self as v1, OpenedField, Opening},
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    Safe, of_values,
    tables::{
        self, CIPHERTEXT, DUE, Due, Generation, KeptRelease, RELEASES, STANDINGS, due, end, name, value_aad,
        value_parts,
    },
};
use crate::{Error, access::Allowed, error::refused};

/// An opening whose values are wiped when it is dropped.
struct Opened(Opening);

impl Drop for Opened {
    fn drop(&mut self) {
        for field in &mut self.0.fields {
            wipe(&mut field.salt);
            wipe(&mut field.value);
        }
    }
}

fn wipe(bytes: &mut Bytes) {
    // Nobody else holds them: they were made here.
    if let Ok(mut bytes) = std::mem::take(bytes).try_into_mut() {
        bytes.as_mut().zeroize();
    }
}

impl Safe {
    /// Seals exactly what the access allows to its requester. The same bytes again for the same key, until the window
    /// ends: they are durable before they are answered.
    pub(crate) fn release(&self, chain: ChainId, allowed: &Allowed) -> Result<Released, Error> {
        let _reading = self.guard.read();
        let (keys, values) = (self.keys_now()?, self.values_now()?);
        let row = tables::release(&name(allowed.record()), &allowed.id());
        if let Some(kept) = values.get(&RELEASES, &row).map_err(of_values)?
            && let Some(released) = self.kept(&keys, allowed, &row, &kept)?
        {
            return Ok(released);
        }
        let (opened, generation, key) = self.open_values(&keys, &values, allowed)?;
        let plain = Zeroizing::new(opened.0.encode_to_vec());
        let aad = release_aad(chain, &allowed.id());
        let (encapsulated, ciphertext) = seal(allowed.public(), RELEASE_INFO, &aad, &plain)?;
        let answer = Released {
            access: allowed.id(),
            key: allowed.key(),
            encapsulated: encapsulated.to_vec().into(),
            ciphertext: ciphertext.into(),
        };
        let bytes = key.seal(&tables::release_aad(&row), &released(&answer).encode_to_vec())?;
        let mut batch = Batch::default();
        batch.put(&RELEASES, &row, &KeptRelease { key: allowed.key(), generation, bytes });
        batch.put(&DUE, &due(allowed.until_ms(), Due::Release, &row), &Vec::new());
        self.write_values(batch)?;
        Ok(answer)
    }

    /// The answer given before, if it was to the key that the requester has now.
    fn kept(
        &self,
        keys: &Snapshot,
        allowed: &Allowed,
        row: &[u8],
        kept: &KeptRelease,
    ) -> Result<Option<Released>, Error> {
        if kept.key != allowed.key() {
            return Ok(None);
        }
        let Some(key) = self.key_of(keys, allowed.record(), &kept.generation)? else { return Ok(None) };
        let damaged = || Error::Damaged { what: "a kept release" };
        let bytes = key.open(&tables::release_aad(row), &kept.bytes).map_err(|_| damaged())?;
        let message = v1::Released::decode(&bytes[..]).map_err(|_| damaged())?;
        let released = to_released(message).map_err(|_| damaged())?;
        if released.access == allowed.id() { Ok(Some(released)) } else { Err(damaged()) }
    }

    /// Opens the values that the access names, each by its commitment, and checks each against it. With the key of one of
    /// them, for what is kept of the answer.
    fn open_values(
        &self,
        keys: &Snapshot,
        values: &Snapshot,
        allowed: &Allowed,
    ) -> Result<(Opened, Generation, AeadKey), Error> {
        let unknown = || refused("value_unknown", "the vault does not hold a value that the access names");
        let name = name(allowed.record());
        let mut rows: BTreeMap<(String, Hash), (Vec<u8>, Generation)> = BTreeMap::new();
        let standings = values.table(&STANDINGS).map_err(of_values)?;
        for standing in standings.between(&name, Some(&end(&name))).map_err(of_values)? {
            let (row, standing) = standing.map_err(of_values)?;
            let (generation, commitment) =
                value_parts(&row).ok_or(Error::Damaged { what: "the name of a value" })?;
            rows.insert((standing.field, commitment), (row, generation));
        }
        let ciphertexts = values.table(&CIPHERTEXT).map_err(of_values)?;
        let mut of_generations: BTreeMap<Generation, AeadKey> = BTreeMap::new();
        let mut opened = Opened(Opening::default());
        let (mut last, mut bytes) = (None, 0);
        for (field, wanted) in allowed.fields() {
            let (row, generation) = rows.get(&(field.clone(), *wanted)).ok_or_else(unknown)?;
            if !of_generations.contains_key(generation) {
                let key = self.key_of(keys, allowed.record(), generation)?.ok_or_else(unknown)?;
                of_generations.insert(*generation, key);
            }
            let key = &of_generations[generation];
            let ciphertext = ciphertexts.get(row).map_err(of_values)?.ok_or_else(unknown)?;
            let damaged = || Error::Damaged { what: "a sealed value" };
            let salted = key.open(&value_aad(row, field), &ciphertext).map_err(|_| damaged())?;
            let (salt, value) = salted.split_first_chunk::<SALT_BYTES>().ok_or_else(damaged)?;
            let record = allowed.record();
            if commitment(record.domain, &record.record, field, salt, value) != *wanted {
                return Err(damaged());
            }
            bytes += field.len() + value.len();
            opened.0.fields.push(OpenedField {
                name: field.clone(),
                salt: Bytes::copy_from_slice(salt),
                value: Bytes::copy_from_slice(value),
            });
            last = Some(*generation);
        }
        if bytes > VALUES_BYTES_MAX {
            let told =
                format!("the fields take more than {VALUES_BYTES_MAX} bytes together; ask for some of them");
            return Err(refused("too_large", told));
        }
        let generation = last.ok_or_else(unknown)?;
        let key = of_generations.remove(&generation).ok_or_else(unknown)?;
        Ok((opened, generation, key))
    }
}

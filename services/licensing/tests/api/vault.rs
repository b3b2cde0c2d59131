//! The owner's vault of the city in memory: it seals, and releases what a final access names, sealed to the desk's key.

use async_trait::async_trait;
use hutong_keys::SealingKey;
use hutong_ledger::{
    hash::Hash,
    id::{Domain, KeyId, RecordId, TxId},
};
use hutong_licensing::domain;
use hutong_peer::{
    StoragePeer,
    vault::{Handle, RELEASE_INFO, Released, ToSeal, VaultError, VaultPeer, release_aad},
};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{Access, SealedField},
        vault::{OpenedField, Opening},
    },
};

use hutong_test_city::chain;

use crate::city::City;

#[async_trait]
impl VaultPeer for City {
    async fn seal(&self, _: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        let mut commitments = Vec::new();
        for (name, value) in values.values {
            let salt = hutong_keys::random_bytes::<16>().unwrap();
            let hash = hutong_disclosure::commitment(domain(), &values.record.record, &name, &salt, &value);
            self.sealed.lock().insert((values.record.record.clone(), name.clone()), (salt, value));
            commitments.push((name, hash));
        }
        Ok(commitments)
    }

    async fn find_person(&self, _: &str, _: Domain, _: &str) -> Result<(Handle, bool), VaultError> {
        Ok(([7; 16], true))
    }

    async fn own_handles(&self, _: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        Ok(Vec::new())
    }

    async fn release(&self, id: TxId) -> Result<Released, VaultError> {
        let found = self.storage().transaction(id).await.unwrap().unwrap();
        let name = hutong_disclosure::records::access(&id);
        let change = found.changes.iter().find(|change| change.record == name).unwrap();
        let access = Access::decode(&change.value.as_ref().unwrap()[..]).unwrap();
        let record: RecordId = access.record.parse().unwrap();
        let field = |field: &SealedField| {
            let (salt, value) = self.sealed.lock()[&(record.clone(), field.name.clone())].clone();
            OpenedField { name: field.name.clone(), salt: salt.to_vec().into(), value }
        };
        let opening = Opening { fields: access.fields.iter().map(field).collect() };
        let key = SealingKey::from_seed(&[9; 32]).public();
        let aad = release_aad(chain(), &id);
        let (encapsulated, ciphertext) =
            hutong_keys::seal(&key.0, RELEASE_INFO, &aad, &opening.encode_to_vec()).unwrap();
        Ok(Released {
            access: id,
            key: KeyId::of(&key.0),
            encapsulated: encapsulated.to_vec().into(),
            ciphertext: ciphertext.into(),
        })
    }
}

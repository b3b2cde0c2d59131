//! A city whose health commission watches an epidemic, and its vault.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_desk::Desk;
use hutong_disclosure::Disclosing;
use hutong_epidemic::{Epidemic, domain};
use hutong_ledger::{
    hash::Hash,
    id::{Domain, TxId},
};
use hutong_peer::vault::{Handle, Released, ToSeal, VaultError, VaultPeer};
use hutong_test_city as memory;
use parking_lot::Mutex;

/// Owns the domain; the service under test signs for it.
pub(crate) const HEALTH: &str = "health-commission";
pub(crate) const CLINIC: &str = "clinic";
/// The person that the vault knows.
pub(crate) const RESIDENT: &str = "11010519491231002X";
pub(crate) const HANDLE: Handle = [9; 16];

/// The city's first moment.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

#[derive(Debug)]
pub(crate) struct City {
    city: Arc<memory::City>,
    pub(crate) vault: Arc<Vault>,
}

impl Deref for City {
    type Target = memory::City;

    fn deref(&self) -> &memory::City {
        &self.city
    }
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        let epoch = memory::epoch(&[CLINIC, HEALTH], &[("epidemic", HEALTH)]);
        let city = memory::City::new([Arc::new(Disclosing(Epidemic)) as _], epoch, BEGAN_MS);
        Arc::new(Self { city, vault: Arc::default() })
    }

    pub(crate) fn desk(&self, agency: &str) -> Desk {
        self.city.desk(agency, [(HEALTH, self.vault.clone() as _)])
    }

    /// Makes an action final; the first of the signers submits. It must be applied.
    pub(crate) fn submit(&self, signers: &[&str], action: Bytes) -> TxId {
        self.city.submit(domain(), signers, action)
    }

    /// Whether any of the texts went into the ledger.
    pub(crate) fn ledger_contains(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.city.has_seen(text))
    }
}

/// A vault that knows one person, makes commitments of lengths, and remembers what it was given.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    pub(crate) sealed: Mutex<Vec<ToSeal>>,
}

#[async_trait]
impl VaultPeer for Vault {
    async fn seal(&self, _: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        // Not in the order of names: who writes the transaction sorts.
        let made = values.values.iter().rev();
        let made = made.map(|(name, value)| (name.clone(), Hash([value.len() as u8; 32]))).collect();
        self.sealed.lock().push(values);
        Ok(made)
    }

    async fn find_person(&self, _: &str, _: Domain, id: &str) -> Result<(Handle, bool), VaultError> {
        if id == RESIDENT {
            return Ok((HANDLE, self.sealed.lock().is_empty()));
        }
        Err(VaultError::refused("resident_id_invalid", "this is no resident's id"))
    }

    async fn own_handles(&self, _: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        Err(VaultError::Unavailable("not asked".into()))
    }

    async fn release(&self, _: TxId) -> Result<Released, VaultError> {
        Err(VaultError::Unavailable("not asked".into()))
    }
}

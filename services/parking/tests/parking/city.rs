//! A city that parks cars, and its vault.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_desk::Desk;
use hutong_disclosure::Disclosing;
use hutong_ledger::{
    hash::Hash,
    id::{Domain, TxId},
};
use hutong_parking::{Parking, domain};
use hutong_peer::vault::{Handle, Released, ToSeal, VaultError, VaultPeer};
use hutong_runtime::Clock;
use hutong_test_city as memory;

/// Owns parking.
pub(crate) const BUREAU: &str = "data-bureau";
/// Acts for an operator.
pub(crate) const ROADS: &str = "roads";
pub(crate) const OTHER: &str = "justice";
/// Whom the vault knows.
pub(crate) const HOLDER: Handle = [7; 16];

/// The city's first moment: 2026-11-20T09:20:00Z.
pub(crate) const BEGAN_MS: u64 = 1_795_166_400_000;

#[derive(Debug)]
pub(crate) struct City(Arc<memory::City>);

impl Deref for City {
    type Target = memory::City;

    fn deref(&self) -> &memory::City {
        &self.0
    }
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        let domains = ["catalogue", "membership", "parking"].map(|domain| (domain, BUREAU));
        let epoch = memory::epoch(&[BUREAU, OTHER, ROADS], &domains);
        Arc::new(Self(memory::City::new([Arc::new(Disclosing(Parking)) as _], epoch, BEGAN_MS)))
    }

    pub(crate) fn storage(&self) -> Arc<memory::City> {
        self.0.clone()
    }

    pub(crate) fn clock_ms(&self) -> u64 {
        self.0.clock.unix_ms()
    }

    pub(crate) fn desk(&self, agency: &str) -> Desk {
        self.0.desk(agency, [(BUREAU, Arc::new(Vault) as _)])
    }

    /// Makes an action final; the first of the signers submits. It must be applied.
    pub(crate) fn submit(&self, signers: &[&str], action: Bytes) -> TxId {
        self.0.submit(domain(), signers, action)
    }

    /// The code under which an action is refused; it then changed nothing.
    pub(crate) fn refused(&self, signers: &[&str], action: Bytes) -> String {
        self.0.refused(domain(), signers, action)
    }
}

/// A vault that knows one person and makes commitments of names.
#[derive(Debug)]
struct Vault;

#[async_trait]
impl VaultPeer for Vault {
    async fn seal(&self, _: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        assert_eq!(values.subjects, [HOLDER]);
        // Not in the order of names: who writes the transaction sorts.
        let sealed = values.values.into_iter().rev();
        Ok(sealed.map(|(name, _)| (name.clone(), Hash([name.len() as u8; 32]))).collect())
    }

    async fn find_person(&self, _: &str, _: Domain, id: &str) -> Result<(Handle, bool), VaultError> {
        if id == "11010519491231002X" {
            return Ok((HOLDER, true));
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

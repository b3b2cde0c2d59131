//! A city that answers its citizens' requests, and its vault.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_desk::Desk;
use hutong_disclosure::{Disclosing, Handle};
use hutong_ledger::{
    hash::Hash,
    id::{Domain, RecordKey, TxId},
    sealed::commitment,
};
use hutong_peer::{
    StoragePeer,
    vault::{Released, ToSeal, VaultError, VaultPeer},
};
use hutong_requests::{Requests, domain};
use hutong_runtime::auth::KeyDirectory;
use hutong_test_city::{self as memory, signing_key};
use parking_lot::Mutex;

/// The domain's owner.
pub(crate) const LINE: &str = "data-bureau";
/// Its desk is here too.
pub(crate) const WATER: &str = "water-works";
/// Its desk is elsewhere.
pub(crate) const ROADS: &str = "road-works";

/// The city's first moment: 2026-01-15, noon.
pub(crate) const BEGAN_MS: u64 = 1_768_478_400_000;

/// What was sealed: record, subjects, name, value.
type Sealed = (RecordKey, Vec<Handle>, String, Bytes);

#[derive(Debug)]
pub(crate) struct City {
    city: Arc<memory::City>,
    /// While set, the vault fails.
    pub(crate) vault_away: AtomicBool,
    pub(crate) sealed: Mutex<Vec<Sealed>>,
}

impl Deref for City {
    type Target = memory::City;

    fn deref(&self) -> &memory::City {
        &self.city
    }
}

impl City {
    pub(crate) fn new() -> Arc<Self> {
        let epoch = memory::epoch(&[LINE, ROADS, WATER], &[("requests", LINE)]);
        let city = memory::City::new([Arc::new(Disclosing(Requests)) as _], epoch, BEGAN_MS);
        Arc::new(Self { city, vault_away: AtomicBool::new(false), sealed: Mutex::default() })
    }

    pub(crate) fn desk(self: &Arc<Self>, agency: &str) -> Desk {
        self.city.desk(agency, [(LINE, self.clone() as _)])
    }
}

/// The keys of the city's agencies.
#[derive(Debug)]
pub(crate) struct Members;

impl KeyDirectory for Members {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let key = [LINE, ROADS, WATER].into_iter().find(|id| *id == agency).map(signing_key)?;
        (key.key_id() == key_id).then(|| key.public().0)
    }

    fn is_member(&self, agency: &str) -> bool {
        [LINE, ROADS, WATER].contains(&agency)
    }

    fn chain(&self) -> &str {
        memory::CHAIN
    }
}

#[async_trait]
impl VaultPeer for City {
    async fn seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        assert!(!token.is_empty());
        if self.vault_away.load(Ordering::SeqCst) {
            return Err(VaultError::Unavailable("it is away".into()));
        }
        let ToSeal { record, subjects, values } = values;
        let commitments = values.into_iter().map(|(name, value)| {
            let hash = commitment(record.domain, &record.record, &name, &[3; 16], &value);
            self.sealed.lock().push((record.clone(), subjects.clone(), name.clone(), value));
            (name, hash)
        });
        Ok(commitments.collect())
    }

    async fn find_person(&self, _: &str, _: Domain, resident_id: &str) -> Result<(Handle, bool), VaultError> {
        let mut handle = [0; 16];
        handle.copy_from_slice(&hutong_ledger::hash::sha256(&[resident_id.as_bytes()]).0[..16]);
        let record = hutong_disclosure::records::person(&handle);
        let known = self.city.record(RecordKey { domain: domain(), record }, None).await;
        Ok((handle, known.unwrap().is_none()))
    }

    async fn own_handles(&self, _: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        Err(VaultError::refused("not_asked", "requests do not ask this"))
    }

    async fn release(&self, _: TxId) -> Result<Released, VaultError> {
        Err(VaultError::refused("not_asked", "requests do not ask this"))
    }
}

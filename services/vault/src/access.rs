//! The proof that a release is allowed, as types: whoever holds an [`Allowed`] has been through every check, and
//! without one no value is opened.
//!
//! A [`FinalAccess`] comes from the agency's own storage and from nowhere else, which tells only what is final; so a
//! receipt that someone brings, from another chain or forged, is not even looked at: its id is asked for. An
//! [`Allowed`] is a final access that still stands: a final erasure, revocation or withdrawal wins.

use std::time::Duration;

use hutong_disclosure::records;
use hutong_ledger::{
    entry::Outcome,
    epoch::{Epoch, Purpose},
    hash::Hash,
    id::{AgencyId, Domain, KeyId, RecordId, RecordKey, TxId},
    invariant::Invariant,
};
use hutong_peer::{FinalTransaction, StoragePeer};
use hutong_runtime::InvariantCounters;
use hutong_wire::{
    prost::Message,
    v1::{
        catalogue::Agreement,
        disclosure::{Access, Consent, Erasure, basis::Kind},
    },
};

use crate::{Error, error::refused};

/// How far the agency's storage may be behind the one that told the requester that the access is final.
const LAG: Duration = Duration::from_secs(1);
/// Between two looks, where heights become final one upon the other.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The transaction, as soon as it is final here.
async fn settled(
    storage: &dyn StoragePeer,
    id: TxId,
) -> Result<Option<FinalTransaction>, hutong_peer::Error> {
    let waiting = async {
        let mut height = 0;
        loop {
            if let Some(found) = storage.transaction(id).await? {
                return Ok(Some(found));
            }
            height = storage.wait_final(height, LAG).await?;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(LAG, waiting).await.unwrap_or(Ok(None))
}

/// A final, applied access in a domain of this vault.
#[derive(Debug)]
pub(crate) struct FinalAccess {
    id: TxId,
    record: RecordKey,
    /// Names and commitments that stood when it was decided.
    fields: Vec<(String, Hash)>,
    requester: AgencyId,
    access: Access,
}

/// A final access that may be answered now, and the key to answer to.
#[derive(Debug)]
pub(crate) struct Allowed {
    access: FinalAccess,
    public: [u8; 32],
}

impl FinalAccess {
    /// Asks the agency's own storage for the access.
    pub(crate) async fn ask(
        storage: &dyn StoragePeer,
        id: TxId,
        epoch: &Epoch,
        owner: AgencyId,
        invariants: &InvariantCounters,
    ) -> Result<Self, Error> {
        let not_final = || refused("not_final", format!("no transaction {id} is final here"));
        let found = settled(storage, id).await?.ok_or_else(not_final)?;
        if found.id != id {
            let what = format!("storage told {} when it was asked for access {id}", found.id);
            invariants.violated(Invariant::Look.id(), &what);
            return Err(not_final());
        }
        if epoch.rules(found.domain).is_none_or(|rules| rules.owner != owner) {
            let told = format!("{owner} does not own the domain {}", found.domain);
            return Err(refused("not_owner_domain", told));
        }
        let none = || refused("not_an_access", format!("transaction {id} allowed no access"));
        if found.outcome != Outcome::Applied {
            return Err(none());
        }
        let name = records::access(&id);
        let change = found.changes.iter().find(|change| change.record == name).ok_or_else(none)?;
        let access = change.value.as_deref().and_then(|value| Access::decode(value).ok()).ok_or_else(none)?;
        Self::read(id, found.domain, access).ok_or_else(none)
    }

    fn read(id: TxId, domain: Domain, access: Access) -> Option<Self> {
        let record: RecordId = access.record.parse().ok()?;
        let field = |field: &hutong_wire::v1::disclosure::SealedField| {
            Some((field.name.clone(), Hash(field.commitment[..].try_into().ok()?)))
        };
        let fields = access.fields.iter().map(field).collect::<Option<Vec<_>>>()?;
        let requester = access.requester.parse().ok()?;
        Some(Self { id, record: RecordKey { domain, record }, fields, requester, access })
    }

    /// Whether it may be answered now.
    pub(crate) async fn allowed(
        self,
        storage: &dyn StoragePeer,
        epoch: &Epoch,
        now_ms: u64,
    ) -> Result<Allowed, Error> {
        if now_ms >= self.access.release_until_ms {
            return Err(refused("window_over", "the time to collect what this access allowed is over"));
        }
        self.not_erased(storage).await?;
        self.not_revoked(storage).await?;
        let key = epoch.agency(&self.requester).and_then(|agency| agency.key(Purpose::Sealing));
        let Some(key) = key else {
            let told = format!("{} has no registered sealing key to answer to", self.requester);
            return Err(refused("no_sealing_key", told));
        };
        Ok(Allowed { public: key.public, access: self })
    }

    async fn not_erased(&self, storage: &dyn StoragePeer) -> Result<(), Error> {
        let unknown = || refused("not_an_access", format!("{} has no sealed fields", self.record));
        let certificate = records::erasure(&self.record.record).ok_or_else(unknown)?;
        let Some(erasure) = self.stored::<Erasure>(storage, self.record.domain, certificate).await? else {
            return Ok(());
        };
        let named = |(name, commitment): &(String, Hash)| {
            erasure.fields.iter().any(|gone| gone.name == *name && gone.commitment[..] == commitment.0)
        };
        if erasure.erased_ms >= self.access.time_ms || self.fields.iter().any(named) {
            return Err(refused("erased", format!("{} was erased", self.record)));
        }
        Ok(())
    }

    async fn not_revoked(&self, storage: &dyn StoragePeer) -> Result<(), Error> {
        let standing = match self.access.basis.as_ref().and_then(|basis| basis.kind.as_ref()) {
            Some(Kind::Agreement(id)) => match records::agreement(id) {
                Some(RecordKey { domain, record }) => {
                    let agreement = self.stored::<Agreement>(storage, domain, record).await?;
                    agreement.is_some_and(|agreement| agreement.revoked_ms == 0)
                }
                None => false,
            },
            Some(Kind::Consent(id)) => match records::consent_of(id) {
                Some((_, record)) => {
                    let consent = self.stored::<Consent>(storage, self.record.domain, record).await?;
                    consent.is_some_and(|consent| consent.withdrawn_ms == 0)
                }
                None => false,
            },
            Some(Kind::Emergency(_) | Kind::Duty(_)) => true,
            None => false,
        };
        if standing { Ok(()) } else { Err(refused("revoked", "what this access rested on was taken back")) }
    }

    /// A live record as it is final now.
    async fn stored<M: Message + Default>(
        &self,
        storage: &dyn StoragePeer,
        domain: Domain,
        record: RecordId,
    ) -> Result<Option<M>, Error> {
        let stored = storage.record(RecordKey { domain, record }, None).await?;
        let Some(value) = stored.and_then(|stored| stored.value) else { return Ok(None) };
        // What stands there and cannot be read may forbid it.
        M::decode(value)
            .map(Some)
            .map_err(|_| refused("not_an_access", "a record it rests on does not decode"))
    }
}

impl Allowed {
    pub(crate) fn id(&self) -> TxId {
        self.access.id
    }

    pub(crate) fn record(&self) -> &RecordKey {
        &self.access.record
    }

    pub(crate) fn fields(&self) -> &[(String, Hash)] {
        &self.access.fields
    }

    /// The requester's sealing key.
    pub(crate) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    pub(crate) fn key(&self) -> KeyId {
        KeyId::of(&self.public)
    }

    pub(crate) fn until_ms(&self) -> u64 {
        self.access.access.release_until_ms
    }
}

//! The list of accesses that shows itself whole, offline: `hutong verify --accesses` checks it.
//!
//! The index is proven first; its count says which entries belong to it. They never change, so what became final since
//! does no harm.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::StatusCode;
use hutong_disclosure::{
    Handle,
    accesses::{AccessList, ListedEntry, PersonAccesses},
    is_open, records,
};
use hutong_ledger::{
    hash::Hash,
    id::{Domain, RecordKey},
    receipt::{
        Receipt, StateReceipt,
        document::{Base64, Hex},
    },
};
use hutong_runtime::{auth::Person, http::Problem};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Access, AccessEntry, AccessIndex},
};

use crate::{PortalService, accesses::id_of, ledger::unavailable};

/// Receipts asked for at a time.
const RECEIPTS_AT_ONCE: usize = 8;

impl PortalService {
    /// All accesses to a person's data, in one domain or in all. Nothing that is not whole is given.
    pub(crate) async fn document(
        &self,
        person: &Person,
        only: Option<Domain>,
    ) -> Result<AccessList, Problem> {
        let handles = self.own(person, only).await?.whole()?;
        let mut persons = Vec::new();
        let mut room = self.config.document_accesses_max;
        for (domain, (_, handle)) in handles {
            // A domain without a final transaction has nothing to prove, and no access.
            let Some(listed) = self.person_accesses(domain, &handle, room).await? else { continue };
            room = room.saturating_sub(listed.entries.len() as u64);
            persons.push(listed);
        }
        Ok(AccessList { chain: self.ports.chain, persons })
    }

    async fn person_accesses(
        &self,
        domain: Domain,
        handle: &Handle,
        room: u64,
    ) -> Result<Option<PersonAccesses>, Problem> {
        let key = RecordKey { domain, record: records::index(handle) };
        let Some(index) = self.ports.storage.state_receipt(key).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let index: StateReceipt = serde_json::from_slice(&index).map_err(unreadable)?;
        let count = count(&index)?;
        if count > room {
            let detail = format!(
                "A document has at most {} accesses. Ask for one domain at a time; your rights to the whole list \
                 are not touched: ask the city's data-protection officer.",
                self.config.document_accesses_max
            );
            return Err(Problem::new("too_many_items", StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        let now_ms = self.now_ms().await?;
        let entries = if count == 0 { Vec::new() } else { self.entries(domain, handle, 1..=count).await? };
        let listed = stream::iter(entries).map(|entry| self.listed(domain, entry, now_ms));
        let entries = listed.buffered(RECEIPTS_AT_ONCE).try_collect().await?;
        Ok(Some(PersonAccesses { domain, handle: Hex(*handle), index, entries }))
    }

    async fn listed(&self, domain: Domain, entry: AccessEntry, now_ms: u64) -> Result<ListedEntry, Problem> {
        let details = entry.details[..].try_into().map(Hash).map_err(unreadable)?;
        let mut listed = ListedEntry {
            number: entry.number,
            sealed_until_ms: entry.sealed_until_ms,
            details,
            access: None,
            receipt: None,
        };
        if is_open(entry.sealed_until_ms, now_ms) {
            let id = id_of(&entry)?;
            let access = self.stored(domain, records::access(&id)).await?.and_then(|stored| stored.value);
            let receipt = self.ports.storage.receipt(id).await.map_err(unavailable)?;
            let missing = || Problem::internal("an access that an index counts is missing");
            let (access, receipt) = access.zip(receipt).ok_or_else(missing)?;
            Access::decode(access.as_ref()).map_err(unreadable)?;
            let receipt: Receipt = serde_json::from_slice(&receipt).map_err(unreadable)?;
            listed.access = Some(Base64(access.to_vec()));
            listed.receipt = Some(receipt);
        }
        Ok(listed)
    }
}

/// How many accesses a proven index counts; nobody looked where there is none.
fn count(index: &StateReceipt) -> Result<u64, Problem> {
    let value = index.current.as_ref().and_then(|current| current.value.as_ref());
    let Some(value) = value else { return Ok(0) };
    Ok(AccessIndex::decode(value.0.as_slice()).map_err(unreadable)?.count)
}

fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::internal(format!("what storage told of an access cannot be read: {error}"))
}

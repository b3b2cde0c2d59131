//! Receipts of transactions about a person: of accesses, consents and erasures, and of nothing that a court keeps sealed.

use bytes::Bytes;
use http::StatusCode;
use hutong_disclosure::{Handle, is_open, records};
use hutong_ledger::id::TxId;
use hutong_peer::FinalTransaction;
use hutong_runtime::{auth::Person, http::Problem};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Access, Erasure},
};

use crate::{PortalService, ledger::unavailable, view};

/// Where the receipt of a transaction about a person is.
pub(crate) fn address(id: &TxId) -> String {
    format!("/v1/subjects/me/receipts/{id}")
}

impl PortalService {
    /// The receipt of a transaction about the person. That there are others is not told.
    pub(crate) async fn receipt(&self, person: &Person, id: TxId) -> Result<Bytes, Problem> {
        let own = self.own(person, None).await?;
        let storage = &self.ports.storage;
        let found = storage.transaction(id).await.map_err(unavailable)?;
        let now_ms = self.now_ms().await?;
        let about = found.filter(|found| {
            let handle = own.handles.get(&found.domain).map(|(_, handle)| handle);
            handle.is_some_and(|handle| is_about(found, handle)) && !is_sealed(found, now_ms)
        });
        let unknown = || {
            let detail = format!("There is no transaction {id} about you.");
            Problem::new("unknown_transaction", StatusCode::NOT_FOUND, detail)
        };
        about.ok_or_else(unknown)?;
        storage.receipt(id).await.map_err(unavailable)?.ok_or_else(unknown)
    }
}

/// Whether one of the records that it changed is of the person under this handle.
fn is_about(transaction: &FinalTransaction, handle: &Handle) -> bool {
    let name = hex::encode(handle);
    transaction.changes.iter().any(|change| {
        let mut parts = change.record.as_str().split('/');
        match parts.next() {
            Some("person" | "accesses" | "consent") => parts.next() == Some(name.as_str()),
            Some("erasure") => {
                let erasure = change.value.as_deref().and_then(|value| Erasure::decode(value).ok());
                erasure.is_some_and(|erasure| view::subjects(&erasure).any(|subject| subject == *handle))
            }
            _ => false,
        }
    })
}

fn is_sealed(transaction: &FinalTransaction, now_ms: u64) -> bool {
    let record = records::access(&transaction.id);
    let access = transaction.changes.iter().find(|change| change.record == record);
    let access = access.and_then(|change| Access::decode(change.value.as_deref()?).ok());
    access.is_some_and(|access| !is_open(access.sealed_until_ms, now_ms))
}

//! The city as its services know it: ingest and storage. What only other parts of the flow ask is not answered.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_disclosure::find_resident_id;
use hutong_ledger::{
    id::{Domain, RecordId, RecordKey, TxId},
    transaction::Transaction,
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    ingest::{Accepted, Answer, Code, IngestPeer, Rejected, Wait},
    storage::{ArchivedBlock, History, Standing},
};
use hutong_runtime::Clock;
use serde_json::json;

use crate::{City, header};

#[async_trait]
impl IngestPeer for City {
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer> {
        assert_eq!(wait, Wait::Final, "a desk tells what is final");
        let take = |transaction: &Transaction| {
            if self.away.load(Ordering::SeqCst) {
                return Err(Rejected::new(Code::Unavailable, "it is away"));
            }
            // As ingest does it.
            if find_resident_id(&transaction.body_bytes) {
                return Err(Rejected::new(Code::SealedInClear, "it carries a resident id"));
            }
            Ok(Accepted::Final(self.decide(transaction)))
        };
        transactions.iter().map(take).collect()
    }
}

#[async_trait]
impl StoragePeer for City {
    async fn standing(&self) -> Result<Standing, Error> {
        self.answers()?;
        Ok(Standing {
            session: Session(1),
            final_header: header(self.height(), self.clock.unix_ms()),
            epoch: self.epoch.clone(),
            next_height: self.height() + 1,
            recalled_height: 0,
        })
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error> {
        self.answers()?;
        let mut height = self.height.subscribe();
        let _ = tokio::time::timeout(timeout, height.wait_for(|height| *height > above)).await;
        Ok(self.height())
    }

    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        tokio::task::yield_now().await;
        self.answers()?;
        let domains = domains.expect("a service asks for its own domains alone");
        assert!(domains.iter().all(|domain| self.contracts.contains_key(domain)), "{domains:?}");
        let state = self.state.lock();
        let wanted = |each: &&FinalTransaction| each.position > after && domains.contains(&each.domain);
        let finals: Vec<_> = state.finals.iter().filter(wanted).take(limit).cloned().collect();
        let reached = finals.last().map_or(after, |last| last.position);
        Ok((finals, reached))
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        self.answers()?;
        let state = self.state.lock();
        let versions = state.versions.get(&key).map(Vec::as_slice).unwrap_or_default();
        let wanted = |stored: &&StoredRecord| version.is_none_or(|version| stored.version == version);
        Ok(versions.iter().rev().find(wanted).cloned())
    }

    async fn scan(
        &self,
        domain: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        self.answers()?;
        let state = self.state.lock();
        let wanted = state.versions.iter().filter(|(key, _)| {
            key.domain == domain
                && key.record.as_str().starts_with(&prefix)
                && after.as_ref().is_none_or(|after| key.record > *after)
        });
        let last = wanted.map(|(key, versions)| (key.record.clone(), versions.last().unwrap().clone()));
        Ok(last.take(limit).collect())
    }

    async fn history(&self, key: RecordKey, below: Option<u64>, limit: usize) -> Result<History, Error> {
        self.answers()?;
        let state = self.state.lock();
        let all = state.versions.get(&key).map(Vec::as_slice).unwrap_or_default();
        let older = all.iter().rev().filter(|stored| below.is_none_or(|below| stored.version < below));
        let versions: Vec<_> = older.take(limit).cloned().collect();
        let more_below = versions.last().map(|last| last.version).filter(|version| *version > 1);
        Ok(History { versions, more_below })
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        self.answers()?;
        Ok(self.state.lock().finals.iter().find(|each| each.id == id).cloned())
    }

    /// Not a proof, but the parts of one that show what the record is.
    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, Error> {
        let current = self.record(key.clone(), None).await?.map(|stored| {
            let value = stored.value.map(|value| STANDARD.encode(value));
            json!({ "version": stored.version, "value": value })
        });
        let receipt = json!({ "record": key.record, "current": current });
        Ok(Some(receipt.to_string().into()))
    }

    async fn receipt(&self, _: TxId) -> Result<Option<Bytes>, Error> {
        not_here()
    }

    async fn prefetch(&self, _: Domain, _: Vec<RecordKey>, _: Vec<TxId>) -> Result<Prefetched, Error> {
        not_here()
    }

    async fn submit(&self, _: Session, _: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        not_here()
    }

    async fn archived(&self, _: u64) -> Result<Option<ArchivedBlock>, Error> {
        not_here()
    }
}

fn not_here<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "a city in memory has no proofs and no archive".into() })
}

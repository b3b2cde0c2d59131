//! Reading records of disclosure from storage.

use http::StatusCode;
use hutong_ledger::{
    contract::Record,
    id::{Domain, RecordId, RecordKey},
};
use hutong_peer::StoredRecord;
use hutong_runtime::http::Problem;
use hutong_wire::prost::Message;

use crate::PortalService;

/// Records asked for at a time.
const AT_A_TIME: usize = 200;

impl PortalService {
    /// A record as it stands; none if it was deleted.
    pub(crate) async fn stored(
        &self,
        domain: Domain,
        record: RecordId,
    ) -> Result<Option<StoredRecord>, Problem> {
        let key = RecordKey { domain, record };
        let stored = self.ports.storage.record(key, None).await.map_err(unavailable)?;
        Ok(stored.filter(|stored| stored.value.is_some()))
    }

    /// A record as it stands, decoded.
    pub(crate) async fn read<M: Message + Default>(
        &self,
        domain: Domain,
        record: RecordId,
    ) -> Result<Option<M>, Problem> {
        let stored = self.stored(domain, record.clone()).await?;
        stored.and_then(|stored| stored.value).map(|value| decode(&record, &value)).transpose()
    }

    /// Records as they stand, in the order asked.
    pub(crate) async fn read_all<M: Message + Default>(
        &self,
        domain: Domain,
        records: Vec<RecordId>,
    ) -> Result<Vec<Option<(Record, M)>>, Problem> {
        let mut found = Vec::with_capacity(records.len());
        for records in records.chunks(AT_A_TIME) {
            let keys = records.iter().map(|record| RecordKey { domain, record: record.clone() }).collect();
            let prefetched = self.ports.storage.prefetch(domain, keys, Vec::new()).await;
            let prefetched = prefetched.map_err(unavailable)?.records;
            for (record, stored) in records.iter().zip(prefetched) {
                let decoded = stored.and_then(|stored| {
                    let value = stored.value.clone()?;
                    Some(decode(record, &value).map(|message| (stored, message)))
                });
                found.push(decoded.transpose()?);
            }
        }
        Ok(found)
    }

    /// All records whose names begin with a prefix, at most so many.
    pub(crate) async fn list<M: Message + Default>(
        &self,
        domain: Domain,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(StoredRecord, M)>, Problem> {
        let mut listed = Vec::new();
        let mut after = None;
        while listed.len() < limit {
            let wanted = AT_A_TIME.min(limit - listed.len());
            let page = self.ports.storage.scan(domain, prefix.to_owned(), after.take(), wanted).await;
            let page = page.map_err(unavailable)?;
            let more = page.len() == wanted;
            after = page.last().map(|(record, _)| record.clone());
            for (record, stored) in page {
                let message = decode(&record, stored.value.as_deref().unwrap_or_default())?;
                listed.push((stored, message));
            }
            if !more {
                break;
            }
        }
        Ok(listed)
    }
}

fn decode<M: Message + Default>(record: &RecordId, value: &[u8]) -> Result<M, Problem> {
    // The name of the record has a handle in it, which is not for the log.
    let kind = record.as_str().split('/').next().unwrap_or_default();
    M::decode(value).map_err(|error| Problem::internal(format!("a record {kind}/… does not decode: {error}")))
}

pub(crate) fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

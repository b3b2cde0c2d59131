//! Between the messages of storage's calls and the types of [`crate::storage`], except for executed blocks.

use std::sync::Arc;

use bytes::Bytes;
use hutong_ledger::{
    block::Header,
    contract::{Record, Versioned},
    entry::Outcome,
    epoch::Epoch,
    hash::Hash,
    id::{Domain, RecordId, RecordKey, TxId},
};
use hutong_wire::v1::storage as v1;

use super::Bad;
use crate::{
    FinalTransaction, Position, Prefetched, Session, StoredRecord, Submitted,
    storage::{ArchivedBlock, History, Standing},
};

type Result<T> = std::result::Result<T, Bad>;

pub(super) fn parsed<T>(field: &'static str, text: &str) -> Result<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Bad::new(field, error))
}

fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| Bad::new(field, format!("{N} bytes expected, {} found", bytes.len())))
}

pub(super) fn id(field: &'static str, bytes: &[u8]) -> Result<TxId> {
    array(field, bytes).map(TxId)
}

pub(super) fn ids(field: &'static str, items: &[Bytes]) -> Result<Vec<TxId>> {
    items.iter().map(|bytes| id(field, bytes)).collect()
}

pub(super) fn id_bytes(id: &TxId) -> Bytes {
    Bytes::copy_from_slice(&id.0)
}

/// A number of items; more than the machine can count is as many as it can.
pub(super) fn limit(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A value of its own: a small value must not keep the whole message alive in a cache.
fn owned(value: &Bytes) -> Bytes {
    Bytes::copy_from_slice(value)
}

pub(super) fn key(key: &RecordKey) -> v1::RecordKey {
    v1::RecordKey { domain: key.domain.to_string(), record: key.record.to_string() }
}

pub(super) fn to_key(key: &v1::RecordKey) -> Result<RecordKey> {
    Ok(RecordKey { domain: parsed("key.domain", &key.domain)?, record: parsed("key.record", &key.record)? })
}

pub(super) fn to_keys(keys: &[v1::RecordKey]) -> Result<Vec<RecordKey>> {
    keys.iter().map(to_key).collect()
}

pub(super) fn domains(domains: &[Domain]) -> v1::DomainSet {
    v1::DomainSet { domains: domains.iter().map(ToString::to_string).collect() }
}

pub(super) fn to_domains(set: &v1::DomainSet) -> Result<Vec<Domain>> {
    set.domains.iter().map(|domain| parsed("domains", domain)).collect()
}

pub(super) fn position(position: Position) -> v1::Position {
    v1::Position { height: position.height, ordinal: position.ordinal }
}

pub(super) fn to_position(position: Option<v1::Position>) -> Result<Position> {
    let v1::Position { height, ordinal } = position.ok_or_else(|| Bad::missing("position"))?;
    Ok(Position { height, ordinal })
}

pub(super) fn outcome(refused: Option<String>) -> Outcome {
    refused.map_or(Outcome::Applied, |code| Outcome::Refused(code.into()))
}

pub(super) fn change(change: &Versioned) -> v1::Change {
    v1::Change {
        record: change.record.to_string(),
        version: change.version,
        value: change.value.clone(),
        hash: Bytes::copy_from_slice(&change.hash.0),
    }
}

pub(super) fn to_change(change: v1::Change) -> Result<Versioned> {
    Ok(Versioned {
        record: parsed("change.record", &change.record)?,
        version: change.version,
        value: change.value,
        hash: Hash(array("change.hash", &change.hash)?),
    })
}

pub(super) fn standing(standing: &Standing) -> v1::Standing {
    v1::Standing {
        session: standing.session.0,
        final_header: standing.final_header.encode().into(),
        epoch: standing.epoch.encode().into(),
        next_height: standing.next_height,
        recalled_height: standing.recalled_height,
    }
}

pub(super) fn to_standing(standing: &v1::Standing) -> Result<Standing> {
    let final_header =
        Header::decode(&standing.final_header).map_err(|e| Bad::new("standing.final_header", e))?;
    let epoch = Epoch::decode(&standing.epoch).map_err(|e| Bad::new("standing.epoch", e))?;
    let session = Session(standing.session);
    let v1::Standing { next_height, recalled_height, .. } = *standing;
    Ok(Standing { session, final_header, epoch: Arc::new(epoch), next_height, recalled_height })
}

pub(super) fn prefetched(prefetched: &Prefetched) -> v1::Prefetched {
    let slot = |record: &Option<Record>| match record {
        None => v1::prefetched::Slot { version: 0, value: None },
        Some(record) => v1::prefetched::Slot { version: record.version, value: record.value.clone() },
    };
    v1::Prefetched {
        session: prefetched.session.0,
        height: prefetched.height,
        records: prefetched.records.iter().map(slot).collect(),
        known: prefetched.known.iter().map(id_bytes).collect(),
    }
}

pub(super) fn to_prefetched(prefetched: &v1::Prefetched, asked: usize) -> Result<Prefetched> {
    if prefetched.records.len() != asked {
        let found = prefetched.records.len();
        return Err(Bad::new("prefetched.records", format!("{found} records where {asked} were asked for")));
    }
    let record = |slot: &v1::prefetched::Slot| {
        (slot.version > 0).then(|| Record { version: slot.version, value: slot.value.as_ref().map(owned) })
    };
    Ok(Prefetched {
        session: Session(prefetched.session),
        height: prefetched.height,
        records: prefetched.records.iter().map(record).collect(),
        known: ids("prefetched.known", &prefetched.known)?,
    })
}

pub(super) fn submitted(submitted: Submitted) -> v1::Submitted {
    let outcome = match submitted {
        Submitted::Taken { next_height } => v1::submitted::Outcome::NextHeight(next_height),
        Submitted::Refused { reason } => v1::submitted::Outcome::Refused(reason),
    };
    v1::Submitted { outcome: Some(outcome) }
}

pub(super) fn to_submitted(submitted: v1::Submitted) -> Result<Submitted> {
    match submitted.outcome.ok_or_else(|| Bad::missing("submitted.outcome"))? {
        v1::submitted::Outcome::NextHeight(next_height) => Ok(Submitted::Taken { next_height }),
        v1::submitted::Outcome::Refused(reason) => Ok(Submitted::Refused { reason }),
    }
}

pub(super) fn archived(block: Option<ArchivedBlock>) -> v1::Archived {
    let Some(block) = block else { return v1::Archived::default() };
    let segments = block.segments.into_iter();
    v1::Archived {
        proposal: Some(block.proposal),
        segments: segments
            .map(|(domain, raw)| v1::ArchivedSegment { domain: domain.to_string(), raw })
            .collect(),
    }
}

pub(super) fn to_archived(archived: v1::Archived) -> Result<Option<ArchivedBlock>> {
    let Some(proposal) = archived.proposal else { return Ok(None) };
    let segments = archived.segments.into_iter();
    let segments = segments.map(|segment| Ok((parsed("archived.domain", &segment.domain)?, segment.raw)));
    Ok(Some(ArchivedBlock { proposal, segments: segments.collect::<Result<_>>()? }))
}

pub(super) fn finals(transactions: &[FinalTransaction], complete_to: Position) -> v1::Finals {
    v1::Finals {
        transactions: transactions.iter().map(transaction).collect(),
        complete_to: Some(position(complete_to)),
    }
}

pub(super) fn to_finals(finals: v1::Finals) -> Result<(Vec<FinalTransaction>, Position)> {
    let transactions = finals.transactions.into_iter().map(to_transaction).collect::<Result<_>>()?;
    Ok((transactions, to_position(finals.complete_to)?))
}

pub(super) fn transaction(tx: &FinalTransaction) -> v1::FinalTransaction {
    v1::FinalTransaction {
        position: Some(position(tx.position)),
        domain: tx.domain.to_string(),
        log_index: tx.log_index,
        index: tx.index,
        id: id_bytes(&tx.id),
        time_ms: tx.time_ms,
        agency: tx.agency.to_string(),
        actor: tx.actor.clone(),
        nonce: Bytes::copy_from_slice(&tx.nonce),
        refused: tx.outcome.code().map(str::to_owned),
        changes: tx.changes.iter().map(change).collect(),
    }
}

pub(super) fn to_transaction(tx: v1::FinalTransaction) -> Result<FinalTransaction> {
    Ok(FinalTransaction {
        position: to_position(tx.position)?,
        domain: parsed("transaction.domain", &tx.domain)?,
        log_index: tx.log_index,
        index: tx.index,
        id: id("transaction.id", &tx.id)?,
        time_ms: tx.time_ms,
        agency: parsed("transaction.agency", &tx.agency)?,
        actor: tx.actor,
        nonce: array("transaction.nonce", &tx.nonce)?,
        outcome: outcome(tx.refused),
        changes: tx.changes.into_iter().map(to_change).collect::<Result<_>>()?,
    })
}

pub(super) fn record(record: &StoredRecord) -> v1::StoredRecord {
    v1::StoredRecord {
        version: record.version,
        value: record.value.clone(),
        hash: Bytes::copy_from_slice(&record.hash.0),
        transaction: id_bytes(&record.transaction),
        height: record.height,
        time_ms: record.time_ms,
        agency: record.agency.to_string(),
        salt: Bytes::copy_from_slice(&record.salt),
    }
}

pub(super) fn to_record(record: &v1::StoredRecord) -> Result<StoredRecord> {
    Ok(StoredRecord {
        version: record.version,
        value: record.value.as_ref().map(owned),
        hash: Hash(array("record.hash", &record.hash)?),
        transaction: id("record.transaction", &record.transaction)?,
        height: record.height,
        time_ms: record.time_ms,
        agency: parsed("record.agency", &record.agency)?,
        salt: array("record.salt", &record.salt)?,
    })
}

pub(super) fn history(history: &History) -> v1::History {
    v1::History { versions: history.versions.iter().map(record).collect(), more_below: history.more_below }
}

pub(super) fn to_history(history: &v1::History) -> Result<History> {
    let versions = history.versions.iter().map(to_record).collect::<Result<_>>()?;
    Ok(History { versions, more_below: history.more_below })
}

pub(super) fn scanned(records: &[(RecordId, StoredRecord)]) -> v1::Scanned {
    let named = |(name, version): &(RecordId, StoredRecord)| v1::scanned::Named {
        record: name.to_string(),
        version: Some(record(version)),
    };
    v1::Scanned { records: records.iter().map(named).collect() }
}

pub(super) fn to_scanned(scanned: &v1::Scanned) -> Result<Vec<(RecordId, StoredRecord)>> {
    let named = |named: &v1::scanned::Named| {
        let version = named.version.as_ref().ok_or_else(|| Bad::missing("scanned.version"))?;
        Ok((parsed("scanned.record", &named.record)?, to_record(version)?))
    };
    scanned.records.iter().map(named).collect()
}

//! A domain's executed transactions of one height, as memory and the segments table hold them.

use std::sync::Arc;

use hutong_ledger::{
    block::SEGMENT_TRANSACTIONS_MAX,
    canon::{Malformed, Reader, Writer},
    contract::{CHANGES_MAX, Versioned, record_salt},
    entry::{Changed, Entry, Opening, Outcome},
    hash::Hash,
    id::{AgencyId, Domain, RecordId, TxId},
    log::{Growth, leaf_hash},
};
use hutong_peer::{FinalTransaction, Position, SegmentResult};

/// A segment with the results of its transactions.
#[derive(Clone, Debug)]
pub(crate) struct FinalSegment {
    pub(crate) domain: Domain,
    /// The place of its first entry in the domain's log.
    pub(crate) first_index: u64,
    pub(crate) transactions: Vec<Arc<FinalTransaction>>,
    /// What its entries add to the tiles of the log.
    pub(crate) growths: Arc<[Growth]>,
}

/// Leaf hashes in the order of the log.
pub(crate) fn leaves(segment: &SegmentResult) -> impl Iterator<Item = Hash> + '_ {
    segment.result.executed.iter().map(|executed| leaf_hash(&executed.entry.encode()))
}

impl FinalSegment {
    /// Numbers the results of a segment; `ordinal` is that of the last transaction before them at this height.
    pub(crate) fn new(
        segment: &SegmentResult,
        height: u64,
        time_ms: u64,
        first_index: u64,
        ordinal: u32,
        growths: Arc<[Growth]>,
    ) -> Self {
        let transactions = segment.result.executed.iter().zip(1u32..).map(|(executed, count)| {
            let index = executed.entry.index;
            let body = segment.segment.transactions.get(index as usize).map(|transaction| &transaction.body);
            Arc::new(FinalTransaction {
                position: Position { height, ordinal: ordinal + count },
                domain: segment.domain,
                log_index: first_index + u64::from(count) - 1,
                index,
                id: executed.entry.id,
                time_ms,
                agency: body.map_or_else(unknown_agency, |body| body.agency),
                actor: body.map(|body| body.actor.clone()).unwrap_or_default(),
                nonce: executed.opening.nonce,
                outcome: executed.opening.outcome.clone(),
                changes: executed.changes.clone(),
            })
        });
        let transactions = transactions.collect();
        Self { domain: segment.domain, first_index, transactions, growths }
    }

    /// One piece for the segments table; values are in the records table and not repeated.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        let ordinal = self.transactions.first().map_or(0, |first| first.position.ordinal);
        let time_ms = self.transactions.first().map_or(0, |first| first.time_ms);
        w.u64(self.first_index).u32(ordinal).u64(time_ms);
        w.list(&self.transactions, |w, tx| {
            w.raw(&tx.id.0).u32(tx.index).text(tx.agency.as_str()).text(&tx.actor).raw(&tx.nonce);
            w.option(tx.outcome.code(), |w, code| {
                w.text(code);
            });
            w.list(&tx.changes, |w, change| {
                w.text(change.record.as_str()).u64(change.version).hash(&change.hash);
            });
        });
        w.finish()
    }
}

/// A segment as it is stored: changes by hash, without values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSegment {
    pub(crate) first_index: u64,
    /// Of the first transaction.
    pub(crate) ordinal: u32,
    pub(crate) time_ms: u64,
    pub(crate) transactions: Vec<StoredTransaction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredTransaction {
    pub(crate) id: TxId,
    pub(crate) index: u32,
    pub(crate) agency: AgencyId,
    pub(crate) actor: String,
    pub(crate) opening: Opening,
}

impl StoredSegment {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self {
                first_index: r.u64()?,
                ordinal: r.u32()?,
                time_ms: r.u64()?,
                transactions: r.list(SEGMENT_TRANSACTIONS_MAX, StoredTransaction::decode)?,
            })
        })
    }
}

impl StoredTransaction {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let id = TxId(r.array()?);
        let index = r.u32()?;
        let agency = r.parsed()?;
        let actor = r.text()?.to_owned();
        let nonce = r.array()?;
        let code = r.option(|r| r.text().map(str::to_owned))?;
        let outcome = code.map_or(Outcome::Applied, |code| Outcome::Refused(code.into()));
        let changes =
            r.list(CHANGES_MAX, |r| Ok(Changed { record: r.parsed()?, version: r.u64()?, hash: r.hash()? }))?;
        Ok(Self { id, index, agency, actor, opening: Opening { nonce, outcome, changes } })
    }

    /// The log entry of this transaction.
    pub(crate) fn entry(&self, height: u64) -> Entry {
        Entry { id: self.id, height, index: self.index, blind: self.opening.hash() }
    }
}

/// The opening of a final transaction.
pub(crate) fn opening(tx: &FinalTransaction) -> Opening {
    let changes = tx.changes.iter().map(changed).collect();
    Opening { nonce: tx.nonce, outcome: tx.outcome.clone(), changes }
}

fn changed(change: &Versioned) -> Changed {
    Changed { record: change.record.clone(), version: change.version, hash: change.hash }
}

/// The salt of a record that a transaction changed.
pub(crate) fn salt(tx: &FinalTransaction, record: &RecordId) -> [u8; 16] {
    record_salt(&tx.nonce, record)
}

/// Execution never yields an entry without its transaction; a name for what cannot be keeps this total.
fn unknown_agency() -> AgencyId {
    "unknown".parse().unwrap_or_else(|_| unreachable!("the name is well formed"))
}

//! What an agency's storage does for the agency's own services.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::{
    block::Header,
    contract::{Record, Versioned},
    entry::Outcome,
    epoch::Epoch,
    hash::Hash,
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
};

use crate::{Error, block::ExecutedBlock};

pub type SharedStorage = Arc<dyn StoragePeer>;

/// Names one life of a storage process: what was told to an earlier one does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session(pub u64);

/// Where storage stands, with every answer.
#[derive(Clone, Debug)]
pub struct Standing {
    pub session: Session,
    /// The last final block: what validation builds its overlay on.
    pub final_header: Header,
    /// The epoch in force at the next height above the last final block.
    pub epoch: Arc<Epoch>,
    /// The first height for which no executed block is held; `submit` takes only this one, or one at or above the
    /// first height that is not final when it supersedes what stands there.
    pub next_height: u64,
    /// The highest height that the agency had cosigned, or knew as final, before its storage was opened; 0 if none. As long
    /// as it is above the last final height, something that was final may not be seen here yet.
    pub recalled_height: u64,
}

impl Standing {
    /// Whether all that was final before storage was opened is seen here again.
    pub fn is_recalled(&self) -> bool {
        self.final_header.height >= self.recalled_height
    }
}

/// What is final of the records and ids that validation asked for.
#[derive(Clone, Debug)]
pub struct Prefetched {
    pub session: Session,
    /// The final height that this is as of.
    pub height: u64,
    /// In the order asked.
    pub records: Vec<Option<Record>>,
    /// Those of the ids that have a log entry in the domain already.
    pub known: Vec<TxId>,
}

/// The answer to an executed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Taken. The next height that is expected.
    Taken { next_height: u64 },
    /// Not the next height, another session, or a block that does not link to what is held: drop the overlay and
    /// ask where storage stands.
    Refused { reason: String },
}

/// A place in the sequence of an agency's final transactions: after all of its height up to the ordinal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub height: u64,
    /// Counts the transactions of a height over all hosted domains (by domain, then place), from 1; 0 is before
    /// the first.
    pub ordinal: u32,
}

/// A transaction that is final, with the changes it made.
#[derive(Clone, Debug)]
pub struct FinalTransaction {
    pub position: Position,
    pub domain: Domain,
    /// Its place in the domain's log, from 0.
    pub log_index: u64,
    /// Its place in the block's segment.
    pub index: u32,
    pub id: TxId,
    pub time_ms: u64,
    pub agency: AgencyId,
    pub actor: String,
    pub nonce: [u8; 16],
    pub outcome: Outcome,
    pub changes: Vec<Versioned>,
}

/// A version of a record.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    pub version: u64,
    /// None: this version deleted it.
    pub value: Option<Bytes>,
    pub hash: Hash,
    pub transaction: TxId,
    pub height: u64,
    pub time_ms: u64,
    pub agency: AgencyId,
    pub salt: [u8; 16],
}

/// A page of a record's versions, newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub versions: Vec<StoredRecord>,
    /// Ask again below this version for more.
    pub more_below: Option<u64>,
}

/// An archived block's bytes, for a validation that starts where the stream no longer reaches.
#[derive(Clone, Debug)]
pub struct ArchivedBlock {
    /// Canonical [`hutong_ledger::block::Proposal`].
    pub proposal: Bytes,
    /// Hosted segments as they stood on the stream.
    pub segments: Vec<(Domain, Bytes)>,
}

/// An agency's storage, as its own services see it. Everything it tells is final.
#[async_trait]
pub trait StoragePeer: Send + Sync + Debug + 'static {
    async fn standing(&self) -> Result<Standing, Error>;

    /// Records as of the last final height, and which ids have a log entry.
    async fn prefetch(
        &self,
        domain: Domain,
        keys: Vec<RecordKey>,
        ids: Vec<TxId>,
    ) -> Result<Prefetched, Error>;

    /// Hands an executed block over. It is archived, voted for when its parent is certified, cosigned when it is
    /// certified itself, and written to the final state at quorum.
    async fn submit(&self, session: Session, block: Arc<ExecutedBlock>) -> Result<Submitted, Error>;

    /// The block that is archived at a height, be it final or not.
    async fn archived(&self, height: u64) -> Result<Option<ArchivedBlock>, Error>;

    /// Waits until a height above the given one is final, or until the time is over; the last final height.
    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error>;

    /// The final transactions after a position in the hosted domains named (None: all), in order, at most `limit`,
    /// and the position up to which this is complete.
    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error>;

    /// A final transaction by id.
    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error>;

    /// The offline receipt of a final transaction, as its JSON document.
    async fn receipt(&self, id: TxId) -> Result<Option<Bytes>, Error>;

    /// The offline proof of what a record is, or that there is none, as its JSON document; None while nothing of the
    /// domain is final.
    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, Error>;

    /// A record: a version of it, or the current one.
    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error>;

    async fn history(&self, key: RecordKey, below: Option<u64>, limit: usize) -> Result<History, Error>;

    /// Records of a domain whose id starts with a prefix, after a record id, in order of id, live ones only.
    async fn scan(
        &self,
        domain: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error>;
}

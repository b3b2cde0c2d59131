//! A storage that answers from what it is asked, so that two ways of asking can be compared, and blocks to submit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::{
    block::{Cursor, Header, Proposal, Segment, SegmentRef},
    contract::{Change, Record, Refusal, Versioned},
    entry::{Changed, Entry, Opening, Outcome},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Executed, ExecutedSegment},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, KeyId, RecordId, RecordKey, TxId},
    transaction::{Body, Signature, Transaction, Void},
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, SegmentResult, Session, StoragePeer,
    StoredRecord, Submitted,
    storage::{ArchivedBlock, History, Standing},
};
use tokio::sync::{Notify, watch};

pub(crate) fn agency() -> AgencyId {
    "land".parse().unwrap()
}

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

fn chain() -> ChainId {
    ChainId::new("testcity".parse().unwrap(), &sha256(&[b"genesis"]))
}

fn epoch() -> Epoch {
    let key = |purpose, byte| Key { purpose, public: [byte; 32] };
    Epoch {
        number: 3,
        from_height: 10,
        agencies: vec![Agency {
            id: agency(),
            name: "Land Registry".into(),
            validating: true,
            keys: vec![key(Purpose::Signing, 1), key(Purpose::Host, 2), key(Purpose::Orderer, 3)],
        }],
        domains: vec![
            DomainRules { domain: Domain::MEMBERSHIP, owner: agency(), contract: 1, hosts: vec![] },
            DomainRules {
                domain: domain("property"),
                owner: agency(),
                contract: 1,
                hosts: vec![Host { agency: agency(), ready: true }],
            },
        ],
        orderers: vec![agency()],
    }
}

fn header(height: u64, segments: Vec<SegmentRef>) -> Header {
    Header {
        chain: chain(),
        rules: 1,
        epoch: 3,
        height,
        prev: sha256(&[b"before"]),
        time_ms: 1_700_000_000_000 + height,
        cursors: vec![Cursor { domain: domain("property"), incarnation: 9, sequence: height }],
        segments,
    }
}

pub(crate) fn id(byte: u8) -> TxId {
    TxId::new(1_700_000_000_000, &[byte])
}

/// A block whose one segment has this many transactions with actions of a size; every third is refused, the last
/// is void.
pub(crate) fn block(height: u64, name: &str, transactions: usize, action_bytes: usize) -> ExecutedBlock {
    let domain = domain(name);
    let transactions: Vec<_> = (0..transactions).map(|at| transaction(domain, at, action_bytes)).collect();
    let segment = Segment { domain, transactions };
    let header = header(height, vec![SegmentRef { domain, root: segment.root() }]);
    let hash = header.hash();
    let raw = hutong_wire::transaction::encode_segment(&hash, &segment);
    let last = segment.transactions.len() - 1;
    let executed = segment.transactions[..last].iter().enumerate();
    let result = ExecutedSegment {
        executed: executed.map(|(at, tx)| execute(domain, height, at, tx)).collect(),
        voids: vec![(last as u32, segment.transactions[last].id, Void::Unsigned)],
    };
    let proposal = Proposal {
        header,
        view: 0,
        orderer: agency(),
        key: KeyId([5; 8]),
        statuses: vec![],
        signature: [6; 64],
    };
    let segments = vec![SegmentResult { domain, segment, raw, result }];
    ExecutedBlock { proposal: Arc::new(proposal), hash, segments, next_epoch: Some(Arc::new(epoch())) }
}

fn transaction(domain: Domain, at: usize, action_bytes: usize) -> Transaction {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&(at as u64).to_be_bytes());
    let body = Body {
        chain: chain(),
        domain,
        agency: agency(),
        signers: vec![agency()],
        actor: "clerk".into(),
        nonce,
        not_after_ms: 1_700_000_500_000,
        action: vec![at as u8; action_bytes].into(),
    };
    let bytes = hutong_wire::transaction::encode_body(&body);
    Transaction::new(bytes, body, vec![Signature { agency: agency(), key: KeyId([7; 8]), bytes: [8; 64] }])
}

fn execute(domain: Domain, height: u64, at: usize, tx: &Transaction) -> Executed {
    let refusal = (at % 3 == 2).then(|| Refusal::new("not_the_owner", "someone else owns it").at("party"));
    let record = |suffix: &str| format!("parcel-{at}{suffix}").parse::<RecordId>().unwrap();
    let changes = match refusal {
        Some(_) => vec![],
        None => vec![
            Versioned::new(domain, &tx.body.nonce, Change::put(record(""), tx.body.action.clone()), 1),
            Versioned::new(domain, &tx.body.nonce, Change::delete(record("-draft")), 2),
        ],
    };
    let outcome = refusal.as_ref().map_or(Outcome::Applied, |r| Outcome::Refused(r.code.clone()));
    let named = |c: &Versioned| Changed { record: c.record.clone(), version: c.version, hash: c.hash };
    let opening = Opening { nonce: tx.body.nonce, outcome, changes: changes.iter().map(named).collect() };
    let entry = Entry { id: tx.id, height, index: at as u32, blind: opening.hash() };
    Executed { entry, opening, changes, refusal }
}

/// Answers from the question, so that what was asked shows in the answer.
#[derive(Debug)]
pub(crate) struct FakeStorage {
    pub(crate) final_height: watch::Sender<u64>,
    pub(crate) last_block: parking_lot::Mutex<Option<Arc<ExecutedBlock>>>,
    /// While set, `receipt` waits for the notification.
    pub(crate) hold_receipts: Notify,
    pub(crate) held: AtomicU64,
    pub(crate) value_bytes: usize,
}

impl FakeStorage {
    pub(crate) fn new(value_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            final_height: watch::Sender::new(7),
            last_block: parking_lot::Mutex::default(),
            hold_receipts: Notify::new(),
            held: AtomicU64::new(0),
            value_bytes,
        })
    }

    fn value(&self, seed: u64) -> Bytes {
        (0..self.value_bytes as u64).map(|at| (at ^ seed) as u8).collect::<Vec<_>>().into()
    }

    fn stored(&self, version: u64, value: Option<Bytes>) -> StoredRecord {
        StoredRecord {
            version,
            value,
            hash: sha256(&[b"record"]),
            transaction: id(1),
            height: 4,
            time_ms: 99,
            agency: agency(),
            salt: [4; 16],
        }
    }

    fn final_transaction(&self, ordinal: u32) -> FinalTransaction {
        let change = Change::put("parcel-1".parse().unwrap(), self.value(ordinal.into()));
        FinalTransaction {
            position: Position { height: 3, ordinal },
            domain: domain("property"),
            log_index: ordinal.into(),
            index: ordinal,
            id: id(ordinal as u8),
            time_ms: 1_700_000_000_123,
            agency: agency(),
            actor: "clerk".into(),
            nonce: [3; 16],
            outcome: if ordinal.is_multiple_of(2) {
                Outcome::Applied
            } else {
                Outcome::Refused("not_the_owner".into())
            },
            changes: vec![Versioned::new(domain("property"), &[3; 16], change, 4)],
        }
    }
}

#[async_trait]
impl StoragePeer for FakeStorage {
    async fn standing(&self) -> Result<Standing, Error> {
        let final_header = header(7, vec![SegmentRef { domain: domain("property"), root: Hash([1; 32]) }]);
        Ok(Standing {
            session: Session(u64::MAX),
            final_header,
            epoch: Arc::new(epoch()),
            next_height: 8,
            recalled_height: 0,
        })
    }

    async fn prefetch(&self, _: Domain, keys: Vec<RecordKey>, ids: Vec<TxId>) -> Result<Prefetched, Error> {
        let record = |(at, key): (usize, &RecordKey)| match at % 3 {
            0 => None,
            1 => Some(Record { version: 3, value: None }),
            _ => Some(Record {
                version: 1,
                value: Some(Bytes::copy_from_slice(key.record.as_str().as_bytes())),
            }),
        };
        let records = keys.iter().enumerate().map(record).collect();
        Ok(Prefetched { session: Session(1), height: 7, records, known: ids.into_iter().take(1).collect() })
    }

    async fn submit(&self, session: Session, block: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        let height = block.height();
        *self.last_block.lock() = Some(block);
        match session {
            Session(1) => Ok(Submitted::Taken { next_height: height + 1 }),
            Session(2) => Ok(Submitted::Refused { reason: "another session".into() }),
            _ => {
                Err(Error::Stopped { callee: "storage", reason: "the archive is damaged at height 3".into() })
            }
        }
    }

    async fn archived(&self, height: u64) -> Result<Option<ArchivedBlock>, Error> {
        let block = ArchivedBlock {
            proposal: Bytes::from_static(b"proposal"),
            segments: vec![(domain("property"), self.value(height))],
        };
        Ok((height < 8).then_some(block))
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<u64, Error> {
        let mut height = self.final_height.subscribe();
        let _ = tokio::time::timeout(timeout, height.wait_for(|height| *height > above)).await;
        Ok(*self.final_height.borrow())
    }

    async fn finals(
        &self,
        after: Position,
        domains: Option<Vec<Domain>>,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        if domains.is_some_and(|domains| domains.contains(&domain("health"))) {
            return Err(Error::Failed { callee: "storage", reason: "health is not hosted here".into() });
        }
        let ordinals = after.ordinal + 1..=after.ordinal + limit as u32;
        let finals: Vec<_> = ordinals.map(|ordinal| self.final_transaction(ordinal)).collect();
        let complete_to = finals.last().map_or(after, |last| last.position);
        Ok((finals, complete_to))
    }

    async fn transaction(&self, id: TxId) -> Result<Option<FinalTransaction>, Error> {
        Ok(id.0[37].is_multiple_of(2).then(|| self.final_transaction(id.0[37].into())))
    }

    async fn receipt(&self, id: TxId) -> Result<Option<Bytes>, Error> {
        if self.value_bytes == 0 {
            self.held.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            self.hold_receipts.notified().await;
        }
        Ok(Some(format!("{{\"id\":\"{id}\"}}").into()))
    }

    async fn state_receipt(&self, key: RecordKey) -> Result<Option<Bytes>, Error> {
        Ok((key.record.as_str() != "gone").then(|| format!("{{\"key\":\"{key}\"}}").into()))
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        let live = key.record.as_str() != "gone";
        Ok(live.then(|| self.stored(version.unwrap_or(5), Some(self.value(1)))))
    }

    async fn history(&self, _: RecordKey, below: Option<u64>, limit: usize) -> Result<History, Error> {
        let version = |version| self.stored(version, (version != 2).then(|| self.value(version)));
        Ok(History { versions: (1..=limit as u64).rev().map(version).collect(), more_below: below })
    }

    async fn scan(
        &self,
        _: Domain,
        prefix: String,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        let from = after.map_or(0, |after| after.as_str().len());
        let named =
            |at: usize| format!("{prefix}{at}").parse().map(|id| (id, self.stored(1, Some(self.value(2)))));
        Ok((from..from + limit).filter_map(|at| named(at).ok()).collect())
    }
}

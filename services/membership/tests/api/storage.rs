//! A storage that holds epochs and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::{
    block::Header,
    epoch::{Agency, DomainRules, Epoch, Key, Purpose},
    hash::{Hash, sha256},
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, StoragePeer, StoredRecord,
    Submitted,
    storage::{ArchivedBlock, History, Standing},
};

use crate::signing_key;

/// The number of the epoch in force.
pub(crate) const LAST: u64 = 2;

/// An epoch by number: each has one member more.
pub(crate) fn epoch(number: u64) -> Epoch {
    let members = ["land", "parks", "roads"].into_iter().take(usize::try_from(number).unwrap() + 1);
    let key = |purpose, name: &str| match purpose {
        Purpose::Signing => Key { purpose, public: signing_key(name).public().0 },
        _ => Key { purpose, public: sha256(&[name.as_bytes(), &[purpose as u8]]).0 },
    };
    let agencies = members.map(|name| Agency {
        id: agency(name),
        name: format!("Office of {name}"),
        validating: true,
        keys: [Purpose::Signing, Purpose::Host, Purpose::Orderer].map(|purpose| key(purpose, name)).to_vec(),
    });
    let rules =
        DomainRules { domain: Domain::MEMBERSHIP, owner: agency("land"), contract: 1, hosts: Vec::new() };
    let epoch = Epoch {
        number,
        from_height: 1 + 10 * number,
        agencies: agencies.collect(),
        domains: vec![rules],
        orderers: vec![agency("land")],
    };
    epoch.check().unwrap();
    epoch
}

fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

#[derive(Debug, Default)]
pub(crate) struct EpochStorage {
    /// While set, every call fails.
    pub(crate) away: AtomicBool,
}

impl EpochStorage {
    fn answers(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Failed { callee: "storage", reason: "it is away".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl StoragePeer for EpochStorage {
    async fn standing(&self) -> Result<Standing, Error> {
        self.answers()?;
        let final_header = Header {
            chain: crate::CHAIN.parse().unwrap(),
            rules: 1,
            epoch: LAST,
            height: 40,
            prev: Hash::ZERO,
            time_ms: 1_700_000_000_000,
            cursors: Vec::new(),
            segments: Vec::new(),
        };
        Ok(Standing {
            session: Session(1),
            final_header,
            epoch: Arc::new(epoch(LAST)),
            next_height: 41,
            recalled_height: 0,
        })
    }

    async fn record(&self, key: RecordKey, version: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        self.answers()?;
        assert_eq!(key.to_string(), "membership/epoch");
        let version = version.unwrap_or(LAST + 1);
        if !(1..=LAST + 1).contains(&version) {
            return Ok(None);
        }
        let epoch = epoch(version - 1);
        Ok(Some(StoredRecord {
            version,
            value: Some(epoch.encode().into()),
            hash: Hash::ZERO,
            transaction: TxId([0; 38]),
            height: epoch.from_height - 1,
            time_ms: 1_700_000_000_000,
            agency: agency("land"),
            salt: [0; 16],
        }))
    }

    async fn prefetch(&self, _: Domain, _: Vec<RecordKey>, _: Vec<TxId>) -> Result<Prefetched, Error> {
        not_asked()
    }

    async fn submit(&self, _: Session, _: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        not_asked()
    }

    async fn archived(&self, _: u64) -> Result<Option<ArchivedBlock>, Error> {
        not_asked()
    }

    async fn wait_final(&self, _: u64, _: Duration) -> Result<u64, Error> {
        not_asked()
    }

    async fn finals(
        &self,
        _: Position,
        _: Option<Vec<Domain>>,
        _: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        not_asked()
    }

    async fn transaction(&self, _: TxId) -> Result<Option<FinalTransaction>, Error> {
        not_asked()
    }

    async fn receipt(&self, _: TxId) -> Result<Option<Bytes>, Error> {
        not_asked()
    }

    async fn state_receipt(&self, _: RecordKey) -> Result<Option<Bytes>, Error> {
        not_asked()
    }

    async fn history(&self, _: RecordKey, _: Option<u64>, _: usize) -> Result<History, Error> {
        not_asked()
    }

    async fn scan(
        &self,
        _: Domain,
        _: String,
        _: Option<RecordId>,
        _: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        not_asked()
    }
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "membership has no reason to ask this".into() })
}

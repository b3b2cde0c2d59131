//! A city in memory, storage and ingest in one: what the contracts decide is final at once, one transaction a height.
//!
//! It stands in for the flow in the tests of a service, which knows it as its ports. It checks no signatures, keeps no
//! proofs and needs no votes: what those do is tested where they are. Contracts are executed by the ledger's own
//! rules, and what ingest refuses by its form it refuses too, so a service can't pass here what the flow would not
//! take.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod peers;
mod place;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hutong_client::Signer;
use hutong_desk::{Desk, Means};
use hutong_keys::{SealingKey, SigningKey};
use hutong_ledger::{
    block::Header,
    contract::{Contract, Versioned, record_salt},
    entry::Outcome,
    epoch::Epoch,
    execute::{Execution, Records, Step},
    id::{AgencyId, Domain, RecordKey, TxId},
    transaction::{Body, Transaction},
};
use hutong_peer::{Error, FinalTransaction, Position, StoredRecord, ingest::Finality, vault::SharedVault};
use hutong_runtime::{Clock, ManualClock};
use parking_lot::Mutex;
use tokio::sync::watch;

pub use place::{CHAIN, chain, epoch, header};

/// What a service's ports lead to.
#[derive(Debug)]
pub struct City {
    pub clock: Arc<ManualClock>,
    contracts: BTreeMap<Domain, Arc<dyn Contract>>,
    epoch: Arc<Epoch>,
    state: Mutex<State>,
    height: watch::Sender<u64>,
    /// While set, storage and ingest fail.
    pub away: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    finals: Vec<FinalTransaction>,
    versions: BTreeMap<RecordKey, Vec<StoredRecord>>,
    /// The bodies of all transactions, one after the other.
    bytes: Vec<u8>,
}

impl City {
    /// A city at height 0 and a moment, with the contracts of the domains that its agencies host.
    pub fn new(
        contracts: impl IntoIterator<Item = Arc<dyn Contract>>,
        epoch: Epoch,
        began_ms: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(ManualClock::at(began_ms)),
            contracts: contracts.into_iter().map(|contract| (contract.domain(), contract)).collect(),
            epoch: Arc::new(epoch),
            state: Mutex::default(),
            height: watch::Sender::new(0),
            away: AtomicBool::new(false),
        })
    }

    pub fn height(&self) -> u64 {
        *self.height.borrow()
    }

    /// The desk of an agency, with the vaults that it can ask, by owner.
    pub fn desk<'a>(
        self: &Arc<Self>,
        agency: &str,
        vaults: impl IntoIterator<Item = (&'a str, SharedVault)>,
    ) -> Desk {
        Desk::new(Means {
            chain: chain(),
            signer: Signer::new(agency.parse().unwrap(), signing_key(agency)),
            sealing: SealingKey::from_seed(&[9; 32]),
            ingest: self.clone(),
            storage: self.clone(),
            vaults: vaults.into_iter().map(|(owner, vault)| (owner.parse().unwrap(), vault)).collect(),
            clock: self.clock.clone(),
        })
    }

    /// Makes an action final; the first of the signers submits. It must be applied.
    pub fn submit(&self, domain: Domain, signers: &[&str], action: Bytes) -> TxId {
        let transaction = self.transaction(domain, signers, action);
        assert_eq!(self.decide(&transaction).outcome, Outcome::Applied);
        transaction.id
    }

    /// The code under which an action is refused; it then changed nothing.
    pub fn refused(&self, domain: Domain, signers: &[&str], action: Bytes) -> String {
        match self.decide(&self.transaction(domain, signers, action)).outcome {
            Outcome::Refused(code) => {
                assert!(self.state.lock().finals.last().unwrap().changes.is_empty());
                code.into_owned()
            }
            Outcome::Applied => "applied".into(),
        }
    }

    fn transaction(&self, domain: Domain, signers: &[&str], action: Bytes) -> Transaction {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height().to_be_bytes());
        let mut sorted: Vec<AgencyId> = signers.iter().map(|name| name.parse().unwrap()).collect();
        sorted.sort();
        let body = Body {
            chain: chain(),
            domain,
            agency: signers[0].parse().unwrap(),
            signers: sorted,
            actor: String::new(),
            nonce,
            not_after_ms: self.clock.unix_ms() + 1_000_000,
            action,
        };
        Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())
    }

    /// Executes a transaction in a block of its own, a millisecond later than what was before.
    pub fn decide(&self, transaction: &Transaction) -> Finality {
        self.clock.advance(Duration::from_millis(1));
        let mut state = self.state.lock();
        let (height, domain) = (self.height() + 1, transaction.body.domain);
        let header = header(height, self.clock.unix_ms());
        let mut execution = Execution::new(
            &*self.contracts[&domain],
            &self.epoch,
            &header,
            std::slice::from_ref(transaction),
            &[None],
        );
        let mut done = loop {
            match execution.run(&mut state.records) {
                Step::Done(done) => break done,
                Step::Need(keys) => state.records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        let executed = done.executed.pop().unwrap();
        assert_ne!(executed.opening.outcome.code(), Some("contract_fault"), "{:?}", executed.refusal);
        for change in &executed.changes {
            state.keep(change, transaction, &header);
        }
        state.bytes.extend_from_slice(&transaction.body_bytes);
        let log_index = state.finals.iter().filter(|each| each.domain == domain).count() as u64;
        let outcome = executed.opening.outcome;
        state.finals.push(FinalTransaction {
            position: Position { height, ordinal: 1 },
            domain,
            log_index,
            index: 0,
            id: transaction.id,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            actor: transaction.body.actor.clone(),
            nonce: transaction.body.nonce,
            outcome: outcome.clone(),
            changes: executed.changes,
        });
        drop(state);
        self.height.send_replace(height);
        Finality { height, index: 0, log_index, time_ms: header.time_ms, outcome, receipt: None }
    }

    /// The records that the last transaction changed.
    pub fn changed(&self) -> Vec<String> {
        let state = self.state.lock();
        state.finals.last().unwrap().changes.iter().map(|change| change.record.to_string()).collect()
    }

    /// The actor of the last transaction.
    pub fn last_actor(&self) -> String {
        self.state.lock().finals.last().unwrap().actor.clone()
    }

    /// Codes of the transactions that were refused.
    pub fn refusals(&self) -> Vec<String> {
        let state = self.state.lock();
        state.finals.iter().filter_map(|each| each.outcome.code().map(str::to_owned)).collect()
    }

    /// Whether a text was in any transaction or stands in any version of any record.
    pub fn has_seen(&self, text: &str) -> bool {
        let state = self.state.lock();
        let values = state.versions.values().flatten().filter_map(|stored| stored.value.as_deref());
        let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        values.chain([&*state.bytes]).any(holds)
    }

    fn answers(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Failed { callee: "storage", reason: "it is away".into() });
        }
        Ok(())
    }
}

impl State {
    fn keep(&mut self, change: &Versioned, transaction: &Transaction, header: &Header) {
        let key = RecordKey { domain: transaction.body.domain, record: change.record.clone() };
        self.versions.entry(key).or_default().push(StoredRecord {
            version: change.version,
            value: change.value.clone(),
            hash: change.hash,
            transaction: transaction.id,
            height: header.height,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            salt: record_salt(&transaction.body.nonce, &change.record),
        });
    }
}

/// The signing key of an agency in this city.
pub fn signing_key(agency: &str) -> SigningKey {
    SigningKey::from_seed(&hutong_ledger::hash::sha256(&[agency.as_bytes()]).0)
}

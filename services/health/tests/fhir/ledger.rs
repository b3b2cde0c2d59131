//! A ledger and a vault in memory: what the real contract decides is final at once, one transaction a height.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_disclosure::{Disclosing, Handle, ResidentId, commitment};
use hutong_health::{Error, Health, Key, Records, domain};
use hutong_ledger::{
    block::Header,
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch},
    execute::{Execution, Records as LedgerRecords, Step},
    hash::Hash,
    id::{AgencyId, TxId},
    transaction::{Body, Transaction},
};
use hutong_peer::{FinalTransaction, Position};
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) const OWNER: &str = "health-commission";
pub(crate) const HOSPITAL: &str = "hospital-a";
/// The time of the block at height 0.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

pub(crate) fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    height: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    records: LedgerRecords,
    finals: Vec<FinalTransaction>,
    /// Everything that was ever submitted.
    actions: Vec<(Bytes, String)>,
    sealed: BTreeMap<[u8; 32], (Key, Bytes)>,
    persons: BTreeMap<String, Handle>,
    salts: u64,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), height: watch::Sender::new(0) }
    }

    pub(crate) fn height(&self) -> u64 {
        *self.height.borrow()
    }

    /// The record's value as it stands.
    pub(crate) fn record(&self, name: &str) -> Option<Bytes> {
        let key = hutong_ledger::id::RecordKey { domain: domain(), record: name.parse().unwrap() };
        self.state.lock().records.get(&key).cloned().flatten()?.value
    }

    /// Names of live records that begin so.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let state = self.state.lock();
        let live =
            state.records.iter().filter(|(_, record)| record.as_ref().is_some_and(|r| r.value.is_some()));
        let mut names: Vec<_> = live.map(|(key, _)| key.record.to_string()).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        names
    }

    /// All bytes that ever went to the ledger.
    pub(crate) fn submitted(&self) -> Vec<u8> {
        self.state
            .lock()
            .actions
            .iter()
            .flat_map(|(action, actor)| [action, actor.as_bytes()].concat())
            .collect()
    }

    pub(crate) fn submit_as(&self, by: &str, action: &Bytes, actor: &str) -> Result<TxId, Error> {
        let mut state = self.state.lock();
        let height = self.height() + 1;
        state.actions.push((action.clone(), actor.to_owned()));
        let transaction = transaction(height, by, action.clone(), actor);
        let (epoch, header, contract) = (epoch(), header(height), Disclosing(Health));
        let mut execution =
            Execution::new(&contract, &epoch, &header, std::slice::from_ref(&transaction), &[None]);
        let mut done = loop {
            match execution.run(&mut state.records) {
                Step::Done(done) => break done,
                Step::Need(keys) => state.records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        let executed = done.executed.pop().unwrap();
        let outcome = executed.opening.outcome.clone();
        let log_index = state.finals.len() as u64;
        state.finals.push(FinalTransaction {
            position: Position { height, ordinal: 1 },
            domain: domain(),
            log_index,
            index: 0,
            id: transaction.id,
            time_ms: header.time_ms,
            agency: transaction.body.agency,
            actor: actor.to_owned(),
            nonce: transaction.body.nonce,
            outcome: outcome.clone(),
            changes: executed.changes,
        });
        drop(state);
        self.height.send_replace(height);
        match outcome {
            Outcome::Applied => Ok(transaction.id),
            Outcome::Refused(code) => Err(Error::Refused { code: code.into_owned() }),
        }
    }
}

fn transaction(height: u64, by: &str, action: Bytes, actor: &str) -> Transaction {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&height.to_be_bytes());
    let body = Body {
        chain: header(height).chain,
        domain: domain(),
        agency: agency(by),
        signers: vec![agency(by)],
        actor: actor.to_owned(),
        nonce,
        not_after_ms: header(height).time_ms + 1000,
        action,
    };
    Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())
}

fn epoch() -> Epoch {
    let rules = DomainRules { domain: domain(), owner: agency(OWNER), contract: 1, hosts: Vec::new() };
    let member =
        |name: &str| Agency { id: agency(name), name: name.into(), validating: true, keys: Vec::new() };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: vec![member(OWNER), member(HOSPITAL)],
        domains: vec![rules],
        orderers: Vec::new(),
    }
}

fn header(height: u64) -> Header {
    Header {
        chain: "riverton-0011223344556677".parse().unwrap(),
        rules: 1,
        epoch: 0,
        height,
        prev: Hash::ZERO,
        time_ms: START_MS + height * 1000,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

#[async_trait]
impl Records for Ledger {
    fn agency(&self) -> AgencyId {
        agency(OWNER)
    }

    async fn seal(&self, key: &Key, _: Vec<Handle>, body: Bytes) -> Result<Hash, Error> {
        let mut state = self.state.lock();
        state.salts += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&state.salts.to_be_bytes());
        let commitment = commitment(domain(), &key.record(), "body", &salt, &body);
        state.sealed.insert(commitment.0, (key.clone(), body));
        Ok(commitment)
    }

    async fn submit(&self, action: Bytes, actor: &str) -> Result<TxId, Error> {
        tokio::task::yield_now().await;
        self.submit_as(OWNER, &action, actor)
    }

    async fn find_person(&self, resident_id: &str) -> Result<(Handle, bool), Error> {
        let resident: ResidentId =
            resident_id.parse().map_err(|_| Error::Refused { code: "resident_id_invalid".into() })?;
        let mut state = self.state.lock();
        let name = format!("{resident:?}{resident_id}");
        if let Some(handle) = state.persons.get(&name) {
            return Ok((*handle, false));
        }
        let handle = [state.persons.len() as u8 + 1; 16];
        state.persons.insert(name, handle);
        Ok((handle, true))
    }

    async fn recover(&self, key: &Key, official: &str) -> Result<(Hash, Bytes), Error> {
        let value = self.record(&key.to_string()).unwrap();
        let resource: hutong_wire::v1::health::Resource = hutong_wire::prost::Message::decode(value).unwrap();
        let commitment: [u8; 32] = resource.commitment.as_ref().try_into().unwrap();
        assert!(!official.is_empty());
        let state = self.state.lock();
        let (_, body) = state.sealed.get(&commitment).unwrap();
        Ok((Hash(commitment), body.clone()))
    }

    async fn finals(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        tokio::task::yield_now().await;
        let state = self.state.lock();
        let finals: Vec<_> =
            state.finals.iter().filter(|each| each.position > after).take(limit).cloned().collect();
        let reached = finals.last().map_or(after, |last| last.position);
        Ok((finals, reached))
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<(), Error> {
        let mut height = self.height.subscribe();
        let _ = tokio::time::timeout(timeout, height.wait_for(|height| *height > above)).await;
        Ok(())
    }
}

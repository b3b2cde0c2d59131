//! A small city whose hosts keep notes: its epoch, the records so far, and blocks of one transaction or many.

use bytes::Bytes;
use hutong_disclosure::Disclosing;
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::Header,
    contract::{Record, Refusal, VALUE_BYTES_MAX},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Executed, ExecutedSegment, Execution, Records, Step},
    genesis::Genesis,
    hash::{Hash, sha256},
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
    transaction::{Body, Transaction},
};
use hutong_wire::prost::Message;

use crate::{
    build,
    notes::{Notes, domain, note},
};

/// Owner of the domain, and an agency that asks; others.
pub(crate) const OWNER: &str = "health";
pub(crate) const CLINIC: &str = "clinic";
pub(crate) const COURT: &str = "court";
pub(crate) const ALL: [&str; 4] = [CLINIC, COURT, OWNER, "police"];

/// The time of the block at a height.
pub(crate) const fn time_ms(height: u64) -> u64 {
    1_700_000_000_000 + height * 1000
}

pub(crate) fn id(name: &str) -> AgencyId {
    name.parse().unwrap()
}

pub(crate) fn record(name: &str) -> RecordId {
    name.parse().unwrap()
}

pub(crate) fn host_key(agency: &str) -> SigningKey {
    SigningKey::from_seed(&sha256(&[agency.as_bytes()]).0)
}

/// The epoch with these agencies.
pub(crate) fn epoch(names: &[&str]) -> Epoch {
    let agency = |name: &&str| {
        let key = |purpose, public: SigningKey| Key { purpose, public: *public.public().as_bytes() };
        let host = key(Purpose::Host, host_key(name));
        let orderer = key(Purpose::Orderer, host_key(&format!("{name}, ordering")));
        Agency { id: id(name), name: (*name).into(), validating: true, keys: vec![host, orderer] }
    };
    let hosts = names.iter().map(|name| Host { agency: id(name), ready: true }).collect();
    let rules = |domain, hosts| DomainRules { domain, owner: id(OWNER), contract: 1, hosts };
    let epoch = Epoch {
        number: 0,
        from_height: 1,
        agencies: names.iter().map(agency).collect(),
        domains: vec![rules(Domain::MEMBERSHIP, Vec::new()), rules(domain(), hosts)],
        orderers: vec![id(OWNER)],
    };
    epoch.check().unwrap();
    epoch
}

pub(crate) fn genesis() -> Genesis {
    Genesis { name: "harbour".parse().unwrap(), time_ms: 1, epoch: epoch(&ALL) }
}

/// A transaction of an agency's official.
pub(crate) fn transaction(agency: &str, actor: &str, nonce: u64, action: Bytes) -> Transaction {
    let mut bytes = [0x5a; 16];
    bytes[..8].copy_from_slice(&nonce.to_be_bytes());
    let body = Body {
        chain: genesis().chain(),
        domain: domain(),
        agency: id(agency),
        signers: vec![id(agency)],
        actor: actor.into(),
        nonce: bytes,
        not_after_ms: time_ms(1_000_000),
        action,
    };
    // What the signatures cover is no matter here: the bytes only have to name the transaction.
    let names = sha256(&[&body.nonce, agency.as_bytes(), actor.as_bytes(), &body.action]).0;
    Transaction::new(Bytes::copy_from_slice(&names), body, Vec::new())
}

/// Runs a segment; what is not loaded is loaded when it is asked for, as a record that does not exist.
pub(crate) fn execute(
    epoch: &Epoch,
    height: u64,
    transactions: &[Transaction],
    records: &mut Records,
) -> ExecutedSegment {
    let header = Header {
        chain: genesis().chain(),
        rules: 1,
        epoch: 0,
        height,
        prev: Hash::ZERO,
        time_ms: time_ms(height),
        cursors: Vec::new(),
        segments: Vec::new(),
    };
    let faults = vec![None; transactions.len()];
    let contract = Disclosing(Notes);
    let mut execution = Execution::new(&contract, epoch, &header, transactions, &faults);
    loop {
        match execution.run(records) {
            Step::Done(done) => return done,
            Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
        }
    }
}

/// What must be true of everything executed, whatever was submitted.
pub(crate) fn check(executed: &Executed) {
    let fault = executed.refusal.as_ref().filter(|refusal| refusal.code == Refusal::CONTRACT_FAULT);
    assert_eq!(fault, None, "the contract broke its own rules");
    assert_eq!(executed.opening.outcome == Outcome::Applied, executed.refusal.is_none());
    for change in &executed.changes {
        assert!(change.value.as_ref().is_none_or(|value| value.len() <= VALUE_BYTES_MAX));
    }
}

/// The city, one transaction per block.
#[derive(Clone)]
pub(crate) struct City {
    pub(crate) epoch: Epoch,
    pub(crate) records: Records,
    pub(crate) height: u64,
    pub(crate) executed: Vec<Executed>,
}

impl Default for City {
    fn default() -> Self {
        Self { epoch: epoch(&ALL), records: Records::new(), height: 0, executed: Vec::new() }
    }
}

impl City {
    /// Note 1 about person 1 with name and text, and the agreement `care`.
    pub(crate) fn with_a_note() -> Self {
        let mut city = Self::default();
        city.note(build::NOTE, &[1], &[("name", "Li"), ("text", "cough")]);
        city.catalogue("agreement/care", build::agreement().encode_to_vec());
        city
    }

    pub(crate) fn note(&mut self, name: &str, persons: &[u8], fields: &[(&str, &str)]) {
        let subjects: Vec<_> = persons.iter().map(|n| build::handle(*n)).collect();
        self.submit(OWNER, format!("put {name} {}", note(&subjects, fields)).into()).unwrap();
    }

    /// Puts a record into the catalogue.
    pub(crate) fn catalogue(&mut self, name: &str, value: Vec<u8>) {
        let key = RecordKey { domain: Domain::CATALOGUE, record: record(name) };
        self.records.insert(key, Some(Record { version: 1, value: Some(value.into()) }));
    }

    /// Submits an action by an official of the agency; the transaction's id, or the refusal.
    pub(crate) fn submit(&mut self, agency: &str, action: Bytes) -> Result<TxId, Refusal> {
        self.submit_by(agency, "official-7", action)
    }

    pub(crate) fn submit_by(&mut self, agency: &str, actor: &str, action: Bytes) -> Result<TxId, Refusal> {
        self.height += 1;
        let transaction = transaction(agency, actor, self.height, action);
        let mut done = execute(&self.epoch, self.height, &[transaction], &mut self.records);
        assert!(done.voids.is_empty());
        let executed = done.executed.pop().unwrap();
        let (id, refusal) = (executed.entry.id, executed.refusal.clone());
        self.executed.push(executed);
        refusal.map_or(Ok(id), Err)
    }

    /// The code under which the action is refused.
    pub(crate) fn refused(&mut self, agency: &str, action: Bytes) -> String {
        self.refusal(agency, action).code.into_owned()
    }

    /// The refusal of the action; no record is other than before.
    pub(crate) fn refusal(&mut self, agency: &str, action: Bytes) -> Refusal {
        let before = self.live();
        let refusal = self.submit(agency, action).unwrap_err();
        assert_eq!(before, self.live(), "a refusal changed something");
        refusal
    }

    /// All records that ever were, with their versions and values.
    pub(crate) fn live(&self) -> Vec<(RecordKey, Record)> {
        let records = self.records.iter().filter_map(|(key, record)| Some((key.clone(), record.clone()?)));
        let mut live: Vec<_> = records.collect();
        live.sort_by(|a, b| a.0.cmp(&b.0));
        live
    }

    pub(crate) fn value(&self, name: &str) -> Option<Bytes> {
        let key = RecordKey { domain: domain(), record: record(name) };
        self.records.get(&key)?.as_ref()?.value.clone()
    }

    /// A record of disclosure.
    pub(crate) fn get<M: Message + Default>(&self, name: &str) -> Option<M> {
        self.value(name).map(|value| M::decode(value).unwrap())
    }
}

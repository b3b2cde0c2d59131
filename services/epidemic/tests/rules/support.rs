//! A small city's epoch, the records so far, and blocks of one transaction or many.

use bytes::Bytes;
use hutong_disclosure::Disclosing;
use hutong_epidemic::{Epidemic, build, day, domain};
use hutong_ledger::{
    block::Header,
    contract::{Contract, Refusal, VALUE_BYTES_MAX},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch},
    execute::{Executed, ExecutedSegment, Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        epidemic::{self as wire, Origin, Status},
    },
};

/// Owns the domain.
pub(crate) const HEALTH: &str = "health-commission";
pub(crate) const CLINIC: &str = "clinic";
pub(crate) const OTHER: &str = "market";
pub(crate) const ALL: [&str; 3] = [CLINIC, HEALTH, OTHER];

/// The time of the block at a height: 2023-11-14 and on, a day's time apart.
pub(crate) const fn time_ms(height: u64) -> u64 {
    1_700_000_000_000 + height * day::DAY_MS
}

/// The day of the first block.
pub(crate) const TODAY: day::Day = 19_675;

pub(crate) fn id(name: &str) -> AgencyId {
    name.parse().unwrap()
}

fn chain() -> ChainId {
    "riverton-0011223344556677".parse().unwrap()
}

pub(crate) fn epoch() -> Epoch {
    let member = |name: &str| Agency { id: id(name), name: name.into(), validating: true, keys: Vec::new() };
    let rules = DomainRules { domain: domain(), owner: id(HEALTH), contract: 1, hosts: Vec::new() };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: ALL.into_iter().map(member).collect(),
        domains: vec![rules],
        orderers: vec![id(HEALTH)],
    }
}

fn header(height: u64) -> Header {
    Header {
        chain: chain(),
        rules: 1,
        epoch: 0,
        height,
        prev: Hash::ZERO,
        time_ms: time_ms(height),
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

/// A transaction of one agency.
pub(crate) fn transaction(agency: &str, nonce: [u8; 16], action: Bytes) -> Transaction {
    let body = Body {
        chain: chain(),
        domain: domain(),
        agency: id(agency),
        signers: vec![id(agency)],
        actor: "official-7".into(),
        nonce,
        not_after_ms: time_ms(1_000_000),
        action,
    };
    // What the signatures cover is no matter here: the bytes only have to name the transaction.
    let names = sha256(&[&nonce, agency.as_bytes(), &body.action]).0;
    Transaction::new(Bytes::copy_from_slice(&names), body, Vec::new())
}

/// Runs a segment; what is not loaded is loaded when it is asked for, as a record that does not exist.
pub(crate) fn execute(height: u64, transactions: &[Transaction], records: &mut Records) -> ExecutedSegment {
    let (header, epoch) = (header(height), epoch());
    let faults = vec![None; transactions.len()];
    let contract = Disclosing(Epidemic);
    let mut execution = Execution::new(&contract, &epoch, &header, transactions, &faults);
    loop {
        match execution.run(records) {
            Step::Done(done) => return done,
            Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
        }
    }
}

/// The office that keeps the line list, one transaction per block.
#[derive(Default)]
pub(crate) struct Office {
    pub(crate) records: Records,
    pub(crate) height: u64,
}

impl Office {
    /// Submits an action; the refusal, if there is one.
    pub(crate) fn submit(&mut self, agency: &str, action: Bytes) -> Result<(), Refusal> {
        self.height += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height.to_be_bytes());
        let transaction = transaction(agency, nonce, action);
        let mut done = execute(self.height, &[transaction], &mut self.records);
        assert!(done.voids.is_empty());
        let executed = done.executed.pop().unwrap();
        check(&executed, time_ms(self.height));
        executed.refusal.map_or(Ok(()), Err)
    }

    /// The code and the field under which the action is refused; everything is then as before.
    pub(crate) fn refused(&mut self, agency: &str, action: Bytes) -> (String, String) {
        let before = self.records.clone();
        let refusal = self.submit(agency, action).unwrap_err();
        for (key, record) in &self.records {
            assert_eq!(before.get(key).cloned().flatten(), *record, "a refusal changed something");
        }
        assert!(!refusal.message.is_empty());
        (refusal.code.into_owned(), refusal.field.unwrap_or_default())
    }

    pub(crate) fn case(&self, id: &str) -> wire::Case {
        wire::Case::decode(self.value(&format!("case/{id}")).unwrap()).unwrap()
    }

    pub(crate) fn value(&self, record: &str) -> Option<Bytes> {
        self.records.get(&key(record))?.clone()?.value
    }

    pub(crate) fn version(&self, record: &str) -> u64 {
        self.records.get(&key(record)).cloned().flatten().map_or(0, |record| record.version)
    }
}

pub(crate) fn key(record: &str) -> RecordKey {
    RecordKey { domain: domain(), record: record.parse().unwrap() }
}

/// What holds of every executed transaction, whatever it asked for.
pub(crate) fn check(executed: &Executed, time_ms: u64) {
    assert_eq!(
        executed.opening.outcome.code(),
        executed.refusal.as_ref().map(|refusal| refusal.code.as_ref()),
        "the outcome that is hashed and the refusal that is told"
    );
    assert_ne!(executed.opening.outcome.code(), Some("contract_fault"), "{:?}", executed.refusal);
    if executed.opening.outcome != Outcome::Applied {
        assert!(executed.changes.is_empty());
        return;
    }
    assert!(!executed.changes.is_empty());
    for change in &executed.changes {
        let value = change.value.clone().unwrap();
        assert!(value.len() <= VALUE_BYTES_MAX);
        let name = change.record.as_str();
        let rendered = Disclosing(Epidemic).render(&change.record, &value);
        assert!(rendered.is_some(), "{name} can be shown");
        match name.split_once('/').unwrap() {
            ("case", id) => {
                let case = wire::Case::decode(value).unwrap();
                assert_eq!(case.id, id);
                assert_eq!(u64::from(case.revision), change.version);
                let facts = case.facts.unwrap();
                let days = [facts.onset, facts.specimen, facts.diagnosis, facts.report];
                assert!(days.into_iter().flatten().all(|day| day <= day::of_ms(time_ms) + 1));
            }
            ("alert", _) => assert_eq!(wire::Alert::decode(value).unwrap().raised_ms, time_ms),
            ("release", _) => {
                let release = wire::Release::decode(value).unwrap();
                assert_eq!(u64::from(release.revision), change.version);
                let cells = release.tables.iter().flat_map(|table| &table.cells);
                assert!(cells.into_iter().all(|cell| *cell < 2 || *cell > 5), "a small count is published");
            }
            ("config" | "person" | "accesses" | "erasure" | "hold" | "consent" | "access", _) => {}
            other => panic!("a record of no kind: {other:?}"),
        }
    }
}

pub(crate) fn facts() -> wire::Facts {
    wire::Facts {
        disease: "dengue".into(),
        status: Status::Confirmed.into(),
        origin: Origin::Local.into(),
        district: "110105".into(),
        age_band: "40-44".into(),
        sex: wire::Sex::Female.into(),
        facility: "H-17".into(),
        onset: Some(TODAY - 5),
        specimen: Some(TODAY - 4),
        diagnosis: Some(TODAY - 3),
        report: Some(TODAY - 2),
    }
}

pub(crate) fn case(id: &str, change: impl FnOnce(&mut wire::Facts)) -> wire::ReportCase {
    let mut facts = facts();
    change(&mut facts);
    wire::ReportCase { id: id.into(), facts: Some(facts), ..wire::ReportCase::default() }
}

pub(crate) fn report(id: &str, change: impl FnOnce(&mut wire::Facts)) -> Bytes {
    build::report(case(id, change))
}

pub(crate) fn revision(id: &str, reason: &str, change: impl FnOnce(&mut wire::Facts)) -> wire::ReviseCase {
    let mut facts = facts();
    change(&mut facts);
    wire::ReviseCase {
        id: id.into(),
        facts: Some(facts),
        reason: reason.into(),
        ..wire::ReviseCase::default()
    }
}

pub(crate) fn revise(id: &str, reason: &str, change: impl FnOnce(&mut wire::Facts)) -> Bytes {
    build::revise(revision(id, reason, change))
}

pub(crate) fn sealed(name: &str, byte: u8) -> SealedField {
    SealedField { name: name.into(), commitment: vec![byte; 32].into() }
}

pub(crate) fn two(code: &str, field: &str) -> (String, String) {
    (code.into(), field.into())
}

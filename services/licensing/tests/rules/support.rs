//! A small city's epoch, the records so far, and blocks of one transaction or many.

use bytes::Bytes;
use hutong_disclosure::Disclosing;
use hutong_ledger::{
    block::Header,
    contract::{Refusal, VALUE_BYTES_MAX},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch},
    execute::{Executed, ExecutedSegment, Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_licensing::{Licensing, build, domain};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        licensing::{self as wire, action::Kind},
    },
};

/// Owns licensing.
pub(crate) const MARKET: &str = "market-regulation";
pub(crate) const OTHER: &str = "justice";

pub(crate) const USCC: &str = "91110000600037341L";
pub(crate) const SECOND: &str = "91350100M000100Y43";

/// The time of the block at a height.
pub(crate) const fn time_ms(height: u64) -> u64 {
    1_700_000_000_000 + height * 1000
}

pub(crate) fn id(name: &str) -> AgencyId {
    name.parse().unwrap()
}

fn chain() -> ChainId {
    "riverton-0011223344556677".parse().unwrap()
}

pub(crate) fn epoch() -> Epoch {
    let agencies = [OTHER, MARKET].map(|name| Agency {
        id: id(name),
        name: name.into(),
        validating: true,
        keys: Vec::new(),
    });
    let rules = |domain: &str, owner| DomainRules {
        domain: domain.parse::<Domain>().unwrap(),
        owner: id(owner),
        contract: 1,
        hosts: Vec::new(),
    };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: agencies.to_vec(),
        domains: vec![rules("licensing", MARKET)],
        orderers: vec![id(MARKET)],
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

/// A transaction; the first of the signers submits.
pub(crate) fn transaction(signers: &[&str], nonce: [u8; 16], action: Bytes) -> Transaction {
    let agency = id(signers[0]);
    let mut signers: Vec<AgencyId> = signers.iter().map(|name| id(name)).collect();
    signers.sort();
    signers.dedup();
    let body = Body {
        chain: chain(),
        domain: domain(),
        agency,
        signers,
        actor: "official-7".into(),
        nonce,
        not_after_ms: time_ms(1_000_000),
        action,
    };
    // What the signatures cover is no matter here: the bytes only have to name the transaction.
    let names = sha256(&[&nonce, agency.as_str().as_bytes(), &body.action]).0;
    Transaction::new(Bytes::copy_from_slice(&names), body, Vec::new())
}

/// Runs a segment; what is not loaded is loaded when it is asked for, as a record that does not exist.
pub(crate) fn execute(
    height: u64,
    epoch: &Epoch,
    transactions: &[Transaction],
    records: &mut Records,
) -> ExecutedSegment {
    let header = header(height);
    let faults = vec![None; transactions.len()];
    let mut execution = Execution::new(&Disclosing(Licensing), epoch, &header, transactions, &faults);
    loop {
        match execution.run(records) {
            Step::Done(done) => return done,
            Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
        }
    }
}

/// The register, one transaction per block.
pub(crate) struct Office {
    pub(crate) records: Records,
    pub(crate) epoch: Epoch,
    pub(crate) height: u64,
}

impl Default for Office {
    fn default() -> Self {
        Self { records: Records::new(), epoch: epoch(), height: 0 }
    }
}

impl Office {
    /// Submits an action; the refusal, if there is one.
    pub(crate) fn submit(&mut self, signers: &[&str], action: Bytes) -> Result<(), Refusal> {
        self.height += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height.to_be_bytes());
        let transaction = transaction(signers, nonce, action);
        let mut done = execute(self.height, &self.epoch, &[transaction], &mut self.records);
        assert!(done.voids.is_empty());
        let executed = done.executed.pop().unwrap();
        check(&executed);
        executed.refusal.map_or(Ok(()), Err)
    }

    /// The code and the field under which the action is refused; everything is then as before.
    pub(crate) fn refused(&mut self, signers: &[&str], action: Bytes) -> (String, String) {
        let before = self.records.clone();
        let refusal = self.submit(signers, action).unwrap_err();
        for (key, record) in &self.records {
            assert_eq!(before.get(key).cloned().flatten(), *record, "a refusal changed something");
        }
        assert!(!refusal.message.is_empty());
        (refusal.code.into_owned(), refusal.field.unwrap_or_default())
    }

    pub(crate) fn licence(&self, id: &str) -> wire::Licence {
        wire::Licence::decode(self.value(&format!("licence/{id}"))).unwrap()
    }

    pub(crate) fn business(&self, uscc: &str) -> wire::Business {
        wire::Business::decode(self.value(&format!("business/{uscc}"))).unwrap()
    }

    /// What the owner does; it must be applied.
    pub(crate) fn done(&mut self, action: Bytes) {
        self.submit(&[MARKET], action).unwrap();
    }

    /// The code under which what the owner asks for is refused.
    pub(crate) fn no(&mut self, action: Bytes) -> String {
        self.refused(&[MARKET], action).0
    }

    /// Time passes up to just before the block at this height.
    pub(crate) fn until(&mut self, height: u64) {
        self.height = height - 1;
    }

    /// A register with an issued licence `a`, valid from height 0 until height 1,000.
    pub(crate) fn with_licence() -> Self {
        let mut office = Self::default();
        office.done(apply("a"));
        office.done(issue("a", 1));
        office
    }

    fn value(&self, record: &str) -> Bytes {
        self.records[&key(record)].clone().unwrap().value.unwrap()
    }
}

pub(crate) fn key(record: &str) -> RecordKey {
    RecordKey { domain: domain(), record: record.parse().unwrap() }
}

/// What holds of every executed transaction, whatever it asked for.
pub(crate) fn check(executed: &Executed) {
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
    for change in &executed.changes {
        let value = change.value.clone().unwrap();
        assert!(value.len() <= VALUE_BYTES_MAX);
        match change.record.as_str().split_once('/').unwrap() {
            ("licence", id) => {
                let licence = wire::Licence::decode(value).unwrap();
                assert_eq!(licence.id, id);
                assert!(licence.valid_from_ms < licence.valid_until_ms);
                assert_eq!(licence.issuer, MARKET);
                assert!(licence.status() != wire::Status::Unspecified);
            }
            ("business", uscc) => assert_eq!(wire::Business::decode(value).unwrap().uscc, uscc),
            ("status", "next") => assert!(wire::StatusCount::decode(value).unwrap().count > 0),
            ("person" | "access" | "accesses" | "hold" | "erasure" | "consent", _) => {}
            other => panic!("a record of no kind: {other:?}"),
        }
    }
}

pub(crate) fn terms(id: &str) -> wire::Terms {
    wire::Terms {
        id: id.into(),
        uscc: USCC.into(),
        name: "Noodles & Co".into(),
        kind: "food".into(),
        valid_from_ms: time_ms(0),
        valid_until_ms: time_ms(1000),
    }
}

pub(crate) fn field(name: &str, byte: u8) -> SealedField {
    SealedField { name: name.into(), commitment: vec![byte; 32].into() }
}

pub(crate) fn apply(id: &str) -> Bytes {
    build::apply(terms(id), vec![field("claims", 1)], Vec::new())
}

pub(crate) fn apply_as(change: impl FnOnce(&mut wire::Apply)) -> Bytes {
    let mut apply = wire::Apply { terms: Some(terms("a")), ..wire::Apply::default() };
    change(&mut apply);
    build::action(Kind::Apply(apply))
}

pub(crate) fn credential(byte: u8) -> wire::Credential {
    wire::Credential { hash: vec![byte; 32].into(), issued_s: 1_700_000_000 }
}

pub(crate) fn issue(id: &str, byte: u8) -> Bytes {
    build::issue(id, credential(byte))
}

//! A small city's epoch, the records so far, and blocks of one transaction or many.

use bytes::Bytes;
use hutong_catalogue::{Catalogue, DOMAIN, build};
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
use hutong_wire::{
    prost::Message,
    v1::catalogue::{self as wire, SharingClass},
};

pub(crate) const BUREAU: &str = "data-bureau";
/// Owns health.
pub(crate) const HEALTH: &str = "health-commission";
pub(crate) const JUSTICE: &str = "justice";
/// Owns property.
pub(crate) const LAND: &str = "land";
pub(crate) const ALL: [&str; 4] = [BUREAU, HEALTH, JUSTICE, LAND];

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
    let agencies =
        ALL.map(|name| Agency { id: id(name), name: name.into(), validating: true, keys: Vec::new() });
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
        domains: vec![rules("catalogue", BUREAU), rules("health", HEALTH), rules("property", LAND)],
        orderers: vec![id(BUREAU)],
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
        domain: DOMAIN,
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
    let mut execution = Execution::new(&Catalogue, epoch, &header, transactions, &faults);
    loop {
        match execution.run(records) {
            Step::Done(done) => return done,
            Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
        }
    }
}

/// The catalogue, one transaction per block.
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
        check(&executed, time_ms(self.height));
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

    pub(crate) fn dataset(&self, id: &str) -> wire::Dataset {
        wire::Dataset::decode(self.value(&format!("dataset/{id}"))).unwrap()
    }

    pub(crate) fn agreement(&self, id: &str) -> wire::Agreement {
        wire::Agreement::decode(self.value(&format!("agreement/{id}"))).unwrap()
    }

    fn value(&self, record: &str) -> Bytes {
        self.records[&key(record)].clone().unwrap().value.unwrap()
    }
}

pub(crate) fn key(record: &str) -> RecordKey {
    RecordKey { domain: DOMAIN, record: record.parse().unwrap() }
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
    assert_eq!(executed.changes.len(), 1, "each action is about one record");
    let change = &executed.changes[0];
    let value = change.value.clone().unwrap();
    assert!(value.len() <= VALUE_BYTES_MAX);
    match change.record.as_str().split_once('/').unwrap() {
        ("dataset", id) => {
            let dataset = wire::Dataset::decode(value).unwrap();
            assert_eq!(dataset.id, id);
            assert_eq!(dataset.modified_ms, time_ms, "block time and no other");
            assert!(dataset.issued_ms <= time_ms && [0, time_ms].contains(&dataset.withdrawn_ms));
        }
        ("agreement", id) => {
            let agreement = wire::Agreement::decode(value).unwrap();
            assert_eq!(agreement.id, id);
            let revoked = agreement.revoked_ms > 0;
            assert_eq!(if revoked { agreement.revoked_ms } else { agreement.agreed_ms }, time_ms);
            assert_eq!(revoked, !agreement.revoked_by.is_empty());
            assert_eq!(revoked, !agreement.revocation_reason.is_empty());
            assert!(agreement.from_ms < agreement.until_ms);
        }
        other => panic!("a record of no kind: {other:?}"),
    }
}

pub(crate) fn field(name: &str, sealed: bool) -> wire::Field {
    wire::Field { name: name.into(), sealed, description: String::new() }
}

pub(crate) fn dataset() -> wire::Dataset {
    wire::Dataset {
        id: "parcels".into(),
        domain: "property".into(),
        record_type: "parcel".into(),
        title: "Land register".into(),
        description: "Parcels and titles.\nAll versions.".into(),
        fields: vec![field("area", false), field("holder", true)],
        sharing: SharingClass::Conditional.into(),
        keywords: vec!["property".into(), "cadastre".into()],
        theme: "http://publications.europa.eu/resource/authority/data-theme/REGI".into(),
        endpoint: "/property/v1/parcels".into(),
        media_type: "application/json".into(),
        ..wire::Dataset::default()
    }
}

/// Justice may read holders of the land register for a while.
pub(crate) fn agreement() -> wire::Agreement {
    wire::Agreement {
        id: "courts-1".into(),
        owner: LAND.into(),
        consumer: JUSTICE.into(),
        domain: "property".into(),
        record_type: "parcel".into(),
        fields: vec!["contact".into(), "holder".into()],
        purposes: vec!["enforcement".into(), "inheritance".into()],
        legal_basis: "Civil Procedure Law, art. 242".into(),
        from_ms: time_ms(0),
        until_ms: time_ms(1000),
        count_limit: 100,
        ..wire::Agreement::default()
    }
}

pub(crate) fn publish(change: impl FnOnce(&mut wire::Dataset)) -> Bytes {
    let mut dataset = dataset();
    change(&mut dataset);
    build::publish(dataset)
}

/// Without putting anything in order.
pub(crate) fn agree(change: impl FnOnce(&mut wire::Agreement)) -> Bytes {
    let mut agreement = agreement();
    change(&mut agreement);
    build::action(wire::action::Kind::Agree(wire::Agree { agreement: Some(agreement) }))
}

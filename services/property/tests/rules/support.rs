//! A land office: a small city's epoch, the records so far, and blocks of one transaction or many.

use bytes::Bytes;
use hutong_disclosure::Disclosing;
use hutong_ledger::{
    block::Header,
    contract::{Record, Refusal, VALUE_BYTES_MAX},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch, Host},
    execute::{Executed, ExecutedSegment, Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_property::{Property, build, contract::is_parcel, domain};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, RightType, Status, action::Kind},
};

pub(crate) use crate::forms::*;

/// The domain's owner.
pub(crate) const LAND: &str = "land";
/// Agents of people.
pub(crate) const ANN: &str = "notary-ann";
pub(crate) const BEN: &str = "notary-ben";
pub(crate) const BANK: &str = "bank";
pub(crate) const COURT: &str = "court";
pub(crate) const ALL: [&str; 5] = [BANK, COURT, LAND, ANN, BEN];
/// A parcel's id.
pub(crate) const P: &str = "526301100";
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
    let member = |name: &str| Agency { id: id(name), name: name.into(), validating: true, keys: Vec::new() };
    // And two with the longest names there are.
    let mut agencies: Vec<_> =
        ALL.into_iter().map(member).chain([member(&long('a')), member(&long('b'))]).collect();
    agencies.sort_by_key(|agency| agency.id);
    let hosts = ALL.map(|name| Host { agency: id(name), ready: true }).to_vec();
    let rules = |domain, hosts| DomainRules { domain, owner: id(LAND), contract: 1, hosts };
    Epoch {
        number: 0,
        from_height: 1,
        agencies,
        domains: vec![rules(Domain::MEMBERSHIP, Vec::new()), rules(domain(), hosts)],
        orderers: vec![id(LAND)],
    }
}

pub(crate) fn header(height: u64) -> Header {
    Header {
        chain: chain(),
        rules: 1,
        epoch: 0,
        height,
        prev: Hash([0; 32]),
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
pub(crate) fn execute(height: u64, transactions: &[Transaction], records: &mut Records) -> ExecutedSegment {
    let (epoch, header) = (epoch(), header(height));
    let faults = vec![None; transactions.len()];
    let mut execution = Execution::new(&Disclosing(Property), &epoch, &header, transactions, &faults);
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
    pub(crate) height: u64,
}

impl Default for Office {
    /// Empty, but that the court may seize and everyone may place a caveat.
    fn default() -> Self {
        let authorities =
            wire::Authorities { caveat: ALL.map(str::to_owned).to_vec(), seizure: vec![COURT.into()] };
        let value = Some(authorities.encode_to_vec().into());
        let records = [(key("config/authorities"), Some(Record { version: 1, value }))];
        Self { records: records.into(), height: 0 }
    }
}

impl Office {
    /// An office in which P is owned as told: handle, agent, share.
    pub(crate) fn owned_by(holders: &[(u8, &str, (u64, u64))]) -> Self {
        let mut office = Self::default();
        let holdings = holders.iter().map(|(handle, agent, share)| owner(*handle, agent, *share));
        office.submit(&[LAND], build::register(P, unit(), holdings.collect())).unwrap();
        office
    }

    /// Submits an action; the parcel after it, or the refusal.
    pub(crate) fn submit(&mut self, signers: &[&str], action: Bytes) -> Result<wire::Parcel, Refusal> {
        self.height += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height.to_be_bytes());
        let transaction = transaction(signers, nonce, action);
        let mut done = execute(self.height, &[transaction], &mut self.records);
        assert!(done.voids.is_empty());
        let executed = done.executed.pop().unwrap();
        check(&executed);
        match executed.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(parcel_of(&executed)),
        }
    }

    /// Lets time pass.
    pub(crate) fn wait_days(&mut self, days: u64) {
        self.height += days * 24 * 3600;
    }

    pub(crate) fn kind(&mut self, signers: &[&str], kind: Kind) -> Result<wire::Parcel, Refusal> {
        self.submit(signers, build::action(P, 0, None, kind))
    }

    /// The code under which the action is refused; the record is then as before.
    pub(crate) fn refused(&mut self, signers: &[&str], action: Bytes) -> String {
        let before = self.records.clone();
        let refusal = self.submit(signers, action).unwrap_err();
        let live = |records: &Records| -> Vec<_> {
            let mut live: Vec<_> =
                records.iter().filter_map(|(k, r)| Some((k.clone(), r.clone()?.version))).collect();
            live.sort();
            live
        };
        assert_eq!(live(&before), live(&self.records), "a refusal changed something");
        assert!(!refusal.message.is_empty());
        refusal.code.into_owned()
    }

    pub(crate) fn kind_refused(&mut self, signers: &[&str], kind: Kind) -> String {
        self.refused(signers, build::action(P, 0, None, kind))
    }

    /// A parcel as it stands.
    pub(crate) fn parcel(&self, parcel: &str) -> Option<wire::Parcel> {
        let record = self.records.get(&key(parcel))?.as_ref()?;
        Some(wire::Parcel::decode(record.value.clone()?).unwrap())
    }
}

pub(crate) fn key(parcel: &str) -> RecordKey {
    RecordKey { domain: domain(), record: parcel.parse().unwrap() }
}

/// The parcel that was named; the default where it is about none.
fn parcel_of(executed: &Executed) -> wire::Parcel {
    let first = &executed.changes[0];
    if !is_parcel(&first.record) {
        return wire::Parcel::default();
    }
    wire::Parcel::decode(first.value.clone().unwrap()).unwrap()
}

pub(crate) fn long(letter: char) -> String {
    letter.to_string().repeat(31)
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
        let Some(value) = change.value.clone() else { continue };
        assert!(value.len() <= VALUE_BYTES_MAX);
        if is_parcel(&change.record) {
            let parcel = wire::Parcel::decode(value).unwrap();
            assert_eq!(parcel.id, change.record.as_str());
            check_parcel(&parcel);
        }
    }
}

/// Shares sum to exactly 1, one primary type stands, ids and ranks are unique.
fn check_parcel(parcel: &wire::Parcel) {
    if parcel.status() != Status::Current {
        assert!(parcel.rights.is_empty() && parcel.mortgages.is_empty() && parcel.restrictions.is_empty());
        return;
    }
    let mut primary = 0;
    for kind in [RightType::Ownership, RightType::LandUse, RightType::Servitude] {
        let shares = parcel.rights.iter().filter(|right| right.r#type() == kind);
        let shares: Vec<wire::Share> = shares.map(|right| right.share.unwrap()).collect();
        if shares.is_empty() {
            continue;
        }
        primary += usize::from(kind != RightType::Servitude);
        // All over one denominator: no division, nothing rounded.
        let common = shares.iter().fold(1_u128, |lcm, share| lcm / gcd(lcm, d(share)) * d(share));
        let sum: u128 = shares.iter().map(|share| u128::from(share.numerator) * (common / d(share))).sum();
        assert_eq!(sum, common, "{kind:?} of {parcel:?}");
    }
    assert_eq!(primary, 1, "{parcel:?}");
    let ids = parcel.rights.iter().map(|r| r.id).chain(parcel.mortgages.iter().map(|m| m.id));
    let ids = ids.chain(parcel.objections.iter().map(|o| o.id)).chain(parcel.notices.iter().map(|n| n.id));
    assert_unique(ids.chain(parcel.restrictions.iter().map(|r| r.id)));
    assert_unique(parcel.mortgages.iter().map(|m| m.rank));
}

fn assert_unique(numbers: impl Iterator<Item = u32>) {
    let mut numbers: Vec<_> = numbers.collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}

fn d(share: &wire::Share) -> u128 {
    share.denominator.into()
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

//! Domains stay: one that could be dropped and listed again would count hosts that have none of its records.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use hutong_keys::SigningKey;
use hutong_ledger::{
    block::Header,
    contract::Record,
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_membership::Membership;
use hutong_wire::{
    prost::Message,
    v1::membership::{Action, Replace, action::Kind},
};

fn agency(n: usize) -> AgencyId {
    format!("agency-{n}").parse().unwrap()
}

fn rules(name: &str, hosts: &[usize]) -> DomainRules {
    let hosts = hosts.iter().map(|n| Host { agency: agency(*n), ready: true }).collect();
    DomainRules { domain: name.parse().unwrap(), owner: agency(0), contract: 1, hosts }
}

/// Eight validating agencies, of which the first four host property.
fn epoch() -> Epoch {
    let key = |n: usize, purpose: Purpose| {
        let seed = sha256(&[&[u8::try_from(n).unwrap(), purpose as u8]]);
        Key { purpose, public: SigningKey::from_seed(&seed.0).public().0 }
    };
    let purposes = [Purpose::Signing, Purpose::Host, Purpose::Orderer];
    let member = |n: usize| Agency {
        id: agency(n),
        name: format!("Agency {n}"),
        validating: true,
        keys: purposes.map(|purpose| key(n, purpose)).to_vec(),
    };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: (0..8).map(member).collect(),
        domains: vec![rules("catalogue", &[]), rules("membership", &[]), rules("property", &[0, 1, 2, 3])],
        orderers: vec![agency(0)],
    }
}

/// The code under which the change is refused, though every agency signs it.
fn refusal(current: &Epoch, change: impl FnOnce(&mut Epoch)) -> Option<String> {
    let mut next = Epoch { number: current.number + 1, ..current.clone() };
    change(&mut next);
    next.check().unwrap();
    let action = Action { kind: Some(Kind::Replace(Replace { epoch: next.encode().into() })) };
    let chain = ChainId::new("riverton".parse().unwrap(), &Hash::ZERO);
    let body = Body {
        chain,
        domain: Domain::MEMBERSHIP,
        agency: agency(0),
        signers: (0..8).map(agency).collect(),
        actor: String::new(),
        nonce: [0; 16],
        not_after_ms: 1,
        action: action.encode_to_vec().into(),
    };
    let transactions = [Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())];
    let header = Header {
        chain,
        rules: 1,
        epoch: current.number,
        height: current.from_height,
        prev: Hash::ZERO,
        time_ms: 1,
        cursors: Vec::new(),
        segments: Vec::new(),
    };
    let key = RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
    let record = Record { version: current.number + 1, value: Some(current.encode().into()) };
    let mut records = Records::from([(key, Some(record))]);
    match Execution::new(&Membership, current, &header, &transactions, &[None]).run(&mut records) {
        Step::Done(mut done) => done.executed.pop().unwrap().refusal.map(|refusal| refusal.code.into_owned()),
        Step::Need(keys) => panic!("only the epoch is read, and not {keys:?}"),
    }
}

#[test]
fn no_domain_is_dropped() {
    let without = |name: &'static str| {
        move |next: &mut Epoch| next.domains.retain(|rules| rules.domain.as_str() != name)
    };
    assert_eq!(refusal(&epoch(), without("property")).as_deref(), Some("hosts_too_few"));
    assert_eq!(refusal(&epoch(), without("catalogue")).as_deref(), Some("hosts_too_few"));
}

#[test]
fn hosts_do_not_all_change_at_once() {
    let change = |next: &mut Epoch| next.domains[2] = rules("property", &[4, 5, 6, 7]);
    assert_eq!(refusal(&epoch(), change).as_deref(), Some("host_not_ready"));
}

#[test]
fn what_stands_may_change_its_owner() {
    assert_eq!(refusal(&epoch(), |next| next.domains[2].owner = agency(5)), None);
}

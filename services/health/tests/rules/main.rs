//! The rules of health: every one of them broken once, and hosts that agree whatever comes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use hutong_disclosure::{Disclosing, SealedDomain};
use hutong_health::{Health, Key, build, domain};
use hutong_ledger::{
    block::Header,
    contract::Contract,
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch},
    execute::{Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{Erase, action::Kind as Disclosed},
        health::{self as wire, revision::What},
    },
};
use proptest::{collection::vec, prelude::*};

const OWNER: &str = "health-commission";
const OTHER: &str = "hospital-a";

fn id(name: &str) -> AgencyId {
    name.parse().unwrap()
}

fn epoch() -> Epoch {
    let member = |name: &str| Agency { id: id(name), name: name.into(), validating: true, keys: Vec::new() };
    let rules = DomainRules { domain: domain(), owner: id(OWNER), contract: 1, hosts: Vec::new() };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: vec![member(OWNER), member(OTHER)],
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
        time_ms: 1_700_000_000_000 + height,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

/// The records so far.
#[derive(Default)]
struct Register {
    records: Records,
    height: u64,
}

impl Register {
    /// The code under which it is refused, if it is.
    fn submit(&mut self, by: &str, action: Bytes) -> Option<String> {
        self.height += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.height.to_be_bytes());
        let body = Body {
            chain: header(1).chain,
            domain: domain(),
            agency: id(by),
            signers: vec![id(by)],
            actor: "official-7".into(),
            nonce,
            not_after_ms: u64::MAX >> 20,
            action,
        };
        let name = sha256(&[&nonce, &body.action]).0;
        let transaction = Transaction::new(Bytes::copy_from_slice(&name), body, Vec::new());
        let (epoch, header, contract) = (epoch(), header(self.height), Disclosing(Health));
        let mut execution =
            Execution::new(&contract, &epoch, &header, std::slice::from_ref(&transaction), &[None]);
        let mut done = loop {
            match execution.run(&mut self.records) {
                Step::Done(done) => break done,
                Step::Need(keys) => self.records.extend(keys.into_iter().map(|key| (key, None))),
            }
        };
        let executed = done.executed.pop().unwrap();
        assert_ne!(executed.opening.outcome.code(), Some("contract_fault"), "{:?}", executed.refusal);
        if executed.opening.outcome == Outcome::Applied {
            None
        } else {
            Some(executed.refusal.unwrap().code.into_owned())
        }
    }

    fn resource(&self, name: &str) -> Option<(u64, wire::Resource)> {
        let key = RecordKey { domain: domain(), record: name.parse().unwrap() };
        let record = self.records.get(&key)?.as_ref()?;
        Some((record.version, wire::Resource::decode(record.value.clone()?).unwrap()))
    }
}

fn key(name: &str) -> Key {
    name.parse().unwrap()
}

fn put(name: &str, version: u64, commitment: u8) -> wire::Revision {
    build::revision(&key(name), version, Some((Hash([commitment; 32]), &[[1; 16]])))
}

fn delete(name: &str, version: u64) -> wire::Revision {
    build::revision(&key(name), version, None)
}

fn write(revision: wire::Revision) -> Bytes {
    build::write(vec![revision])
}

#[test]
fn a_resource_lives_in_versions() {
    let mut register = Register::default();
    assert_eq!(register.submit(OWNER, write(put("Patient/p", 1, 1))), None);
    assert_eq!(register.submit(OWNER, write(put("Patient/p", 2, 2))), None);
    assert_eq!(register.submit(OWNER, write(delete("Patient/p", 3))), None);
    let (version, resource) = register.resource("Patient/p").unwrap();
    assert_eq!((version, resource.deleted, &resource.commitment[..1]), (3, true, &[2][..]));
    assert_eq!(resource.custodian, OWNER);
    // What was sealed can still be asked for and erased.
    let record = "Patient/p".parse().unwrap();
    let sealed = Health.sealed(&record, &resource.encode_to_vec()).unwrap();
    assert_eq!((sealed.record_type, sealed.subjects.len(), sealed.fields.len()), ("patient", 1, 1));
    assert_eq!(register.submit(OWNER, write(put("Patient/p", 4, 3))), None);
    assert!(!register.resource("Patient/p").unwrap().1.deleted);
    assert!(Health.render(&record, &resource.encode_to_vec()).unwrap()["deleted"].as_bool().unwrap());
}

#[test]
fn every_rule_refuses_what_breaks_it() {
    let mut register = Register::default();
    assert_eq!(register.submit(OWNER, write(put("Patient/p", 1, 1))), None);
    let mut refused = |by: &str, action: Bytes| register.submit(by, action).unwrap_or_default();
    assert_eq!(refused(OTHER, write(put("Patient/q", 1, 2))), "owner_required");
    for version in [0, 1, 3, u64::MAX] {
        assert_eq!(refused(OWNER, write(put("Patient/p", version, 2))), "stale_version");
    }
    assert_eq!(refused(OWNER, write(put("Patient/p", 2, 1))), "commitment_unchanged");
    assert_eq!(refused(OWNER, write(delete("Patient/none", 1))), "resource_unknown");
    assert_eq!(refused(OWNER, build::write(Vec::new())), "revisions_invalid");
    let twice = vec![put("Patient/p", 2, 2), put("Patient/p", 3, 3)];
    assert_eq!(refused(OWNER, build::write(twice)), "revisions_invalid");
    let many = (0..121).map(|at| put(&format!("Patient/m{at}"), 1, 9)).collect();
    assert_eq!(refused(OWNER, build::write(many)), "revisions_invalid");
    let named = |r#type: &str, id: &str| {
        write(wire::Revision { r#type: r#type.into(), id: id.into(), ..put("Patient/p", 1, 2) })
    };
    for (r#type, id) in
        [("Medication", "1"), ("patient", "1"), ("Patient", ""), ("Patient", "a/b"), ("Patient", "..")]
    {
        assert_eq!(refused(OWNER, named(r#type, id)), "resource_id_invalid", "{type}/{id}");
    }
    let body = |commitment: usize, subjects: &[&[u8]]| {
        let subjects = subjects.iter().map(|handle| Bytes::copy_from_slice(handle)).collect();
        let body = wire::Body { commitment: vec![7; commitment].into(), subjects };
        write(wire::Revision { what: Some(What::Body(body)), ..put("Patient/q", 1, 2) })
    };
    assert_eq!(refused(OWNER, body(31, &[])), "sealed_field_invalid");
    assert_eq!(refused(OWNER, body(32, &[&[1; 15]])), "handle_invalid");
    assert_eq!(refused(OWNER, body(32, &[&[2; 16], &[1; 16]])), "handle_invalid");
    assert_eq!(refused(OWNER, body(32, &[&[1; 16], &[1; 16]])), "handle_invalid");
    let nothing = wire::Revision { what: None, ..put("Patient/q", 1, 2) };
    assert_eq!(refused(OWNER, write(nothing)), "malformed_action");
    let undeleted = wire::Revision { what: Some(What::Deleted(false)), ..put("Patient/q", 1, 2) };
    assert_eq!(refused(OWNER, write(undeleted)), "malformed_action");
    assert_eq!(refused(OWNER, Bytes::new()), "malformed_action");
    // A field that nobody knows could carry what must not stand on a ledger.
    let hiding = [&write(put("Patient/q", 1, 2))[..], b"\x2a\x05Zhang"].concat();
    assert_eq!(refused(OWNER, hiding.into()), "malformed_action");
    assert_eq!(register.resource("Patient/q"), None);
    assert_eq!(register.resource("Patient/p").unwrap().0, 1);
}

#[test]
fn what_was_erased_is_never_written_again() {
    let mut register = Register::default();
    assert_eq!(register.submit(OWNER, write(put("Consent/c", 1, 1))), None);
    let erase = Erase {
        record: "Consent/c".into(),
        requested_by: "person".into(),
        basis: "PIPL 47".into(),
        destroy_handle: false,
    };
    assert_eq!(register.submit(OWNER, build::disclosure(Disclosed::Erase(erase))), None);
    assert_eq!(register.submit(OWNER, write(put("Consent/c", 2, 2))).as_deref(), Some("erased"));
    assert_eq!(register.submit(OWNER, write(delete("Consent/c", 2))).as_deref(), Some("erased"));
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let mut register = Register::default();
    let both = build::write(vec![put("Patient/a", 1, 1), delete("Patient/b", 1)]);
    assert_eq!(register.submit(OWNER, both).as_deref(), Some("resource_unknown"));
    assert_eq!(register.resource("Patient/a"), None);
    let many: Vec<_> = (0..120).map(|at| put(&format!("Patient/m{at}"), 1, 9)).collect();
    assert_eq!(register.submit(OWNER, build::write(many)), None);
}

#[derive(Clone, Debug)]
struct Try {
    name: usize,
    version: u64,
    commitment: u8,
    deletes: bool,
    by: bool,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = (0_usize..3, 0_u64..5, 0_u8..4, any::<bool>(), 0_u8..8);
    let one = one.prop_map(|(name, version, commitment, deletes, by)| Try {
        name,
        version,
        commitment,
        deletes,
        by: by > 0,
    });
    vec(one, 0..40)
}

proptest! {
    #[test]
    fn versions_never_skip_and_hosts_agree(tries in tries()) {
        let names = ["Patient/a", "Observation/b", "Consent/c"];
        let (mut one, mut two) = (Register::default(), Register::default());
        let mut versions = [0_u64; 3];
        for attempt in tries {
            let name = names[attempt.name];
            let revision = if attempt.deletes {
                delete(name, attempt.version)
            } else {
                put(name, attempt.version, attempt.commitment)
            };
            let by = if attempt.by { OWNER } else { OTHER };
            let refused = one.submit(by, write(revision.clone()));
            prop_assert_eq!(&refused, &two.submit(by, write(revision)));
            if refused.is_none() {
                versions[attempt.name] += 1;
                prop_assert_eq!(attempt.version, versions[attempt.name]);
            }
            let standing = one.resource(name).map_or(0, |(version, _)| version);
            prop_assert_eq!(standing, versions[attempt.name]);
        }
        for name in names {
            prop_assert_eq!(one.resource(name), two.resource(name));
        }
    }

    #[test]
    fn bytes_of_any_kind_are_decided(bytes in vec(any::<u8>(), 0..200)) {
        let mut register = Register::default();
        prop_assert!(register.submit(OWNER, bytes.into()).is_some());
    }
}

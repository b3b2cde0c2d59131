//! A city's council: the epoch's record, and blocks of changes to it.

use bytes::Bytes;
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::Header,
    contract::{Record, Refusal},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    execute::{Executed, Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, Domain, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_membership::Membership;
use hutong_wire::{
    prost::Message,
    v1::membership::{self as wire, action::Kind},
};

pub(crate) const PROPERTY: &str = "property";

pub(crate) fn agency(n: usize) -> AgencyId {
    format!("agency-{n}").parse().unwrap()
}

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

/// An honest key: one per agency, purpose and generation.
pub(crate) fn key(n: usize, purpose: Purpose, generation: u8) -> Key {
    let seed = sha256(&[agency(n).as_str().as_bytes(), &[purpose as u8, generation]]);
    // An Ed25519 key's bytes will do for sealing: they are canonical and of large order more often than not.
    Key { purpose, public: SigningKey::from_seed(&seed.0).public().0 }
}

/// A member with a key for each of these purposes.
pub(crate) fn member(n: usize, validating: bool, purposes: &[Purpose]) -> Agency {
    let keys = purposes.iter().map(|purpose| key(n, *purpose, 0)).collect();
    Agency { id: agency(n), name: format!("Agency {n}"), validating, keys }
}

pub(crate) fn validator(n: usize) -> Agency {
    member(n, true, &[Purpose::Signing, Purpose::Host])
}

pub(crate) fn hosts(numbers: &[usize]) -> Vec<Host> {
    numbers.iter().map(|n| Host { agency: agency(*n), ready: true }).collect()
}

/// `n` validating agencies; the first four host property, the first one owns and orders.
pub(crate) fn epoch(n: usize) -> Epoch {
    let mut agencies: Vec<_> = (0..n).map(validator).collect();
    agencies[0].keys.push(key(0, Purpose::Orderer, 0));
    let rules = |domain, hosts| DomainRules { domain, owner: agency(0), contract: 1, hosts };
    Epoch {
        number: 0,
        from_height: 1,
        agencies,
        domains: vec![
            rules(Domain::MEMBERSHIP, Vec::new()),
            rules(domain(PROPERTY), hosts(&(0..n.min(4)).collect::<Vec<_>>())),
        ],
        orderers: vec![agency(0)],
    }
}

pub(crate) fn property(epoch: &mut Epoch) -> &mut DomainRules {
    epoch.domains.iter_mut().find(|rules| rules.domain == domain(PROPERTY)).unwrap()
}

pub(crate) fn membership(epoch: &mut Epoch) -> &mut DomainRules {
    epoch.domains.iter_mut().find(|rules| rules.domain == Domain::MEMBERSHIP).unwrap()
}

/// A member that is to validate does not count yet.
pub(crate) fn joins(epoch: &mut Epoch, n: usize) {
    let hosts = &mut membership(epoch).hosts;
    hosts.push(Host { agency: agency(n), ready: false });
    hosts.sort_by_key(|host| host.agency);
}

fn record_key() -> RecordKey {
    RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() }
}

/// The council; a transaction a block unless told otherwise.
pub(crate) struct Council {
    records: Records,
    height: u64,
}

impl Council {
    pub(crate) fn of(epoch: &Epoch) -> Self {
        epoch.check().unwrap();
        let record = Record { version: 1, value: Some(epoch.encode().into()) };
        Self { records: Records::from([(record_key(), Some(record))]), height: 0 }
    }

    pub(crate) fn height(&self) -> u64 {
        self.height
    }

    /// The epoch that holds from the next height.
    pub(crate) fn epoch(&self) -> Epoch {
        let record = self.records[&record_key()].as_ref().unwrap();
        let epoch = Epoch::decode(record.value.as_ref().unwrap()).unwrap();
        assert_eq!(record.version, epoch.number + 1, "each version is an epoch");
        epoch
    }

    /// The epoch in force with what follows it: for changing.
    pub(crate) fn next(&self) -> Epoch {
        let epoch = self.epoch();
        Epoch { number: epoch.number + 1, ..epoch }
    }

    /// A block of transactions, each by agencies of which the first submits.
    pub(crate) fn block(&mut self, transactions: &[(&[usize], Bytes)]) -> Vec<Executed> {
        self.height += 1;
        let before = self.epoch();
        let header = Header {
            chain: "riverton-0011223344556677".parse().unwrap(),
            rules: 1,
            epoch: before.number,
            height: self.height,
            prev: Hash::ZERO,
            time_ms: 1_700_000_000_000 + self.height,
            cursors: Vec::new(),
            segments: Vec::new(),
        };
        let transactions: Vec<_> = transactions
            .iter()
            .zip(0..)
            .map(|((signers, action), place)| transaction(&header, place, signers, action.clone()))
            .collect();
        let faults = vec![None; transactions.len()];
        let mut execution = Execution::new(&Membership, &before, &header, &transactions, &faults);
        let Step::Done(done) = execution.run(&mut self.records) else { panic!("only the epoch is read") };
        for executed in &done.executed {
            assert_ne!(executed.opening.outcome.code(), Some("contract_fault"), "{:?}", executed.refusal);
        }
        assert!(done.executed.iter().filter(|executed| executed.refusal.is_none()).count() <= 1);
        let after = self.epoch();
        after.check().unwrap();
        if after != before {
            assert_eq!((after.number, after.from_height), (before.number + 1, self.height + 1));
        }
        done.executed
    }

    pub(crate) fn submit(&mut self, signers: &[usize], kind: Kind) -> Result<Epoch, Refusal> {
        let action = wire::Action { kind: Some(kind) }.encode_to_vec();
        match self.block(&[(signers, action.into())]).pop().unwrap().refusal {
            None => Ok(self.epoch()),
            Some(refusal) => Err(refusal),
        }
    }

    /// The code under which the change is refused; the epoch is then as before.
    pub(crate) fn refused(&mut self, signers: &[usize], kind: Kind) -> String {
        let before = self.epoch();
        let refusal = self.submit(signers, kind).unwrap_err();
        assert_eq!(before, self.epoch(), "a refusal changed something");
        assert!(!refusal.message.is_empty());
        refusal.code.into_owned()
    }
}

fn transaction(header: &Header, place: u8, signers: &[usize], action: Bytes) -> Transaction {
    let mut sorted: Vec<_> = signers.iter().map(|n| agency(*n)).collect();
    sorted.sort();
    sorted.dedup();
    let body = Body {
        chain: header.chain,
        domain: Domain::MEMBERSHIP,
        agency: agency(signers[0]),
        signers: sorted,
        actor: "clerk-1".into(),
        nonce: [place; 16],
        not_after_ms: header.time_ms + 1000,
        action,
    };
    Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())
}

pub(crate) fn replace(epoch: &Epoch) -> Kind {
    Kind::Replace(wire::Replace { epoch: epoch.encode().into() })
}

pub(crate) fn rotate(add: &[Key], revoke: &[Key]) -> Kind {
    let add = add
        .iter()
        .map(|key| wire::NewKey { purpose: key.purpose as i32, public: key.public.to_vec().into() })
        .collect();
    let revoke = revoke.iter().map(|key| key.id().0.to_vec().into()).collect();
    Kind::RotateKeys(wire::RotateKeys { add, revoke })
}

pub(crate) fn ready(domain: &str) -> Kind {
    Kind::Ready(wire::Ready { domain: domain.into() })
}

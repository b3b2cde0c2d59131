//! A small city with real keys, and what its agencies sign.

use std::sync::LazyLock;

use hutong_ledger::{
    block::{Cursor, Header, Proposal, SegmentRef},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::{Genesis, RULES_VERSION},
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, KeyId},
    vote::{Ballot, Certificate, HostSignature, Status, Vote},
};
use ring::signature::{Ed25519KeyPair, KeyPair};

pub(crate) fn agency(n: usize) -> AgencyId {
    format!("agency-{n}").parse().unwrap()
}

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

/// The key pair of an agency for a purpose; everywhere the same.
pub(crate) fn pair(id: &AgencyId, purpose: Purpose) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&sha256(&[id.as_str().as_bytes(), &[purpose as u8]]).0).unwrap()
}

pub(crate) fn public(id: &AgencyId, purpose: Purpose) -> [u8; 32] {
    pair(id, purpose).public_key().as_ref().try_into().unwrap()
}

pub(crate) fn key_id(id: &AgencyId, purpose: Purpose) -> KeyId {
    KeyId::of(&public(id, purpose))
}

pub(crate) fn sign(id: &AgencyId, purpose: Purpose, message: &[u8]) -> [u8; 64] {
    pair(id, purpose).sign(message).as_ref().try_into().unwrap()
}

/// `n` validating agencies that all host the domain property; the first two may order.
pub(crate) fn genesis(n: usize) -> Genesis {
    let ids: Vec<AgencyId> = (0..n).map(agency).collect();
    let agencies = ids.iter().map(|id| Agency {
        id: *id,
        name: format!("Agency {id}"),
        validating: true,
        keys: [Purpose::Signing, Purpose::Host, Purpose::Orderer]
            .map(|purpose| Key { purpose, public: public(id, purpose) })
            .to_vec(),
    });
    let rules = |name: &str, hosts: Vec<Host>| DomainRules {
        domain: domain(name),
        owner: ids[0],
        contract: 1,
        hosts,
    };
    let hosts = ids.iter().map(|id| Host { agency: *id, ready: true }).collect();
    let epoch = Epoch {
        number: 0,
        from_height: 1,
        agencies: agencies.collect(),
        domains: vec![rules("membership", Vec::new()), rules("property", hosts)],
        orderers: ids.iter().take(2).copied().collect(),
    };
    Genesis { name: "city".parse().unwrap(), time_ms: 1_000, epoch }
}

/// A city of four, made once.
pub(crate) static FOUR: LazyLock<Genesis> = LazyLock::new(|| genesis(4));

/// A header on top of another; `mark` makes it one of its own.
pub(crate) fn next(below: &Header, mark: u64) -> Header {
    let root = sha256(&[&mark.to_be_bytes()]);
    Header {
        chain: below.chain,
        rules: RULES_VERSION,
        epoch: below.epoch,
        height: below.height + 1,
        prev: below.hash(),
        time_ms: below.time_ms + 1,
        cursors: vec![Cursor { domain: domain("property"), incarnation: 1, sequence: mark }],
        segments: vec![SegmentRef { domain: domain("property"), root }],
    }
}

pub(crate) fn propose(header: Header, view: u32, statuses: Vec<Status>, orderer: &AgencyId) -> Proposal {
    let message = Proposal::message(&header, view, *orderer, &statuses);
    let signature = sign(orderer, Purpose::Orderer, &message);
    Proposal { header, view, orderer: *orderer, key: key_id(orderer, Purpose::Orderer), statuses, signature }
}

pub(crate) fn host_signature(id: &AgencyId, message: &[u8]) -> HostSignature {
    HostSignature { agency: *id, key: key_id(id, Purpose::Host), bytes: sign(id, Purpose::Host, message) }
}

pub(crate) fn vote(chain: ChainId, id: &AgencyId, height: u64, view: u32, block: Hash) -> Vote {
    let ballot = Ballot { chain, height, view, block };
    Vote { ballot, signature: host_signature(id, &ballot.message()) }
}

pub(crate) fn certificate(
    chain: ChainId,
    voters: impl IntoIterator<Item = usize>,
    height: u64,
    view: u32,
    block: Hash,
) -> Certificate {
    let votes = voters.into_iter().map(|n| vote(chain, &agency(n), height, view, block).signature).collect();
    Certificate { height, view, block, votes }
}

pub(crate) fn status(
    chain: ChainId,
    id: &AgencyId,
    height: u64,
    view: u32,
    certificate: Option<Certificate>,
) -> Status {
    let message = Status::message(chain, height, view, certificate.as_ref());
    Status { chain, height, view, certificate, signature: host_signature(id, &message) }
}

/// Statuses of the first `n` agencies, of which the first holds the certificate.
pub(crate) fn statuses(
    chain: ChainId,
    n: usize,
    height: u64,
    view: u32,
    held: Option<&Certificate>,
) -> Vec<Status> {
    let held = |i: usize| held.filter(|_| i == 0).cloned();
    (0..n).map(|i| status(chain, &agency(i), height, view, held(i))).collect()
}

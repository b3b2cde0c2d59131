//! Making what is to be signed: the epoch that a joining, a departure or a revocation leads to, and the action that asks for
//! it. Pure, and refused here already where the contract would refuse it, so that nobody signs in vain.

use bytes::Bytes;
use hutong_ledger::{
    contract::Refusal,
    epoch::{Agency, Epoch, Host, Key},
    id::{AgencyId, Domain, KeyId},
};
use hutong_wire::{
    prost::Message,
    v1::membership::{self as wire, action::Kind},
};

use crate::contract::check_replacing;

/// Who is to join.
#[derive(Clone, Debug)]
pub struct Newcomer {
    pub id: AgencyId,
    pub name: String,
    pub validating: bool,
    pub keys: Vec<Key>,
    /// The city domains that it is to host.
    pub domains: Vec<Domain>,
}

/// Why there is nothing to sign.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0} is a member already; choose another id")]
    Member(AgencyId),
    #[error("{agency} bears the name \"{name}\" already; people would mistake one for the other")]
    Name { agency: AgencyId, name: String },
    #[error("there is no domain {0} in this city")]
    Domain(Domain),
    #[error("{0} is hosted by every validating agency; name city domains only")]
    Platform(Domain),
    #[error("only a validating agency hosts domains")]
    NotValidating,
    #[error("{0} is no member")]
    NoMember(AgencyId),
    #[error("{agency} owns {domain}; its successor as owner has to be agreed first")]
    Owner { agency: AgencyId, domain: Domain },
    #[error("{agency} has no key {key}")]
    Key { agency: AgencyId, key: KeyId },
    #[error("{domain} is under version {current} of its contract; only a later one can be put in force")]
    Version { domain: Domain, current: u32 },
    #[error("the city would refuse it ({}): {}", .0.code, .0.message)]
    Refused(Refusal),
}

/// The epoch with a newcomer in it, which counts nowhere until it says itself that it has caught up.
pub fn joined(current: &Epoch, newcomer: &Newcomer) -> Result<Epoch, Fault> {
    let Newcomer { id, name, validating, keys, domains } = newcomer;
    if current.agency(id).is_some() {
        return Err(Fault::Member(*id));
    }
    let same = |agency: &&Agency| agency.name.trim().to_lowercase() == name.trim().to_lowercase();
    if let Some(agency) = current.agencies.iter().find(same) {
        return Err(Fault::Name { agency: agency.id, name: agency.name.clone() });
    }
    if !validating && !domains.is_empty() {
        return Err(Fault::NotValidating);
    }
    let mut next = following(current);
    let mut keys = keys.clone();
    keys.sort_by_key(|key| (key.purpose, key.public));
    next.agencies.push(Agency { id: *id, name: name.clone(), validating: *validating, keys });
    next.agencies.sort_by_key(|agency| agency.id);
    let host = Host { agency: *id, ready: false };
    if *validating {
        add_host(&mut next, Domain::MEMBERSHIP, host)?;
    }
    for domain in domains {
        if domain.is_platform() {
            return Err(Fault::Platform(*domain));
        }
        add_host(&mut next, *domain, host)?;
    }
    checked(current, next)
}

/// The epoch without a member. Its domains must have other hosts, and those that it owned another owner.
pub fn left(current: &Epoch, agency: &AgencyId) -> Result<Epoch, Fault> {
    if current.agency(agency).is_none() {
        return Err(Fault::NoMember(*agency));
    }
    if let Some(rules) = current.domains.iter().find(|rules| rules.owner == *agency) {
        return Err(Fault::Owner { agency: *agency, domain: rules.domain });
    }
    let mut next = following(current);
    next.agencies.retain(|member| member.id != *agency);
    next.orderers.retain(|orderer| orderer != agency);
    for rules in &mut next.domains {
        rules.hosts.retain(|host| host.agency != *agency);
    }
    checked(current, next)
}

/// The epoch in which a key of an agency is void, whatever that agency says: for a key that is in wrong hands.
pub fn revoked(current: &Epoch, agency: &AgencyId, key: KeyId) -> Result<Epoch, Fault> {
    let mut next = following(current);
    let member = next.agencies.iter_mut().find(|member| member.id == *agency);
    let member = member.ok_or(Fault::NoMember(*agency))?;
    let before = member.keys.len();
    member.keys.retain(|held| held.id() != key);
    if member.keys.len() == before {
        return Err(Fault::Key { agency: *agency, key });
    }
    checked(current, next)
}

/// The epoch in which a later version of a domain's contract decides.
pub fn activated(current: &Epoch, domain: Domain, version: u32) -> Result<Epoch, Fault> {
    let mut next = following(current);
    let rules = next.domains.iter_mut().find(|rules| rules.domain == domain);
    let rules = rules.ok_or(Fault::Domain(domain))?;
    if version <= rules.contract {
        return Err(Fault::Version { domain, current: rules.contract });
    }
    rules.contract = version;
    checked(current, next)
}

/// The action that puts an epoch in place of the one in force.
pub fn replace(next: &Epoch) -> Bytes {
    action(Kind::Replace(wire::Replace { epoch: next.encode().into() }))
}

/// The action by which an agency changes its own keys.
pub fn rotate(add: &[Key], revoke: &[KeyId]) -> Bytes {
    let new =
        |key: &Key| wire::NewKey { purpose: key.purpose as i32, public: Bytes::copy_from_slice(&key.public) };
    action(Kind::RotateKeys(wire::RotateKeys {
        add: add.iter().map(new).collect(),
        revoke: revoke.iter().map(|key| Bytes::copy_from_slice(&key.0)).collect(),
    }))
}

/// The action by which an agency says that it has caught up with a domain.
pub fn ready(domain: Domain) -> Bytes {
    action(Kind::Ready(wire::Ready { domain: domain.to_string() }))
}

fn action(kind: Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

fn following(current: &Epoch) -> Epoch {
    Epoch { number: current.number + 1, ..current.clone() }
}

fn add_host(next: &mut Epoch, domain: Domain, host: Host) -> Result<(), Fault> {
    let rules = next.domains.iter_mut().find(|rules| rules.domain == domain);
    let hosts = &mut rules.ok_or(Fault::Domain(domain))?.hosts;
    if !hosts.contains(&host) {
        hosts.push(host);
        hosts.sort_by_key(|host| host.agency);
    }
    Ok(())
}

fn checked(current: &Epoch, next: Epoch) -> Result<Epoch, Fault> {
    check_replacing(current, &next).map_err(Fault::Refused)?;
    Ok(next)
}

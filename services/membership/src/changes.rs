//! What a change of membership does, in words that whoever is asked to sign can read. Pure; it leaves nothing out: a
//! difference that had no name here would be signed unseen, so what is not named one by one is told as a whole.

use std::{collections::BTreeSet, fmt};

use hutong_ledger::{
    epoch::{Agency, DomainRules, Epoch, Host, Purpose},
    id::{AgencyId, Domain, KeyId},
};
use serde::Serialize;

/// One thing that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Difference {
    AgencyJoins { agency: AgencyId, name: String, validating: bool },
    AgencyLeaves { agency: AgencyId, name: String },
    AgencyRenamed { agency: AgencyId, from: String, to: String },
    Validates { agency: AgencyId, validating: bool },
    KeyAdded { agency: AgencyId, purpose: Purpose, key: String, public: String },
    KeyRevoked { agency: AgencyId, purpose: Purpose, key: String },
    CountsInCity { agency: AgencyId, counts: bool },
    HostAdded { domain: Domain, agency: AgencyId, ready: bool },
    HostRemoved { domain: Domain, agency: AgencyId },
    HostReady { domain: Domain, agency: AgencyId, ready: bool },
    DomainAdded { domain: Domain, owner: AgencyId, contract: u32 },
    DomainRemoved { domain: Domain },
    Owner { domain: Domain, from: AgencyId, to: AgencyId },
    Contract { domain: Domain, from: u32, to: u32 },
    Orderers { from: Vec<AgencyId>, to: Vec<AgencyId> },
    Quorum { from: usize, to: usize, of: usize },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |ids: &[AgencyId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::AgencyJoins { agency, name, validating: true } => {
                write!(f, "{agency} (\"{name}\") joins, to validate once it has caught up")
            }
            Self::AgencyJoins { agency, name, .. } => {
                write!(f, "{agency} (\"{name}\") joins, without validating")
            }
            Self::AgencyLeaves { agency, name } => write!(f, "{agency} (\"{name}\") leaves"),
            Self::AgencyRenamed { agency, from, to } => {
                write!(f, "{agency} is called \"{to}\", not \"{from}\"")
            }
            Self::Validates { agency, validating: true } => write!(f, "{agency} is to validate"),
            Self::Validates { agency, .. } => write!(f, "{agency} no longer validates"),
            Self::KeyAdded { agency, purpose, key, public } => {
                write!(f, "{agency} gets the {purpose} key {key} ({public})")
            }
            Self::KeyRevoked { agency, purpose, key } => {
                write!(f, "the {purpose} key {key} of {agency} is void")
            }
            Self::CountsInCity { agency, counts: true } => {
                write!(f, "{agency} counts in the quorums of the city")
            }
            Self::CountsInCity { agency, .. } => {
                write!(f, "{agency} counts in no quorum until it says that it has caught up")
            }
            Self::HostAdded { domain, agency, ready: true } => {
                write!(f, "{agency} hosts {domain}, and counts")
            }
            Self::HostAdded { domain, agency, .. } => {
                write!(f, "{agency} is to host {domain}, uncounted until ready")
            }
            Self::HostRemoved { domain, agency } => write!(f, "{agency} no longer hosts {domain}"),
            Self::HostReady { domain, agency, ready: true } => write!(f, "{agency} counts for {domain}"),
            Self::HostReady { domain, agency, .. } => write!(f, "{agency} no longer counts for {domain}"),
            Self::DomainAdded { domain, owner, contract } => {
                write!(f, "{domain} begins, owned by {owner}, under contract version {contract}")
            }
            Self::DomainRemoved { domain } => write!(f, "{domain} ends"),
            Self::Owner { domain, from, to } => write!(f, "{domain} is owned by {to}, not {from}"),
            Self::Contract { domain, from, to } => {
                write!(f, "{domain} runs contract version {to}, not {from}")
            }
            Self::Orderers { from, to } => write!(f, "orderers are {}, not {}", names(to), names(from)),
            Self::Quorum { from, to, of } => write!(f, "a quorum of the city is {to} of {of}; it was {from}"),
        }
    }
}

/// Everything in which an epoch differs from the one before it, but its number and height.
pub fn differences(current: &Epoch, next: &Epoch) -> Vec<Difference> {
    let mut found = Vec::new();
    for id in names(current, next, |epoch| epoch.agencies.iter().map(|agency| agency.id).collect()) {
        agency(current.agency(&id), next.agency(&id), &mut found);
        let joining = [current, next].map(|epoch| epoch.is_joining(&id));
        if joining[0] != joining[1] && next.agency(&id).is_some() {
            found.push(Difference::CountsInCity { agency: id, counts: joining[0] });
        }
    }
    for domain in names(current, next, |epoch| epoch.domains.iter().map(|rules| rules.domain).collect()) {
        rules(current.rules(domain), next.rules(domain), &mut found);
    }
    if current.orderers != next.orderers {
        found.push(Difference::Orderers { from: current.orderers.clone(), to: next.orderers.clone() });
    }
    let (from, to) = (current.quorum(), next.quorum());
    if from != to {
        found.push(Difference::Quorum { from, to, of: next.validating().count() });
    }
    found
}

fn names<T: Ord>(current: &Epoch, next: &Epoch, list: impl Fn(&Epoch) -> Vec<T>) -> BTreeSet<T> {
    list(current).into_iter().chain(list(next)).collect()
}

fn agency(was: Option<&Agency>, is: Option<&Agency>, found: &mut Vec<Difference>) {
    let Some(id) = was.or(is).map(|agency| agency.id) else { return };
    match (was, is) {
        (None, Some(new)) => {
            let (name, validating) = (new.name.clone(), new.validating);
            found.push(Difference::AgencyJoins { agency: id, name, validating });
        }
        (Some(old), None) => found.push(Difference::AgencyLeaves { agency: id, name: old.name.clone() }),
        (Some(old), Some(new)) => {
            if old.name != new.name {
                let (from, to) = (old.name.clone(), new.name.clone());
                found.push(Difference::AgencyRenamed { agency: id, from, to });
            }
            if old.validating != new.validating {
                found.push(Difference::Validates { agency: id, validating: new.validating });
            }
        }
        (None, None) => {}
    }
    let keys = |agency: Option<&Agency>| agency.map(|agency| agency.keys.clone()).unwrap_or_default();
    let (before, after) = (keys(was), keys(is));
    for key in after.iter().filter(|key| !before.contains(key)) {
        let (purpose, public) = (key.purpose, hex(&key.public));
        found.push(Difference::KeyAdded { agency: id, purpose, key: short(key.id()), public });
    }
    for key in before.iter().filter(|key| !after.contains(key)) {
        found.push(Difference::KeyRevoked { agency: id, purpose: key.purpose, key: short(key.id()) });
    }
}

fn rules(was: Option<&DomainRules>, is: Option<&DomainRules>, found: &mut Vec<Difference>) {
    let Some(domain) = was.or(is).map(|rules| rules.domain) else { return };
    match (was, is) {
        (None, Some(new)) => {
            found.push(Difference::DomainAdded { domain, owner: new.owner, contract: new.contract });
        }
        (Some(_), None) => found.push(Difference::DomainRemoved { domain }),
        (Some(old), Some(new)) => {
            if old.owner != new.owner {
                found.push(Difference::Owner { domain, from: old.owner, to: new.owner });
            }
            if old.contract != new.contract {
                found.push(Difference::Contract { domain, from: old.contract, to: new.contract });
            }
        }
        (None, None) => {}
    }
    if domain == Domain::MEMBERSHIP {
        // Its list is of those who do not count yet: told as such, of each agency.
        return;
    }
    let hosts = |rules: Option<&DomainRules>| rules.map(|rules| rules.hosts.clone()).unwrap_or_default();
    let (before, after) = (hosts(was), hosts(is));
    let of = |hosts: &[Host], agency: AgencyId| hosts.iter().find(|host| host.agency == agency).copied();
    for Host { agency, ready } in after.iter().copied() {
        match of(&before, agency) {
            None => found.push(Difference::HostAdded { domain, agency, ready }),
            Some(held) if held.ready != ready => found.push(Difference::HostReady { domain, agency, ready }),
            Some(_) => {}
        }
    }
    for Host { agency, .. } in before.iter().copied().filter(|host| of(&after, host.agency).is_none()) {
        found.push(Difference::HostRemoved { domain, agency });
    }
}

fn short(key: KeyId) -> String {
    key.to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

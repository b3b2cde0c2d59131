//! The rules of membership: how one epoch becomes the next. Pure.
//!
//! Every change makes a whole new epoch, in force from the next height; the block that makes it is a barrier. What an
//! action may do depends on who signed: a quorum of the validating agencies may change anything that leaves the city
//! able to run, an agency alone may rotate its own keys and say that it is ready.

use std::sync::Arc;

use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    id::{AgencyId, Domain, RecordId, RecordKey},
    transaction::Body,
};
use hutong_wire::{
    prost::Message,
    v1::membership::{self as wire, action::Kind},
};

use crate::usable::usable;

/// City domains need this many hosts, as far as there are so many validating agencies.
pub const HOSTS_MIN: usize = 4;

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Membership;

impl Contract for Membership {
    fn domain(&self) -> Domain {
        Domain::MEMBERSHIP
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action = wire::Action::decode(action).map_err(|e| Refusal::malformed(e.to_string()))?;
        let kind = action.kind.ok_or_else(|| Refusal::malformed("the action is empty"))?;
        Ok(Arc::new(kind))
    }

    fn reads(&self, _: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        Ok(vec![RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() }])
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let stored = state.get(&Epoch::record()).ok_or_else(|| Refusal::fault("there is no epoch"))?;
        let current = Epoch::decode(stored).map_err(|e| Refusal::fault(e.to_string()))?;
        if current.from_height > state.height {
            return Err(Refusal::new(
                "epoch_changed_in_block",
                "another change of this block came first; submit again",
            ));
        }
        let mut next = next_epoch(tx.action::<Kind>()?, &current, tx.body)?;
        next.from_height = state.height + 1;
        Ok(vec![Change::put(Epoch::record(), next.encode())])
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        serde_json::to_value(Epoch::decode(value).ok()?).ok()
    }
}

/// The epoch that a change makes of the one in force, if the rules allow it; from which height it holds is for who
/// decides to say. What the contract does, and what whoever is asked to sign looks at before.
pub fn next_epoch(kind: &Kind, current: &Epoch, body: &Body) -> Result<Epoch, Refusal> {
    let mut next = match kind {
        Kind::Replace(replace) => replaced(replace, current, body)?,
        Kind::RotateKeys(rotate) => rotated(rotate, current, body)?,
        Kind::Ready(ready) => made_ready(ready, current, body)?,
    };
    next.number = current.number + 1;
    check(current, &next)?;
    Ok(next)
}

/// Whether a quorum may put one epoch in place of another.
pub(crate) fn check_replacing(current: &Epoch, next: &Epoch) -> Result<(), Refusal> {
    check_hosts(current, next)?;
    check(current, next)
}

/// What holds for every epoch, whoever made it.
fn check(current: &Epoch, next: &Epoch) -> Result<(), Refusal> {
    next.check().map_err(|fault| Refusal::new("epoch_invalid", fault))?;
    check_keys(current, next)?;
    check_voices(next)
}

fn replaced(action: &wire::Replace, current: &Epoch, body: &Body) -> Result<Epoch, Refusal> {
    let next =
        Epoch::decode(&action.epoch).map_err(|e| Refusal::new("epoch_invalid", e.to_string()).at("epoch"))?;
    if next.number != current.number + 1 {
        let message = format!("epoch {} follows {}, not {}", current.number + 1, current.number, next.number);
        return Err(Refusal::new("epoch_number", message).at("epoch"));
    }
    let signed = current.validating().filter(|agency| body.signers.contains(&agency.id)).count();
    if signed < current.quorum() {
        let message = format!("{signed} validating agencies sign, {} are needed", current.quorum());
        return Err(Refusal::new("quorum_missing", message).at("signers"));
    }
    check_hosts(current, &next)?;
    Ok(next)
}

/// New hosts enter uncounted; a city domain keeps enough of them, and every domain stays: one that was dropped and
/// listed again would count as new, with hosts that have none of its records.
fn check_hosts(current: &Epoch, next: &Epoch) -> Result<(), Refusal> {
    if let Some(dropped) = current.domains.iter().find(|rules| next.rules(rules.domain).is_none()) {
        let message = format!("{} is left out and would have no hosts; a domain stays", dropped.domain);
        return Err(Refusal::new("hosts_too_few", message).at("epoch"));
    }
    let counted = |id: &AgencyId| current.validating().any(|agency| agency.id == *id);
    if let Some(agency) = next.validating().find(|agency| !counted(&agency.id)) {
        let message =
            format!("{} counts in the city by its own transaction, once it has caught up", agency.id);
        return Err(Refusal::new("host_not_ready", message).at("epoch"));
    }
    let validating = next.validating().count();
    for rules in next.domains.iter().filter(|rules| !rules.domain.is_platform()) {
        let before: &[Host] =
            current.rules(rules.domain).map(|rules| rules.hosts.as_slice()).unwrap_or_default();
        // The hosts of a domain that is new have nothing to catch up with.
        let is_new = current.rules(rules.domain).is_none();
        let was_ready = |host: &Host| before.iter().any(|b| b.agency == host.agency && b.ready);
        if let Some(host) = rules.hosts.iter().find(|host| host.ready && !is_new && !was_ready(host)) {
            let message =
                format!("{} becomes ready for {} by its own transaction", host.agency, rules.domain);
            return Err(Refusal::new("host_not_ready", message).at("epoch"));
        }
        let needed = HOSTS_MIN.min(validating).min(if is_new { usize::MAX } else { before.len().max(1) });
        // Those that count must not be thinned out either: a newcomer is ready before somebody leaves.
        let ready = |hosts: &[Host]| hosts.iter().filter(|host| host.ready).count();
        let needed_ready = needed.min(if is_new { usize::MAX } else { ready(before) });
        if rules.hosts.len() < needed || ready(&rules.hosts) < needed_ready {
            let message = format!(
                "{} needs {needed} hosts with {needed_ready} of them ready; {} are listed, {} ready",
                rules.domain,
                rules.hosts.len(),
                ready(&rules.hosts)
            );
            return Err(Refusal::new("hosts_too_few", message).at("epoch"));
        }
    }
    Ok(())
}

/// Keys that are new must be usable by every verifier alike.
fn check_keys(current: &Epoch, next: &Epoch) -> Result<(), Refusal> {
    for agency in &next.agencies {
        let known = current.agency(&agency.id).map(|a| a.keys.as_slice()).unwrap_or_default();
        for key in agency.keys.iter().filter(|key| !known.contains(key)) {
            if let Err(fault) = usable(key) {
                let message = format!("{} key {} of {}: {fault}", key.purpose, key.id(), agency.id);
                return Err(Refusal::new("key_unusable", message).at("keys"));
            }
        }
    }
    Ok(())
}

fn rotated(action: &wire::RotateKeys, current: &Epoch, body: &Body) -> Result<Epoch, Refusal> {
    let mut next = current.clone();
    let agency = own(&mut next, &body.agency)?;
    if action.add.is_empty() && action.revoke.is_empty() {
        // It would be a barrier for the whole city, for nothing.
        return Err(Refusal::malformed("a rotation adds or revokes a key"));
    }
    let before = agency.keys.clone();
    for id in &action.revoke {
        let at = agency.keys.iter().position(|key| key.id().0[..] == id[..]);
        let at = at.ok_or_else(|| Refusal::new("key_unknown", "the agency has no such key").at("revoke"))?;
        agency.keys.remove(at);
    }
    for added in &action.add {
        let purpose = Purpose::ALL.into_iter().find(|purpose| *purpose as i32 == added.purpose);
        let purpose = purpose.ok_or_else(|| Refusal::malformed("an unknown purpose").at("add"))?;
        let public =
            added.public[..].try_into().map_err(|_| Refusal::malformed("a key has 32 bytes").at("add"))?;
        // A role that the agency had before this action is its own to key anew, the old key revoked or not.
        if !before.iter().any(|key| key.purpose == purpose) && !action_may_add(purpose) {
            let message = format!("an agency gets its first {purpose} key from a quorum");
            return Err(Refusal::new("quorum_missing", message).at("add"));
        }
        agency.keys.push(Key { purpose, public });
    }
    agency.keys.sort_by_key(|key| (key.purpose, key.public));
    keeps_signing(agency)?;
    Ok(next)
}

/// Epochs change by signatures of validating agencies: one that cannot sign would count in a quorum that it cannot
/// help to reach.
fn check_voices(next: &Epoch) -> Result<(), Refusal> {
    next.agencies.iter().filter(|agency| agency.validating).try_for_each(keeps_signing)
}

fn keeps_signing(agency: &Agency) -> Result<(), Refusal> {
    if agency.key(Purpose::Signing).is_some() {
        return Ok(());
    }
    let message = format!("{} keeps at least one signing key", agency.id);
    Err(Refusal::new("last_signing_key", message).at("keys"))
}

/// Roles come from a quorum: a first orderer, host or ingest key would be a new role.
fn action_may_add(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Signing | Purpose::Sealing | Purpose::Log)
}

fn own<'a>(epoch: &'a mut Epoch, id: &AgencyId) -> Result<&'a mut Agency, Refusal> {
    let found = epoch.agencies.iter_mut().find(|agency| agency.id == *id);
    found.ok_or_else(|| Refusal::new("agency_unknown", format!("{id} is no member")))
}

fn made_ready(action: &wire::Ready, current: &Epoch, body: &Body) -> Result<Epoch, Refusal> {
    let domain: Domain = action
        .domain
        .parse()
        .map_err(|_| Refusal::malformed("the domain's name is not valid").at("domain"))?;
    let mut next = current.clone();
    let agency = body.agency;
    if domain == Domain::MEMBERSHIP {
        return counted_in_city(next, agency);
    }
    if current.is_joining(&agency) {
        let message = format!("{agency} counts in the city first: ready for membership, then for {domain}");
        return Err(Refusal::new("host_not_ready", message).at("domain"));
    }
    let rules: Option<&mut DomainRules> = next.domains.iter_mut().find(|rules| rules.domain == domain);
    let host = rules.and_then(|rules| rules.hosts.iter_mut().find(|host| host.agency == agency));
    match host {
        None => Err(Refusal::new("not_a_host", format!("{agency} is no host of {domain}")).at("domain")),
        Some(Host { ready: true, .. }) => {
            Err(Refusal::new("already_ready", format!("{agency} is ready for {domain}")).at("domain"))
        }
        Some(host) => {
            host.ready = true;
            Ok(next)
        }
    }
}

/// An agency that validates has caught up with the platform domains, and counts in the quorums of the city.
fn counted_in_city(mut next: Epoch, agency: AgencyId) -> Result<Epoch, Refusal> {
    let no_host = || Refusal::new("not_a_host", format!("{agency} does not validate")).at("domain");
    if !next.agency(&agency).ok_or_else(no_host)?.validating {
        return Err(no_host());
    }
    let rules = next.domains.iter_mut().find(|rules| rules.domain == Domain::MEMBERSHIP);
    let listed = rules.ok_or_else(no_host)?;
    let before = listed.hosts.len();
    listed.hosts.retain(|host| host.agency != agency);
    if listed.hosts.len() == before {
        return Err(Refusal::new("already_ready", format!("{agency} counts already")).at("domain"));
    }
    Ok(next)
}

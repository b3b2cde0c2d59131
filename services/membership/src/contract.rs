//! The rules of membership: how one epoch becomes the next. Pure.
//!
//! Every change makes a whole new epoch, in force from the next height; the block that makes it is a barrier. What an
//! action may do depends on who signed: a quorum of the validating agencies may change anything that leaves the city
//! able to run, an agency alone may rotate its own keys and say that it is ready.

use std::sync::Arc;

use hutong_keys::PublicKey;
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    id::{AgencyId, Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::membership::{self as wire, action::Kind},
};

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
        let mut next = match tx.action::<Kind>()? {
            Kind::Replace(replace) => replaced(replace, &current, tx)?,
            Kind::RotateKeys(rotate) => rotated(rotate, &current, tx)?,
            Kind::Ready(ready) => made_ready(ready, &current, tx)?,
        };
        next.number = current.number + 1;
        next.from_height = state.height + 1;
        next.check().map_err(|fault| Refusal::new("epoch_invalid", fault))?;
        check_keys(&current, &next)?;
        Ok(vec![Change::put(Epoch::record(), next.encode())])
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        serde_json::to_value(Epoch::decode(value).ok()?).ok()
    }
}

fn replaced(action: &wire::Replace, current: &Epoch, tx: &Verified<'_>) -> Result<Epoch, Refusal> {
    let next =
        Epoch::decode(&action.epoch).map_err(|e| Refusal::new("epoch_invalid", e.to_string()).at("epoch"))?;
    if next.number != current.number + 1 {
        let message = format!("epoch {} follows {}, not {}", current.number + 1, current.number, next.number);
        return Err(Refusal::new("epoch_number", message).at("epoch"));
    }
    let signed = current.validating().filter(|agency| tx.body.signers.contains(&agency.id)).count();
    if signed < current.quorum() {
        let message = format!("{signed} validating agencies sign, {} are needed", current.quorum());
        return Err(Refusal::new("quorum_missing", message).at("signers"));
    }
    check_hosts(current, &next)?;
    Ok(next)
}

/// New hosts enter uncounted; a city domain keeps enough of them.
fn check_hosts(current: &Epoch, next: &Epoch) -> Result<(), Refusal> {
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
        if rules.hosts.len() < needed {
            let message = format!("{} needs {needed} hosts, {} are listed", rules.domain, rules.hosts.len());
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

fn usable(key: &Key) -> Result<(), String> {
    match key.purpose {
        // X25519 takes any bytes; the all-zero key would give everyone the same secret.
        Purpose::Sealing if key.public == [0; 32] => Err("it is zero".into()),
        Purpose::Sealing => Ok(()),
        _ => PublicKey(key.public).check().map_err(|fault| fault.to_string()),
    }
}

fn rotated(action: &wire::RotateKeys, current: &Epoch, tx: &Verified<'_>) -> Result<Epoch, Refusal> {
    let mut next = current.clone();
    let agency = own(&mut next, &tx.body.agency)?;
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
        if agency.key(purpose).is_none() && !action_may_add(purpose) {
            let message = format!("an agency gets its first {purpose} key from a quorum");
            return Err(Refusal::new("quorum_missing", message).at("add"));
        }
        agency.keys.push(Key { purpose, public });
    }
    agency.keys.sort_by_key(|key| (key.purpose, key.public));
    if agency.key(Purpose::Signing).is_none() {
        return Err(Refusal::new("last_signing_key", "an agency keeps at least one signing key").at("revoke"));
    }
    Ok(next)
}

/// Roles come from a quorum: a first orderer, host or ingest key would be a new role.
fn action_may_add(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Signing | Purpose::Sealing | Purpose::Log)
}

fn own<'a>(epoch: &'a mut Epoch, id: &AgencyId) -> Result<&'a mut Agency, Refusal> {
    let found = epoch.agencies.iter_mut().find(|agency| agency.id == *id);
    found.ok_or_else(|| Refusal::new("agency_unknown", format!("{id} is no member")))
}

fn made_ready(action: &wire::Ready, current: &Epoch, tx: &Verified<'_>) -> Result<Epoch, Refusal> {
    let domain: Domain = action
        .domain
        .parse()
        .map_err(|_| Refusal::malformed("the domain's name is not valid").at("domain"))?;
    let mut next = current.clone();
    let agency = tx.body.agency;
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

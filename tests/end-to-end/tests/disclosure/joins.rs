//! Whoever has all that two domains store tries to join them on a person: by any value at all that stands in both.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use hutong::city::{
    domains::{RECORD_TYPES, sealed},
    up::Running,
};
use hutong_bus::{Filter, Stream};
use hutong_ledger::{
    epoch::Epoch,
    id::{Domain, RecordId},
    transaction::Transaction,
};
use hutong_peer::{FinalTransaction, Position, subjects};
use hutong_wire::transaction::decode_group;

/// The six domains that seal something.
const DOMAINS: [&str; 6] = ["epidemic", "health", "licensing", "parking", "property", "requests"];
/// What is shorter tells nobody apart.
const VALUE_BYTES_MIN: usize = 8;

fn domains() -> impl Iterator<Item = Domain> {
    DOMAINS.into_iter().map(|name| name.parse().unwrap())
}

pub(crate) async fn finals(running: &Running, domain: Domain) -> Vec<FinalTransaction> {
    let (mut all, mut after) = (Vec::new(), Position::default());
    loop {
        let (page, reached) = running.storage.finals(after, Some(vec![domain]), 1000).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
        after = reached;
    }
}

/// Every sealed field that stands on the ledger is one that its record type declares: what the catalogue says is all there is.
pub(crate) async fn what_is_sealed_is_declared(running: &Running) {
    let mut seen = BTreeSet::new();
    for contract in sealed(RECORD_TYPES) {
        let types = contract.sealed_types();
        for transaction in finals(running, contract.domain()).await {
            for change in &transaction.changes {
                let Some(value) = &change.value else { continue };
                let Some(found) = contract.sealed(&change.record, value) else { continue };
                let declared = types.iter().find(|one| one.name == found.record_type);
                let declared = declared.unwrap_or_else(|| panic!("{} is not declared", found.record_type));
                for (name, _) in found.fields {
                    assert!(declared.fields.contains(&name.as_str()), "{}: {name}", found.record_type);
                    seen.insert((contract.domain(), name));
                }
            }
        }
    }
    let domains: BTreeSet<Domain> = seen.into_iter().map(|(domain, _)| domain).collect();
    // Property's are on persons, whose records are those of disclosure.
    assert!(domains.len() >= 5, "{domains:?}");
}

/// The transactions of a domain as they were submitted and ordered.
pub(crate) async fn submitted(running: &Running, domain: Domain) -> Vec<Transaction> {
    let subject = subjects::transactions(domain);
    let tip = running.bus.tip(Stream::Transactions, &subject).await.unwrap();
    let mut groups = running.bus.read(Stream::Transactions, Filter::one(&subject), 1).await.unwrap();
    let (mut all, mut read) = (Vec::new(), 0);
    while read < tip.subject_sequence {
        let entry = groups.next().await.unwrap().unwrap();
        read = entry.sequence;
        all.extend(decode_group(entry.payload).unwrap().into_iter().map(Result::unwrap));
    }
    all
}

/// All values that a domain's records, their versions and its transactions hold, each with where it was seen last.
async fn values(running: &Running, domain: Domain) -> BTreeMap<Vec<u8>, String> {
    let mut values = BTreeMap::new();
    for transaction in finals(running, domain).await {
        for change in &transaction.changes {
            let place = format!("{domain}/{}", change.record);
            name_of(&change.record, &place, &mut values);
            fields(change.value.as_deref().unwrap_or_default(), &place, &mut values);
        }
        values.insert(transaction.nonce.to_vec(), format!("a nonce of {domain}"));
        values.insert(transaction.id.0.to_vec(), format!("an id of {domain}"));
    }
    for transaction in submitted(running, domain).await {
        fields(&transaction.body.action, &format!("a transaction of {domain}"), &mut values);
        values.insert(transaction.body.actor.into_bytes(), format!("an actor of {domain}"));
    }
    values.retain(|value, _| value.len() >= VALUE_BYTES_MIN);
    values
}

/// What a record is called, whole and in its parts; hex as the bytes it stands for.
fn name_of(record: &RecordId, place: &str, values: &mut BTreeMap<Vec<u8>, String>) {
    for part in record.as_str().split('/').skip(1) {
        values.insert(part.as_bytes().to_vec(), format!("the name {place}"));
        if let Ok(bytes) = hex::decode(part) {
            values.insert(bytes, format!("the name {place}"));
        }
    }
}

/// The fields of a message without its schema: whatever has a length, and what may be a message within it.
fn fields(mut message: &[u8], place: &str, values: &mut BTreeMap<Vec<u8>, String>) -> bool {
    let all = message;
    let mut found = BTreeMap::new();
    while !message.is_empty() {
        let Some(tag) = varint(&mut message) else { return false };
        match tag & 7 {
            0 => {
                if varint(&mut message).is_none() {
                    return false;
                }
            }
            1 | 5 => {
                let count = if tag & 7 == 1 { 8 } else { 4 };
                let Some((bytes, rest)) = message.split_at_checked(count) else { return false };
                found.insert(bytes.to_vec(), format!("field {} of {place}", tag >> 3));
                message = rest;
            }
            2 => {
                let Some(count) = varint(&mut message) else { return false };
                let Some((bytes, rest)) = message.split_at_checked(count as usize) else { return false };
                let at = format!("field {} of {place}", tag >> 3);
                // A commitment may look like a message; a message is told by its fields, and never as a whole.
                if !fields(bytes, &at, &mut found) || bytes.len() == 16 || bytes.len() == 32 {
                    found.insert(bytes.to_vec(), at);
                }
                message = rest;
            }
            _ => return false,
        }
    }
    values.extend(found);
    !all.is_empty()
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// What stands in several domains because it is everybody's: agencies, field names, words of the rules, small numbers.
fn everybodys(epoch: &Epoch, value: &[u8]) -> bool {
    // The number of an access among a person's, and the head of a list that is empty.
    let number = <[u8; 8]>::try_from(value).is_ok_and(|bytes| u64::from_be_bytes(bytes) < 1000);
    if number || value.iter().all(|byte| *byte == 0) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(value) else { return false };
    if text.len() == 16 && u64::from_str_radix(text, 16).is_ok_and(|number| number < 1000) {
        return true;
    }
    let agency = epoch.agencies.iter().any(|agency| agency.id.as_str() == text);
    let official = text
        .strip_prefix("official-of-")
        .is_some_and(|of| epoch.agencies.iter().any(|a| a.id.as_str() == of));
    let task =
        text.strip_prefix("task of ").is_some_and(|of| epoch.agencies.iter().any(|a| a.id.as_str() == of));
    let field = sealed(RECORD_TYPES).iter().any(|contract| {
        contract.sealed_types().iter().any(|sealed| sealed.name == text || sealed.fields.contains(&text))
    });
    agency || official || task || field || ["my wish"].contains(&text)
}

pub(crate) async fn nothing_joins_two_domains(running: &Running) {
    let epoch = running.storage.standing().await.unwrap().epoch;
    let mut all = Vec::new();
    for domain in domains() {
        let values = values(running, domain).await;
        let handles = values.keys().filter(|value| value.len() == 16).count();
        let commitments = values.keys().filter(|value| value.len() == 32).count();
        assert!(handles >= 2 && commitments >= 2, "{domain} has handles and commitments of two persons");
        all.push((domain, values));
    }
    for (at, (one, values)) in all.iter().enumerate() {
        for (other, others) in &all[at + 1..] {
            let common =
                values.iter().filter(|(value, _)| others.contains_key(*value) && !everybodys(&epoch, value));
            let common: Vec<_> = common
                .map(|(value, place)| {
                    format!("{:?} ({place}; {})", String::from_utf8_lossy(value), others[value])
                })
                .collect();
            assert!(common.is_empty(), "{one} and {other} have in common:\n{}", common.join("\n"));
        }
    }
}

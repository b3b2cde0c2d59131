//! The records of disclosure as JSON, for people; nothing is decided by it.

use hutong_ledger::id::RecordId;
use hutong_wire::{
    prost::Message,
    v1::disclosure::{
        Access, AccessEntry, AccessIndex, AgreementUse, Basis, Consent, Erasure, Hold, Person, SealedField,
        basis::Kind,
    },
};
use serde_json::{Map, Value, json};

/// A record by its name; None if it is none of disclosure, or does not decode.
pub fn record(record: &RecordId, value: &[u8]) -> Option<Value> {
    let (kind, rest) = record.as_str().split_once('/')?;
    match kind {
        "person" => Person::decode(value).ok().map(|person| self::person(rest, &person)),
        "access" => Access::decode(value).ok().map(|access| self::access(rest, &access)),
        "accesses" => match rest.split_once('/') {
            None => AccessIndex::decode(value).ok().map(|index| self::index(rest, &index)),
            Some((handle, _)) => AccessEntry::decode(value).ok().map(|entry| self::entry(handle, &entry)),
        },
        "consent" => Consent::decode(value).ok().map(|consent| self::consent(&consent)),
        "hold" => Hold::decode(value).ok().map(|hold| self::hold(&hold)),
        "erasure" => Erasure::decode(value).ok().map(|erasure| self::erasure(&erasure)),
        "agreement-use" => {
            AgreementUse::decode(value).ok().map(|used| json!({ "agreement": rest, "count": used.count }))
        }
        _ => None,
    }
}

fn person(handle: &str, person: &Person) -> Value {
    json!({ "handle": handle, "sealed": sealed(&person.sealed), "since_ms": person.since_ms })
}

/// An access, named by its transaction.
pub fn access(transaction: &str, access: &Access) -> Value {
    json!({
        "access": transaction,
        "record": access.record,
        "record_type": access.record_type,
        "fields": sealed(&access.fields),
        "requester": access.requester,
        "official": access.official,
        "purpose": access.purpose,
        "basis": access.basis.as_ref().map(basis),
        "emergency": matches!(&access.basis, Some(Basis { kind: Some(Kind::Emergency(_)), .. })),
        "subjects": access.subjects.iter().map(hex::encode).collect::<Vec<_>>(),
        "time_ms": access.time_ms,
        "release_until_ms": access.release_until_ms,
        "sealed_until_ms": time(access.sealed_until_ms),
    })
}

fn basis(basis: &Basis) -> Value {
    let mut map = Map::new();
    if let Some(kind) = &basis.kind {
        let (name, told) = match kind {
            Kind::Agreement(id) => ("agreement", id),
            Kind::Consent(id) => ("consent", id),
            Kind::Emergency(told) => ("emergency", told),
            Kind::Duty(reference) => ("duty", reference),
        };
        map.insert(name.into(), told.as_str().into());
    }
    if !basis.court_order.is_empty() {
        map.insert("court_order".into(), basis.court_order.as_str().into());
    }
    map.into()
}

fn index(handle: &str, index: &AccessIndex) -> Value {
    json!({ "handle": handle, "count": index.count, "head": hex::encode(&index.head) })
}

fn entry(handle: &str, entry: &AccessEntry) -> Value {
    json!({
        "handle": handle,
        "number": entry.number,
        "access": hex::encode(&entry.access),
        "time_ms": entry.time_ms,
        "sealed_until_ms": time(entry.sealed_until_ms),
        "details": hex::encode(&entry.details),
        "head": hex::encode(&entry.head),
    })
}

fn consent(consent: &Consent) -> Value {
    json!({
        "id": consent.id,
        "handle": hex::encode(&consent.handle),
        "consumer": consent.consumer,
        "record_type": consent.record_type,
        "fields": consent.fields,
        "purposes": consent.purposes,
        "from_ms": consent.from_ms,
        "until_ms": consent.until_ms,
        "given_ms": consent.given_ms,
        "withdrawn_ms": time(consent.withdrawn_ms),
    })
}

fn hold(hold: &Hold) -> Value {
    json!({
        "record": hold.record,
        "reason": hold.reason,
        "agency": hold.agency,
        "since_ms": hold.since_ms,
        "until_ms": time(hold.until_ms),
    })
}

fn erasure(erasure: &Erasure) -> Value {
    let read_by = erasure.read_by.iter().map(
        |read| json!({ "handle": hex::encode(&read.handle), "count": read.count, "head": hex::encode(&read.head) }),
    );
    json!({
        "record": erasure.record,
        "fields": sealed(&erasure.fields),
        "requested_by": erasure.requested_by,
        "basis": erasure.basis,
        "status": erasure.status().as_str_name().to_ascii_lowercase(),
        "erased_ms": erasure.erased_ms,
        "unrecoverable_ms": time(erasure.unrecoverable_ms),
        "handle_destroyed": erasure.handle_destroyed,
        "read_by": read_by.collect::<Vec<_>>(),
    })
}

/// Sealed fields: what they are called and what is committed to.
pub fn sealed(fields: &[SealedField]) -> Value {
    let field =
        |field: &SealedField| json!({ "name": field.name, "commitment": hex::encode(&field.commitment) });
    fields.iter().map(field).collect()
}

/// A time, or null where there is none.
fn time(ms: u64) -> Value {
    if ms == 0 { Value::Null } else { ms.into() }
}

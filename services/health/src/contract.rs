//! The rules of health. Pure: the records of the resources, their erasures, the epoch and the order decide.
//!
//! What a resource says is sealed, so nothing here depends on it: the owner's service checks it against FHIR R4 before
//! it seals it. The rules keep versions in step, names well formed, and what was erased gone.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, decode_strict, records, stored};
use hutong_ledger::{
    canon::ascending,
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::health::{self as wire, action, revision::What},
};
use serde_json::{Value, json};

use crate::kind::{Key, Kind};

/// The domain's name.
pub const DOMAIN: &str = "health";
/// The sealed field of every resource.
pub const BODY: &str = "body";
/// The most resources that one transaction changes: it reads two records for each.
pub const REVISIONS_MAX: usize = 120;
/// The most persons that one resource is about.
pub const SUBJECTS_MAX: usize = 8;

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

impl Contract for Health {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action: wire::Action = decode_strict(action)?;
        match action.kind {
            Some(action::Kind::Write(write)) => Ok(Arc::new(write)),
            Some(action::Kind::Disclosure(_)) | None => Err(Refusal::malformed("the action has no kind")),
        }
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let write = tx.action::<wire::Write>()?;
        let mut reads = Vec::with_capacity(2 * write.revisions.len());
        for key in keys(write)? {
            let record = key.record();
            reads.extend(records::erasure(&record));
            reads.push(record);
        }
        Ok(reads.into_iter().map(|record| RecordKey { domain: domain(), record }).collect())
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let write = tx.action::<wire::Write>()?;
        tx.submitted_by_owner(state)?;
        let revisions = keys(write)?.into_iter().zip(&write.revisions);
        revisions.map(|(key, revision)| revise(&key, revision, tx, state)).collect()
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<Value> {
        let resource = wire::Resource::decode(value).ok()?;
        Some(json!({
            "type": resource.r#type,
            "id": resource.id,
            "commitment": hex::encode(&resource.commitment),
            "subjects": resource.subjects.iter().map(hex::encode).collect::<Vec<_>>(),
            "custodian": resource.custodian,
            "deleted": resource.deleted,
        }))
    }
}

impl SealedDomain for Health {
    fn sealed_types(&self) -> Vec<SealedType> {
        let of = |kind: Kind| SealedType { name: kind.record_type(), fields: &[BODY] };
        Kind::ALL.into_iter().map(of).collect()
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        let key: Key = record.as_str().parse().ok()?;
        let resource = wire::Resource::decode(value).ok()?;
        let subjects = resource.subjects.iter().map(|handle| handle.as_ref().try_into());
        Some(SealedRecord {
            record_type: key.kind.record_type(),
            subjects: subjects.collect::<Result<_, _>>().ok()?,
            fields: vec![(BODY.to_owned(), Hash(resource.commitment.as_ref().try_into().ok()?))],
        })
    }
}

/// The resources that an action names, in its order.
fn keys(write: &wire::Write) -> Result<Vec<Key>, Refusal> {
    if !(1..=REVISIONS_MAX).contains(&write.revisions.len()) {
        let told = format!("a transaction changes 1 to {REVISIONS_MAX} resources");
        return Err(Refusal::new("revisions_invalid", told).at("revisions"));
    }
    let key = |revision: &wire::Revision| {
        let known = Kind::parse(&revision.r#type).and_then(|kind| Key::new(kind, &revision.id));
        let invalid = || Refusal::new("resource_id_invalid", "a type of the domain and an id of FHIR");
        known.ok_or_else(|| invalid().at("id"))
    };
    let keys: Vec<Key> = write.revisions.iter().map(key).collect::<Result<_, _>>()?;
    if keys.iter().collect::<BTreeSet<_>>().len() != keys.len() {
        let told = "a transaction changes a resource once";
        return Err(Refusal::new("revisions_invalid", told).at("revisions"));
    }
    Ok(keys)
}

fn revise(
    key: &Key,
    revision: &wire::Revision,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Change, Refusal> {
    let record = key.record();
    let standing = state.version(&record);
    if revision.version != standing.saturating_add(1) {
        let told = format!("{key} is at version {standing}: {} does not follow it", revision.version);
        return Err(Refusal::new("stale_version", told).at("version"));
    }
    let erasure = records::erasure(&record);
    if erasure.is_some_and(|erasure| state.get(&erasure).is_some()) {
        return Err(Refusal::new("erased", format!("{key} was erased")).at("id"));
    }
    let before = stored::<wire::Resource>(state, &record)?;
    let custodian = tx.body.agency.to_string();
    let (r#type, id) = (revision.r#type.clone(), revision.id.clone());
    let after = match (revision.what.as_ref(), before) {
        (Some(What::Body(body)), before) => {
            let (commitment, subjects) = check(body)?;
            if before.is_some_and(|before| before.commitment == commitment) {
                let told = "a body is sealed anew with a fresh salt, and so has another commitment";
                return Err(Refusal::new("commitment_unchanged", told).at("commitment"));
            }
            wire::Resource { r#type, id, commitment, subjects, custodian, deleted: false }
        }
        (Some(What::Deleted(true)), Some(before)) if !before.deleted => {
            wire::Resource { custodian, deleted: true, ..before }
        }
        (Some(What::Deleted(true)), _) => {
            return Err(Refusal::new("resource_unknown", format!("there is no {key} to delete")).at("id"));
        }
        (Some(What::Deleted(false)) | None, _) => {
            return Err(Refusal::malformed("a revision has a body or deletes"));
        }
    };
    Ok(Change::put(record, after.encode_to_vec()))
}

fn check(body: &wire::Body) -> Result<(Bytes, Vec<Bytes>), Refusal> {
    let subjects = &body.subjects;
    let named = subjects.len() <= SUBJECTS_MAX
        && ascending(subjects, Bytes::clone)
        && subjects.iter().all(|handle| handle.len() == 16);
    if !named {
        let told = format!("at most {SUBJECTS_MAX} handles of 16 bytes, ascending, each once");
        return Err(Refusal::new("handle_invalid", told).at("subjects"));
    }
    if body.commitment.len() != 32 {
        return Err(Refusal::new("sealed_field_invalid", "a commitment has 32 bytes").at("commitment"));
    }
    Ok((body.commitment.clone(), subjects.clone()))
}

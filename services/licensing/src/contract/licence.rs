//! Licences: applied for, issued, renewed, suspended, reinstated, revoked; over when their time is.
//!
//! A licence gets its place in the status lists when it is applied for, since its credential names the place. Places are
//! given in turn, none twice and none again.

use hutong_disclosure::stored;
use hutong_ledger::{
    contract::{Change, Refusal, View},
    id::RecordId,
};
use hutong_wire::{
    prost::Message,
    v1::licensing::{self as wire, Status},
};

use super::{business, business_record, form, licence_record, status_record};

/// The most credentials of one licence.
pub const CREDENTIALS_MAX: usize = 64;

/// What a licence is at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Applied,
    /// Issued, and its time is to come.
    NotYet,
    Valid,
    Suspended,
    Revoked,
    Expired,
}

/// What a licence is at a time. Revoked is revoked for good, also when its time is over.
pub fn standing(licence: &wire::Licence, time_ms: u64) -> Standing {
    match licence.status() {
        Status::Revoked => Standing::Revoked,
        _ if time_ms >= licence.valid_until_ms => Standing::Expired,
        Status::Suspended => Standing::Suspended,
        Status::Issued if time_ms < licence.valid_from_ms => Standing::NotYet,
        Status::Issued => Standing::Valid,
        Status::Applied | Status::Unspecified => Standing::Applied,
    }
}

fn terms(terms: Option<&wire::Terms>) -> Result<&wire::Terms, Refusal> {
    terms.ok_or_else(|| Refusal::new("licence_invalid", "what is applied for is missing").at("terms"))
}

pub(super) fn terms_reads(stated: Option<&wire::Terms>) -> Result<Vec<RecordId>, Refusal> {
    let stated = terms(stated)?;
    Ok(vec![licence_record(&stated.id)?, business_record(&stated.uscc)?, status_record()?])
}

/// The business of a licence, once the licence is loaded.
pub(super) fn business_of(record: &RecordId, loaded: &View<'_>) -> Result<Vec<RecordId>, Refusal> {
    let licence = stored::<wire::Licence>(loaded, record)?;
    licence.map(|licence| business_record(&licence.uscc)).into_iter().collect()
}

pub(super) fn apply(action: &wire::Apply, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let stated = terms(action.terms.as_ref())?;
    form::sealed(&action.sealed)?;
    form::subjects(&action.subjects)?;
    if stated.valid_until_ms <= state.time_ms {
        let told = "its time would be over before it begins";
        return Err(Refusal::new("period_invalid", told).at("valid_until_ms"));
    }
    let licence = wire::Licence {
        status: Status::Applied.into(),
        sealed: action.sealed.clone(),
        subjects: action.subjects.clone(),
        ..wire::Licence::default()
    };
    new(stated, licence, state)
}

pub(super) fn enter(action: &wire::Enter, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let licence = wire::Licence { status: Status::Issued.into(), ..wire::Licence::default() };
    new(terms(action.terms.as_ref())?, licence, state)
}

/// The licence with the next place in the status lists, and its business where that is new.
fn new(stated: &wire::Terms, licence: wire::Licence, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let record = licence_record(&stated.id)?;
    form::kind(&stated.kind)?;
    form::period(stated.valid_from_ms, stated.valid_until_ms)?;
    if state.get(&record).is_some() {
        return Err(Refusal::new("licence_exists", format!("{} is taken", stated.id)).at("id"));
    }
    let business = business::known(&stated.uscc, &stated.name, state)?;
    let counter = status_record()?;
    let count = stored::<wire::StatusCount>(state, &counter)?.unwrap_or_default().count;
    let after = count.checked_add(1).ok_or_else(|| Refusal::fault("the status lists are full"))?;
    let licence = wire::Licence {
        id: stated.id.clone(),
        uscc: stated.uscc.clone(),
        kind: stated.kind.clone(),
        valid_from_ms: stated.valid_from_ms,
        valid_until_ms: stated.valid_until_ms,
        status_index: count,
        applied_ms: state.time_ms,
        ..licence
    };
    let counted = Change::put(counter, wire::StatusCount { count: after }.encode_to_vec());
    Ok([Some(put(record, licence, state)), Some(counted), business].into_iter().flatten().collect())
}

pub(super) fn issue(action: &wire::Issue, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut licence) = alive(&action.id, state)?;
    let entered = licence.status() == Status::Issued && licence.credentials.is_empty();
    if licence.status() != Status::Applied && !entered {
        return Err(Refusal::new("licence_issued", format!("{} is issued already", action.id)).at("id"));
    }
    add(&mut licence, action.credential.as_ref())?;
    licence.status = Status::Issued.into();
    Ok(vec![put(record, licence, state)])
}

pub(super) fn renew(action: &wire::Renew, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut licence) = alive(&action.id, state)?;
    issued(&licence)?;
    business::open(&licence.uscc, state)?;
    form::period(licence.valid_from_ms, action.valid_until_ms)?;
    if action.valid_until_ms <= licence.valid_until_ms {
        let told = "a renewal ends later than what it renews";
        return Err(Refusal::new("period_invalid", told).at("valid_until_ms"));
    }
    form::not_erased(&record, &action.sealed, state)?;
    form::replace(&mut licence.sealed, &action.sealed)?;
    add(&mut licence, action.credential.as_ref())?;
    licence.valid_until_ms = action.valid_until_ms;
    Ok(vec![put(record, licence, state)])
}

pub(super) fn suspend(action: &wire::Suspend, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut licence) = alive(&action.id, state)?;
    form::reason(&action.reason)?;
    issued(&licence)?;
    licence.status = Status::Suspended.into();
    licence.reason = action.reason.clone();
    Ok(vec![put(record, licence, state)])
}

pub(super) fn reinstate(action: &wire::Reinstate, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut licence) = alive(&action.id, state)?;
    form::reason(&action.reason)?;
    if licence.status() != Status::Suspended {
        return Err(Refusal::new("licence_not_suspended", format!("{} is not suspended", action.id)).at("id"));
    }
    licence.status = Status::Issued.into();
    licence.reason = action.reason.clone();
    Ok(vec![put(record, licence, state)])
}

/// Also of one that is only applied for: then it is turned down. And of one whose time is over: a credential may say otherwise.
pub(super) fn revoke(action: &wire::Revoke, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut licence) = standing_licence(&action.id, state)?;
    form::reason(&action.reason)?;
    licence.status = Status::Revoked.into();
    licence.reason = action.reason.clone();
    Ok(vec![put(record, licence, state)])
}

/// A licence that is not revoked.
fn standing_licence(id: &str, state: &View<'_>) -> Result<(RecordId, wire::Licence), Refusal> {
    let record = licence_record(id)?;
    let unknown = || Refusal::new("licence_unknown", format!("there is no licence {id}")).at("id");
    let licence = stored::<wire::Licence>(state, &record)?.ok_or_else(unknown)?;
    if licence.status() == Status::Revoked {
        return Err(Refusal::new("licence_revoked", format!("{id} is revoked for good")).at("id"));
    }
    Ok((record, licence))
}

/// A licence that is neither revoked nor over.
fn alive(id: &str, state: &View<'_>) -> Result<(RecordId, wire::Licence), Refusal> {
    let (record, licence) = standing_licence(id, state)?;
    if state.time_ms >= licence.valid_until_ms {
        return Err(Refusal::new("licence_expired", format!("the time of {id} is over")).at("id"));
    }
    Ok((record, licence))
}

fn issued(licence: &wire::Licence) -> Result<(), Refusal> {
    if licence.status() == Status::Issued {
        return Ok(());
    }
    let told = format!("{} is only applied for, or suspended", licence.id);
    Err(Refusal::new("licence_not_issued", told).at("id"))
}

fn add(licence: &mut wire::Licence, credential: Option<&wire::Credential>) -> Result<(), Refusal> {
    let invalid = |told: &str| Refusal::new("credential_invalid", told).at("credential");
    let credential = credential.ok_or_else(|| invalid("the credential is missing"))?;
    if credential.hash.len() != 32 || credential.issued_s == 0 {
        return Err(invalid("the hash of a credential has 32 bytes, and it says when it was issued"));
    }
    if licence.credentials.iter().any(|earlier| earlier.hash == credential.hash) {
        return Err(invalid("the credential was issued before"));
    }
    if licence.credentials.len() >= CREDENTIALS_MAX {
        return Err(invalid("a licence has at most 64 credentials; let the business apply anew"));
    }
    licence.credentials.push(credential.clone());
    Ok(())
}

/// The licence as it was decided, when, and by whom: whoever submitted it, the owner of the domain signed.
fn put(record: RecordId, licence: wire::Licence, state: &View<'_>) -> Change {
    let issuer = state.epoch.rules(state.domain).map(|rules| rules.owner.to_string()).unwrap_or_default();
    let licence = wire::Licence { issuer, changed_ms: state.time_ms, ..licence };
    Change::put(record, licence.encode_to_vec())
}

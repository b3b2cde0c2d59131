//! Businesses: entered once under their code, named, and closed.

use hutong_disclosure::stored;
use hutong_ledger::{
    contract::{Change, Refusal, View},
    id::RecordId,
};
use hutong_wire::{
    prost::Message,
    v1::licensing::{self as wire, BusinessStatus},
};

use super::{business_record, form};

pub(super) fn register(action: &wire::RegisterBusiness, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let record = business_record(&action.uscc)?;
    form::name(&action.name)?;
    form::sealed(&action.sealed)?;
    form::subjects(&action.subjects)?;
    if state.get(&record).is_some() {
        return Err(Refusal::new("business_exists", format!("{} is registered", action.uscc)).at("uscc"));
    }
    let business = wire::Business {
        sealed: action.sealed.clone(),
        subjects: action.subjects.clone(),
        ..opened(&action.uscc, &action.name, state.time_ms)
    };
    Ok(vec![put(record, &business)])
}

pub(super) fn update(action: &wire::UpdateBusiness, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut business) = open(&action.uscc, state)?;
    if action.name.is_empty() && action.sealed.is_empty() {
        return Err(Refusal::new("change_empty", "nothing of the business is changed"));
    }
    if !action.name.is_empty() {
        form::name(&action.name)?;
        business.name = action.name.clone();
    }
    form::not_erased(&record, &action.sealed, state)?;
    form::replace(&mut business.sealed, &action.sealed)?;
    business.changed_ms = state.time_ms;
    Ok(vec![put(record, &business)])
}

pub(super) fn close(action: &wire::CloseBusiness, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let (record, mut business) = open(&action.uscc, state)?;
    business.status = BusinessStatus::Closed.into();
    business.changed_ms = state.time_ms;
    Ok(vec![put(record, &business)])
}

/// A business that is registered and not closed.
pub(super) fn open(uscc: &str, state: &View<'_>) -> Result<(RecordId, wire::Business), Refusal> {
    let record = business_record(uscc)?;
    let unknown = || Refusal::new("business_unknown", format!("{uscc} is not registered")).at("uscc");
    let business = stored::<wire::Business>(state, &record)?.ok_or_else(unknown)?;
    still_open(&business)?;
    Ok((record, business))
}

/// What has to be written so that the business is there: nothing if it is already.
pub(super) fn known(uscc: &str, name: &str, state: &View<'_>) -> Result<Option<Change>, Refusal> {
    let record = business_record(uscc)?;
    if let Some(business) = stored::<wire::Business>(state, &record)? {
        still_open(&business)?;
        return Ok(None);
    }
    form::name(name)?;
    Ok(Some(put(record, &opened(uscc, name, state.time_ms))))
}

fn still_open(business: &wire::Business) -> Result<(), Refusal> {
    if business.status() == BusinessStatus::Open {
        return Ok(());
    }
    Err(Refusal::new("business_closed", format!("{} is closed", business.uscc)).at("uscc"))
}

fn opened(uscc: &str, name: &str, time_ms: u64) -> wire::Business {
    wire::Business {
        uscc: uscc.to_owned(),
        name: name.to_owned(),
        status: BusinessStatus::Open.into(),
        since_ms: time_ms,
        changed_ms: time_ms,
        ..wire::Business::default()
    }
}

fn put(record: RecordId, business: &wire::Business) -> Change {
    Change::put(record, business.encode_to_vec())
}

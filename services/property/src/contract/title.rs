//! First registration, change, correction, cancellation: what the register says of a parcel and its title.

use hutong_ledger::contract::{Refusal, Verified, View};
use hutong_wire::v1::property::{self as wire, Status};

use super::{
    parcel::{reason, seal},
    party::{by_owner, entering, holders_agents, holding, lenders_agents, party, signed_by},
    rights::{add, effective},
    standing::{disposable, unrestricted},
    unit::check_unit,
};

/// A parcel that is new in the register.
pub(super) fn new_parcel(id: &str, unit: Option<&wire::Unit>) -> Result<wire::Parcel, Refusal> {
    let unit = unit.ok_or_else(|| Refusal::new("unit_invalid", "the unit is missing").at("unit"))?;
    Ok(wire::Parcel {
        id: id.to_owned(),
        status: Status::Current.into(),
        unit: Some(check_unit(unit)?),
        next_id: 1,
        ..wire::Parcel::default()
    })
}

pub(super) fn register(
    id: &str,
    action: &wire::Register,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    let mut parcel = new_parcel(id, action.unit.as_ref())?;
    parcel.sealed = seal(&[], &action.sealed)?;
    parcel.effective_ms = effective(action.valid_from_ms, state)?;
    let times = [state.time_ms, parcel.effective_ms];
    for each in &action.holdings {
        let (kind, party, _, share) = holding(each, "holdings", state)?;
        add(&mut parcel, kind, party, share, times)?;
    }
    Ok(parcel)
}

/// Holders and the register's keeper agree on what has become true of the unit.
pub(super) fn change(
    mut parcel: wire::Parcel,
    action: &wire::Change,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    signed_by(tx, holders_agents(&parcel)?)?;
    unrestricted(&parcel)?;
    if action.unit.is_none() && action.sealed.is_empty() {
        return Err(Refusal::new("change_empty", "a change changes something"));
    }
    parcel.sealed = seal(&parcel.sealed, &action.sealed)?;
    let Some(unit) = &action.unit else { return Ok(parcel) };
    let (unit, old) = (check_unit(unit)?, parcel.unit.take().unwrap_or_default());
    if !old.number.is_empty() && old.number != unit.number {
        let message = "a unit keeps its number; a wrong one is corrected";
        return Err(Refusal::new("unit_number_invalid", message).at("unit.number"));
    }
    if old.geometry.is_some() && unit.geometry.is_none() {
        let message = "a parcel with a geometry keeps one";
        return Err(Refusal::new("geometry_invalid", message).at("unit.geometry"));
    }
    if (old.area_centi_mm2, &old.geometry) != (unit.area_centi_mm2, &unit.geometry) {
        // Their security is another one then.
        signed_by(tx, lenders_agents(&parcel)?)?;
    }
    parcel.unit = Some(unit);
    Ok(parcel)
}

pub(super) fn correct(
    mut parcel: wire::Parcel,
    action: &wire::Correct,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    reason(&action.reason)?;
    if action.unit.is_none() && action.parties.is_empty() && action.sealed.is_empty() {
        return Err(Refusal::new("correction_empty", "a correction changes something"));
    }
    if let Some(unit) = &action.unit {
        parcel.unit = Some(check_unit(unit)?);
    }
    parcel.sealed = seal(&parcel.sealed, &action.sealed)?;
    for correction in &action.parties {
        let (corrected, agent) = entering(correction.party.as_ref(), "parties", state)?;
        let right = parcel.rights.iter_mut().find(|right| right.id == correction.right);
        let right =
            right.ok_or_else(|| Refusal::new("holder_unknown", "the right does not stand").at("parties"))?;
        let (before, acting) = party(right.party.as_ref(), "rights")?;
        if before.handle == corrected.handle && acting != agent {
            // The same person under another agent: both agree, unless the first has left the city.
            let left = state.epoch.agency(&acting).is_none();
            signed_by(tx, [agent].into_iter().chain((!left).then_some(acting)))?;
        }
        right.party = Some(corrected);
    }
    Ok(parcel)
}

pub(super) fn cancel(
    mut parcel: wire::Parcel,
    action: &wire::Cancel,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    reason(&action.reason)?;
    disposable(&parcel, state.time_ms, &[])?;
    if !parcel.mortgages.is_empty() {
        return Err(Refusal::new("mortgages_stand", "a title is not cancelled while mortgages stand on it"));
    }
    close(&mut parcel, Status::Cancelled);
    Ok(parcel)
}

/// Ends a title: nothing stands on it any more.
pub(super) fn close(parcel: &mut wire::Parcel, status: Status) {
    parcel.status = status.into();
    parcel.rights.clear();
    parcel.mortgages.clear();
    parcel.restrictions.clear();
    parcel.objections.clear();
    parcel.notices.clear();
}

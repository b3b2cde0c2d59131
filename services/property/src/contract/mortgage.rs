//! Mortgages: granted, discharged, passed to another lender, changed. They follow the parcel wherever it goes.

use hutong_ledger::{
    contract::{Refusal, Verified, View},
    id::AgencyId,
};
use hutong_wire::v1::property as wire;

use super::{
    parcel::{currency, next_id},
    party::{entering, holders_agents, joint, lenders_agents, party, signed_by},
    standing::{disposable, unrestricted},
};

pub(super) fn grant(
    mut parcel: wire::Parcel,
    action: &wire::GrantMortgage,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    disposable(&parcel, state.time_ms, &[action.lender.as_ref()])?;
    terms(action.rank, action.amount_minor, &action.currency)?;
    let (lender, agent) = entering(action.lender.as_ref(), "lender", state)?;
    joint(tx, [&holders_agents(&parcel)?, &[agent]])?;
    // A notice for this lender has come true.
    parcel.notices.clear();
    let id = next_id(&mut parcel)?;
    parcel.mortgages.push(wire::Mortgage {
        id,
        rank: action.rank,
        amount_minor: action.amount_minor,
        currency: action.currency.clone(),
        lender: Some(lender),
        since_ms: state.time_ms,
        no_transfer: action.no_transfer,
    });
    parcel.mortgages.sort_by_key(|mortgage| mortgage.rank);
    Ok(parcel)
}

fn terms(rank: u32, amount_minor: u64, code: &str) -> Result<(), Refusal> {
    currency(code)?;
    if amount_minor == 0 || rank == 0 {
        let message = "a mortgage has an amount and a rank from 1";
        return Err(Refusal::new("mortgage_invalid", message).at("mortgage"));
    }
    Ok(())
}

/// Where a mortgage stands, and its lender's agent.
fn find(parcel: &wire::Parcel, id: u32) -> Result<(usize, AgencyId), Refusal> {
    let unknown = || Refusal::new("mortgage_unknown", format!("mortgage {id} does not stand")).at("mortgage");
    let at = parcel.mortgages.iter().position(|mortgage| mortgage.id == id).ok_or_else(unknown)?;
    let (_, agent) = party(parcel.mortgages[at].lender.as_ref(), "mortgage")?;
    Ok((at, agent))
}

pub(super) fn discharge(
    mut parcel: wire::Parcel,
    action: &wire::Discharge,
    tx: &Verified<'_>,
) -> Result<wire::Parcel, Refusal> {
    let (at, agent) = find(&parcel, action.mortgage)?;
    signed_by(tx, [agent])?;
    parcel.mortgages.remove(at);
    Ok(parcel)
}

/// The claim goes to another lender, and the mortgage with it.
pub(super) fn assign(
    mut parcel: wire::Parcel,
    action: &wire::AssignMortgage,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    let (at, agent) = find(&parcel, action.mortgage)?;
    let (lender, new) = entering(action.lender.as_ref(), "lender", state)?;
    joint(tx, [&[agent], &[new]])?;
    parcel.mortgages[at].lender = Some(lender);
    Ok(parcel)
}

/// Everyone whom rank or amount concerns agrees; a rank that is taken is swapped.
pub(super) fn change(
    mut parcel: wire::Parcel,
    action: &wire::ChangeMortgage,
    tx: &Verified<'_>,
) -> Result<wire::Parcel, Refusal> {
    let (at, _) = find(&parcel, action.mortgage)?;
    unrestricted(&parcel)?;
    terms(action.rank, action.amount_minor, &action.currency)?;
    signed_by(tx, holders_agents(&parcel)?.into_iter().chain(lenders_agents(&parcel)?))?;
    let rank = parcel.mortgages[at].rank;
    if let Some(other) = parcel.mortgages.iter_mut().find(|mortgage| mortgage.rank == action.rank) {
        other.rank = rank;
    }
    let changed = &mut parcel.mortgages[at];
    changed.rank = action.rank;
    changed.amount_minor = action.amount_minor;
    changed.currency = action.currency.clone();
    parcel.mortgages.sort_by_key(|mortgage| mortgage.rank);
    Ok(parcel)
}

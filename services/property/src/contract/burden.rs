//! Mortgages, caveats and seizures: what burdens a title.

use hutong_ledger::contract::{Refusal, Verified, View};
use hutong_wire::v1::property::{self as wire, RestrictionType};

use super::{
    parcel::{currency, next_id, party, signed_by, unrestricted},
    title::{holders_agents, joint},
};

pub(super) fn mortgage(
    mut parcel: wire::Parcel,
    action: &wire::GrantMortgage,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    unrestricted(&parcel)?;
    currency(&action.currency)?;
    if action.amount_minor == 0 || action.rank == 0 {
        return Err(
            Refusal::new("mortgage_invalid", "a mortgage has an amount and a rank from 1").at("mortgage")
        );
    }
    if parcel.mortgages.iter().any(|standing| standing.rank == action.rank) {
        let message = format!("a mortgage of rank {} stands already", action.rank);
        return Err(Refusal::new("rank_taken", message).at("rank"));
    }
    let (lender, agent) = party(action.lender.as_ref(), "lender")?;
    joint(tx, &[holders_agents(&parcel)?, vec![agent]])?;
    let id = next_id(&mut parcel)?;
    parcel.mortgages.push(wire::Mortgage {
        id,
        rank: action.rank,
        amount_minor: action.amount_minor,
        currency: action.currency.clone(),
        lender: Some(lender),
        since_ms: state.time_ms,
    });
    parcel.mortgages.sort_by_key(|mortgage| mortgage.rank);
    Ok(parcel)
}

pub(super) fn discharge(
    mut parcel: wire::Parcel,
    action: &wire::Discharge,
    tx: &Verified<'_>,
) -> Result<wire::Parcel, Refusal> {
    let unknown = || Refusal::new("mortgage_unknown", format!("mortgage {} does not stand", action.mortgage));
    let at = parcel.mortgages.iter().position(|m| m.id == action.mortgage).ok_or_else(unknown)?;
    let (_, agent) = party(parcel.mortgages[at].lender.as_ref(), "mortgage")?;
    signed_by(tx, [agent])?;
    parcel.mortgages.remove(at);
    Ok(parcel)
}

pub(super) fn restrict(
    mut parcel: wire::Parcel,
    action: &wire::Restrict,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    if action.r#type() == RestrictionType::Unspecified {
        return Err(Refusal::new("restriction_invalid", "a restriction is a caveat or a seizure").at("type"));
    }
    if !(1..=64).contains(&action.reference.len()) || action.reference.chars().any(char::is_control) {
        return Err(
            Refusal::new("restriction_invalid", "it refers to a case, in 1 to 64 bytes").at("reference")
        );
    }
    let id = next_id(&mut parcel)?;
    parcel.restrictions.push(wire::Restriction {
        id,
        r#type: action.r#type,
        agency: tx.body.agency.to_string(),
        reference: action.reference.clone(),
        since_ms: state.time_ms,
    });
    Ok(parcel)
}

pub(super) fn lift(
    mut parcel: wire::Parcel,
    action: &wire::Lift,
    tx: &Verified<'_>,
) -> Result<wire::Parcel, Refusal> {
    let unknown =
        || Refusal::new("restriction_unknown", format!("restriction {} does not stand", action.restriction));
    let at = parcel.restrictions.iter().position(|r| r.id == action.restriction).ok_or_else(unknown)?;
    if parcel.restrictions[at].agency != tx.body.agency.as_str() {
        let message = format!("{} placed it and alone may lift it", parcel.restrictions[at].agency);
        return Err(Refusal::new("not_the_restrictor", message).at("restriction"));
    }
    parcel.restrictions.remove(at);
    Ok(parcel)
}

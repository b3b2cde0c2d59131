//! First registration, transfer, correction, cancellation: who holds what.

use hutong_ledger::{
    contract::{Refusal, Verified, View},
    id::AgencyId,
};
use hutong_wire::v1::property::{self as wire, RightType, Status};

use super::{
    parcel::{self, check_unit, currency, holding, is_primary, next_id, party, signed_by, unrestricted},
    shares::{Fraction, sum},
};

pub(super) fn register(
    id: &str,
    action: &wire::Register,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    let unit =
        action.unit.clone().ok_or_else(|| Refusal::new("unit_invalid", "the unit is missing").at("unit"))?;
    check_unit(&unit)?;
    let mut parcel = wire::Parcel {
        id: id.to_owned(),
        status: Status::Current.into(),
        unit: Some(unit),
        next_id: 1,
        ..wire::Parcel::default()
    };
    for each in &action.holdings {
        let (kind, party, _, share) = holding(each, "holdings")?;
        add_right(&mut parcel, kind, party, share, state.time_ms)?;
    }
    Ok(parcel)
}

pub(super) fn transfer(
    mut parcel: wire::Parcel,
    action: &wire::Transfer,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    unrestricted(&parcel)?;
    if action.disposals.is_empty() || action.acquisitions.is_empty() {
        return Err(Refusal::new("transfer_empty", "a transfer has disposals and acquisitions"));
    }
    // Without a price there may be no currency either; what is stored must be bounded all the same.
    if action.price_minor > 0 || !action.currency.is_empty() {
        currency(&action.currency)?;
    }
    let mut sides: [Vec<AgencyId>; 2] = [Vec::new(), Vec::new()];
    let mut kind = None;
    let mut disposed = Vec::new();
    for disposal in &action.disposals {
        let share = Fraction::parse(disposal.share.as_ref(), "disposals")?;
        let (of_kind, agent) = dispose(&mut parcel, disposal.right, share)?;
        if *kind.get_or_insert(of_kind) != of_kind {
            return Err(
                Refusal::new("right_types_mixed", "a transfer moves rights of one type").at("disposals")
            );
        }
        sides[0].push(agent);
        disposed.push(share);
    }
    let mut acquired = Vec::new();
    for acquisition in &action.acquisitions {
        let (of_kind, party, agent, share) = holding(acquisition, "acquisitions")?;
        if kind != Some(of_kind) {
            return Err(
                Refusal::new("right_types_mixed", "a transfer moves rights of one type").at("acquisitions")
            );
        }
        sides[1].push(agent);
        acquired.push(share);
        add_right(&mut parcel, of_kind, party, share, state.time_ms)?;
    }
    if sum(disposed)? != sum(acquired)? {
        return Err(
            Refusal::new("shares_not_one", "what is disposed of and what is acquired differ").at("share")
        );
    }
    joint(tx, &sides)?;
    parcel.last_price_minor = action.price_minor;
    parcel.last_price_currency = action.currency.clone();
    Ok(parcel)
}

/// Both sides sign, and no agency acts for both: else one signature would stand for two wills.
pub(super) fn joint(tx: &Verified<'_>, sides: &[Vec<AgencyId>; 2]) -> Result<(), Refusal> {
    if let Some(both) = sides[0].iter().find(|agency| sides[1].contains(agency)) {
        let message = format!("{both} acts for both sides; each side needs its own agent");
        return Err(Refusal::new("joint_application_required", message).at("agent"));
    }
    signed_by(tx, sides.iter().flatten().copied())
}

fn dispose(parcel: &mut wire::Parcel, right: u32, share: Fraction) -> Result<(RightType, AgencyId), Refusal> {
    let unknown = || Refusal::new("holder_unknown", format!("right {right} does not stand")).at("disposals");
    let at = parcel.rights.iter().position(|r| r.id == right).ok_or_else(unknown)?;
    let held = &mut parcel.rights[at];
    let kind = held.r#type();
    if !is_primary(kind) {
        return Err(
            Refusal::new("right_not_transferable", "only primary rights are transferred").at("disposals")
        );
    }
    let (_, agent) = party(held.party.as_ref(), "disposals")?;
    let rest = Fraction::parse(held.share.as_ref(), "disposals")?.minus(share);
    let rest = rest
        .ok_or_else(|| Refusal::new("share_exceeded", "more is disposed of than is held").at("disposals"))?;
    if rest == Fraction::ZERO {
        parcel.rights.remove(at);
    } else {
        held.share = Some(stored(rest)?);
    }
    Ok((kind, agent))
}

/// Adds to the party's right of the type if it has one, else makes one. The same handle under another commitment or
/// agent is refused: the share would go to somebody whose agent has not signed.
fn add_right(
    parcel: &mut wire::Parcel,
    kind: RightType,
    party: wire::Party,
    share: Fraction,
    since_ms: u64,
) -> Result<(), Refusal> {
    let of_kind = |right: &wire::Right| right.r#type() == kind;
    let own = |right: &&mut wire::Right| of_kind(right) && right.party.as_ref() == Some(&party);
    if let Some(right) = parcel.rights.iter_mut().find(own) {
        let more = sum([Fraction::parse(right.share.as_ref(), "share")?, share])?;
        right.share = Some(stored(more)?);
        return Ok(());
    }
    let held = parcel.rights.iter().filter(|right| of_kind(right)).filter_map(|right| right.party.as_ref());
    if held.into_iter().any(|held| held.handle == party.handle) {
        let message = "this handle holds a right here under another commitment or agent";
        return Err(Refusal::new("party_invalid", message).at("party"));
    }
    let id = next_id(parcel)?;
    let share = Some(stored(share)?);
    parcel.rights.push(wire::Right { id, r#type: kind.into(), party: Some(party), share, since_ms });
    Ok(())
}

fn stored(share: Fraction) -> Result<wire::Share, Refusal> {
    share
        .stored()
        .ok_or_else(|| Refusal::new("share_invalid", "the share's denominator is too large").at("share"))
}

pub(super) fn correct(
    mut parcel: wire::Parcel,
    action: &wire::Correct,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    reason(&action.reason)?;
    if action.unit.is_none() && action.parties.is_empty() {
        return Err(Refusal::new("correction_empty", "a correction changes something"));
    }
    if let Some(unit) = &action.unit {
        check_unit(unit)?;
        parcel.unit = Some(unit.clone());
    }
    for correction in &action.parties {
        let (corrected, _) = party(correction.party.as_ref(), "parties")?;
        let right = parcel.rights.iter_mut().find(|right| right.id == correction.right);
        let right =
            right.ok_or_else(|| Refusal::new("holder_unknown", "the right does not stand").at("parties"))?;
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
    unrestricted(&parcel)?;
    if !parcel.mortgages.is_empty() {
        return Err(Refusal::new("mortgages_stand", "a title is not cancelled while mortgages stand on it"));
    }
    parcel.rights.clear();
    parcel.status = Status::Cancelled.into();
    Ok(parcel)
}

fn reason(text: &str) -> Result<(), Refusal> {
    if (1..=256).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Refusal::new("reason_missing", "a reason of 1 to 256 bytes").at("reason"))
    }
}

/// The domain's owner keeps the register.
fn by_owner(tx: &Verified<'_>, state: &View<'_>) -> Result<(), Refusal> {
    let owner = state.epoch.rules(state.domain).map(|rules| rules.owner);
    match owner {
        Some(owner) if tx.body.signers.contains(&owner) => Ok(()),
        _ => {
            Err(Refusal::new("registrar_required", "the agency that keeps the register signs this")
                .at("signers"))
        }
    }
}

pub(super) fn current(parcel: wire::Parcel) -> Result<wire::Parcel, Refusal> {
    match parcel.status() {
        Status::Current => Ok(parcel),
        _ => Err(Refusal::new("parcel_cancelled", format!("the title of {} is cancelled", parcel.id))),
    }
}

pub(super) fn holders_agents(parcel: &wire::Parcel) -> Result<Vec<AgencyId>, Refusal> {
    let primary = parcel.rights.iter().filter(|right| is_primary(right.r#type()));
    primary.map(|right| parcel::party(right.party.as_ref(), "rights").map(|(_, agent)| agent)).collect()
}

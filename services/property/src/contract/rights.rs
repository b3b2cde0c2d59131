//! Rights and how they move: exact shares leave one right and join another, in the order of law.

use hutong_ledger::{
    contract::{Refusal, View},
    id::AgencyId,
};
use hutong_wire::v1::property::{self as wire, RightType};

use super::{
    parcel::next_id,
    party::{holding, is_primary, party, primary},
    shares::{Fraction, sum},
};

/// What a transfer moved.
pub(super) struct Moved {
    /// Agents of those who dispose and of those who acquire.
    pub(super) sides: [Vec<AgencyId>; 2],
    /// Whether the whole of the primary rights was disposed of.
    pub(super) whole: bool,
}

/// Since when an application has effect in law: as it states, or from the block's time.
pub(super) fn effective(stated_ms: u64, state: &View<'_>) -> Result<u64, Refusal> {
    match stated_ms {
        0 => Ok(state.time_ms),
        stated if stated <= state.time_ms => Ok(stated),
        _ => Err(invalid_time("a right is not valid from a time to come")),
    }
}

fn invalid_time(message: &'static str) -> Refusal {
    Refusal::new("valid_from_invalid", message).at("valid_from_ms")
}

/// Moves shares of primary rights, as many as are disposed of.
pub(super) fn moved(
    parcel: &mut wire::Parcel,
    disposals: &[wire::Disposal],
    acquisitions: &[wire::Holding],
    valid_from_ms: u64,
    state: &View<'_>,
) -> Result<Moved, Refusal> {
    if disposals.is_empty() || acquisitions.is_empty() {
        return Err(Refusal::new("transfer_empty", "a transfer has disposals and acquisitions"));
    }
    let mixed = |field: &str| {
        Refusal::new("right_types_mixed", "a transfer moves rights of one type").at(field.to_owned())
    };
    let mut sides = [Vec::new(), Vec::new()];
    let mut kind = None;
    let (mut disposed, mut acquired) = (Vec::new(), Vec::new());
    for disposal in disposals {
        let share = Fraction::parse(disposal.share.as_ref(), "disposals")?;
        let (of_kind, agent) = dispose(parcel, disposal.right, share, valid_from_ms)?;
        if *kind.get_or_insert(of_kind) != of_kind {
            return Err(mixed("disposals"));
        }
        sides[0].push(agent);
        disposed.push(share);
    }
    let whole = primary(parcel).next().is_none();
    for acquisition in acquisitions {
        let (of_kind, party, agent, share) = holding(acquisition, "acquisitions", state)?;
        if kind != Some(of_kind) {
            return Err(mixed("acquisitions"));
        }
        sides[1].push(agent);
        acquired.push(share);
        add(parcel, of_kind, party, share, [state.time_ms, valid_from_ms])?;
    }
    if sum(disposed)? != sum(acquired)? {
        let message = "what is disposed of and what is acquired differ";
        return Err(Refusal::new("shares_not_one", message).at("share"));
    }
    Ok(Moved { sides, whole })
}

fn dispose(
    parcel: &mut wire::Parcel,
    right: u32,
    share: Fraction,
    valid_from_ms: u64,
) -> Result<(RightType, AgencyId), Refusal> {
    let unknown = || Refusal::new("holder_unknown", format!("right {right} does not stand")).at("disposals");
    let at = parcel.rights.iter().position(|each| each.id == right).ok_or_else(unknown)?;
    let held = &mut parcel.rights[at];
    let kind = held.r#type();
    if !is_primary(kind) {
        let message = "only primary rights are transferred";
        return Err(Refusal::new("right_not_transferable", message).at("disposals"));
    }
    let (_, agent) = party(held.party.as_ref(), "disposals")?;
    let rest = Fraction::parse(held.share.as_ref(), "disposals")?.minus(share);
    let exceeded = || Refusal::new("share_exceeded", "more is disposed of than is held").at("disposals");
    let rest = rest.ok_or_else(exceeded)?;
    change(held, valid_from_ms)?;
    if rest == Fraction::ZERO {
        parcel.rights.remove(at);
    } else {
        held.share = Some(stored(rest)?);
    }
    Ok((kind, agent))
}

/// What changes a right has effect after what made it.
fn change(right: &mut wire::Right, valid_from_ms: u64) -> Result<(), Refusal> {
    if valid_from_ms < right.valid_from_ms {
        return Err(invalid_time("a right does not change before it is valid itself"));
    }
    right.valid_from_ms = valid_from_ms;
    Ok(())
}

/// Adds to the right that the party holds already, or makes one. `times` are those of registration and of validity.
/// That nobody holds under another agent's handle is the record's invariant.
pub(super) fn add(
    parcel: &mut wire::Parcel,
    kind: RightType,
    party: wire::Party,
    share: Fraction,
    [since_ms, valid_from_ms]: [u64; 2],
) -> Result<(), Refusal> {
    let own = |right: &&mut wire::Right| right.r#type() == kind && right.party.as_ref() == Some(&party);
    if let Some(right) = parcel.rights.iter_mut().find(own) {
        let more = sum([Fraction::parse(right.share.as_ref(), "share")?, share])?;
        right.share = Some(stored(more)?);
        return change(right, valid_from_ms);
    }
    let id = next_id(parcel)?;
    let share = Some(stored(share)?);
    let party = Some(party);
    parcel.rights.push(wire::Right { id, r#type: kind.into(), party, share, since_ms, valid_from_ms });
    Ok(())
}

fn stored(share: Fraction) -> Result<wire::Share, Refusal> {
    share
        .stored()
        .ok_or_else(|| Refusal::new("share_invalid", "the share's denominator is too large").at("share"))
}

//! What others have registered against a title for a time: objections, and notices of what is to come.

use hutong_ledger::contract::{Refusal, Verified, View};
use hutong_wire::v1::property as wire;

use super::{
    parcel::{CLAIMS_MAX, is_reference, next_id},
    party::{by_owner, entering, holders_agents, joint, party, signed_by, signs},
    standing::{disposable, in_force},
    transfer::source_required,
};

const DAY_MS: u64 = 24 * 3600 * 1000;
/// An objection lapses after that time without suit.
pub const OBJECTION_MS: u64 = 15 * DAY_MS;
/// An advance notice lapses after that time.
pub const NOTICE_MS: u64 = 90 * DAY_MS;

pub(super) fn object(
    mut parcel: wire::Parcel,
    action: &wire::Object,
    source: &[u8],
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    source_required(source)?;
    let (objector, agent) = entering(action.party.as_ref(), "party", state)?;
    signed_by(tx, [agent])?;
    let own = |each: &wire::Objection| each.party.as_ref().is_some_and(|by| by.handle == objector.handle);
    let repeated = |each: &wire::Objection| in_force(each.until_ms, state.time_ms) || each.source == source;
    if parcel.objections.iter().any(|each| own(each) && repeated(each)) {
        let message = "this party objects already, or did on the same grounds and let it lapse";
        return Err(Refusal::new("objection_repeated", message).at("party"));
    }
    // Lapsed ones are kept for that alone; the oldest makes room.
    let lapsed = |each: &wire::Objection| !in_force(each.until_ms, state.time_ms);
    if parcel.objections.len() >= CLAIMS_MAX
        && let Some(oldest) = parcel.objections.iter().position(lapsed)
    {
        parcel.objections.remove(oldest);
    }
    let id = next_id(&mut parcel)?;
    parcel.objections.push(wire::Objection {
        id,
        party: Some(objector),
        since_ms: state.time_ms,
        until_ms: state.time_ms.saturating_add(OBJECTION_MS),
        suit: String::new(),
        source: source.to_vec().into(),
    });
    Ok(parcel)
}

/// Where an objection stands that is in force.
fn objection(parcel: &wire::Parcel, id: u32, state: &View<'_>) -> Result<usize, Refusal> {
    let standing = |each: &wire::Objection| each.id == id && in_force(each.until_ms, state.time_ms);
    parcel.objections.iter().position(standing).ok_or_else(|| {
        Refusal::new("objection_unknown", format!("objection {id} does not stand, or has lapsed"))
            .at("objection")
    })
}

/// The objector went to court in time: the objection stands until it is withdrawn.
pub(super) fn suit(
    mut parcel: wire::Parcel,
    action: &wire::RegisterSuit,
    source: &[u8],
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    source_required(source)?;
    let at = objection(&parcel, action.objection, state)?;
    let (_, agent) = party(parcel.objections[at].party.as_ref(), "objection")?;
    signed_by(tx, [agent])?;
    if !is_reference(&action.reference) {
        let message = "a suit has the court's reference, in 1 to 64 bytes";
        return Err(Refusal::new("suit_invalid", message).at("reference"));
    }
    let objection = &mut parcel.objections[at];
    objection.suit = action.reference.clone();
    objection.until_ms = 0;
    Ok(parcel)
}

pub(super) fn withdraw_objection(
    mut parcel: wire::Parcel,
    action: &wire::WithdrawObjection,
    source: &[u8],
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    let at = objection(&parcel, action.objection, state)?;
    let (_, agent) = party(parcel.objections[at].party.as_ref(), "objection")?;
    if !signs(tx, &agent) {
        by_owner(tx, state)?;
        source_required(source)?;
    }
    parcel.objections.remove(at);
    Ok(parcel)
}

/// Holders and the party to come agree that the parcel is kept for it.
pub(super) fn notice(
    mut parcel: wire::Parcel,
    action: &wire::GiveNotice,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    disposable(&parcel, state.time_ms, &[])?;
    let (noticed, agent) = entering(action.party.as_ref(), "party", state)?;
    joint(tx, [&holders_agents(&parcel)?, &[agent]])?;
    let id = next_id(&mut parcel)?;
    parcel.notices.push(wire::Notice {
        id,
        party: Some(noticed),
        since_ms: state.time_ms,
        until_ms: state.time_ms.saturating_add(NOTICE_MS),
    });
    Ok(parcel)
}

pub(super) fn withdraw_notice(
    mut parcel: wire::Parcel,
    action: &wire::WithdrawNotice,
    tx: &Verified<'_>,
) -> Result<wire::Parcel, Refusal> {
    let unknown = || {
        Refusal::new("notice_unknown", format!("notice {} does not stand, or has lapsed", action.notice))
            .at("notice")
    };
    let at = parcel.notices.iter().position(|each| each.id == action.notice).ok_or_else(unknown)?;
    let (_, agent) = party(parcel.notices[at].party.as_ref(), "notice")?;
    signed_by(tx, [agent])?;
    parcel.notices.remove(at);
    Ok(parcel)
}

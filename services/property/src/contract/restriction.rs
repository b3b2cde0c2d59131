//! Caveats and seizures: who may place them, and who alone lifts them.

use hutong_ledger::{
    canon::ascending,
    contract::{Refusal, Verified, View},
    id::AgencyId,
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, RestrictionType},
};

use super::{
    names,
    parcel::{is_reference, next_id},
    party::{by_owner, owner},
};

/// The most agencies that may place restrictions of a type.
pub(super) const AUTHORITIES_MAX: usize = 64;

pub(super) fn restrict(
    mut parcel: wire::Parcel,
    action: &wire::Restrict,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    let kind = action.r#type();
    if kind == RestrictionType::Unspecified {
        return Err(Refusal::new("restriction_invalid", "a restriction is a caveat or a seizure").at("type"));
    }
    if !is_reference(&action.reference) {
        let message = "it refers to a case, in 1 to 64 bytes";
        return Err(Refusal::new("restriction_invalid", message).at("reference"));
    }
    authority(kind, &tx.body.agency, state)?;
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

/// The domain's owner may, and who is named; as long as nobody is, each agency may place a caveat and none a seizure.
fn authority(kind: RestrictionType, agency: &AgencyId, state: &View<'_>) -> Result<(), Refusal> {
    let named = match state.get(&names::authorities()?) {
        None => kind == RestrictionType::Caveat,
        Some(value) => {
            let named = wire::Authorities::decode(value.as_ref());
            let named = named.map_err(|e| Refusal::fault(format!("the authorities do not decode: {e}")))?;
            let list = if kind == RestrictionType::Caveat { named.caveat } else { named.seizure };
            list.iter().any(|name| name == agency.as_str())
        }
    };
    if named || owner(state) == Some(*agency) {
        return Ok(());
    }
    let message = format!("{agency} is none of the authorities that may place this");
    Err(Refusal::new("authority_required", message).at("type"))
}

/// Names who may place what; the whole list at a time.
pub(super) fn authorities(
    action: &wire::SetAuthorities,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<u8>, Refusal> {
    by_owner(tx, state)?;
    let invalid = |why: &str| Refusal::new("authorities_invalid", why.to_owned()).at("authorities");
    let named = action.authorities.as_ref().ok_or_else(|| invalid("the lists are missing"))?;
    for list in [&named.caveat, &named.seizure] {
        if list.len() > AUTHORITIES_MAX || !ascending(list, String::clone) {
            return Err(invalid("each list has at most 64 agencies, ascending, each once"));
        }
        let member = |name: &String| name.parse().is_ok_and(|id: AgencyId| state.epoch.agency(&id).is_some());
        if !list.iter().all(member) {
            return Err(invalid("an authority is an agency of this city"));
        }
    }
    Ok(named.encode_to_vec())
}

pub(super) fn lift(
    mut parcel: wire::Parcel,
    action: &wire::Lift,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    let unknown =
        || Refusal::new("restriction_unknown", format!("restriction {} does not stand", action.restriction));
    let at = parcel.restrictions.iter().position(|r| r.id == action.restriction).ok_or_else(unknown)?;
    let placer = &parcel.restrictions[at].agency;
    if placer != tx.body.agency.as_str() {
        // Nobody else could when the agency that placed it has left the city.
        let left = placer.parse().is_ok_and(|id: AgencyId| state.epoch.agency(&id).is_none());
        if !left || owner(state) != Some(tx.body.agency) {
            let message = format!("{placer} placed it and alone may lift it");
            return Err(Refusal::new("not_the_restrictor", message).at("restriction"));
        }
    }
    parcel.restrictions.remove(at);
    Ok(parcel)
}

//! What stands in the way of a disposal: seizure, caveat, objection, advance notice.

use hutong_ledger::contract::Refusal;
use hutong_wire::v1::property::{self as wire, RestrictionType};

/// Whether something that lapses is in force at a time; 0 is never.
pub(super) fn in_force(until_ms: u64, time_ms: u64) -> bool {
    until_ms == 0 || time_ms < until_ms
}

pub(super) fn unseized(parcel: &wire::Parcel) -> Result<(), Refusal> {
    if parcel.restrictions.iter().any(|each| each.r#type() == RestrictionType::Seizure) {
        return Err(Refusal::new("seized", "the parcel is seized"));
    }
    Ok(())
}

/// Refuses while a caveat or seizure stands.
pub(super) fn unrestricted(parcel: &wire::Parcel) -> Result<(), Refusal> {
    unseized(parcel)?;
    if parcel.restrictions.iter().any(|each| each.r#type() == RestrictionType::Caveat) {
        return Err(Refusal::new("caveated", "a caveat stands on the parcel"));
    }
    Ok(())
}

/// Refuses unless the parcel may be disposed of to these parties, or, if there are none, at all.
pub(super) fn disposable(
    parcel: &wire::Parcel,
    time_ms: u64,
    to: &[Option<&wire::Party>],
) -> Result<(), Refusal> {
    unrestricted(parcel)?;
    if parcel.objections.iter().any(|objection| in_force(objection.until_ms, time_ms)) {
        return Err(Refusal::new("objected", "somebody objects to the register, and it has not lapsed"));
    }
    let others = |notice: &wire::Notice| {
        let noticed = notice.party.as_ref().map(|party| &party.handle);
        to.is_empty() || to.iter().any(|party| party.map(|party| &party.handle) != noticed)
    };
    let mut standing = parcel.notices.iter().filter(|notice| in_force(notice.until_ms, time_ms));
    if standing.any(others) {
        let message = "an advance notice keeps the parcel for somebody else, and has not lapsed";
        return Err(Refusal::new("advance_notice_stands", message));
    }
    Ok(())
}

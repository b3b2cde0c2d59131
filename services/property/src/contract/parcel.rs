//! The parcel record as the rules see it: reading it, its invariants, and writing it back.

use bytes::Bytes;
use hutong_ledger::{
    contract::{Refusal, Verified},
    id::{AgencyId, RecordId},
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, RestrictionType, RightType, Status},
};

use super::shares::{Fraction, sum};

/// The most rights, mortgages or restrictions of one parcel.
pub(super) const ITEMS_MAX: usize = 64;

/// A parcel's id, which names its record.
pub fn record(id: &str) -> Result<RecordId, Refusal> {
    let valid = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        // In a URL's path, . and .. are steps and no names.
        && !matches!(id, "." | "..");
    let refusal = || Refusal::new("parcel_id_invalid", "1 to 64 of 0-9, A-Z, a-z, - and .").at("parcel");
    if valid { id.parse().map_err(|_| refusal()) } else { Err(refusal()) }
}

pub(super) fn decode(value: &[u8]) -> Result<wire::Parcel, Refusal> {
    wire::Parcel::decode(value).map_err(|e| Refusal::fault(format!("a parcel record does not decode: {e}")))
}

/// Encodes a parcel that keeps its invariants.
pub(super) fn encode(parcel: &wire::Parcel) -> Result<Bytes, Refusal> {
    check_items(parcel)?;
    if parcel.status() == Status::Current {
        check_shares(parcel)?;
    }
    Ok(parcel.encode_to_vec().into())
}

fn check_items(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let most = parcel.rights.len().max(parcel.mortgages.len()).max(parcel.restrictions.len());
    if most > ITEMS_MAX {
        return Err(Refusal::new(
            "too_many_items",
            format!("at most {ITEMS_MAX} of a kind stand on a parcel"),
        ));
    }
    Ok(())
}

/// Shares sum to exactly 1 per right type, and exactly one primary type is there.
fn check_shares(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let mut primary = 0;
    for kind in [RightType::Ownership, RightType::LandUse, RightType::Servitude] {
        let of_kind: Vec<_> = parcel.rights.iter().filter(|right| right.r#type() == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        primary += usize::from(is_primary(kind));
        let shares = of_kind.iter().map(|right| Fraction::parse(right.share.as_ref(), "share"));
        if sum(shares.collect::<Result<Vec<_>, _>>()?)? != Fraction::ONE {
            let message = format!("the shares of {} do not sum to exactly 1", kind.as_str_name());
            return Err(Refusal::new("shares_not_one", message).at("share"));
        }
    }
    match primary {
        1 => Ok(()),
        0 => Err(Refusal::new("primary_right_missing", "a parcel has an ownership or land use right")),
        _ => Err(Refusal::new("primary_right_twice", "a parcel has either ownership or land use rights")),
    }
}

pub(super) fn is_primary(kind: RightType) -> bool {
    matches!(kind, RightType::Ownership | RightType::LandUse)
}

/// A party that is well formed, with its agent.
pub(super) fn party(party: Option<&wire::Party>, field: &str) -> Result<(wire::Party, AgencyId), Refusal> {
    let invalid = |why: &str| Refusal::new("party_invalid", why.to_owned()).at(field);
    let party = party.ok_or_else(|| invalid("the party is missing"))?;
    if party.handle.len() != 16 || party.commitment.len() != 32 {
        return Err(invalid("a handle has 16 bytes and a commitment 32"));
    }
    let agent = party.agent.parse().map_err(|_| invalid("the agent is not an agency's name"))?;
    Ok((party.clone(), agent))
}

/// A holding with its share and type.
pub(super) fn holding(
    holding: &wire::Holding,
    field: &str,
) -> Result<(RightType, wire::Party, AgencyId, Fraction), Refusal> {
    let kind = holding.r#type();
    if kind == RightType::Unspecified {
        return Err(Refusal::new("right_type_missing", "a right has a type").at(field));
    }
    let (party, agent) = party(holding.party.as_ref(), field)?;
    Ok((kind, party, agent, Fraction::parse(holding.share.as_ref(), field)?))
}

pub fn check_unit(unit: &wire::Unit) -> Result<(), Refusal> {
    let texts = [
        (&unit.place, 128, "unit.place"),
        (&unit.r#use, 64, "unit.use"),
        (&unit.description, 32_768, "unit.description"),
    ];
    for (text, max, field) in texts {
        if text.len() > max || text.chars().any(|c| c.is_control() && c != '\n') {
            let message = format!("at most {max} bytes without control characters");
            return Err(Refusal::new("unit_invalid", message).at(field));
        }
    }
    if unit.place.is_empty() || unit.area_centi_mm2 == 0 {
        return Err(Refusal::new("unit_invalid", "a unit has a place and an area").at("unit"));
    }
    Ok(())
}

pub(super) fn currency(code: &str) -> Result<(), Refusal> {
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Refusal::new("currency_invalid", "an ISO 4217 code of three letters").at("currency"))
    }
}

/// Refuses while a caveat or seizure stands.
pub(super) fn unrestricted(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let stands = |kind| parcel.restrictions.iter().any(|r| r.r#type() == kind);
    if stands(RestrictionType::Seizure) {
        return Err(Refusal::new("seized", "the parcel is seized"));
    }
    if stands(RestrictionType::Caveat) {
        return Err(Refusal::new("caveated", "a caveat stands on the parcel"));
    }
    Ok(())
}

/// Refuses unless all these agencies sign.
pub(super) fn signed_by(
    tx: &Verified<'_>,
    agencies: impl IntoIterator<Item = AgencyId>,
) -> Result<(), Refusal> {
    for agency in agencies {
        if !tx.body.signers.contains(&agency) {
            let message = format!("{agency} acts for a side of this application and does not sign it");
            return Err(Refusal::new("joint_application_required", message).at("signers"));
        }
    }
    Ok(())
}

/// The id for the next item on a parcel.
pub(super) fn next_id(parcel: &mut wire::Parcel) -> Result<u32, Refusal> {
    let id = parcel.next_id;
    parcel.next_id = id.checked_add(1).ok_or_else(|| Refusal::new("too_many_items", "no ids are left"))?;
    Ok(id)
}

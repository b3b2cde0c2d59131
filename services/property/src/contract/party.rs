//! Parties and who signs for them.

use hutong_ledger::{
    contract::{Refusal, Verified, View},
    id::AgencyId,
};
use hutong_wire::v1::property::{self as wire, RightType};

use super::shares::Fraction;

/// A party that is well formed, with its agent.
pub(super) fn party(party: Option<&wire::Party>, field: &str) -> Result<(wire::Party, AgencyId), Refusal> {
    let invalid = |why: &str| Refusal::new("party_invalid", why.to_owned()).at(field);
    let party = party.ok_or_else(|| invalid("the party is missing"))?;
    if party.handle.len() != 16 {
        return Err(invalid("a handle has 16 bytes"));
    }
    let agent = party.agent.parse().map_err(|_| invalid("the agent is not an agency's name"))?;
    Ok((party.clone(), agent))
}

/// A party that comes in: its agent is a member, or nobody could ever sign for it.
pub(super) fn entering(
    entering: Option<&wire::Party>,
    field: &str,
    state: &View<'_>,
) -> Result<(wire::Party, AgencyId), Refusal> {
    let (party, agent) = party(entering, field)?;
    if state.epoch.agency(&agent).is_none() {
        let message = format!("{agent} is not an agency of this city and could not sign");
        return Err(Refusal::new("party_invalid", message).at(field));
    }
    Ok((party, agent))
}

/// A holding that comes in, with its share and type.
pub(super) fn holding(
    holding: &wire::Holding,
    field: &str,
    state: &View<'_>,
) -> Result<(RightType, wire::Party, AgencyId, Fraction), Refusal> {
    let kind = holding.r#type();
    if kind == RightType::Unspecified {
        return Err(Refusal::new("right_type_missing", "a right has a type").at(field));
    }
    let (party, agent) = entering(holding.party.as_ref(), field, state)?;
    Ok((kind, party, agent, Fraction::parse(holding.share.as_ref(), field)?))
}

pub(super) fn is_primary(kind: RightType) -> bool {
    matches!(kind, RightType::Ownership | RightType::LandUse)
}

/// The primary rights of a parcel.
pub(super) fn primary(parcel: &wire::Parcel) -> impl Iterator<Item = &wire::Right> {
    parcel.rights.iter().filter(|right| is_primary(right.r#type()))
}

/// Agents of all holders of primary rights.
pub(super) fn holders_agents(parcel: &wire::Parcel) -> Result<Vec<AgencyId>, Refusal> {
    primary(parcel).map(|right| party(right.party.as_ref(), "rights").map(|(_, agent)| agent)).collect()
}

/// Agents of all lenders.
pub(super) fn lenders_agents(parcel: &wire::Parcel) -> Result<Vec<AgencyId>, Refusal> {
    let lenders = parcel.mortgages.iter().map(|mortgage| party(mortgage.lender.as_ref(), "mortgages"));
    lenders.map(|lender| lender.map(|(_, agent)| agent)).collect()
}

pub(super) fn signs(tx: &Verified<'_>, agency: &AgencyId) -> bool {
    tx.body.signers.contains(agency)
}

/// Refuses unless all these agencies sign.
pub(super) fn signed_by(
    tx: &Verified<'_>,
    agencies: impl IntoIterator<Item = AgencyId>,
) -> Result<(), Refusal> {
    match agencies.into_iter().find(|agency| !signs(tx, agency)) {
        None => Ok(()),
        Some(agency) => {
            let message = format!("{agency} acts for a side of this application and does not sign it");
            Err(Refusal::new("joint_application_required", message).at("signers"))
        }
    }
}

/// No agency acts for both sides: else one signature would stand for two wills.
pub(super) fn apart(sides: [&[AgencyId]; 2]) -> Result<(), Refusal> {
    match sides[0].iter().find(|agency| sides[1].contains(agency)) {
        None => Ok(()),
        Some(both) => {
            let message = format!("{both} acts for both sides; each side needs its own agent");
            Err(Refusal::new("joint_application_required", message).at("agent"))
        }
    }
}

/// Both sides sign, and no agency for both.
pub(super) fn joint(tx: &Verified<'_>, sides: [&[AgencyId]; 2]) -> Result<(), Refusal> {
    apart(sides)?;
    signed_by(tx, sides.into_iter().flatten().copied())
}

/// The agency that keeps the register.
pub(super) fn owner(state: &View<'_>) -> Option<AgencyId> {
    state.epoch.rules(state.domain).map(|rules| rules.owner)
}

/// Refuses unless the agency that keeps the register signs.
pub(super) fn by_owner(tx: &Verified<'_>, state: &View<'_>) -> Result<(), Refusal> {
    if owner(state).is_some_and(|owner| signs(tx, &owner)) {
        return Ok(());
    }
    Err(Refusal::new("registrar_required", "the agency that keeps the register signs this").at("signers"))
}

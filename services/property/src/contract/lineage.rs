//! Subdivision and merger: parents retire, children go on with what stood on them, and the land stays the same.

use std::collections::BTreeSet;

use hutong_ledger::contract::{Refusal, Verified, View};
use hutong_wire::v1::property::{self as wire, RightType, Status};

use super::{
    parcel::{next_id, seal},
    party::{by_owner, holders_agents, signed_by},
    shares::Fraction,
    standing::unseized,
    title::{close, new_parcel},
    unit::{area_centi_mm2, polygon, within_tolerance},
};
use crate::geometry::{Polygon, contains, overlap};

/// The fewest and the most children of a subdivision, or parents of a merger.
pub const LINEAGE: std::ops::RangeInclusive<usize> = 2..=16;

fn invalid(why: &str, field: &str) -> Refusal {
    Refusal::new("lineage_invalid", why.to_owned()).at(field)
}

fn applied(parcel: &wire::Parcel, tx: &Verified<'_>, state: &View<'_>) -> Result<(), Refusal> {
    by_owner(tx, state)?;
    signed_by(tx, holders_agents(parcel)?)?;
    unseized(parcel)
}

/// The parent as it ends, and its children.
pub(super) fn subdivide(
    mut parent: wire::Parcel,
    action: &wire::Subdivide,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<(wire::Parcel, Vec<wire::Parcel>), Refusal> {
    applied(&parent, tx, state)?;
    if !LINEAGE.contains(&action.children.len()) {
        return Err(invalid("a subdivision makes 2 to 16 parcels", "children"));
    }
    let mut ids = BTreeSet::from([parent.id.as_str()]);
    if !action.children.iter().all(|child| ids.insert(&child.parcel)) {
        return Err(invalid("each child has an id of its own", "children"));
    }
    let child = |child: &wire::Child| {
        let new = new_parcel(&child.parcel, child.unit.as_ref())?;
        Ok(wire::Parcel {
            rights: parent.rights.clone(),
            mortgages: parent.mortgages.clone(),
            restrictions: parent.restrictions.clone(),
            objections: parent.objections.clone(),
            notices: parent.notices.clone(),
            next_id: parent.next_id,
            sealed: seal(&[], &child.sealed)?,
            parents: vec![parent.id.clone()],
            ..new
        })
    };
    let children = action.children.iter().map(child).collect::<Result<Vec<_>, Refusal>>()?;
    conserved(&parent, &children)?;
    parent.children = action.children.iter().map(|child| child.parcel.clone()).collect();
    close(&mut parent, Status::Retired);
    Ok((parent, children))
}

/// The parents as they end, and their child.
pub(super) fn merge(
    id: &str,
    mut parents: Vec<wire::Parcel>,
    action: &wire::Merge,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<(Vec<wire::Parcel>, wire::Parcel), Refusal> {
    parents.iter().try_for_each(|parent| applied(parent, tx, state))?;
    let mut child = new_parcel(id, action.unit.as_ref())?;
    child.sealed = seal(&[], &action.sealed)?;
    child.parents = parents.iter().map(|parent| parent.id.clone()).collect();
    let Some(first) = parents.first() else { return Err(invalid("a merger has parents", "parents")) };
    let holders = held(first)?;
    for parent in &parents {
        let others = held(parent)?;
        // A handle holds one right of a type: equal counts and no stranger make equal sets.
        if others.len() != holders.len() || !others.iter().all(|each| holders.contains(each)) {
            let message =
                format!("{} and {} are not held by the same parties in the same shares", first.id, parent.id);
            return Err(Refusal::new("owners_differ", message).at("parents"));
        }
    }
    child.rights = first.rights.clone();
    for right in &mut child.rights {
        right.id = child.next_id;
        child.next_id = child.next_id.saturating_add(1);
    }
    for parent in &parents {
        pass_on(parent, &mut child)?;
    }
    child.mortgages.sort_by_key(|mortgage| mortgage.rank);
    conserved(&child, &parents)?;
    for parent in &mut parents {
        parent.children = vec![id.to_owned()];
        close(parent, Status::Retired);
    }
    Ok((parents, child))
}

/// Who holds what, whatever its id and time.
type Held = (RightType, Option<wire::Party>, Fraction);

fn held(parcel: &wire::Parcel) -> Result<Vec<Held>, Refusal> {
    let right = |right: &wire::Right| {
        let share = Fraction::parse(right.share.as_ref(), "share")?;
        Ok((right.r#type(), right.party.clone(), share))
    };
    parcel.rights.iter().map(right).collect()
}

/// What stood on a parent stands on the child, under ids of its own.
fn pass_on(parent: &wire::Parcel, child: &mut wire::Parcel) -> Result<(), Refusal> {
    for mortgage in &parent.mortgages {
        let id = next_id(child)?;
        child.mortgages.push(wire::Mortgage { id, ..mortgage.clone() });
    }
    for restriction in &parent.restrictions {
        let id = next_id(child)?;
        child.restrictions.push(wire::Restriction { id, ..restriction.clone() });
    }
    for objection in &parent.objections {
        let id = next_id(child)?;
        child.objections.push(wire::Objection { id, ..objection.clone() });
    }
    for notice in &parent.notices {
        let id = next_id(child)?;
        child.notices.push(wire::Notice { id, ..notice.clone() });
    }
    Ok(())
}

/// The parts are the whole: their areas sum to its area within 1 %, stated and calculated, they lie in it and apart.
fn conserved(whole: &wire::Parcel, parts: &[wire::Parcel]) -> Result<(), Refusal> {
    let changed = || Refusal::new("area_not_conserved", "the areas before and after differ by more than 1 %");
    let area =
        |parcel: &wire::Parcel| -> u128 { parcel.unit.as_ref().map_or(0, |unit| unit.area_centi_mm2).into() };
    if !within_tolerance(parts.iter().map(area).sum(), area(whole)) {
        return Err(changed());
    }
    let drawn = |parcel: &wire::Parcel| -> Result<Option<Polygon>, Refusal> {
        parcel.unit.as_ref().and_then(|unit| unit.geometry.as_ref()).map(polygon).transpose()
    };
    let outer = drawn(whole)?;
    let inner = parts.iter().map(drawn).collect::<Result<Vec<_>, _>>()?;
    let Some(outer) = outer else {
        return if inner.iter().all(Option::is_none) { Ok(()) } else { Err(undrawn()) };
    };
    let inner: Vec<Polygon> = inner.into_iter().collect::<Option<_>>().ok_or_else(undrawn)?;
    if !inner.iter().all(|part| contains(&outer, part)) {
        return Err(invalid("a part does not lie in the whole", "unit.geometry"));
    }
    for (place, part) in inner.iter().enumerate() {
        if inner[place + 1..].iter().any(|other| overlap(part, other)) {
            return Err(Refusal::new("parcels_overlap", "two parts overlap").at("unit.geometry"));
        }
    }
    if within_tolerance(inner.iter().map(area_centi_mm2).sum(), area_centi_mm2(&outer)) {
        Ok(())
    } else {
        Err(changed())
    }
}

pub(super) fn undrawn() -> Refusal {
    invalid("parents and children all have a geometry, or none has", "unit.geometry")
}

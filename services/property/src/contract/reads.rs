//! Which records an application needs, in three rounds: what it names, what those say of their places on the map, and
//! the neighbours there.

use std::collections::BTreeSet;

use hutong_disclosure::records::erasure;
use hutong_ledger::{
    contract::{Refusal, View},
    id::{RecordId, RecordKey},
};
use hutong_wire::v1::property::{self as wire, action::Kind};

use super::{
    grid::{cells, neighbours, placed},
    lineage::{LINEAGE, undrawn},
    names::{self, record},
    number::UnitNumber,
    parcel,
};
use crate::geometry::{Bounds, bounds};

#[derive(Default)]
struct Wanted(BTreeSet<RecordId>);

impl Wanted {
    fn cells(&mut self, bounds: Option<&Bounds>) -> Result<(), Refusal> {
        for cell in bounds.map(cells).transpose()?.unwrap_or_default() {
            self.0.insert(names::cell(cell)?);
        }
        Ok(())
    }

    fn number(&mut self, number: &str) -> Result<(), Refusal> {
        // One that is none is refused when it is decided.
        if UnitNumber::parse(number).is_ok() {
            self.0.insert(names::unit(number)?);
        }
        Ok(())
    }
}

pub(super) fn reads(action: &wire::Action, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
    let mut wanted = Wanted::default();
    if let Some(Kind::Authorities(_)) = action.kind {
        wanted.0.insert(names::authorities()?);
    } else {
        wanted.0.insert(record(&action.parcel)?);
    }
    match &action.kind {
        Some(Kind::Register(register)) => moved(&mut wanted, action, register.unit.as_ref(), loaded)?,
        Some(Kind::Change(change)) => {
            sealed(&mut wanted, action, !change.sealed.is_empty())?;
            moved(&mut wanted, action, change.unit.as_ref(), loaded)?;
        }
        Some(Kind::Correct(correct)) => {
            sealed(&mut wanted, action, !correct.sealed.is_empty())?;
            moved(&mut wanted, action, correct.unit.as_ref(), loaded)?;
        }
        Some(Kind::Cancel(_)) => {
            let standing = standing(&action.parcel, loaded)?;
            wanted.cells(standing.as_ref().and_then(placed).as_ref())?;
        }
        Some(Kind::Restrict(_)) => {
            wanted.0.insert(names::authorities()?);
        }
        Some(Kind::Subdivide(subdivide)) => subdivided(&mut wanted, action, subdivide, loaded)?,
        Some(Kind::Merge(merge)) => merged(&mut wanted, action, merge, loaded)?,
        _ => {}
    }
    Ok(wanted.0.into_iter().map(|record| RecordKey { domain: loaded.domain, record }).collect())
}

/// A parcel that was loaded, if it exists.
fn standing(id: &str, loaded: &View<'_>) -> Result<Option<wire::Parcel>, Refusal> {
    loaded.get(&record(id)?).map(|value| parcel::decode(value)).transpose()
}

fn drawn(unit: Option<&wire::Unit>) -> Option<Bounds> {
    bounds(unit?.geometry.as_ref()?)
}

/// New sealed values for a parcel whose earlier ones may have been erased.
fn sealed(wanted: &mut Wanted, action: &wire::Action, any: bool) -> Result<(), Refusal> {
    if any {
        wanted.0.extend(erasure(&record(&action.parcel)?));
    }
    Ok(())
}

/// A parcel that comes to stand as a unit says.
fn moved(
    wanted: &mut Wanted,
    action: &wire::Action,
    unit: Option<&wire::Unit>,
    loaded: &View<'_>,
) -> Result<(), Refusal> {
    let Some(unit) = unit else { return Ok(()) };
    wanted.number(&unit.number)?;
    let bounds = drawn(Some(unit));
    wanted.cells(bounds.as_ref())?;
    if let Some(standing) = standing(&action.parcel, loaded)? {
        wanted.cells(placed(&standing).as_ref())?;
        wanted.number(standing.unit.as_ref().map_or("", |unit| unit.number.as_str()))?;
    }
    if let Some(bounds) = bounds {
        wanted.0.extend(neighbours(&bounds, &[&action.parcel], loaded)?);
    }
    Ok(())
}

/// Whether a box lies within another.
fn within(inner: &Bounds, outer: &Bounds) -> bool {
    outer.min.x <= inner.min.x
        && outer.min.y <= inner.min.y
        && inner.max.x <= outer.max.x
        && inner.max.y <= outer.max.y
}

fn outside() -> Refusal {
    Refusal::new("lineage_invalid", "a part does not lie in the whole").at("unit.geometry")
}

fn subdivided(
    wanted: &mut Wanted,
    action: &wire::Action,
    subdivide: &wire::Subdivide,
    loaded: &View<'_>,
) -> Result<(), Refusal> {
    for child in subdivide.children.iter().take(*LINEAGE.end()) {
        wanted.0.insert(record(&child.parcel)?);
        wanted.number(child.unit.as_ref().map_or("", |unit| unit.number.as_str()))?;
    }
    // All within the parent's cells: only then are they few.
    let Some(parent) = standing(&action.parcel, loaded)?.as_ref().and_then(placed) else { return Ok(()) };
    let children = subdivide.children.iter().filter_map(|child| drawn(child.unit.as_ref()));
    if !children.into_iter().all(|child| within(&child, &parent)) {
        return Err(outside());
    }
    wanted.cells(Some(&parent))
}

fn merged(
    wanted: &mut Wanted,
    action: &wire::Action,
    merge: &wire::Merge,
    loaded: &View<'_>,
) -> Result<(), Refusal> {
    let unit = merge.unit.as_ref();
    wanted.number(unit.map_or("", |unit| unit.number.as_str()))?;
    let child = drawn(unit);
    wanted.cells(child.as_ref())?;
    for id in merge.parents.iter().take(*LINEAGE.end()) {
        wanted.0.insert(record(id)?);
        let Some(parent) = standing(id, loaded)?.as_ref().and_then(placed) else { continue };
        match &child {
            None => return Err(undrawn()),
            Some(child) if !within(&parent, child) => return Err(outside()),
            Some(_) => {}
        }
    }
    if let Some(child) = child {
        let without: Vec<&str> =
            merge.parents.iter().map(String::as_str).chain([action.parcel.as_str()]).collect();
        wanted.0.extend(neighbours(&child, &without, loaded)?);
    }
    Ok(())
}

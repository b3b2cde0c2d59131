//! The records beside the parcels that an application changes: unit numbers and cells of the grid.

use std::collections::BTreeMap;

use hutong_ledger::{
    contract::{Change, Refusal, View},
    id::RecordId,
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire},
};

use super::{
    grid::{Cells, placed},
    names, parcel,
};

/// A parcel before an application and after it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) before: Option<wire::Parcel>,
    pub(super) after: wire::Parcel,
}

/// Everything that the steps change: the parcels first, in order.
pub(super) fn changes(steps: &[Step], state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::with_capacity(steps.len());
    for step in steps {
        changes.push(Change::put(names::record(&step.after.id)?, parcel::encode(&step.after)?));
    }
    changes.extend(numbers(steps, state)?);
    let mut cells = Cells::default();
    let moves = |step: &&Step| step.before.as_ref().and_then(placed) != placed(&step.after);
    for step in steps.iter().filter(moves) {
        if let Some(bounds) = step.before.as_ref().and_then(placed) {
            cells.take(&step.after.id, &bounds, state)?;
        }
    }
    for step in steps.iter().filter(moves) {
        if let Some(bounds) = placed(&step.after) {
            cells.put(&step.after.id, &bounds, state)?;
        }
    }
    changes.extend(cells.changes()?);
    Ok(changes)
}

fn number(parcel: &wire::Parcel) -> &str {
    parcel.unit.as_ref().map_or("", |unit| unit.number.as_str())
}

/// A number is one parcel's for good; a correction alone frees the one that was wrong.
fn numbers(steps: &[Step], state: &View<'_>) -> Result<Vec<Change>, Refusal> {
    let mut changes: BTreeMap<RecordId, Option<wire::UnitNumber>> = BTreeMap::new();
    for Step { before, after } in steps {
        let (old, new) = (before.as_ref().map_or("", number), number(after));
        if old == new {
            continue;
        }
        if !new.is_empty() {
            let record = names::unit(new)?;
            let owned = wire::UnitNumber { parcel: after.id.clone() };
            if state.get(&record).is_some() || changes.insert(record, Some(owned)).is_some() {
                let message = format!("{new} is another parcel's number, or was one's");
                return Err(Refusal::new("unit_number_taken", message).at("unit.number"));
            }
        }
        if !old.is_empty() {
            changes.insert(names::unit(old)?, None);
        }
    }
    let change = |(record, value): (RecordId, Option<wire::UnitNumber>)| match value {
        Some(value) => Change::put(record, value.encode_to_vec()),
        None => Change::delete(record),
    };
    Ok(changes.into_iter().map(change).collect())
}

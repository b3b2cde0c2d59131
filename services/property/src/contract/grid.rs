//! The grid: which current parcels lie near which others. A record for each square of 256 m lists those whose bounding
//! box meets it, so that a contract finds neighbours by names that it can work out.

use std::collections::{BTreeMap, BTreeSet};

use hutong_disclosure::stored;
use hutong_ledger::{
    contract::{Change, Refusal, View},
    id::{RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, Status},
};

use super::{names, parcel, unit::polygon};
use crate::geometry::{Bounds, Point, Polygon, bounds, overlap};

/// The side of a cell: 256 m.
pub const CELL_MM: i64 = 256_000;
/// The most cells of one parcel.
pub const CELLS_MAX: usize = 64;
/// The most parcels of one cell.
pub const CELL_PARCELS_MAX: usize = 512;
/// The most parcels whose bounding box one parcel may meet.
pub const NEIGHBOURS_MAX: usize = 100;

/// The name of a cell: its column and row.
pub(super) type Cell = (i64, i64);

/// The cells that a box meets with its inside.
pub(super) fn cells(bounds: &Bounds) -> Result<Vec<Cell>, Refusal> {
    let span = |min: i64, max: i64| min.div_euclid(CELL_MM)..=(max - 1).div_euclid(CELL_MM);
    let (columns, rows) = (span(bounds.min.x, bounds.max.x), span(bounds.min.y, bounds.max.y));
    // A box without an inside, which no polygon has, meets none.
    let count = |span: &std::ops::RangeInclusive<i64>| (span.end() - span.start() + 1).max(0).unsigned_abs();
    if count(&columns).saturating_mul(count(&rows)) > CELLS_MAX as u64 {
        let message = format!("a parcel lies in at most {CELLS_MAX} cells of 256 m");
        return Err(Refusal::new("geometry_too_large", message).at("unit.geometry"));
    }
    Ok(columns.flat_map(|column| rows.clone().map(move |row| (column, row))).collect())
}

/// The box of a parcel that is on the map.
pub(super) fn placed(parcel: &wire::Parcel) -> Option<Bounds> {
    if parcel.status() != Status::Current {
        return None;
    }
    bounds(parcel.unit.as_ref()?.geometry.as_ref()?)
}

/// A cell that was loaded. Asked for only where it was named.
fn loaded(cell: Cell, view: &View<'_>) -> Result<wire::Cell, Refusal> {
    Ok(stored::<wire::Cell>(view, &names::cell(cell)?)?.unwrap_or_default())
}

fn box_of(entry: &wire::CellEntry) -> Bounds {
    Bounds { min: Point { x: entry.min_x, y: entry.min_y }, max: Point { x: entry.max_x, y: entry.max_y } }
}

/// Parcels whose box overlaps a box, without some; none as long as the cells are not loaded.
pub(super) fn neighbours(
    bounds: &Bounds,
    without: &[&str],
    view: &View<'_>,
) -> Result<Vec<RecordId>, Refusal> {
    let mut found = BTreeSet::new();
    for cell in cells(bounds)? {
        let key = RecordKey { domain: view.domain, record: names::cell(cell)? };
        if !view.is_loaded(&key) {
            return Ok(Vec::new());
        }
        let near = loaded(cell, view)?.entries.into_iter().filter(|entry| box_of(entry).overlaps(bounds));
        found.extend(near.map(|entry| entry.parcel).filter(|parcel| !without.contains(&parcel.as_str())));
    }
    if found.len() > NEIGHBOURS_MAX {
        let message = format!("the boxes of more than {NEIGHBOURS_MAX} parcels overlap this one's");
        return Err(Refusal::new("too_many_neighbours", message).at("unit.geometry"));
    }
    found.iter().map(|parcel| names::record(parcel)).collect()
}

/// Refuses a parcel whose inside meets that of another current one.
pub(super) fn free(new: &wire::Parcel, without: &[&str], state: &View<'_>) -> Result<(), Refusal> {
    let Some(geometry) = new.unit.as_ref().and_then(|unit| unit.geometry.as_ref()) else { return Ok(()) };
    let polygon = polygon(geometry)?;
    for record in neighbours(&polygon.bounds(), without, state)? {
        let value =
            state.get(&record).ok_or_else(|| Refusal::fault(format!("{record} is in a cell alone")))?;
        let standing = parcel::decode(value)?.unit.and_then(|unit| unit.geometry).unwrap_or_default();
        let standing = Polygon::stored(&standing).map_err(|e| Refusal::fault(format!("{record}: {e}")))?;
        if overlap(&polygon, &standing) {
            let message = format!("the parcel overlaps {record}");
            return Err(Refusal::new("parcels_overlap", message).at("unit.geometry"));
        }
    }
    Ok(())
}

/// Cells that change, each read once and written once.
#[derive(Debug, Default)]
pub(super) struct Cells(BTreeMap<Cell, BTreeMap<String, wire::CellEntry>>);

impl Cells {
    fn cell(
        &mut self,
        cell: Cell,
        state: &View<'_>,
    ) -> Result<&mut BTreeMap<String, wire::CellEntry>, Refusal> {
        use std::collections::btree_map::Entry;
        match self.0.entry(cell) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let entries = loaded(cell, state)?.entries.into_iter();
                Ok(new.insert(entries.map(|entry| (entry.parcel.clone(), entry)).collect()))
            }
        }
    }

    pub(super) fn take(&mut self, id: &str, bounds: &Bounds, state: &View<'_>) -> Result<(), Refusal> {
        for cell in cells(bounds)? {
            self.cell(cell, state)?.remove(id);
        }
        Ok(())
    }

    pub(super) fn put(&mut self, id: &str, bounds: &Bounds, state: &View<'_>) -> Result<(), Refusal> {
        let entry = wire::CellEntry {
            parcel: id.to_owned(),
            min_x: bounds.min.x,
            min_y: bounds.min.y,
            max_x: bounds.max.x,
            max_y: bounds.max.y,
        };
        for cell in cells(bounds)? {
            let entries = self.cell(cell, state)?;
            entries.insert(id.to_owned(), entry.clone());
            if entries.len() > CELL_PARCELS_MAX {
                let message = format!("at most {CELL_PARCELS_MAX} parcels lie in a cell of 256 m");
                return Err(Refusal::new("cell_full", message).at("unit.geometry"));
            }
        }
        Ok(())
    }

    pub(super) fn changes(self) -> Result<Vec<Change>, Refusal> {
        let change = |(cell, entries): (Cell, BTreeMap<String, wire::CellEntry>)| {
            let record = names::cell(cell)?;
            if entries.is_empty() {
                return Ok(Change::delete(record));
            }
            let entries = entries.into_values().collect();
            Ok(Change::put(record, wire::Cell { entries }.encode_to_vec()))
        };
        self.0.into_iter().map(change).collect()
    }
}

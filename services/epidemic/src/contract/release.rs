//! What is published of a week, and what of it never may be: no count from 1 to 4, no withheld cell that a subtraction
//! gives away, no revision that shows a change from 1 to 4.
//!
//! Whether a withheld cell could be told by more than one subtraction, and whether the counts are right, the service
//! that publishes sees to; what is checked here holds whatever that service does.

use hutong_disclosure::stored;
use hutong_ledger::{
    contract::{Change, Refusal, Verified, View},
    id::RecordId,
};
use hutong_wire::v1::epidemic::{self as wire, Dimension};

use super::{
    SMALL,
    form::{self, AGE_BANDS, is_code},
    put, settings,
};
use crate::day::{self, DAY_MS, Day};

/// What the names of releases begin with.
pub const RELEASES: &str = "release/";
/// Days after a week's end until it is published: what is reported late is mostly there by then.
pub const CLOSED_AFTER_DAYS: Day = 7;
const CELL_MAX: u64 = 1_000_000_000;
const DIMENSIONS: [Dimension; 3] = [Dimension::Age, Dimension::Sex, Dimension::Origin];

/// The record `release/<disease>/<Monday>`.
pub fn release_record(disease: &str, monday: Day) -> Result<RecordId, Refusal> {
    if !is_code(disease, 32) {
        return Err(no("disease", "a disease's code is 1 to 32 of a-z, 0-9, - and ."));
    }
    if !(day::FIRST..=day::LAST).contains(&monday) || day::monday(monday) != monday {
        return Err(no("monday", "a week is named by its Monday"));
    }
    form::named(format!("{RELEASES}{disease}/{}", day::text(monday)))
}

/// The columns of a dimension, in order; "" is not known.
pub fn categories(dimension: Dimension) -> Vec<&'static str> {
    match dimension {
        Dimension::Age => AGE_BANDS.into_iter().chain([""]).collect(),
        Dimension::Sex => vec!["female", "male", ""],
        Dimension::Origin => vec!["local", "imported"],
        Dimension::Unspecified => Vec::new(),
    }
}

/// A table's cells as they travel: rows of equal length, totals in the last column and the last row.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    cells: &'a [u64],
    columns: usize,
}

impl<'a> Grid<'a> {
    /// None if the cells do not fill so many districts, the row of those not known, and the totals.
    pub fn new(table: &'a wire::Table, districts: usize) -> Option<Self> {
        let columns = categories(table.dimension()).len() + 1;
        (columns > 1 && table.cells.len() == (districts + 2) * columns)
            .then_some(Self { cells: &table.cells, columns })
    }

    pub fn rows(&self) -> usize {
        self.cells.len() / self.columns
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The count; none if it is withheld.
    pub fn get(&self, row: usize, column: usize) -> Option<u64> {
        self.cells.get(row * self.columns + column)?.checked_sub(1)
    }

    /// All rows and columns, each with its total at the end.
    fn lines(&self) -> Vec<Vec<Option<u64>>> {
        let rows =
            (0..self.rows()).map(|row| (0..self.columns).map(|column| self.get(row, column)).collect());
        let columns =
            (0..self.columns).map(|column| (0..self.rows()).map(|row| self.get(row, column)).collect());
        rows.chain(columns).collect()
    }
}

pub(super) fn named(publish: &wire::Publish) -> Result<&wire::Release, Refusal> {
    publish.release.as_ref().ok_or_else(|| no("release", "there is nothing to publish"))
}

pub(super) fn publish(
    publish: &wire::Publish,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    tx.submitted_by_owner(state)?;
    let release = named(publish)?;
    let record = release_record(&release.disease, release.monday)?;
    let closed = release.monday + day::WEEK + CLOSED_AFTER_DAYS;
    if day::of_ms(state.time_ms) < closed {
        let message = format!("the week is published from {} on", day::text(closed));
        return Err(Refusal::new("week_open", message).at("monday"));
    }
    if release.as_of_ms > state.time_ms || release.as_of_ms / DAY_MS < u64::try_from(closed).unwrap_or(0) {
        return Err(no("as_of_ms", "it counts what was final when the week was closed, or later"));
    }
    if release.revision != 0 {
        return Err(no("revision", "which revision it is, the record says"));
    }
    let before = stored::<wire::Release>(state, &record)?;
    let districts = match &before {
        Some(before) => before.districts.clone(),
        None => {
            let listed = stored::<wire::Districts>(state, &settings::districts())?.unwrap_or_default();
            listed.districts.into_iter().map(|district| district.code).collect()
        }
    };
    if release.districts != districts {
        return Err(no("districts", "the rows are all districts; a week keeps those that it had"));
    }
    check(release)?;
    if let Some(before) = &before {
        compare(before, release)?;
    }
    let revision = before.map_or(1, |before| before.revision.saturating_add(1));
    Ok(vec![put(record, &wire::Release { revision, ..release.clone() })])
}

fn no(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::new("release_invalid", message).at(field)
}

fn unsafe_cells(message: impl Into<String>) -> Refusal {
    Refusal::new("release_unsafe", message).at("tables")
}

fn grids(release: &wire::Release) -> Result<Vec<Grid<'_>>, Refusal> {
    if !release.tables.iter().map(|table| table.dimension()).eq(DIMENSIONS) {
        return Err(no("tables", "a table by age, one by sex and one by origin, in this order"));
    }
    let grids = release.tables.iter().map(|table| Grid::new(table, release.districts.len()));
    grids
        .collect::<Option<_>>()
        .ok_or_else(|| no("tables", "a table has a cell for each district and category"))
}

fn check(release: &wire::Release) -> Result<(), Refusal> {
    if release.tables.is_empty() {
        return Ok(());
    }
    let grids = grids(release)?;
    for grid in &grids {
        for line in grid.lines() {
            check_line(&line)?;
        }
        let totals =
            |grid: &Grid<'_>| (0..grid.rows()).map(|row| grid.get(row, grid.columns - 1)).collect::<Vec<_>>();
        if totals(grid) != totals(&grids[0]) {
            return Err(no("tables", "all tables have the same totals of districts"));
        }
    }
    Ok(())
}

/// A line of cells and, at the end, their total.
fn check_line(line: &[Option<u64>]) -> Result<(), Refusal> {
    let open = || line.iter().flatten();
    if open().any(|count| (1..SMALL).contains(count)) {
        return Err(unsafe_cells(format!("a count from 1 to {} is never published", SMALL - 1)));
    }
    if open().any(|count| *count > CELL_MAX) {
        return Err(no("tables", "no city has so many cases"));
    }
    if line.iter().filter(|cell| cell.is_none()).count() == 1 {
        return Err(unsafe_cells("one withheld cell in a line is the total less all others"));
    }
    let Some((Some(total), cells)) = line.split_last() else { return Ok(()) };
    let sum: u64 = cells.iter().flatten().sum();
    let whole = cells.iter().all(Option::is_some);
    if sum > *total || whole && sum != *total {
        return Err(no("tables", "the cells of a line do not add up to its total"));
    }
    Ok(())
}

/// A revision shows and withholds the same cells, and what changed changed by at least [`SMALL`].
fn compare(before: &wire::Release, after: &wire::Release) -> Result<(), Refusal> {
    if after.as_of_ms <= before.as_of_ms {
        return Err(no("as_of_ms", "a revision counts as of a later time"));
    }
    if before.tables == after.tables {
        return Err(Refusal::new("release_unchanged", "the week is published just so already").at("tables"));
    }
    if before.tables.len() != after.tables.len() {
        return Err(unsafe_cells(
            "a week that was withheld stays withheld, and one that was shown stays shown",
        ));
    }
    let cells = |release: &wire::Release| {
        release.tables.iter().flat_map(|table| table.cells.clone()).collect::<Vec<_>>()
    };
    for (old, new) in cells(before).into_iter().zip(cells(after)) {
        if (old == 0) != (new == 0) {
            return Err(unsafe_cells("a revision withholds the same cells"));
        }
        if (1..SMALL).contains(&old.abs_diff(new)) {
            return Err(unsafe_cells(format!(
                "no cell changes by 1 to {}: the change is as telling",
                SMALL - 1
            )));
        }
    }
    Ok(())
}

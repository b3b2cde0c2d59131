//! What is published of a week without giving anybody away. Pure.
//!
//! A week has three tables: districts by age, by sex, by origin, each with totals. Three steps make them safe:
//! 1. Totals of districts from 1 to 4 are withheld, and others with them until none can be told from the week's total.
//!    What a withheld district consists of is withheld in all tables. So the tables have no unknown in common but these
//!    totals, and any values of them that fit the week's total fit each table: what is safe in each is safe in all.
//! 2. In each table counts from 1 to 4 are withheld.
//! 3. Then others, until each withheld cell could be any of at least [`PROTECTION`] + 1 values ([`audit`]).
//!
//! Nothing is published but these tables, a case is in one week alone, and no sums over weeks are published: so there
//! are no two answers of which one is the other and a little more. A revision is published only if no cell, shown or
//! withheld, changed by 1 to 4.

pub mod audit;
mod protect;

use hutong_wire::v1::epidemic::{self as wire, Dimension};

use crate::contract::{SMALL, categories};
use audit::Square;

/// How many values beside the true one a withheld cell has at least: as many as there are small counts.
pub const PROTECTION: u64 = SMALL - 2;

const DIMENSIONS: [Dimension; 3] = [Dimension::Age, Dimension::Sex, Dimension::Origin];

/// The true counts of a week: a row for each district and one for cases of no known district, a column for each
/// category, without totals; by age, by sex, by origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    rows: usize,
    cells: [Vec<u64>; 3],
}

impl Truth {
    /// A week of no cases, for so many districts.
    pub fn empty(districts: usize) -> Self {
        let rows = districts + 1;
        Self { rows, cells: DIMENSIONS.map(|dimension| vec![0; rows * categories(dimension).len()]) }
    }

    /// Adds cases of a district, by its place among the districts, and of a category in each dimension.
    pub fn add(&mut self, row: usize, columns: [usize; 3], count: u64) {
        for (place, column) in columns.into_iter().enumerate() {
            let width = categories(DIMENSIONS[place]).len();
            if let Some(cell) =
                self.cells[place].get_mut(row.min(self.rows - 1) * width + column.min(width - 1))
            {
                *cell += count;
            }
        }
    }

    fn squares(&self) -> [Square; 3] {
        [0, 1, 2].map(|place| Square::new(self.rows, &self.cells[place]))
    }

    /// All cells of a table with the totals at the end of each row, and of each column.
    pub fn with_totals(&self, dimension: Dimension) -> Vec<u64> {
        let place = DIMENSIONS.iter().position(|known| *known == dimension);
        place.map(|place| self.squares()[place].values().to_vec()).unwrap_or_default()
    }

    /// Whether no cell and no total differs from another week's by 1 to 4.
    pub fn changed_safely(&self, before: &Self) -> bool {
        self.rows == before.rows
            && self.squares().iter().zip(&before.squares()).all(|(now, then)| {
                now.values().iter().zip(then.values()).all(|(a, b)| !(1..SMALL).contains(&a.abs_diff(*b)))
            })
    }
}

/// The tables as they are published; none if the whole week is withheld.
pub fn publish(truth: &Truth) -> Vec<wire::Table> {
    let squares = truth.squares();
    let Some(districts) = protect::districts(&squares[0]) else { return Vec::new() };
    let safe = squares.map(|square| protect::table(square, &districts));
    safe.iter().zip(DIMENSIONS).map(|(square, dimension)| wire(square, dimension)).collect()
}

/// Whether nothing withheld in these tables of a week can be told, and nothing small is shown.
pub fn is_safe(truth: &Truth, tables: &[wire::Table]) -> bool {
    tables.is_empty() || republish(truth, tables).is_some()
}

/// The tables of a week that was published before, with the same cells withheld; none if they may not be published so.
pub fn republish(truth: &Truth, before: &[wire::Table]) -> Option<Vec<wire::Table>> {
    let mut squares = truth.squares();
    for (square, table) in squares.iter_mut().zip(before) {
        if table.cells.len() != square.values().len() {
            return None;
        }
        square.withhold_where(|at| table.cells[at] == 0);
    }
    let districts = squares[0].withheld_rows();
    let sound = before.len() == squares.len()
        && protect::districts_hold(&squares[0], &districts)
        && squares
            .iter()
            .all(|square| square.shows_no_small() && square.is_safe(&square.open_rows(&districts)));
    sound.then(|| squares.iter().zip(DIMENSIONS).map(|(square, dimension)| wire(square, dimension)).collect())
}

fn wire(square: &Square, dimension: Dimension) -> wire::Table {
    let cells = square.published().map(|cell| cell.map_or(0, |count| count + 1)).collect();
    wire::Table { dimension: dimension.into(), cells }
}

//! One who wants to know: all published tables of a week as one system of linear inequalities.

use std::fmt;

use hutong_epidemic::{contract::categories, tables::Truth};
use hutong_wire::v1::epidemic::{Dimension, Table};
use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

const DIMENSIONS: [Dimension; 3] = [Dimension::Age, Dimension::Sex, Dimension::Origin];

/// Table, row, column; totals come last.
pub(crate) type Cell = (usize, usize, usize);

/// Rows of so many districts, without the total: one more is of no known district.
#[expect(non_snake_case, reason = "reads as the constant that it is in a test")]
pub(crate) fn ROWS_OF(districts: usize) -> usize {
    districts + 1
}

/// What the attacker sees, and, of the withheld cells, which are not 0: whoever knows how tables are made knows that zeros
/// are shown, except where all of a district or all of a table is withheld.
pub(crate) struct Seen {
    rows: usize,
    shown: Vec<Vec<Option<u64>>>,
    least: Vec<Vec<u64>>,
}

impl Seen {
    pub(crate) fn new(districts: usize, tables: &[Table], truth: &Truth) -> Self {
        let rows = ROWS_OF(districts);
        let shown: Vec<Vec<Option<u64>>> = if tables.is_empty() {
            DIMENSIONS.map(|dimension| vec![None; (rows + 1) * (categories(dimension).len() + 1)]).to_vec()
        } else {
            tables.iter().map(|table| table.cells.iter().map(|cell| cell.checked_sub(1)).collect()).collect()
        };
        let mut seen = Self { rows, shown, least: Vec::new() };
        seen.least =
            (0..3).map(|table| seen.least_of(table, &Self::true_cells(truth, DIMENSIONS[table]))).collect();
        seen
    }

    fn least_of(&self, table: usize, true_cells: &[u64]) -> Vec<u64> {
        let columns = self.columns(table);
        let whole = (0..columns).all(|column| self.shown((table, self.rows, column)).is_none());
        let each = true_cells.iter().enumerate().map(|(at, count)| {
            let (row, column) = (at / (columns + 1), at % (columns + 1));
            let open = whole || row < self.rows && self.shown((table, row, columns)).is_none();
            let inside = column < columns;
            u64::from(*count > 0 && !(open && inside))
        });
        each.collect()
    }

    /// All cells of a table as they are, with totals.
    pub(crate) fn true_cells(truth: &Truth, dimension: Dimension) -> Vec<u64> {
        truth.with_totals(dimension)
    }

    /// Columns of a table without the total.
    pub(crate) fn columns(&self, table: usize) -> usize {
        categories(DIMENSIONS[table]).len()
    }

    fn place(&self, (table, row, column): Cell) -> usize {
        row * (self.columns(table) + 1) + column
    }

    pub(crate) fn shown(&self, cell: Cell) -> Option<u64> {
        self.shown[cell.0][self.place(cell)]
    }

    pub(crate) fn is_withheld_whole(&self) -> bool {
        self.shown.iter().flatten().all(Option::is_none)
    }

    pub(crate) fn cells(&self) -> Vec<Cell> {
        let all = (0..3).flat_map(|table| {
            (0..=self.rows)
                .flat_map(move |row| (0..=self.columns(table)).map(move |column| (table, row, column)))
        });
        all.collect()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in 0..3 {
            for row in 0..=self.rows {
                for column in 0..=self.columns(table) {
                    match self.shown((table, row, column)) {
                        Some(count) => write!(f, "{count:4}")?,
                        None => write!(f, "   x")?,
                    }
                }
                writeln!(f)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// How far apart the least and the greatest value of a cell are, given all that is seen.
pub(crate) fn width(seen: &Seen, wanted: Cell) -> f64 {
    let bound = |direction| {
        let mut problem = Problem::new(direction);
        let variables = variables(seen, wanted, &mut problem);
        constrain(seen, &variables, &mut problem);
        match problem.solve() {
            Ok(solution) => solution.objective(),
            // The true table is a solution, so it is only without end.
            Err(microlp::Error::Unbounded) => 1e9,
            Err(error) => panic!("{error} in\n{seen}"),
        }
    };
    bound(OptimizationDirection::Maximize) - bound(OptimizationDirection::Minimize)
}

fn variables(seen: &Seen, wanted: Cell, problem: &mut Problem) -> Vec<Vec<Variable>> {
    let mut variables: Vec<Vec<Variable>> = vec![Vec::new(); 3];
    for cell in seen.cells() {
        let factor = if cell == wanted { 1.0 } else { 0.0 };
        let (least, most) = match seen.shown(cell) {
            Some(count) => (count as f64, count as f64),
            // No city has more; without an end the program would need another answer.
            None => (seen.least[cell.0][seen.place(cell)] as f64, 1e4),
        };
        variables[cell.0].push(problem.add_var(factor, (least, most)));
    }
    variables
}

fn constrain(seen: &Seen, variables: &[Vec<Variable>], problem: &mut Problem) {
    let mut sum = |cells: Vec<Cell>, total: Cell| {
        let parts = cells.into_iter().map(|cell| (variables[cell.0][seen.place(cell)], 1.0));
        let whole = (variables[total.0][seen.place(total)], -1.0);
        problem.add_constraint(parts.chain([whole]).collect::<Vec<_>>(), ComparisonOp::Eq, 0.0);
    };
    for table in 0..3 {
        let columns = seen.columns(table);
        for row in 0..=seen.rows {
            sum((0..columns).map(|column| (table, row, column)).collect(), (table, row, columns));
        }
        for column in 0..=columns {
            sum((0..seen.rows).map(|row| (table, row, column)).collect(), (table, seen.rows, column));
        }
    }
    // The totals of districts are the same in all tables.
    for table in 1..3 {
        for row in 0..=seen.rows {
            sum(vec![(table, row, seen.columns(table))], (0, row, seen.columns(0)));
        }
    }
}

//! How much of a withheld cell can be told from everything that is shown: exactly, by flows.
//!
//! With its totals as cells of the other sign, every row and every column of a table sums to nothing. What the withheld
//! cells may be instead of what they are is then a circulation: rows and columns are nodes, a withheld cell is an arc
//! between them, both ways, as far as it may grow or shrink. How far one cell may change is the largest flow back from
//! its one end to the other.

use std::collections::VecDeque;

use super::PROTECTION;
use crate::contract::SMALL;

/// A table with its totals, and which of its cells are withheld.
#[derive(Clone, Debug)]
pub struct Square {
    columns: usize,
    values: Vec<u64>,
    withheld: Vec<bool>,
}

/// A cell: row and column.
pub(super) type At = (usize, usize);

/// A node: rows first, then columns.
type Node = usize;

/// As far as anything needs to change.
const ENOUGH: u64 = PROTECTION;

impl Square {
    /// A table of so many rows, whose totals are made here.
    pub fn new(rows: usize, cells: &[u64]) -> Self {
        let width = cells.len() / rows.max(1);
        let mut values = Vec::with_capacity((rows + 1) * (width + 1));
        let mut totals = vec![0; width + 1];
        for row in cells.chunks(width.max(1)) {
            let line = row.iter().copied().chain([row.iter().sum()]);
            for (cell, total) in line.zip(&mut totals) {
                values.push(cell);
                *total += cell;
            }
        }
        values.extend(totals);
        let withheld = vec![false; values.len()];
        Self { columns: width + 1, values, withheld }
    }

    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All values, row by row, totals last.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// What is shown: none where it is withheld.
    pub fn published(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.values.iter().zip(&self.withheld).map(|(value, withheld)| (!withheld).then_some(*value))
    }

    pub(super) fn value(&self, (row, column): At) -> u64 {
        self.values[row * self.columns + column]
    }

    pub(super) fn is_withheld(&self, (row, column): At) -> bool {
        self.withheld[row * self.columns + column]
    }

    pub(super) fn withhold(&mut self, (row, column): At) {
        self.withheld[row * self.columns + column] = true;
    }

    pub(super) fn withhold_where(&mut self, which: impl Fn(usize) -> bool) {
        for (at, withheld) in self.withheld.iter_mut().enumerate() {
            *withheld = which(at);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = At> + use<> {
        let (rows, columns) = (self.rows(), self.columns);
        (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }

    pub(super) fn withheld_cells(&self) -> Vec<At> {
        self.all().filter(|at| self.is_withheld(*at)).collect()
    }

    /// Whether the total of each row but the last is withheld.
    pub(super) fn withheld_rows(&self) -> Vec<bool> {
        (0..self.rows() - 1).map(|row| self.is_withheld((row, self.columns - 1))).collect()
    }

    /// The rows of which nothing is shown: those of the withheld districts, or all if the whole table is withheld.
    pub fn open_rows(&self, districts: &[bool]) -> Vec<bool> {
        let last = self.rows() - 1;
        let whole = (0..self.columns - 1).all(|column| self.is_withheld((last, column)))
            && self.all().all(|at| at.1 + 1 == self.columns || self.is_withheld(at) || self.value(at) == 0);
        districts.iter().map(|withheld| *withheld || whole).collect()
    }

    pub(super) fn shows_no_small(&self) -> bool {
        self.published().flatten().all(|count| !(1..SMALL).contains(&count))
    }

    /// Whether each withheld cell could be any of enough values. `open` are the rows of which nothing is shown.
    pub fn is_safe(&self, open: &[bool]) -> bool {
        self.withheld_cells().into_iter().all(|at| self.freedom(at, open) >= ENOUGH)
    }

    /// How many other values a withheld cell could have, as far as that is asked: whoever knows the rules knows too
    /// that a withheld cell is at least 1 where zeros are shown.
    pub(super) fn freedom(&self, at: At, open: &[bool]) -> u64 {
        let (from, to) = self.grows(at);
        // What grows along an arc flows back to its beginning by others.
        let up = self.flow(to, from, ENOUGH, at, open);
        if up >= ENOUGH {
            return up;
        }
        let room = self.shrinks_by(at, open).min(ENOUGH - up);
        up + self.flow(from, to, room, at, open)
    }

    /// The arc along which a cell grows: totals have the other sign.
    pub(super) fn grows(&self, (row, column): At) -> (Node, Node) {
        let is_total = (row + 1 == self.rows()) != (column + 1 == self.columns);
        let (row, column) = (row, self.rows() + column);
        if is_total { (column, row) } else { (row, column) }
    }

    /// How far a cell can shrink.
    pub(super) fn shrinks_by(&self, at: At, open: &[bool]) -> u64 {
        let is_free = open.get(at.0).copied().unwrap_or(false) && at.1 + 1 < self.columns;
        // A zero is withheld only where everything is.
        self.value(at).saturating_sub(u64::from(!is_free))
    }

    /// How far a cell changes when something flows from one of its nodes to the other.
    pub(super) fn room(&self, at: At, from: Node, open: &[bool]) -> u64 {
        if self.grows(at).0 == from { u64::MAX } else { self.shrinks_by(at, open) }
    }

    /// The cells at a node, each with the node at its other end.
    pub(super) fn cells_at(&self, node: Node) -> impl Iterator<Item = (At, Node)> + use<> {
        let (rows, columns) = (self.rows(), self.columns);
        let is_row = node < rows;
        (0..if is_row { columns } else { rows }).map(move |other| {
            if is_row { ((node, other), rows + other) } else { ((other, node - rows), other) }
        })
    }

    /// The largest flow over withheld cells but one, up to a limit.
    fn flow(&self, from: Node, to: Node, limit: u64, without: At, open: &[bool]) -> u64 {
        // What flowed along each cell already, in the direction in which it grows.
        let mut flowed = vec![0_i64; self.values.len()];
        let mut total = 0;
        while total < limit {
            let Some(path) = self.path(from, to, without, open, &flowed) else { break };
            let least = path.iter().map(|(at, node)| self.rest(*at, *node, open, &flowed)).min().unwrap_or(0);
            let pushed = least.min(limit - total);
            for (at, node) in path {
                let amount = i64::try_from(pushed).unwrap_or(i64::MAX);
                let sign = if self.grows(at).0 == node { 1 } else { -1 };
                flowed[at.0 * self.columns + at.1] += sign * amount;
            }
            total += pushed;
        }
        total
    }

    /// What can still flow along a cell from one of its nodes.
    fn rest(&self, at: At, from: Node, open: &[bool], flowed: &[i64]) -> u64 {
        let room = self.room(at, from, open);
        let flowed = flowed[at.0 * self.columns + at.1];
        let along = if self.grows(at).0 == from { flowed } else { -flowed };
        // What flowed the other way can flow back too.
        if along >= 0 {
            room.saturating_sub(along.unsigned_abs())
        } else {
            room.saturating_add(along.unsigned_abs())
        }
    }

    /// A shortest way along which something can flow: the cells, each with the node where it is entered.
    fn path(
        &self,
        from: Node,
        to: Node,
        without: At,
        open: &[bool],
        flowed: &[i64],
    ) -> Option<Vec<(At, Node)>> {
        let mut came: Vec<Option<(At, Node)>> = vec![None; self.rows() + self.columns];
        let mut next = VecDeque::from([from]);
        while let Some(node) = next.pop_front() {
            for (at, other) in self.cells_at(node) {
                let usable = other != from
                    && came[other].is_none()
                    && at != without
                    && self.is_withheld(at)
                    && self.rest(at, node, open, flowed) > 0;
                if !usable {
                    continue;
                }
                came[other] = Some((at, node));
                if other == to {
                    return Some(trace(&came, from, to));
                }
                next.push_back(other);
            }
        }
        None
    }
}

/// The way that led to a node.
pub(super) fn trace(came: &[Option<(At, Node)>], from: Node, to: Node) -> Vec<(At, Node)> {
    let mut path = Vec::new();
    let mut node = to;
    while node != from {
        let Some(step) = came[node] else { break };
        path.push(step);
        node = step.1;
    }
    path
}

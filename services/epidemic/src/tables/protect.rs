//! Chooses what else is withheld: for each cell that could be told, the cheapest way round by which it could be
//! something else. Withholding more never makes another cell less safe, so each is looked at once.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    PROTECTION,
    audit::{At, Square, trace},
};
use crate::contract::SMALL;

/// A total costs more than any cells: it says more.
const COST_OF_TOTAL: u64 = 1 << 40;
/// What a cell costs beside its count: few large ones rather than many.
const COST_OF_CELL: u64 = 5;

fn is_small(count: u64) -> bool {
    (1..SMALL).contains(&count)
}

/// Which districts' totals are withheld; none if the whole week has to be.
pub(super) fn districts(square: &Square) -> Option<Vec<bool>> {
    let last = square.columns() - 1;
    let totals: Vec<u64> = (0..square.rows() - 1).map(|row| square.value((row, last))).collect();
    if is_small(square.value((square.rows() - 1, last))) {
        return None;
    }
    let mut withheld: Vec<bool> = totals.iter().map(|total| is_small(*total)).collect();
    while !hold(&totals, &withheld) {
        let shown = (0..totals.len()).filter(|row| !withheld[*row] && totals[*row] > 0);
        let smallest = shown.min_by_key(|row| totals[*row])?;
        withheld[smallest] = true;
    }
    Some(withheld)
}

/// Whether these withheld totals are safe with the counts as they are now.
pub(super) fn districts_hold(square: &Square, withheld: &[bool]) -> bool {
    let last = square.columns() - 1;
    let totals: Vec<u64> = (0..square.rows() - 1).map(|row| square.value((row, last))).collect();
    // Whoever knows the rules knows that none of them is 0.
    let sound = totals.iter().zip(withheld).all(|(total, withheld)| !withheld || *total > 0);
    sound && hold(&totals, withheld)
}

/// Whether each withheld total could be enough others: two or more share what is left of the week's total, and each may
/// be any part of it that leaves the others at least 1.
fn hold(totals: &[u64], withheld: &[bool]) -> bool {
    let hidden =
        || totals.iter().zip(withheld).filter(|(_, withheld)| **withheld).map(|(total, _)| total - 1);
    hidden().count() != 1 && (hidden().count() == 0 || hidden().sum::<u64>() >= PROTECTION)
}

/// The table with everything withheld that has to be, given the districts that are.
pub(super) fn table(mut square: Square, districts: &[bool]) -> Square {
    let (last_row, last_column) = (square.rows() - 1, square.columns() - 1);
    for at in square.all() {
        let of_withheld = districts.get(at.0).copied().unwrap_or(false);
        // Zeros of all withheld districts can be told from a column's total, and harm nobody.
        let says_something =
            at.1 == last_column || (0..last_row).any(|row| districts[row] && square.value((row, at.1)) > 0);
        let grand = at == (last_row, last_column);
        if of_withheld && says_something || !grand && is_small(square.value(at)) {
            square.withhold(at);
        }
    }
    let mut waiting = square.withheld_cells();
    while let Some(at) = waiting.pop() {
        if square.freedom(at, districts) >= PROTECTION {
            continue;
        }
        match way_round(&square, at, districts) {
            Some(way) => {
                for cell in way.into_iter().filter(|cell| !square.is_withheld(*cell)).collect::<Vec<_>>() {
                    square.withhold(cell);
                    waiting.push(cell);
                }
            }
            None => return withhold_all(square),
        }
    }
    square
}

/// The cheapest cells over which enough can flow for a cell to be larger, or else smaller, than it is.
fn way_round(square: &Square, at: At, districts: &[bool]) -> Option<Vec<At>> {
    let (from, to) = square.grows(at);
    let larger = cheapest(square, to, from, at, districts);
    larger.or_else(|| {
        let may_shrink = square.shrinks_by(at, districts) >= PROTECTION;
        may_shrink.then(|| cheapest(square, from, to, at, districts)).flatten()
    })
}

/// Dijkstra's way from one node to another over cells that are withheld or may be.
fn cheapest(square: &Square, from: usize, to: usize, without: At, districts: &[bool]) -> Option<Vec<At>> {
    let nodes = square.rows() + square.columns();
    let mut costs = vec![u64::MAX; nodes];
    let mut came = vec![None; nodes];
    let mut next = BinaryHeap::from([Reverse((0_u64, from))]);
    costs[from] = 0;
    while let Some(Reverse((cost, node))) = next.pop() {
        if node == to {
            return Some(trace(&came, from, to).into_iter().map(|(at, _)| at).collect());
        }
        if cost > costs[node] {
            continue;
        }
        for (at, other) in square.cells_at(node) {
            let Some(price) = price(square, at).filter(|_| at != without) else { continue };
            let through = cost.saturating_add(price);
            if square.room(at, node, districts) >= PROTECTION && through < costs[other] {
                costs[other] = through;
                came[other] = Some((at, node));
                next.push(Reverse((through, other)));
            }
        }
    }
    None
}

/// What it costs to withhold a cell; none if it may not be: a zero protects nothing, and the totals of districts and of
/// the week are the same in all tables.
fn price(square: &Square, at: At) -> Option<u64> {
    let (last_row, last_column) = (square.rows() - 1, square.columns() - 1);
    if square.is_withheld(at) {
        return Some(0);
    }
    let value = square.value(at);
    if value == 0 || at.1 == last_column {
        return None;
    }
    Some(if at.0 == last_row { COST_OF_TOTAL + value } else { COST_OF_CELL + value })
}

/// Shows the totals of districts alone, and the zeros of districts that have no case.
fn withhold_all(mut square: Square) -> Square {
    let last_column = square.columns() - 1;
    for at in square.all() {
        let of_nobody = square.value((at.0, last_column)) == 0;
        if at.1 < last_column && !of_nobody {
            square.withhold(at);
        }
    }
    square
}

//! Points and segments, exactly.

use super::{Bounds, Point};

/// Above 0 if c lies to the left of the way from a to b, 0 if on its line.
pub(super) fn orient(a: Point, b: Point, c: Point) -> i128 {
    let d = |to: i64, from: i64| i128::from(to) - i128::from(from);
    d(b.x, a.x) * d(c.y, a.y) - d(b.y, a.y) * d(c.x, a.x)
}

/// Above 0 if the ways from a to b and from c to d point the same way, given that they are parallel.
pub(super) fn along(a: Point, b: Point, c: Point, d: Point) -> i128 {
    let by = |to: i64, from: i64| i128::from(to) - i128::from(from);
    by(b.x, a.x) * by(d.x, c.x) + by(b.y, a.y) * by(d.y, c.y)
}

fn within(point: Point, a: Point, b: Point) -> bool {
    (a.x.min(b.x)..=a.x.max(b.x)).contains(&point.x) && (a.y.min(b.y)..=a.y.max(b.y)).contains(&point.y)
}

/// Whether a point lies on a segment, ends included.
pub(super) fn on_segment(point: Point, a: Point, b: Point) -> bool {
    within(point, a, b) && orient(a, b, point) == 0
}

pub(super) fn box_of((a, b): (Point, Point)) -> Bounds {
    Bounds {
        min: Point { x: a.x.min(b.x), y: a.y.min(b.y) },
        max: Point { x: a.x.max(b.x), y: a.y.max(b.y) },
    }
}

/// Whether two segments cross in a point that is inside both.
pub(super) fn cross((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    let opposite = |one: i128, other: i128| (one > 0 && other < 0) || (one < 0 && other > 0);
    box_of((a, b)).meets(&box_of((c, d)))
        && opposite(orient(a, b, c), orient(a, b, d))
        && opposite(orient(c, d, a), orient(c, d, b))
}

/// Whether two segments have any point in common.
pub(super) fn touch((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    if !box_of((a, b)).meets(&box_of((c, d))) {
        return false;
    }
    cross((a, b), (c, d))
        || on_segment(c, a, b)
        || on_segment(d, a, b)
        || on_segment(a, c, d)
        || on_segment(b, c, d)
}

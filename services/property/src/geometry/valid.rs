//! What is a polygon: rings that are simple and apart from each other, holes inside the boundary.

use super::{
    HOLES_MAX, Invalid, POINTS_MAX, Point, edges,
    predicate::{along, orient, touch},
    relation::{Location, locate_in},
};

pub(super) fn check(rings: &[Vec<Point>]) -> Result<(), Invalid> {
    if rings.is_empty() {
        return Err(Invalid("a polygon has a boundary"));
    }
    if rings.len() > HOLES_MAX + 1 {
        return Err(Invalid("a polygon has at most 32 holes"));
    }
    if rings.iter().map(Vec::len).sum::<usize>() > POINTS_MAX {
        return Err(Invalid("a polygon has at most 512 points"));
    }
    rings.iter().try_for_each(|ring| simple(ring))?;
    apart(rings)
}

/// Three points or more, none twice, and no edge meets another but the next one in their shared point.
fn simple(ring: &[Point]) -> Result<(), Invalid> {
    let mut points = ring.to_vec();
    points.sort_unstable();
    points.dedup();
    if points.len() != ring.len() {
        return Err(Invalid("a ring has no point twice; the last one joins the first by itself"));
    }
    if ring.len() < 3 {
        return Err(Invalid("a ring has at least 3 points"));
    }
    let edges: Vec<_> = edges(ring).collect();
    let count = edges.len();
    for (place, edge) in edges.iter().enumerate() {
        let (_, end) = edges[(place + 1) % count];
        if orient(edge.0, edge.1, end) == 0 && along(edge.0, edge.1, edge.1, end) < 0 {
            return Err(Invalid("a ring does not run back on itself"));
        }
        let beyond = edges.iter().enumerate().skip(place + 2);
        let mut others = beyond.filter(|(other, _)| (other + 1) % count != place);
        if others.any(|(_, other)| touch(*edge, *other)) {
            return Err(Invalid("a ring does not meet itself"));
        }
    }
    Ok(())
}

/// Rings have no point in common, holes lie inside the boundary and none inside another.
fn apart(rings: &[Vec<Point>]) -> Result<(), Invalid> {
    for (place, ring) in rings.iter().enumerate() {
        for other in &rings[place + 1..] {
            if edges(ring).any(|edge| edges(other).any(|another| touch(edge, another))) {
                return Err(Invalid("rings do not touch each other"));
            }
            // They do not touch: one point tells for all.
            let inside = |point: Point, ring: &[Point]| {
                locate_in(edges(ring), Point { x: 2 * point.x, y: 2 * point.y }) == Location::Inside
            };
            if place == 0 && !inside(other[0], ring) {
                return Err(Invalid("a hole lies inside the boundary"));
            }
            if place > 0 && (inside(other[0], ring) || inside(ring[0], other)) {
                return Err(Invalid("a hole does not lie in another"));
            }
        }
    }
    Ok(())
}

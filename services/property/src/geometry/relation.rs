//! How two polygons lie to each other: whether their insides have a point in common, and whether one holds the other.
//!
//! Where no edges cross, edges are cut at the other polygon's points that lie on them. Each piece is then wholly inside,
//! outside or on the boundary of the other, and its middle says which. Middles are taken in doubled coordinates, in which
//! they are whole.

use super::{
    Bounds, Point, Polygon,
    predicate::{along, box_of, cross, on_segment, orient},
};

/// Where a point lies to a polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    Inside,
    Outside,
    Boundary,
}

/// How a piece of an edge lies to a polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    Inside,
    Outside,
    /// On the boundary, the insides on the same side.
    Along,
    /// On the boundary, the insides on opposite sides.
    Against,
}

/// Whether the insides have a point in common. Shared borders are none.
pub fn overlap(one: &Polygon, other: &Polygon) -> bool {
    if !one.bounds.overlaps(&other.bounds) {
        return false;
    }
    let edges = [near(one, &other.bounds), near(other, &one.bounds)];
    let shared = |lies: Lies| matches!(lies, Lies::Inside | Lies::Along);
    crossing(&edges[0], &edges[1])
        || edges[0].iter().any(|edge| pieces(*edge, other).any(shared))
        || edges[1].iter().any(|edge| pieces(*edge, one).any(shared))
}

/// Whether all of `inner` lies in `outer`.
pub fn contains(outer: &Polygon, inner: &Polygon) -> bool {
    let all: Vec<_> = inner.edges().collect();
    let edges = near(outer, &inner.bounds);
    let held = |lies: Lies| matches!(lies, Lies::Inside | Lies::Along);
    !crossing(&all, &edges)
        && all.iter().all(|edge| pieces(*edge, outer).all(held))
        && !edges.iter().any(|edge| pieces(*edge, inner).any(|lies| lies == Lies::Inside))
}

/// Edges that may have to do with what lies in a box.
fn near(polygon: &Polygon, bounds: &Bounds) -> Vec<(Point, Point)> {
    polygon.edges().filter(|edge| box_of(*edge).meets(bounds)).collect()
}

fn crossing(ones: &[(Point, Point)], others: &[(Point, Point)]) -> bool {
    ones.iter().any(|one| others.iter().any(|other| cross(*one, *other)))
}

/// The pieces into which a polygon's points cut an edge that none of its edges crosses.
fn pieces((a, b): (Point, Point), polygon: &Polygon) -> impl Iterator<Item = Lies> {
    let on = |point: &&Point| on_segment(**point, a, b);
    let mut cuts: Vec<Point> = polygon.rings.iter().flatten().filter(on).copied().chain([a, b]).collect();
    // On a line, points lie in the order of their coordinates.
    cuts.sort_unstable();
    cuts.dedup();
    let middles: Vec<_> =
        cuts.windows(2).map(|pair| Point { x: pair[0].x + pair[1].x, y: pair[0].y + pair[1].y }).collect();
    middles.into_iter().map(move |middle| lies(middle, (a, b), polygon))
}

fn lies(middle: Point, (a, b): (Point, Point), polygon: &Polygon) -> Lies {
    match locate(polygon, middle) {
        Location::Inside => Lies::Inside,
        Location::Outside => Lies::Outside,
        Location::Boundary => {
            let beneath = polygon
                .edges()
                .find(|(c, d)| on_segment(middle, twice(*c), twice(*d)) && parallel(a, b, *c, *d));
            // Both run with their insides to the left.
            match beneath {
                Some((c, d)) if along(a, b, c, d) < 0 => Lies::Against,
                _ => Lies::Along,
            }
        }
    }
}

fn parallel(a: Point, b: Point, c: Point, d: Point) -> bool {
    orient(a, b, c) == orient(a, b, d)
}

fn twice(point: Point) -> Point {
    Point { x: 2 * point.x, y: 2 * point.y }
}

/// Where a point lies that is given in doubled coordinates.
pub(super) fn locate(polygon: &Polygon, doubled: Point) -> Location {
    locate_in(polygon.edges(), doubled)
}

/// The same for any rings that do not touch: a point is inside if a ray from it meets an odd number of edges.
pub(super) fn locate_in(edges: impl Iterator<Item = (Point, Point)>, doubled: Point) -> Location {
    let mut inside = false;
    for (a, b) in edges.map(|(a, b)| (twice(a), twice(b))) {
        if on_segment(doubled, a, b) {
            return Location::Boundary;
        }
        let up = a.y <= doubled.y && doubled.y < b.y;
        let down = b.y <= doubled.y && doubled.y < a.y;
        let side = orient(a, b, doubled);
        if (up && side > 0) || (down && side < 0) {
            inside = !inside;
        }
    }
    if inside { Location::Inside } else { Location::Outside }
}

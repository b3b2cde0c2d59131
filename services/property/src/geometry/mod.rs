//! Polygons in whole millimetres of the city's grid. Pure and exact: integers of 128 bits, nothing rounded, no floating
//! point, so that every host sees the same overlap.
//!
//! Parts: `predicate` (points and segments), `valid` (what is a polygon), `relation` (overlap, containment).

mod predicate;
mod relation;
mod valid;

use hutong_wire::v1::property as wire;

pub use relation::{Location, contains, overlap};

/// The most points of a polygon, over all its rings.
pub const POINTS_MAX: usize = 512;
/// The most holes.
pub const HOLES_MAX: usize = 32;
/// The largest coordinate, either way: 100,000 km.
pub const COORDINATE_MAX: i64 = 100_000_000_000;

/// Easting and northing, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    pub x: i64,
    pub y: i64,
}

/// What is wrong with a geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// A bounding box, sides included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub min: Point,
    pub max: Point,
}

impl Bounds {
    /// Of points; None if there are none.
    pub fn of(points: impl IntoIterator<Item = Point>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        let grow = |bounds: Self, point: Point| Self {
            min: Point { x: bounds.min.x.min(point.x), y: bounds.min.y.min(point.y) },
            max: Point { x: bounds.max.x.max(point.x), y: bounds.max.y.max(point.y) },
        };
        Some(points.fold(Self { min: first, max: first }, grow))
    }

    /// Whether the insides have a point in common; a shared side is none.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.min.x < other.max.x
            && other.min.x < self.max.x
            && self.min.y < other.max.y
            && other.min.y < self.max.y
    }

    /// Whether they have a point in common, sides included.
    pub fn meets(&self, other: &Self) -> bool {
        self.min.x <= other.max.x
            && other.min.x <= self.max.x
            && self.min.y <= other.max.y
            && other.min.y <= self.max.y
    }
}

/// A valid polygon in its normal form: the boundary runs counter-clockwise and holes clockwise, so that the inside is
/// always to the left, and each ring begins at its lowest point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    rings: Vec<Vec<Point>>,
    bounds: Bounds,
}

impl Polygon {
    /// Checks rings and brings them into normal form.
    pub fn new(mut rings: Vec<Vec<Point>>) -> Result<Self, Invalid> {
        valid::check(&rings)?;
        for (place, ring) in rings.iter_mut().enumerate() {
            normalise(ring, place == 0);
        }
        if let Some(holes) = rings.get_mut(1..) {
            holes.sort();
        }
        let bounds = Bounds::of(rings.iter().flatten().copied()).ok_or(Invalid("a polygon has points"))?;
        Ok(Self { rings, bounds })
    }

    pub fn parse(geometry: &wire::Geometry) -> Result<Self, Invalid> {
        Self::new(points(geometry)?)
    }

    /// One that was stored in its normal form: that it is valid was checked then.
    pub fn stored(geometry: &wire::Geometry) -> Result<Self, Invalid> {
        let rings = points(geometry)?;
        let bounds = Bounds::of(rings.iter().flatten().copied()).ok_or(Invalid("a polygon has points"))?;
        Ok(Self { rings, bounds })
    }

    /// As it is stored.
    pub fn encode(&self) -> wire::Geometry {
        let ring = |ring: &Vec<Point>| wire::Ring {
            coordinates: ring.iter().flat_map(|point| [point.x, point.y]).collect(),
        };
        wire::Geometry { rings: self.rings.iter().map(ring).collect() }
    }

    pub fn rings(&self) -> &[Vec<Point>] {
        &self.rings
    }

    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Twice the area, in square millimetres: a whole number.
    pub fn area_twice_mm2(&self) -> i128 {
        self.rings.iter().map(|ring| area_twice(ring)).sum()
    }

    /// Where a point lies.
    pub fn locate(&self, point: Point) -> Location {
        relation::locate(self, Point { x: 2 * point.x, y: 2 * point.y })
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> {
        self.rings.iter().flat_map(|ring| edges(ring))
    }
}

/// The bounding box of a geometry that nobody checked yet; None if there is none.
pub fn bounds(geometry: &wire::Geometry) -> Option<Bounds> {
    Bounds::of(points(geometry).ok()?.into_iter().flatten())
}

fn points(geometry: &wire::Geometry) -> Result<Vec<Vec<Point>>, Invalid> {
    let numbers: usize = geometry.rings.iter().map(|ring| ring.coordinates.len()).sum();
    if numbers > 2 * POINTS_MAX {
        return Err(Invalid("a polygon has at most 512 points"));
    }
    let ring = |ring: &wire::Ring| {
        if !ring.coordinates.len().is_multiple_of(2) {
            return Err(Invalid("a point has an easting and a northing"));
        }
        let points = ring.coordinates.chunks_exact(2).map(|pair| Point { x: pair[0], y: pair[1] });
        Ok(points.collect::<Vec<_>>())
    };
    let rings = geometry.rings.iter().map(ring).collect::<Result<Vec<_>, _>>()?;
    let far = |value: i64| !(-COORDINATE_MAX..=COORDINATE_MAX).contains(&value);
    if rings.iter().flatten().any(|point| far(point.x) || far(point.y)) {
        return Err(Invalid("a coordinate is at most 100,000 km"));
    }
    Ok(rings)
}

fn edges(ring: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

/// Above 0 if the ring runs counter-clockwise.
fn area_twice(ring: &[Point]) -> i128 {
    let cross =
        |(a, b): (Point, Point)| i128::from(a.x) * i128::from(b.y) - i128::from(b.x) * i128::from(a.y);
    edges(ring).map(cross).sum()
}

fn normalise(ring: &mut [Point], boundary: bool) {
    if (area_twice(ring) > 0) != boundary {
        ring.reverse();
    }
    let lowest = (0..ring.len()).min_by_key(|place| ring[*place]).unwrap_or_default();
    ring.rotate_left(lowest);
}

#[cfg(test)]
mod tests;

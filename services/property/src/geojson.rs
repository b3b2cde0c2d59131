//! Polygons as GeoJSON and back: metres of the city's projected grid with three decimals, named by a `crs` member, since
//! RFC 7946 knows degrees alone. Here is the only arithmetic on floating point: a millimetre in and out of a decimal, exact
//! for every coordinate that a polygon may have.

use hutong_wire::v1::property as wire;
use serde_json::{Value, json};

use crate::geometry::{COORDINATE_MAX, Invalid, Point, Polygon};

const MM_PER_M: f64 = 1000.0;

/// Whole millimetres as metres: the nearest number, whose shortest decimal is the exact one.
fn metres(mm: i64) -> f64 {
    mm as f64 / MM_PER_M
}

/// A stored geometry as a GeoJSON Polygon; the last point of a ring repeats the first.
pub fn geometry(geometry: &wire::Geometry) -> Value {
    let ring = |ring: &wire::Ring| {
        let points = ring.coordinates.chunks_exact(2).map(|pair| json!([metres(pair[0]), metres(pair[1])]));
        let first = points.clone().next();
        points.chain(first).collect::<Vec<_>>()
    };
    json!({ "type": "Polygon", "coordinates": geometry.rings.iter().map(ring).collect::<Vec<_>>() })
}

/// A parcel, rendered as JSON, as a GeoJSON Feature.
pub fn feature(mut parcel: Value) -> Value {
    let geometry = parcel["unit"]["geometry"].take();
    json!({ "type": "Feature", "id": parcel["parcel"], "geometry": geometry, "properties": parcel })
}

/// The coordinate reference system, as a `crs` member names it.
pub fn crs(name: &str) -> Value {
    json!({ "type": "name", "properties": { "name": name } })
}

/// Metres as whole millimetres; None if there are more than three decimals, or the number is out of range.
pub fn millimetres(metres: f64) -> Option<i64> {
    let mm = (metres * MM_PER_M).round();
    // A double has room for six more digits than a coordinate: what is off by more was written with more decimals.
    let exact = (mm / MM_PER_M - metres).abs() <= 1e-6 * (1.0 + metres.abs() * 1e-9);
    (exact && mm.abs() <= COORDINATE_MAX as f64).then_some(mm as i64)
}

/// Reads a GeoJSON Polygon.
pub fn parse(value: &Value) -> Result<Polygon, Invalid> {
    let malformed = Invalid("a GeoJSON Polygon with rings of [easting, northing] in metres is expected");
    if value["type"] != "Polygon" {
        return Err(malformed);
    }
    let rings = value["coordinates"].as_array().ok_or(malformed)?;
    Polygon::new(
        rings
            .iter()
            .map(|ring| parse_ring(ring).map_err(|e| e.unwrap_or(malformed)))
            .collect::<Result<Vec<_>, _>>()?,
    )
}

fn parse_ring(ring: &Value) -> Result<Vec<Point>, Option<Invalid>> {
    let coordinate = |value: &Value| {
        let metres = value.as_f64().ok_or(None)?;
        millimetres(metres).ok_or(Some(Invalid("a coordinate is in metres with at most three decimals")))
    };
    let point = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([x, y]) => Ok(Point { x: coordinate(x)?, y: coordinate(y)? }),
        _ => Err(None),
    };
    let mut points = ring.as_array().ok_or(None)?.iter().map(point).collect::<Result<Vec<_>, _>>()?;
    // Closed as RFC 7946 has it; the ledger's form joins the last point to the first by itself.
    if points.len() < 4 || points.first() != points.last() {
        return Err(Some(Invalid("a ring has at least four points and ends where it begins")));
    }
    points.pop();
    Ok(points)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_coordinate_comes_back(mm in -COORDINATE_MAX..=COORDINATE_MAX) {
            let text = serde_json::to_string(&metres(mm)).unwrap();
            prop_assert!(text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 3), "{text}");
            prop_assert_eq!(millimetres(serde_json::from_str(&text).unwrap()), Some(mm));
        }

        #[test]
        fn a_fourth_decimal_is_refused(mm in -1_000_000_000_i64..1_000_000_000, rest in 1_i32..10) {
            let text = format!("{}.{:03}{rest}", mm / 1000, (mm % 1000).abs());
            prop_assert_eq!(millimetres(text.parse().unwrap()), None, "{}", text);
        }
    }

    #[test]
    fn a_polygon_comes_back() {
        let square = json!({ "type": "Polygon", "coordinates": [[
            [500_000.001, 4_400_000.5], [500_010.0, 4_400_000.5], [500_010, 4_400_010], [500_000.001, 4_400_010],
            [500_000.001, 4_400_000.5],
        ]] });
        let polygon = parse(&square).unwrap();
        assert_eq!(parse(&geometry(&polygon.encode())), Ok(polygon));
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        let ring = |points: Value| json!({ "type": "Polygon", "coordinates": [points] });
        let broken = [
            json!(null),
            json!({ "type": "Point", "coordinates": [1, 2] }),
            json!({ "type": "Polygon" }),
            json!({ "type": "Polygon", "coordinates": [] }),
            ring(json!([[0, 0], [1, 0], [1, 1]])),
            ring(json!([[0, 0], [1, 0], [1, 1], [0, 1]])),
            ring(json!([[0, 0], [1, 0], [1, "1"], [0, 0]])),
            ring(json!([[0, 0, 7], [1, 0, 7], [1, 1, 7], [0, 0, 7]])),
            ring(json!([[0, 0], [1e300, 0], [1, 1], [0, 0]])),
            ring(json!([[0, 0], [1, 0.0001], [1, 1], [0, 0]])),
        ];
        for value in broken {
            assert!(parse(&value).is_err(), "{value}");
        }
    }
}

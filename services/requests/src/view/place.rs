//! Where requests are: an R-tree for each service. Distances are on a sphere, good to a metre in a city.

use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

use hutong_wire::v1::requests as wire;
use rstar::{AABB, RTree, primitives::GeomWithData};

/// Metres in 1e-7 degree of latitude: the mean radius of the earth, 6,371,008.8 m.
const METRES_PER_E7: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0 / 1e7;
/// Half and all of the way around, in 1e-7 degree.
const HALF_E7: i64 = 1_800_000_000;
const AROUND_E7: i64 = 2 * HALF_E7;

type Spot = GeomWithData<[i64; 2], Arc<str>>;

/// What to look for around a point.
#[derive(Clone, Debug)]
pub struct Near<'a> {
    pub service: &'a str,
    pub point: wire::Point,
    pub radius_m: f64,
    /// When it was requested.
    pub times: RangeInclusive<u64>,
    pub limit: usize,
}

#[derive(Debug, Default)]
pub(super) struct Places(HashMap<Arc<str>, RTree<Spot>>);

fn spot(point: &wire::Point, id: &Arc<str>) -> Spot {
    Spot::new([point.long_e7.into(), point.lat_e7.into()], id.clone())
}

impl Places {
    pub(super) fn insert(&mut self, service: &Arc<str>, point: &wire::Point, id: &Arc<str>) {
        self.0.entry(service.clone()).or_default().insert(spot(point, id));
    }

    pub(super) fn remove(&mut self, service: &Arc<str>, point: &wire::Point, id: &Arc<str>) {
        if let Some(tree) = self.0.get_mut(service) {
            tree.remove(&spot(point, id));
            if tree.size() == 0 {
                self.0.remove(service);
            }
        }
    }

    /// Within a radius, nearest first, with the distance in metres.
    pub(super) fn near(&self, service: &str, point: &wire::Point, radius_m: f64) -> Vec<(f64, Arc<str>)> {
        let Some(tree) = self.0.get(service) else { return Vec::new() };
        let (x, y) = (i64::from(point.long_e7), i64::from(point.lat_e7));
        let reach_y = (radius_m / METRES_PER_E7).ceil();
        // Meridians are closest together where the circle is nearest to a pole.
        let farthest = (y.abs() as f64 + reach_y).min(HALF_E7 as f64 / 2.0);
        let shrink = (farthest / 1e7).to_radians().cos();
        let reach_x = (reach_y / shrink.max(1e-9)).min(HALF_E7 as f64).ceil() as i64;
        let reach_y = reach_y as i64;
        // The circle may cross the line where longitudes begin again.
        let mut found: Vec<(f64, Arc<str>)> = [0, AROUND_E7, -AROUND_E7]
            .into_iter()
            .flat_map(|turn| {
                let x = x + turn;
                let envelope = AABB::from_corners([x - reach_x, y - reach_y], [x + reach_x, y + reach_y]);
                tree.locate_in_envelope(&envelope)
            })
            .map(|spot| (distance_m(point, spot.geom()), spot.data.clone()))
            .filter(|(distance_m, _)| *distance_m <= radius_m)
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        found.dedup();
        found
    }
}

/// Haversine.
fn distance_m(from: &wire::Point, to: &[i64; 2]) -> f64 {
    let radians = |e7: f64| (e7 / 1e7).to_radians();
    let (from_lat, to_lat) = (radians(from.lat_e7.into()), radians(to[1] as f64));
    let (d_lat, d_long) = (to_lat - from_lat, radians(to[0] as f64 - f64::from(from.long_e7)));
    let h = (d_lat / 2.0).sin().powi(2) + from_lat.cos() * to_lat.cos() * (d_long / 2.0).sin().powi(2);
    2.0 * METRES_PER_E7 * (180e7 / std::f64::consts::PI) * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(lat_e7: i32, long_e7: i32) -> wire::Point {
        wire::Point { lat_e7, long_e7 }
    }

    fn places(spots: &[(&str, i32, i32)]) -> Places {
        let mut places = Places::default();
        for (id, lat, long) in spots {
            places.insert(&Arc::from("s"), &point(*lat, *long), &Arc::from(*id));
        }
        places
    }

    fn ids(places: &Places, at: &wire::Point, radius_m: f64) -> Vec<String> {
        places.near("s", at, radius_m).into_iter().map(|(_, id)| id.to_string()).collect()
    }

    #[test]
    fn distances_are_those_of_the_earth() {
        // Tiananmen to the Bird's Nest.
        let metres = distance_m(&point(399_054_000, 1_163_976_000), &[1_163_962_000, 399_929_000]);
        assert!((9_700.0..9_760.0).contains(&metres), "{metres}");
        // A degree on the equator.
        let metres = distance_m(&point(0, 0), &[10_000_000, 0]);
        assert!((111_194.0..111_196.0).contains(&metres), "{metres}");
    }

    #[test]
    fn nearest_come_first_and_the_radius_ends() {
        let places = places(&[
            ("far", 399_090_000, 1_164_000_000),
            ("near", 399_001_000, 1_164_000_000),
            ("here", 399_000_000, 1_164_000_000),
        ]);
        let at = point(399_000_000, 1_164_000_000);
        assert_eq!(ids(&places, &at, 100.0), ["here", "near"]);
        assert_eq!(ids(&places, &at, 1100.0), ["here", "near", "far"]);
        assert!(places.near("other", &at, 1100.0).is_empty());
    }

    #[test]
    fn poles_and_the_date_line_hide_nothing() {
        let line = places(&[("west", 0, -1_799_999_000), ("east", 0, 1_799_999_000)]);
        assert_eq!(ids(&line, &point(0, 1_799_999_500), 100.0), ["east", "west"]);
        let pole = places(&[("a", 899_999_990, 0), ("b", 899_999_990, 1_800_000_000)]);
        assert_eq!(ids(&pole, &point(900_000_000, 900_000_000), 10.0), ["a", "b"]);
    }
}

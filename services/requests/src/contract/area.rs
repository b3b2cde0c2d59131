//! Where a point lies, and who gets a request from there. Integers alone: every host finds the same district.

use hutong_wire::v1::requests as wire;

/// The first district that contains a point.
pub fn district_of<'a>(areas: &'a [wire::Area], point: &wire::Point) -> Option<&'a wire::Area> {
    areas.iter().find(|area| contains(&area.boundary, point))
}

/// Even-odd rule; a point on a boundary belongs to exactly one of two areas that share it, where their corners agree.
fn contains(corners: &[wire::Point], point: &wire::Point) -> bool {
    let (x, y) = (i128::from(point.long_e7), i128::from(point.lat_e7));
    let mut inside = false;
    for (at, to) in corners.iter().enumerate() {
        let from = &corners[at.checked_sub(1).unwrap_or(corners.len() - 1)];
        // Upwards in one order, whichever way the boundary runs: a shared edge is decided once.
        let (low, high) = if from.lat_e7 <= to.lat_e7 { (from, to) } else { (to, from) };
        let (low_y, high_y) = (i128::from(low.lat_e7), i128::from(high.lat_e7));
        if y < low_y || y >= high_y {
            continue;
        }
        let (low_x, high_x) = (i128::from(low.long_e7), i128::from(high.long_e7));
        // Whether the edge is right of the point, without dividing.
        if (high_x - low_x) * (y - low_y) > (x - low_x) * (high_y - low_y) {
            inside = !inside;
        }
    }
    inside
}

/// Who leads by the rules: for the service here, for the service anywhere, the district's office.
pub(super) fn lead(service: &wire::Service, areas: &[wire::Area], district: &str) -> Option<String> {
    let rule = |code: &str| service.rules.iter().find(|rule| rule.district == code);
    let ruled = rule(district).or_else(|| rule("")).map(|rule| rule.agency.clone());
    ruled.or_else(|| office(areas, district))
}

/// The office of a district.
pub(super) fn office(areas: &[wire::Area], district: &str) -> Option<String> {
    areas.iter().find(|area| area.code == district).map(|area| area.agency.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(lat_e7: i32, long_e7: i32) -> wire::Point {
        wire::Point { lat_e7, long_e7 }
    }

    fn area(code: &str, corners: &[(i32, i32)]) -> wire::Area {
        let boundary = corners.iter().map(|(lat, long)| point(*lat, *long)).collect();
        wire::Area { code: code.into(), boundary, ..wire::Area::default() }
    }

    #[test]
    fn a_point_is_found_in_its_district() {
        // An L, and what is missing of its square.
        let l = area("l", &[(0, 0), (0, 10), (5, 10), (5, 5), (10, 5), (10, 0)]);
        let rest = area("rest", &[(5, 5), (5, 10), (10, 10), (10, 5)]);
        let areas = [l, rest];
        let found = |lat, long| district_of(&areas, &point(lat, long)).map(|area| area.code.clone());
        assert_eq!(found(2, 8).as_deref(), Some("l"));
        assert_eq!(found(8, 2).as_deref(), Some("l"));
        assert_eq!(found(8, 8).as_deref(), Some("rest"));
        assert_eq!(found(5, 5).as_deref(), Some("rest"));
        assert_eq!((found(11, 2), found(-1, 2), found(2, 11), found(2, -1)), (None, None, None, None));
    }

    proptest! {
        /// Neighbours leave no gap and share no point, however their common edge runs.
        #[test]
        fn an_edge_belongs_to_one_side(a in -50..50, b in -50..50, lat in -99..99, long in -99..99) {
            let west = area("west", &[(-100, -100), (-100, a), (100, b), (100, -100)]);
            let east = area("east", &[(100, 100), (100, b), (-100, a), (-100, 100)]);
            let inside = |area: &wire::Area| contains(&area.boundary, &point(lat, long));
            prop_assert!(inside(&west) != inside(&east));
        }

        #[test]
        fn no_boundary_is_too_far(corners in prop::collection::vec((-900_000_000..=900_000_000_i32, -1_800_000_000..=1_800_000_000_i32), 3..8)) {
            let _ = contains(&area("a", &corners).boundary, &point(900_000_000, 1_800_000_000));
        }
    }
}

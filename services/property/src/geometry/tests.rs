//! What is a polygon and what is none; overlap and containment against a count of small squares.

use proptest::prelude::*;

use super::*;

type Rings<'a> = &'a [&'a [(i64, i64)]];

fn ring(points: &[(i64, i64)]) -> Vec<Point> {
    points.iter().map(|(x, y)| Point { x: *x, y: *y }).collect()
}

fn polygon(rings: Rings<'_>) -> Polygon {
    Polygon::new(rings.iter().map(|points| ring(points)).collect()).unwrap()
}

fn square(x: i64, y: i64, side: i64) -> Vec<(i64, i64)> {
    vec![(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
}

#[test]
fn a_normal_form_is_one_form() {
    let one = polygon(&[&[(0, 0), (9, 0), (9, 9), (0, 9)], &[(2, 2), (4, 2), (4, 4), (2, 4)]]);
    let other = polygon(&[&[(9, 9), (9, 0), (0, 0), (0, 9)], &[(4, 4), (2, 4), (2, 2), (4, 2)]]);
    assert_eq!(one, other);
    assert_eq!(one.area_twice_mm2(), 2 * (81 - 4));
    assert_eq!(Polygon::parse(&one.encode()), Ok(one));
}

#[test]
fn what_is_no_polygon_is_refused() {
    let far = COORDINATE_MAX + 1;
    let broken: [(Rings<'_>, &str); 12] = [
        (&[], "boundary"),
        (&[&[(0, 0), (1, 0)]], "3 points"),
        (&[&[(0, 0), (5, 0), (5, 5), (0, 0)]], "twice"),
        (&[&[(0, 0), (5, 5), (9, 9)]], "back on itself"),
        (&[&[(0, 0), (9, 0), (4, 0), (4, 4)]], "back on itself"),
        (&[&[(0, 0), (4, 4), (4, 0), (0, 4)]], "meet itself"),
        (&[&[(0, 0), (8, 0), (4, 4), (8, 8), (0, 8), (4, 4)]], "twice"),
        (&[&[(0, 0), (8, 0), (8, 8), (4, 0), (0, 8)]], "meet itself"),
        (&[&square(0, 0, 9), &square(20, 20, 2)], "inside the boundary"),
        (&[&square(0, 0, 9), &square(0, 2, 2)], "touch"),
        (&[&square(0, 0, 20), &square(2, 2, 9), &square(4, 4, 2)], "in another"),
        (&[&square(0, 0, 20), &square(4, 4, 2), &square(2, 2, 9)], "in another"),
    ];
    for (rings, why) in broken {
        let told = Polygon::new(rings.iter().map(|points| ring(points)).collect()).unwrap_err();
        assert!(told.0.contains(why), "{rings:?}: {told}");
    }
    let wide = wire::Ring { coordinates: vec![0, 0, far, 0, 0, 9] };
    assert!(Polygon::parse(&wire::Geometry { rings: vec![wide] }).is_err());
    let odd = wire::Ring { coordinates: vec![0, 0, 1, 0, 0] };
    assert!(Polygon::parse(&wire::Geometry { rings: vec![odd] }).is_err());
    let many = wire::Ring { coordinates: vec![7; 2 * POINTS_MAX + 2] };
    assert!(Polygon::parse(&wire::Geometry { rings: vec![many] }).is_err());
}

#[test]
fn borders_are_shared_and_insides_are_not() {
    let middle = polygon(&[&square(10, 10, 10)]);
    let apart = [square(20, 10, 10), square(20, 20, 5), square(5, 0, 10), square(12, 20, 3)];
    for other in &apart {
        assert!(!overlap(&middle, &polygon(&[other])) && !overlap(&polygon(&[other]), &middle), "{other:?}");
    }
    let common =
        [square(10, 10, 10), square(15, 15, 10), square(12, 12, 3), square(0, 0, 90), square(10, 10, 3)];
    for other in &common {
        assert!(overlap(&middle, &polygon(&[other])) && overlap(&polygon(&[other]), &middle), "{other:?}");
    }
    // A diamond whose corners touch the sides from inside, and a square through whose corners another passes.
    assert!(overlap(&middle, &polygon(&[&[(15, 10), (20, 15), (15, 20), (10, 15)]])));
    assert!(overlap(&middle, &polygon(&[&[(5, 5), (25, 25), (25, 5)]])));
    // What fills a hole exactly does not overlap, and is not held.
    let ring = polygon(&[&square(0, 0, 30), &square(10, 10, 10)]);
    assert!(!overlap(&ring, &middle) && !contains(&ring, &middle));
    assert!(overlap(&ring, &polygon(&[&square(9, 9, 10)])));
}

#[test]
fn what_is_held_lies_within() {
    let outer = polygon(&[&[(0, 0), (30, 0), (30, 10), (10, 10), (10, 30), (0, 30)]]);
    for inner in [square(0, 0, 10), square(2, 2, 3), square(0, 20, 10)] {
        assert!(contains(&outer, &polygon(&[&inner])), "{inner:?}");
    }
    for other in [square(5, 5, 10), square(10, 10, 5), square(20, 20, 5), square(0, 0, 30)] {
        assert!(!contains(&outer, &polygon(&[&other])), "{other:?}");
    }
    let holed = polygon(&[&square(0, 0, 30), &square(10, 10, 5)]);
    assert!(!contains(&holed, &polygon(&[&square(5, 5, 20)])), "the hole is not the outer one's");
    assert!(contains(&polygon(&[&square(0, 0, 30)]), &holed) && contains(&holed, &holed));
}

/// A polygon of unit squares: a row of columns from a base line, each as high as told.
fn skyline() -> impl Strategy<Value = (i64, i64, Vec<i64>)> {
    (0_i64..6, 0_i64..6, prop::collection::vec(1_i64..5, 1..6))
}

fn outline(x: i64, y: i64, heights: &[i64]) -> Polygon {
    let mut points = vec![(x, y)];
    for (height, column) in heights.iter().zip(x..) {
        points.extend([(column, y + height), (column + 1, y + height)]);
    }
    points.push((x + heights.len() as i64, y));
    points.dedup();
    Polygon::new(vec![ring(&points)]).unwrap()
}

fn squares(x: i64, y: i64, heights: &[i64]) -> std::collections::BTreeSet<(i64, i64)> {
    heights
        .iter()
        .zip(x..)
        .flat_map(|(height, column)| (y..y + height).map(move |row| (column, row)))
        .collect()
}

proptest! {
    #[test]
    fn relations_agree_with_counted_squares((x, y, a) in skyline(), (u, v, b) in skyline()) {
        let (one, other) = (outline(x, y, &a), outline(u, v, &b));
        let (here, there) = (squares(x, y, &a), squares(u, v, &b));
        prop_assert_eq!(one.area_twice_mm2(), 2 * here.len() as i128);
        prop_assert_eq!(overlap(&one, &other), !here.is_disjoint(&there));
        prop_assert_eq!(overlap(&other, &one), !here.is_disjoint(&there));
        prop_assert_eq!(contains(&one, &other), here.is_superset(&there));
    }

    /// Stars around a centre: any points, sorted by direction, are a ring. Relations are the same however they are moved.
    #[test]
    fn relations_do_not_change_when_all_is_moved(
        (x, y, a) in skyline(), (u, v, b) in skyline(), dx in -1_000_000_000_i64..1_000_000_000, k in 1_i64..5_000_000,
    ) {
        let moved = |polygon: &Polygon| {
            let point = |p: &Point| Point { x: k * (p.x + p.y) + dx, y: k * (p.y - p.x) - dx };
            let rings = polygon.rings().iter().map(|ring| ring.iter().map(point).collect());
            Polygon::new(rings.collect()).unwrap()
        };
        let (one, other) = (outline(x, y, &a), outline(u, v, &b));
        prop_assert_eq!(overlap(&one, &other), overlap(&moved(&one), &moved(&other)));
        prop_assert_eq!(contains(&one, &other), contains(&moved(&one), &moved(&other)));
        let k = i128::from(k);
        prop_assert_eq!(moved(&one).area_twice_mm2(), 2 * k * k * one.area_twice_mm2());
    }

    #[test]
    fn any_points_are_checked_quietly(points in prop::collection::vec((-9_i64..9, -9_i64..9), 0..9)) {
        if let Ok(polygon) = Polygon::new(vec![ring(&points)]) {
            prop_assert!(polygon.area_twice_mm2() > 0);
            prop_assert!(contains(&polygon, &polygon) && overlap(&polygon, &polygon));
        }
    }
}

//! Units on the map: numbers that are one parcel's, polygons that are sound and overlap nobody's.

use hutong_property::{
    build,
    contract::{CELL_MM, CELL_PARCELS_MAX, NEIGHBOURS_MAX},
};
use hutong_wire::v1::property::{self as wire, action::Kind};

use crate::support::*;

const NUMBER: &str = "110108001002GB00003F00010023";
const OTHER: &str = "110108001002GB00004W00000000";

fn numbered(number: &str) -> wire::Unit {
    wire::Unit { number: number.into(), ..unit() }
}

fn correct(unit: wire::Unit) -> Kind {
    Kind::Correct(wire::Correct { unit: Some(unit), reason: "survey".into(), ..wire::Correct::default() })
}

fn change(unit: wire::Unit) -> Kind {
    Kind::Change(wire::Change { unit: Some(unit), sealed: Vec::new() })
}

fn exists(office: &Office, record: &str) -> bool {
    office.records.get(&key(record)).is_some_and(|record| record.as_ref().is_some_and(|r| r.value.is_some()))
}

#[test]
fn a_number_is_one_parcels_for_good() {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, numbered(NUMBER))).unwrap();
    assert!(exists(&office, &format!("unit/{NUMBER}")));
    assert_eq!(office.refused(&[LAND], first("2", numbered(NUMBER))), "unit_number_taken");
    office.kind(&[LAND], cancel()).unwrap();
    assert_eq!(office.refused(&[LAND], first("2", numbered(NUMBER))), "unit_number_taken", "it was one's");
    assert_eq!(office.refused(&[LAND], first("2", numbered("11010"))), "unit_number_invalid");
}

#[test]
fn a_correction_alone_frees_a_number() {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, numbered(NUMBER))).unwrap();
    let both = [LAND, ANN];
    assert_eq!(office.kind_refused(&both, change(numbered(OTHER))), "unit_number_invalid");
    assert_eq!(office.kind_refused(&both, change(unit())), "unit_number_invalid");
    office.kind(&both, change(wire::Unit { r#use: "shops".into(), ..numbered(NUMBER) })).unwrap();
    office.kind(&[LAND], correct(numbered(OTHER))).unwrap();
    assert!(!exists(&office, &format!("unit/{NUMBER}")) && exists(&office, &format!("unit/{OTHER}")));
    office.submit(&[LAND], first("2", numbered(NUMBER))).unwrap();
    let late = build::action("2", 0, None, change(numbered(OTHER)));
    assert_eq!(office.refused(&[LAND, ANN], late), "unit_number_invalid");
    // A unit without one gets one by a change.
    office.submit(&[LAND], first("3", unit())).unwrap();
    let taken = build::action("3", 0, None, change(numbered(OTHER)));
    assert_eq!(office.refused(&[LAND, ANN], taken), "unit_number_taken");
}

#[test]
fn a_geometry_is_a_polygon_with_the_area_that_is_stated() {
    let mut office = Office::default();
    let good = drawn(0, 0, 10, 10);
    let bow = shaped(&[(0, 0), (9000, 9000), (9000, 0), (0, 9000)]);
    assert_eq!(office.refused(&[LAND], first(P, bow)), "geometry_invalid");
    let empty = wire::Unit { geometry: Some(wire::Geometry::default()), ..unit() };
    assert_eq!(office.refused(&[LAND], first(P, empty)), "geometry_invalid");
    let line = shaped(&[(5, 0), (5, 9), (5, 20)]);
    assert_eq!(office.refused(&[LAND], first(P, line)), "geometry_invalid");
    let (exact, percent) = (good.area_centi_mm2, good.area_centi_mm2 / 100);
    for area in [exact - percent - 1, exact + percent + 1] {
        let off = wire::Unit { area_centi_mm2: area, ..good.clone() };
        assert_eq!(office.refused(&[LAND], first(P, off)), "area_mismatch");
    }
    let near = wire::Unit { area_centi_mm2: exact - percent, ..good };
    office.submit(&[LAND], first(P, near)).unwrap();
}

#[test]
fn parcels_share_borders_and_nothing_more() {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, drawn(0, 0, 300, 300))).unwrap();
    // Across the borders of cells, on all sides, and with no border at all.
    for (number, (x, y, w, h)) in
        [(300, 0, 10, 300), (-10, 0, 10, 300), (0, 300, 10, 10), (1000, 1000, 5, 5)].into_iter().enumerate()
    {
        office.submit(&[LAND], first(&format!("n{number}"), drawn(x, y, w, h))).unwrap();
    }
    for (x, y, w, h) in
        [(0, 0, 300, 300), (299, 299, 10, 10), (10, 10, 5, 5), (-20, -20, 900, 900), (-5, 5, 5, 5)]
    {
        assert_eq!(
            office.refused(&[LAND], first("x", drawn(x, y, w, h))),
            "parcels_overlap",
            "{x} {y} {w} {h}"
        );
    }
    // By one millimetre.
    let near = shaped(&[(-5000, -9000), (0, -9000), (0, 1), (-5000, 0)]);
    assert_eq!(office.refused(&[LAND], first("x", near)), "parcels_overlap");
    // A parcel without a geometry is nowhere, and in nobody's way.
    office.submit(&[LAND], first("x", unit())).unwrap();
}

#[test]
fn what_is_cancelled_or_moved_leaves_the_map() {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, drawn(0, 0, 10, 10))).unwrap();
    assert!(exists(&office, "cell/0/0"));
    office.kind(&[LAND], correct(drawn(300, 0, 10, 10))).unwrap();
    assert!(!exists(&office, "cell/0/0") && exists(&office, "cell/1/0"));
    office.submit(&[LAND], first("2", drawn(0, 0, 10, 10))).unwrap();
    assert_eq!(office.kind_refused(&[LAND], correct(drawn(5, 5, 10, 10))), "parcels_overlap");
    // It is not in its own way.
    office.kind(&[LAND], correct(drawn(305, 0, 10, 10))).unwrap();
    office.kind(&[LAND], cancel()).unwrap();
    assert!(!exists(&office, "cell/1/0"));
    office.submit(&[LAND], first("3", drawn(300, 0, 10, 10))).unwrap();
}

#[test]
fn boundaries_change_when_holders_keeper_and_lenders_agree() {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, drawn(0, 0, 10, 10))).unwrap();
    assert_eq!(office.kind_refused(&[LAND], change(drawn(0, 0, 10, 11))), "joint_application_required");
    assert_eq!(office.kind_refused(&[ANN], change(drawn(0, 0, 10, 11))), "registrar_required");
    assert_eq!(office.kind_refused(&[ANN, LAND], change(unit())), "geometry_invalid", "it keeps one");
    office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap();
    assert_eq!(office.kind_refused(&[ANN, LAND], change(drawn(0, 0, 10, 9))), "joint_application_required");
    let parcel = office.kind(&[ANN, LAND, BANK], change(drawn(0, 0, 10, 9))).unwrap();
    assert_eq!(parcel.last_registration, "change");
    let renamed = wire::Unit { place: "Mill".into(), ..drawn(0, 0, 10, 9) };
    office.kind(&[ANN, LAND], change(renamed)).unwrap();
    office.kind(&[COURT], restrict(wire::RestrictionType::Seizure)).unwrap();
    assert_eq!(office.kind_refused(&ALL, change(drawn(0, 0, 10, 10))), "seized");
}

#[test]
fn a_parcel_has_a_size_that_can_be_compared() {
    let mut office = Office::default();
    // 8 by 8 cells, and one more millimetre.
    let side = 8 * CELL_MM;
    office.submit(&[LAND], first(P, shaped(&[(0, 0), (side, 0), (side, side), (0, side)]))).unwrap();
    let wider = shaped(&[(-9 * side, 0), (1 - 8 * side, 0), (1 - 8 * side, side), (-9 * side, side)]);
    assert_eq!(office.refused(&[LAND], first("2", wider)), "geometry_too_large");
    let far = shaped(&[(-100_000_000_000, 0), (100_000_000_000, 0), (0, 1_000_000)]);
    assert_eq!(office.refused(&[LAND], first("2", far)), "geometry_too_large");
}

/// A strip of parcels, one metre each, in one cell.
fn strip(office: &mut Office, count: usize) {
    for number in 0..count {
        let (x, y) = (number as i64 % 250, number as i64 / 250);
        office.submit(&[LAND], first(&format!("s{number}"), drawn(x, y, 1, 1))).unwrap();
    }
}

#[test]
fn many_neighbours_are_too_many() {
    let mut office = Office::default();
    strip(&mut office, NEIGHBOURS_MAX + 1);
    let above = |width: i64| {
        // Its box lies over the strip; it touches none of it.
        shaped(&[
            (0, 2000),
            (width * 1000, 2000),
            (width * 1000, 0),
            (width * 1000 + 500, 0),
            (width * 1000 + 500, 3000),
            (0, 3000),
        ])
    };
    assert_eq!(office.refused(&[LAND], first(P, above(101))), "too_many_neighbours");
    let clear = drawn(0, 2, 100, 1);
    office.submit(&[LAND], first(P, clear)).unwrap();
}

#[test]
fn a_cell_holds_so_many() {
    let mut office = Office::default();
    strip(&mut office, CELL_PARCELS_MAX);
    assert_eq!(office.refused(&[LAND], first(P, drawn(0, 9, 1, 1))), "cell_full");
    office.submit(&[LAND], first(P, drawn(256, 9, 1, 1))).unwrap();
}

//! Subdivision and merger: the land stays the same, what stood on it goes on, parents end and are not forgotten.

use bytes::Bytes;
use hutong_property::build;
use hutong_wire::v1::property::{self as wire, RestrictionType, Status, action::Kind};

use crate::support::*;

fn child(parcel: &str, unit: wire::Unit) -> wire::Child {
    wire::Child { parcel: parcel.into(), unit: Some(unit), sealed: Vec::new() }
}

fn subdivide(children: Vec<wire::Child>) -> Kind {
    Kind::Subdivide(wire::Subdivide { children })
}

/// P, ten metres by ten, in two halves.
fn halves() -> Kind {
    subdivide(vec![child("a", drawn(0, 0, 4, 10)), child("b", drawn(4, 0, 6, 10))])
}

fn merge(id: &str, parents: &[&str], unit: wire::Unit) -> Bytes {
    let parents = parents.iter().map(|parent| (*parent).to_owned()).collect();
    build::action(id, 0, None, Kind::Merge(wire::Merge { parents, unit: Some(unit), sealed: Vec::new() }))
}

fn office() -> Office {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, drawn(0, 0, 10, 10))).unwrap();
    office
}

const BOTH: [&str; 2] = [LAND, ANN];

fn area(square_metres: u64) -> wire::Unit {
    wire::Unit { area_centi_mm2: square_metres * 100_000_000, ..unit() }
}

#[test]
fn children_carry_what_stood_on_the_parent() {
    let mut office = office();
    office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap();
    office.kind(&[COURT], restrict(RestrictionType::Caveat)).unwrap();
    let object = Kind::Object(wire::Object { party: Some(party(8, COURT)) });
    let before = office.submit(&[COURT], build::action(P, 0, Some([1; 32]), object)).unwrap();
    let parent = office.kind(&BOTH, halves()).unwrap();
    assert_eq!((parent.status(), parent.last_registration.as_str()), (Status::Retired, "subdivision"));
    assert_eq!(parent.children, ["a", "b"]);
    for id in ["a", "b"] {
        let child = office.parcel(id).unwrap();
        assert_eq!(child.parents, [P]);
        assert_eq!((&child.rights, &child.mortgages), (&before.rights, &before.mortgages));
        assert_eq!((&child.restrictions, &child.objections), (&before.restrictions, &before.objections));
        assert_eq!((child.next_id, child.last_registration.as_str()), (before.next_id, "subdivision"));
    }
    assert_eq!(office.kind_refused(&BOTH, cancel()), "parcel_retired");
    assert_eq!(office.refused(&[LAND], first(P, drawn(90, 90, 1, 1))), "parcel_exists", "its id is closed");
    // The children are on the map, the parent is not.
    assert_eq!(office.refused(&[LAND], first("c", drawn(1, 1, 1, 1))), "parcels_overlap");
    let discharge = build::action("a", 0, None, Kind::Discharge(wire::Discharge { mortgage: 2 }));
    assert!(office.submit(&[BANK], discharge).unwrap().mortgages.is_empty());
    assert_eq!(office.parcel("b").unwrap().mortgages.len(), 1);
}

#[test]
fn a_subdivision_is_agreed_and_of_a_parcel_that_is_free() {
    let mut office = office();
    assert_eq!(office.kind_refused(&[LAND], halves()), "joint_application_required");
    assert_eq!(office.kind_refused(&[ANN], halves()), "registrar_required");
    office.kind(&[COURT], restrict(RestrictionType::Seizure)).unwrap();
    assert_eq!(office.kind_refused(&BOTH, halves()), "seized");
}

#[test]
fn parts_are_the_whole() {
    let mut office = office();
    let mut refused = |parts: &[(&str, wire::Unit)]| {
        office
            .kind_refused(&BOTH, subdivide(parts.iter().map(|(id, unit)| child(id, unit.clone())).collect()))
    };
    let (left, right) = (drawn(0, 0, 4, 10), drawn(4, 0, 6, 10));
    assert_eq!(refused(&[("a", drawn(0, 0, 10, 10))]), "lineage_invalid", "one is none");
    assert_eq!(refused(&[("a", left.clone()), ("a", right.clone())]), "lineage_invalid");
    assert_eq!(refused(&[("a", left.clone()), (P, right.clone())]), "parcel_exists");
    assert_eq!(refused(&[("a", left.clone()), ("b c", right.clone())]), "parcel_id_invalid");
    assert_eq!(refused(&[("a", left.clone()), ("b", drawn(4, 0, 5, 10))]), "area_not_conserved");
    assert_eq!(refused(&[("a", left.clone()), ("b", drawn(3, 0, 6, 10))]), "parcels_overlap");
    assert_eq!(
        refused(&[("a", left.clone()), ("b", drawn(5, 0, 6, 10))]),
        "lineage_invalid",
        "beyond the whole"
    );
    assert_eq!(refused(&[("a", left.clone()), ("b", area(60))]), "lineage_invalid", "one is not drawn");
    assert_eq!(refused(&[("a", area(40)), ("b", area(60))]), "lineage_invalid", "none is drawn");
    let seventeen: Vec<_> = (0..17).map(|_| ("x", left.clone())).collect();
    assert_eq!(refused(&seventeen), "lineage_invalid");
    let numbered =
        |unit: &wire::Unit| wire::Unit { number: "110108001002GB00003W00000000".into(), ..unit.clone() };
    assert_eq!(refused(&[("a", numbered(&left)), ("b", numbered(&right))]), "unit_number_taken");
    let none = wire::Child { parcel: "a".into(), ..wire::Child::default() };
    assert_eq!(office.kind_refused(&BOTH, subdivide(vec![none, child("b", right)])), "unit_invalid");
}

#[test]
fn stated_areas_are_enough_where_nothing_is_drawn() {
    let mut office = Office::default();
    office.submit(&[LAND], first(P, area(1000))).unwrap();
    let parts = |a, b| subdivide(vec![child("a", area(a)), child("b", area(b))]);
    assert_eq!(office.kind_refused(&BOTH, parts(500, 489)), "area_not_conserved");
    assert_eq!(office.kind_refused(&BOTH, parts(500, 511)), "area_not_conserved");
    let drawn = subdivide(vec![child("a", drawn(0, 0, 50, 10)), child("b", area(500))]);
    assert_eq!(office.kind_refused(&BOTH, drawn), "lineage_invalid");
    office.kind(&BOTH, parts(500, 490)).unwrap();
}

#[test]
fn a_merger_makes_one_of_many() {
    let mut office = office();
    office.kind(&BOTH, halves()).unwrap();
    let granted = |parcel: &str, rank| build::action(parcel, 0, None, mortgage(rank, 9, BANK));
    office.submit(&[ANN, BANK], granted("a", 1)).unwrap();
    office.submit(&[ANN, BANK], granted("b", 1)).unwrap();
    let whole = || merge("c", &["a", "b"], drawn(0, 0, 10, 10));
    assert_eq!(office.refused(&BOTH, whole()), "rank_taken");
    let second = Kind::ChangeMortgage(wire::ChangeMortgage {
        mortgage: 2,
        rank: 2,
        amount_minor: 1,
        currency: "USD".into(),
    });
    office.submit(&ALL, build::action("b", 0, None, second)).unwrap();
    let one = office.submit(&BOTH, whole()).unwrap();
    assert_eq!((one.id.as_str(), one.status(), one.parents.len()), ("c", Status::Current, 2));
    assert_eq!(one.mortgages.iter().map(|m| (m.id, m.rank)).collect::<Vec<_>>(), [(2, 1), (3, 2)]);
    assert_eq!((one.rights.len(), one.next_id, one.last_registration.as_str()), (1, 4, "merger"));
    for id in ["a", "b"] {
        let parent = office.parcel(id).unwrap();
        assert_eq!((parent.status(), &parent.children[..]), (Status::Retired, &["c".to_owned()][..]));
        assert!(parent.rights.is_empty() && parent.mortgages.is_empty());
    }
    assert_eq!(office.refused(&BOTH, whole()), "parcel_exists");
    assert_eq!(office.refused(&BOTH, merge("d", &["a", "b"], drawn(0, 0, 10, 10))), "parcel_retired");
}

#[test]
fn a_merger_is_of_like_titles() {
    let mut office = office();
    office.kind(&BOTH, halves()).unwrap();
    let whole = drawn(0, 0, 10, 10);
    assert_eq!(office.refused(&[LAND], merge("c", &["a", "b"], whole.clone())), "joint_application_required");
    assert_eq!(office.refused(&[ANN], merge("c", &["a", "b"], whole.clone())), "registrar_required");
    for parents in [&["a"][..], &["b", "a"], &["a", "a"], &["x"; 17]] {
        assert_eq!(
            office.refused(&BOTH, merge("c", parents, whole.clone())),
            "lineage_invalid",
            "{parents:?}"
        );
    }
    assert_eq!(office.refused(&BOTH, merge("c", &["a", "x"], whole.clone())), "parcel_unknown");
    assert_eq!(office.refused(&BOTH, merge("c", &["a", "b"], area(100))), "lineage_invalid");
    assert_eq!(office.refused(&BOTH, merge("c", &["a", "b"], drawn(0, 0, 4, 10))), "lineage_invalid");
    assert_eq!(office.refused(&BOTH, merge("c", &["a", "b"], drawn(0, 0, 10, 11))), "area_not_conserved");
    let half = transfer(&[(1, (1, 2))], vec![owner(2, BEN, (1, 2))]);
    office.submit(&[ANN, BEN], build::action("a", 0, None, half.clone())).unwrap();
    assert_eq!(office.refused(&ALL, merge("c", &["a", "b"], whole.clone())), "owners_differ");
    office.submit(&[ANN, BEN], build::action("b", 0, None, half)).unwrap();
    assert_eq!(
        office.refused(&[LAND, ANN], merge("c", &["a", "b"], whole.clone())),
        "joint_application_required"
    );
    office.submit(&[LAND, ANN, BEN], merge("c", &["a", "b"], whole)).unwrap();
}

#[test]
fn a_merger_takes_no_land_from_neighbours() {
    let mut office = Office::default();
    // Two strips with a gap of five centimetres, which somebody else owns.
    office.submit(&[LAND], first("a", drawn(0, 0, 10, 10))).unwrap();
    let right = shaped(&[(10_050, 0), (20_050, 0), (20_050, 10_000), (10_050, 10_000)]);
    office.submit(&[LAND], first("b", right)).unwrap();
    let whole = shaped(&[(0, 0), (20_050, 0), (20_050, 10_000), (0, 10_000)]);
    let gap = shaped(&[(10_000, 0), (10_050, 0), (10_050, 10_000), (10_000, 10_000)]);
    office.submit(&[LAND], first("gap", gap)).unwrap();
    assert_eq!(office.refused(&BOTH, merge("c", &["a", "b"], whole.clone())), "parcels_overlap");
    office.submit(&[LAND], build::action("gap", 0, None, cancel())).unwrap();
    office.submit(&BOTH, merge("c", &["a", "b"], whole)).unwrap();
}

#[test]
fn sixteen_large_children_fit_what_may_be_read() {
    let mut office = Office::default();
    // 64 cells, as many as a parcel may meet, cut into 16 strips with numbers of their own.
    let (width, height) = (16 * 128_000, 2_048_000);
    let strip = |from: i64, to: i64| shaped(&[(from, 0), (to, 0), (to, height), (from, height)]);
    let mut parent = strip(0, width);
    parent.number = "110108001002GB99999W00000000".into();
    office.submit(&[LAND], first(P, parent)).unwrap();
    let part = |number: i64| {
        let unit = strip(number * 128_000, (number + 1) * 128_000);
        let number = format!("110108001002GB{:05}W00000000", number + 1);
        child(&format!("c{number}"), wire::Unit { number, ..unit })
    };
    let parts: Vec<_> = (0..16).map(part).collect();
    let ids: Vec<String> = parts.iter().map(|part| part.parcel.clone()).collect();
    office.kind(&BOTH, subdivide(parts)).unwrap();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    office.submit(&BOTH, merge("whole", &ids, strip(0, width))).unwrap();
}

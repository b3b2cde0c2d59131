//! First registration, correction and cancellation: what the register's keeper does, and what it may not.

use hutong_property::{build, geometry::Polygon};
use hutong_wire::v1::{
    disclosure::SealedField,
    property::{self as wire, RestrictionType, RightType, Status, action::Kind},
};

use crate::support::*;

fn register(holdings: Vec<wire::Holding>) -> Kind {
    Kind::Register(wire::Register { unit: Some(unit()), holdings, ..wire::Register::default() })
}

#[test]
fn a_first_registration_is_the_record() {
    let mut office = Office::default();
    let parcel = office.submit(&[LAND], build::register(P, unit(), vec![owner(1, ANN, (1, 1))])).unwrap();
    assert_eq!((parcel.id.as_str(), parcel.status()), (P, Status::Current));
    assert_eq!((parcel.unit, parcel.next_id), (Some(unit()), 2));
    assert_eq!(parcel.last_registration, "first");
    let [right] = &parcel.rights[..] else { panic!("one right: {:?}", parcel.rights) };
    assert_eq!((right.id, right.r#type(), right.since_ms), (1, RightType::Ownership, time_ms(1)));
    assert_eq!(right.party, Some(party(1, ANN)));
}

#[test]
fn three_thirds_make_a_whole_and_their_decimals_do_not() {
    let thirds = |of| (1..=3).map(|handle| owner(handle, ANN, of)).collect::<Vec<_>>();
    let mut office = Office::default();
    assert_eq!(office.kind_refused(&[LAND], register(thirds((33_333, 100_000)))), "shares_not_one");
    office.kind(&[LAND], register(thirds((1, 3)))).unwrap();
}

#[test]
fn shares_of_every_type_sum_to_one() {
    let mut office = Office::default();
    let whole = owner(1, ANN, (1, 1));
    let half_way = vec![whole.clone(), holding(RightType::Servitude, 2, BEN, (1, 2))];
    assert_eq!(office.kind_refused(&[LAND], register(half_way)), "shares_not_one");
    let twice = vec![whole.clone(), owner(2, BEN, (1, 2))];
    assert_eq!(office.kind_refused(&[LAND], register(twice)), "shares_not_one");
    let fits = vec![whole, holding(RightType::Servitude, 2, BEN, (1, 1))];
    assert_eq!(office.kind(&[LAND], register(fits)).unwrap().rights.len(), 2);
}

#[test]
fn a_share_that_is_none_is_refused() {
    let mut office = Office::default();
    for of in [(0, 1), (1, 0), (3, 2), (1, 1_000_000_001), (u64::MAX, u64::MAX)] {
        assert_eq!(
            office.kind_refused(&[LAND], register(vec![owner(1, ANN, of)])),
            "share_invalid",
            "{of:?}"
        );
    }
    let missing = wire::Holding { share: None, ..owner(1, ANN, (1, 1)) };
    assert_eq!(office.kind_refused(&[LAND], register(vec![missing])), "share_invalid");
    // Denominators without a common one of reasonable size: exact sums would need more than 128 bits.
    let primes = [999_999_937, 999_999_929, 999_999_893, 999_999_883, 999_999_797, 999_999_761];
    let odd = primes.iter().zip(1..).map(|(prime, handle)| owner(handle, ANN, (1, *prime)));
    assert_eq!(office.kind_refused(&[LAND], register(odd.collect())), "share_invalid");
    // Each is storable and their sum is not.
    let odd = vec![owner(1, ANN, (1, 999_999_937)), owner(1, ANN, (1, 999_999_929))];
    assert_eq!(office.kind_refused(&[LAND], register(odd)), "share_invalid");
}

#[test]
fn one_primary_type_stands() {
    let mut office = Office::default();
    assert_eq!(office.kind_refused(&[LAND], register(Vec::new())), "primary_right_missing");
    let servitude = holding(RightType::Servitude, 1, ANN, (1, 1));
    assert_eq!(office.kind_refused(&[LAND], register(vec![servitude])), "primary_right_missing");
    let both = vec![owner(1, ANN, (1, 1)), holding(RightType::LandUse, 2, ANN, (1, 1))];
    assert_eq!(office.kind_refused(&[LAND], register(both)), "primary_right_twice");
    let land_use = holding(RightType::LandUse, 2, ANN, (1, 1));
    office.kind(&[LAND], register(vec![land_use])).unwrap();
}

#[test]
fn rights_have_a_type_that_is_known() {
    for kind in [0, 4, -1] {
        let holding = wire::Holding { r#type: kind, ..owner(1, ANN, (1, 1)) };
        assert_eq!(Office::default().kind_refused(&[LAND], register(vec![holding])), "right_type_missing");
    }
}

#[test]
fn parties_are_whole() {
    let broken = [
        None,
        Some(wire::Party { handle: vec![1; 15].into(), ..party(1, ANN) }),
        Some(wire::Party { agent: "stranger".into(), ..party(1, ANN) }),
        Some(wire::Party { agent: "No Agency".into(), ..party(1, ANN) }),
    ];
    for party in broken {
        let holding = wire::Holding { party, ..owner(1, ANN, (1, 1)) };
        assert_eq!(Office::default().kind_refused(&[LAND], register(vec![holding])), "party_invalid");
    }
}

#[test]
fn a_handle_is_one_party() {
    let mut office = Office::default();
    let two_agents = vec![owner(1, ANN, (1, 2)), owner(1, BEN, (1, 2))];
    assert_eq!(office.kind_refused(&[LAND], register(two_agents)), "party_invalid");
    let merged = office.kind(&[LAND], register(vec![owner(1, ANN, (1, 2)), owner(1, ANN, (1, 2))])).unwrap();
    assert_eq!(merged.rights.len(), 1);
    assert_eq!(merged.rights[0].share, Some(build::WHOLE));
}

#[test]
fn only_the_keeper_registers_corrects_and_cancels() {
    let mut office = Office::default();
    let first = register(vec![owner(1, ANN, (1, 1))]);
    assert_eq!(office.kind_refused(&[ANN, BEN, BANK, COURT], first.clone()), "registrar_required");
    // Who submits is no matter as long as the keeper signs.
    office.kind(&[ANN, LAND], first).unwrap();
    assert_eq!(office.kind_refused(&[ANN], correct(Some(unit()), &[])), "registrar_required");
    assert_eq!(office.kind_refused(&[COURT], cancel()), "registrar_required");
}

#[test]
fn a_parcel_is_registered_once() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let again = register(vec![owner(2, BEN, (1, 1))]);
    assert_eq!(office.kind_refused(&[LAND], again.clone()), "parcel_exists");
    office.kind(&[LAND], cancel()).unwrap();
    assert_eq!(office.kind_refused(&[LAND], again), "parcel_exists");
}

#[test]
fn ids_have_a_form() {
    let long = "1".repeat(65);
    for id in ["", "a b", "a/b", "..", ".", "ä", "a_b", &long] {
        let action = build::register(id, unit(), vec![owner(1, ANN, (1, 1))]);
        assert_eq!(Office::default().refused(&[LAND], action), "parcel_id_invalid", "{id:?}");
    }
    for id in ["1", "A-1.b", &"1".repeat(64)] {
        Office::default().submit(&[LAND], build::register(id, unit(), vec![owner(1, ANN, (1, 1))])).unwrap();
    }
}

#[test]
fn units_keep_their_bounds() {
    let broken = [
        wire::Unit { place: String::new(), ..unit() },
        wire::Unit { place: "x".repeat(129), ..unit() },
        wire::Unit { r#use: "x".repeat(65), ..unit() },
        wire::Unit { area_centi_mm2: 0, ..unit() },
        wire::Unit { description: "x".repeat(24_577), ..unit() },
        wire::Unit { description: "bell \u{7}".into(), ..unit() },
    ];
    for unit in broken {
        let action = build::register(P, unit, vec![owner(1, ANN, (1, 1))]);
        assert_eq!(Office::default().refused(&[LAND], action), "unit_invalid");
    }
    let holdings = vec![owner(1, ANN, (1, 1))];
    let none = Kind::Register(wire::Register { holdings, ..wire::Register::default() });
    assert_eq!(Office::default().kind_refused(&[LAND], none), "unit_invalid");
}

#[test]
fn a_version_that_passed_is_stale() {
    let mut office = Office::default();
    let first = register(vec![owner(1, ANN, (1, 1))]);
    assert_eq!(office.refused(&[LAND], build::action(P, 1, None, first.clone())), "stale_version");
    office.kind(&[LAND], first).unwrap();
    let caveat = restrict(RestrictionType::Caveat);
    office.submit(&[COURT], build::action(P, 1, None, caveat.clone())).unwrap();
    assert_eq!(office.refused(&[COURT], build::action(P, 1, None, caveat.clone())), "stale_version");
    assert_eq!(office.refused(&[COURT], build::action(P, 3, None, caveat.clone())), "stale_version");
    office.submit(&[COURT], build::action(P, 2, None, caveat)).unwrap();
}

#[test]
fn a_source_is_a_hash() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let caveat = restrict(RestrictionType::Caveat);
    let parcel = office.submit(&[COURT], build::action(P, 0, Some([7; 32]), caveat.clone())).unwrap();
    assert_eq!(parcel.source[..], [7; 32]);
    let short = wire::Action {
        parcel: P.into(),
        expected_version: 0,
        source: vec![7; 31].into(),
        kind: Some(caveat.clone()),
    };
    let bytes = hutong_wire::prost::Message::encode_to_vec(&short);
    assert_eq!(office.refused(&[COURT], bytes.into()), "source_invalid");
    // The source is that of the last registration, not of one before.
    assert!(office.kind(&[COURT], caveat).unwrap().source.is_empty());
}

#[test]
fn what_is_not_registered_has_no_title() {
    for kind in [cancel(), mortgage(1, 9, BANK), restrict(RestrictionType::Caveat)] {
        assert_eq!(Office::default().kind_refused(&ALL, kind), "parcel_unknown");
    }
}

#[test]
fn at_most_64_of_a_kind_stand() {
    let holders = |count: u8| (1..=count).map(|handle| owner(handle, ANN, (1, count.into()))).collect();
    let mut office = Office::default();
    assert_eq!(office.kind_refused(&[LAND], register(holders(65))), "too_many_items");
    office.kind(&[LAND], register(holders(64))).unwrap();
    for rank in 1..=64 {
        office.kind(&[ANN, BANK], mortgage(rank, 99, BANK)).unwrap();
    }
    assert_eq!(office.kind_refused(&[ANN, BANK], mortgage(65, 99, BANK)), "too_many_items");
    for _ in 0..64 {
        office.kind(&[COURT], restrict(RestrictionType::Caveat)).unwrap();
    }
    assert_eq!(office.kind_refused(&[COURT], restrict(RestrictionType::Caveat)), "too_many_items");
}

#[test]
fn the_fullest_parcel_fits_a_record() {
    let agent = "a".repeat(31);
    let mut office = Office::default();
    let unit = wire::Unit {
        place: "p".repeat(128),
        r#use: "u".repeat(64),
        area_centi_mm2: 0,
        description: "d".repeat(24_576),
        number: "110108001002GB00003F00010023".into(),
        geometry: Some(wire::Geometry { rings: vec![wire::Ring { coordinates: widest() }] }),
    };
    let unit = wire::Unit { area_centi_mm2: stated_area(&unit), ..unit };
    let name = |number: usize| format!("{number:02}{}", "n".repeat(62));
    let sealed = (0..32).map(|number| SealedField { name: name(number), commitment: vec![7; 32].into() });
    let holders = (1..=64).map(|handle| owner(handle, &agent, (15_625_000, 1_000_000_000))).collect();
    let register =
        wire::Register { unit: Some(unit), holdings: holders, sealed: sealed.collect(), valid_from_ms: 1 };
    office.submit(&[LAND], build::action(&"1".repeat(64), 0, None, Kind::Register(register))).unwrap();
    let mut submit = |signers: &[&str], kind| {
        office.submit(signers, build::action(&"1".repeat(64), 0, Some([7; 32]), kind)).unwrap();
    };
    for rank in 0..64 {
        let lender = Some(party(99, &"b".repeat(31)));
        let kind = wire::GrantMortgage {
            rank: u32::MAX - rank,
            amount_minor: u64::MAX,
            currency: "USD".into(),
            lender,
            no_transfer: true,
        };
        submit(&[&agent, &"b".repeat(31)], Kind::Mortgage(kind));
    }
    for _ in 0..64 {
        let kind = wire::Restrict { r#type: RestrictionType::Seizure.into(), reference: "r".repeat(64) };
        submit(&[LAND], Kind::Restrict(kind));
    }
    for objector in 100..116 {
        submit(&[&agent], Kind::Object(wire::Object { party: Some(party(objector, &agent)) }));
    }
}

/// 512 points far out, where coordinates take the most bytes.
fn widest() -> Vec<i64> {
    let far = -99_999_000_000;
    let below = (0..256).flat_map(|x| [far + x, far]);
    let above = (0..256).rev().flat_map(|x| [far + x, far + 9000 + x % 2]);
    below.chain(above).collect()
}

fn stated_area(unit: &wire::Unit) -> u64 {
    let polygon = Polygon::parse(unit.geometry.as_ref().unwrap()).unwrap();
    u64::try_from(polygon.area_twice_mm2() * 50).unwrap()
}

//! Every rule of the contract, and what breaks it.

use bytes::Bytes;
use hutong_disclosure::SealedDomain;
use hutong_ledger::{contract::Contract, hash::Hash};
use hutong_parking::{Parking, contract::day_start_ms};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        parking::{Audience, action::Kind},
    },
};

use crate::{
    build,
    city::{BEGAN_MS, BUREAU, City, HOLDER, OTHER, ROADS},
    site, wire,
};

const DAY_MS: u64 = 86_400_000;

/// The code under which a change is refused.
type Broken<T> = (&'static str, fn(&mut T));

fn code_of(change: impl FnOnce(&mut wire::Site)) -> String {
    let mut site = site("1", 480_000_000, 90_000_000);
    change(&mut site);
    City::new().refused(&[BUREAU], build::put_site(site))
}

#[test]
fn a_site_is_well_formed() {
    assert_eq!(code_of(|_| {}), "applied");
    let broken: [Broken<wire::Site>; 21] = [
        ("site_invalid", |s| s.name = " ".into()),
        ("site_invalid", |s| s.name = "n".repeat(257)),
        ("site_invalid", |s| s.name = "a\u{7}".into()),
        ("site_invalid", |s| s.purpose = 0),
        ("site_invalid", |s| s.purpose = 5),
        ("site_invalid", |s| s.r#type = 0),
        ("site_invalid", |s| s.r#type = 6),
        ("site_invalid", |s| s.fee = 3),
        ("site_invalid", |s| s.capacity = 1_000_001),
        ("site_invalid", |s| s.max_height_cm = 10_001),
        ("site_invalid", |s| s.static_data_updated_at_ms = 0),
        ("site_invalid", |s| s.retired_ms = 1),
        ("site_invalid", |s| s.address = "a".repeat(513)),
        ("site_invalid", |s| s.source = "Test".into()),
        ("site_invalid", |s| s.source_uid = "a/b".into()),
        ("site_invalid", |s| s.source_uid = String::new()),
        ("site_invalid", |s| s.source = String::new()),
        ("site_invalid", |s| s.uid = "own".into()),
        ("site_invalid", |s| s.source_uid = "u".repeat(73)),
        ("position_invalid", |s| (s.lat_e7, s.lon_e7) = (0, 0)),
        ("position_invalid", |s| s.lon_e7 = 1_800_000_001),
    ];
    for (at, (code, change)) in broken.into_iter().enumerate() {
        assert_eq!(code_of(change), code, "{at}");
    }
    assert_eq!(code_of(|s| s.lat_e7 = -900_000_001), "position_invalid");
    assert_eq!(code_of(|s| s.lat_e7 = 0), "applied", "the equator is a place");
    let named = |s: &mut wire::Site| {
        (s.source, s.source_uid) = Default::default();
        s.uid = "own-1.a_b".into();
    };
    assert_eq!(code_of(named), "applied");
}

#[test]
fn restrictions_stand_in_one_order() {
    let of = |kinds: &[i32]| {
        let restrictions =
            kinds.iter().map(|kind| wire::Restriction { r#type: *kind, capacity: 1 }).collect();
        code_of(|s| s.restrictions = restrictions)
    };
    assert_eq!(of(&[Audience::Disabled.into(), Audience::Women.into()]), "applied");
    assert_eq!(of(&[2, 1]), "site_invalid");
    assert_eq!(of(&[1, 1]), "site_invalid");
    assert_eq!(of(&[0]), "site_invalid");
    assert_eq!(of(&[11]), "site_invalid");
}

#[test]
fn nothing_older_replaces_what_stands_and_the_same_changes_nothing() {
    let city = City::new();
    let first = site("1", 480_000_000, 90_000_000);
    city.submit(&[BUREAU], build::put_site(first.clone()));
    assert_eq!(city.changed(), ["site/test:1"]);
    city.submit(&[BUREAU], build::put_site(first.clone()));
    assert!(city.changed().is_empty(), "repeating doubles nothing");
    let older =
        wire::Site { static_data_updated_at_ms: first.static_data_updated_at_ms - 1, ..first.clone() };
    assert_eq!(city.refused(&[BUREAU], build::put_site(older)), "stale_update");
    let corrected = wire::Site { capacity: 99, ..first };
    city.submit(&[BUREAU], build::put_site(corrected));
    assert_eq!(city.changed(), ["site/test:1"]);
}

#[test]
fn an_import_is_taken_as_a_whole_or_not_at_all() {
    let city = City::new();
    let sites =
        |count: usize| (0..count).map(|n| site(&n.to_string(), 480_000_000, 90_000_000)).collect::<Vec<_>>();
    assert_eq!(city.refused(&[BUREAU], build::import_sites(Vec::new())), "too_many_items");
    assert_eq!(city.refused(&[BUREAU], build::import_sites(sites(101))), "too_many_items");
    let twice = [sites(1), sites(1)].concat();
    assert_eq!(city.refused(&[BUREAU], build::import_sites(twice)), "site_invalid");
    let mut one_bad = sites(3);
    one_bad[2].name.clear();
    assert_eq!(city.refused(&[BUREAU], build::import_sites(one_bad)), "site_invalid");
    city.submit(&[BUREAU], build::import_sites(sites(100)));
    assert_eq!(city.changed().len(), 100);
    assert_eq!(city.refused(&[OTHER], build::import_sites(sites(1))), "operator_required");
}

#[test]
fn a_retired_site_stays_so() {
    let city = City::new();
    let mut site = site("1", 480_000_000, 90_000_000);
    city.submit(&[BUREAU], build::put_site(site.clone()));
    let retire = |uid: &str| build::retire_site(uid, "torn down");
    assert_eq!(city.refused(&[BUREAU], build::retire_site("test:1", " ")), "reason_missing");
    assert_eq!(city.refused(&[BUREAU], retire("test:2")), "site_unknown");
    assert_eq!(city.refused(&[BUREAU], retire("no name")), "site_invalid");
    assert_eq!(city.refused(&[OTHER], retire("test:1")), "operator_required");
    city.submit(&[BUREAU], retire("test:1"));
    assert_eq!(city.refused(&[BUREAU], retire("test:1")), "site_retired");
    site.static_data_updated_at_ms += 1;
    assert_eq!(city.refused(&[BUREAU], build::put_site(site)), "site_retired");
}

#[test]
fn an_operator_s_agency_changes_its_own_sites_alone() {
    let city = City::new();
    let operator = |id: &str, agency: &str| build::register_operator(id, "Garages Ltd", agency);
    assert_eq!(city.refused(&[ROADS], operator("garages", ROADS)), "owner_required");
    assert_eq!(city.refused(&[BUREAU], operator("Garages", ROADS)), "operator_invalid");
    assert_eq!(city.refused(&[BUREAU], operator("garages", "No Agency")), "operator_invalid");
    assert_eq!(city.refused(&[BUREAU], build::register_operator("garages", "", ROADS)), "operator_invalid");
    city.submit(&[BUREAU], operator("garages", ROADS));
    city.submit(&[BUREAU], operator("garages", ROADS));
    assert!(city.changed().is_empty());
    city.submit(&[BUREAU], operator("others", ""));
    let mut own = site("1", 480_000_000, 90_000_000);
    own.operator = "garages".into();
    city.submit(&[ROADS], build::put_site(own.clone()));
    assert_eq!(city.refused(&[OTHER], build::put_site(own.clone())), "operator_required");
    let free = site("2", 480_000_000, 90_000_000);
    assert_eq!(city.refused(&[ROADS], build::put_site(free.clone())), "operator_required");
    // Nor may it take a site over, or give its own away to be rid of the rules.
    city.submit(&[BUREAU], build::put_site(free.clone()));
    let taken = wire::Site { operator: "garages".into(), ..free };
    assert_eq!(city.refused(&[ROADS], build::put_site(taken)), "operator_required");
    let given = wire::Site { operator: "others".into(), ..own.clone() };
    assert_eq!(city.refused(&[ROADS], build::put_site(given)), "operator_required");
    let nobody = wire::Site { operator: "nobody".into(), ..own.clone() };
    assert_eq!(city.refused(&[BUREAU], build::put_site(nobody)), "operator_unknown");
    assert_eq!(city.refused(&[OTHER], build::retire_site("test:1", "why not")), "operator_required");
    city.submit(&[ROADS], build::retire_site("test:1", "torn down"));
}

fn permit() -> wire::IssuePermit {
    let sealed = |name: &str| SealedField { name: name.into(), commitment: Bytes::from_static(&[5; 32]) };
    wire::IssuePermit {
        id: "p1".into(),
        site: String::new(),
        zone: "east".into(),
        valid_from_ms: BEGAN_MS,
        valid_until_ms: BEGAN_MS + 365 * DAY_MS,
        holder: Bytes::from_static(&HOLDER),
        sealed: vec![sealed("name"), sealed("plate")],
    }
}

#[test]
fn a_permit_is_for_a_registered_person_a_place_and_a_while() {
    let city = City::new();
    let issue = |change: fn(&mut wire::IssuePermit)| {
        let mut permit = permit();
        change(&mut permit);
        build::issue_permit(permit)
    };
    assert_eq!(city.refused(&[BUREAU], issue(|_| {})), "person_unknown");
    city.submit(&[BUREAU], build::register_person(HOLDER));
    city.submit(&[BUREAU], build::put_site(site("1", 480_000_000, 90_000_000)));
    city.submit(&[BUREAU], build::put_site(site("2", 480_000_000, 90_000_000)));
    city.submit(&[BUREAU], build::retire_site("test:2", "torn down"));
    let broken: [Broken<wire::IssuePermit>; 14] = [
        ("permit_invalid", |p| p.id = "P1".into()),
        ("permit_invalid", |p| p.zone = String::new()),
        ("permit_invalid", |p| p.site = "test:1".into()),
        ("permit_invalid", |p| p.zone = "z".repeat(65)),
        ("permit_invalid", |p| p.valid_until_ms = p.valid_from_ms),
        ("permit_invalid", |p| p.valid_until_ms = p.valid_from_ms + 11 * 366 * DAY_MS),
        ("permit_invalid", |p| (p.valid_from_ms, p.valid_until_ms) = (1, 2)),
        ("handle_invalid", |p| p.holder = Bytes::from_static(&[1; 15])),
        ("sealed_field_invalid", |p| p.sealed.reverse()),
        ("sealed_field_invalid", |p| p.sealed[0].commitment = Bytes::from_static(&[1; 31])),
        ("sealed_field_invalid", |p| p.sealed[0].name = "Name".into()),
        ("site_unknown", |p| (p.site, p.zone) = ("test:9".into(), String::new())),
        ("site_retired", |p| (p.site, p.zone) = ("test:2".into(), String::new())),
        ("site_invalid", |p| (p.site, p.zone) = ("a b".into(), String::new())),
    ];
    for (at, (code, change)) in broken.into_iter().enumerate() {
        assert_eq!(city.refused(&[BUREAU], issue(change)), code, "{at}");
    }
    assert_eq!(city.refused(&[OTHER], issue(|_| {})), "owner_required");
    city.submit(&[BUREAU], issue(|p| (p.site, p.zone) = ("test:1".into(), String::new())));
    assert_eq!(city.refused(&[BUREAU], issue(|_| {})), "permit_exists");
    assert_eq!(city.refused(&[OTHER], build::revoke_permit("p1", "moved away")), "owner_required");
    assert_eq!(city.refused(&[BUREAU], build::revoke_permit("p1", "")), "reason_missing");
    assert_eq!(city.refused(&[BUREAU], build::revoke_permit("p2", "moved away")), "permit_unknown");
    city.submit(&[BUREAU], build::revoke_permit("p1", "moved away"));
    assert_eq!(city.refused(&[BUREAU], build::revoke_permit("p1", "moved away")), "permit_revoked");
}

#[test]
fn a_permit_s_holder_is_sealed() {
    let stored = wire::Permit {
        id: "p1".into(),
        holder: Bytes::from_static(&HOLDER),
        sealed: permit().sealed,
        ..wire::Permit::default()
    };
    let sealed = Parking.sealed(&"permit/p1".parse().unwrap(), &stored.encode_to_vec()).unwrap();
    assert_eq!((sealed.record_type, sealed.subjects), ("permit", vec![HOLDER]));
    assert_eq!(sealed.fields, [("name".into(), Hash([5; 32])), ("plate".into(), Hash([5; 32]))]);
    for other in ["site/test:1", "operator/garages", "digest/test:1/2026-11-20"] {
        assert_eq!(Parking.sealed(&other.parse().unwrap(), &stored.encode_to_vec()), None);
    }
}

#[test]
fn a_day_is_anchored_once_when_it_is_over() {
    let city = City::new();
    city.submit(&[BUREAU], build::put_site(site("1", 480_000_000, 90_000_000)));
    let anchor = |day: &str, change: fn(&mut wire::AnchorDay)| {
        let sha256 = Bytes::from_static(&[1; 32]);
        let mut digest = wire::AnchorDay { site: "test:1".into(), day: day.into(), sha256, updates: 2 };
        change(&mut digest);
        build::anchor(digest)
    };
    let yesterday = "2026-11-19";
    assert_eq!(day_start_ms(yesterday).unwrap() + DAY_MS, BEGAN_MS / DAY_MS * DAY_MS);
    assert_eq!(city.refused(&[BUREAU], anchor("2026-11-20", |_| {})), "day_not_over");
    for bad in ["2026-11-31", "20261119", "2026-1-019", "tomorrow  "] {
        assert_eq!(city.refused(&[BUREAU], anchor(bad, |_| {})), "digest_invalid", "{bad}");
    }
    assert_eq!(city.refused(&[BUREAU], anchor(yesterday, |d| d.updates = 0)), "digest_invalid");
    assert_eq!(city.refused(&[BUREAU], anchor(yesterday, |d| d.sha256 = Bytes::new())), "digest_invalid");
    assert_eq!(city.refused(&[BUREAU], anchor(yesterday, |d| d.site = "test:2".into())), "site_unknown");
    assert_eq!(city.refused(&[OTHER], anchor(yesterday, |_| {})), "owner_required");
    city.submit(&[BUREAU], anchor(yesterday, |_| {}));
    assert_eq!(city.changed(), ["digest/test:1/2026-11-19"]);
    assert_eq!(city.refused(&[BUREAU], anchor(yesterday, |d| d.updates = 3)), "day_anchored");
}

#[test]
fn actions_have_one_form() {
    let good = build::put_site(site("1", 480_000_000, 90_000_000));
    assert!(Parking.decode(&good).is_ok());
    let empty = wire::Action { kind: None }.encode_to_vec();
    let disclosure = wire::Action { kind: Some(Kind::Disclosure(Default::default())) }.encode_to_vec();
    let hiding = [&good[..], b"\xa2\x06\x06secret"].concat();
    for bad in [&empty[..], &disclosure, &hiding, b"\xff"] {
        let refusal = Parking.decode(bad).err().unwrap();
        assert_eq!(refusal.code, "malformed_action");
    }
}

proptest::proptest! {
    /// Whatever a site says, the rules take it or refuse it, and what they take is found under its name.
    #[test]
    fn any_site_is_taken_or_refused(
        uid in ".{0,80}",
        source in "[a-zA-Z0-9:_-]{0,30}",
        source_uid in "[ -~]{0,80}",
        numbers in proptest::array::uniform6(proptest::prelude::any::<i32>()),
        place in proptest::prelude::any::<(i64, i64)>(),
    ) {
        let site = wire::Site {
            uid,
            source,
            source_uid,
            purpose: numbers[0],
            r#type: numbers[1],
            fee: numbers[2],
            lat_e7: place.0,
            lon_e7: place.1,
            restrictions: vec![wire::Restriction { r#type: numbers[3], capacity: 1 }],
            ..site("x", 1, 1)
        };
        let code = City::new().refused(&[BUREAU], build::put_site(site));
        proptest::prop_assert!(["applied", "site_invalid", "position_invalid"].contains(&code.as_str()), "{}", code);
    }
}

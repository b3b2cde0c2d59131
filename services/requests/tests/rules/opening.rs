//! New requests: what they must have, who gets them, and until when.

use hutong_wire::v1::requests::{self as wire, DeadlineClass, Status, action::Kind};

use crate::support::*;

#[test]
fn a_request_goes_to_its_agency_at_once() {
    let office = Office::with_leak("r1");
    let request = office.request("r1");
    assert_eq!(request.status(), Status::Dispatched);
    assert_eq!(request.agencies, [WATER]);
    assert_eq!(request.place.as_ref().unwrap().district, "north");
    assert_eq!(
        (request.requested_ms, request.updated_ms, request.dispatched_ms),
        (BEGAN_MS, BEGAN_MS, BEGAN_MS)
    );
    assert_eq!(request.expected_ms, BEGAN_MS + 24 * HOUR_MS);
}

#[test]
fn each_class_has_its_deadline() {
    use DeadlineClass as C;
    for (class, hours) in [(C::Emergency, 2), (C::Utilities, 24), (C::General, 7 * 24), (C::Complex, 15 * 24)]
    {
        let mut office = Office::equipped();
        office.done(LINE, Kind::DefineService(wire::Service { deadline: class.into(), ..leak() }));
        office.done(LINE, Kind::Open(open("r1")));
        assert_eq!(office.request("r1").expected_ms, BEGAN_MS + hours * HOUR_MS, "{class:?}");
    }
}

#[test]
fn rules_lead_from_here_to_anywhere_to_the_district() {
    let mut office = Office::equipped();
    let rule = |district: &str, agency: &str| wire::DispatchRule {
        district: district.into(),
        agency: agency.into(),
    };
    // A rule for the district comes before the one for anywhere, wherever it stands.
    let rules = vec![rule("", WATER), rule("north", ROADS)];
    office.done(LINE, Kind::DefineService(wire::Service { rules, ..leak() }));
    office.done(LINE, Kind::Open(open("r1")));
    assert_eq!(office.request("r1").agencies, [ROADS]);
    // Without a rule the district's office catches.
    office.done(LINE, Kind::Open(open_hole("r2", "north")));
    assert_eq!(
        (office.request("r2").status(), &office.request("r2").agencies[..]),
        (Status::Dispatched, &[NORTH.to_owned()][..])
    );
    // Nobody knows whose it is: it stays open.
    office.done(LINE, Kind::Open(open_hole("r3", "")));
    let request = office.request("r3");
    assert_eq!((request.status(), request.agencies.len(), request.dispatched_ms), (Status::Open, 0, 0));
    // A point in no district is a place all the same.
    let outside = wire::Place { point: Some(point(50, 50)), ..wire::Place::default() };
    office.done(LINE, Kind::Open(wire::Open { place: Some(outside), ..open("r4") }));
    assert_eq!(office.request("r4").place.unwrap().district, "");
}

fn refused(change: impl FnOnce(&mut wire::Open)) -> String {
    let mut open = open("r1");
    change(&mut open);
    Office::equipped().kind_refused(LINE, Kind::Open(open))
}

#[test]
fn the_owner_opens_once() {
    let mut office = Office::with_leak("r1");
    assert_eq!(office.kind_refused(LINE, Kind::Open(open("r1"))), "request_exists");
    assert_eq!(office.kind_refused(WATER, Kind::Open(open("r2"))), "owner_required");
}

#[test]
fn a_request_names_a_service_that_is_offered() {
    assert_eq!(refused(|o| o.service_code = "none".into()), "service_unknown");
    assert_eq!(refused(|o| o.service_code = "a/b".into()), "service_code_invalid");
    assert_eq!(refused(|o| o.request = "a/b".into()), "request_id_invalid");
    let mut office = Office::equipped();
    office.done(LINE, Kind::DefineService(wire::Service { retired: true, ..leak() }));
    assert_eq!(office.kind_refused(LINE, Kind::Open(open("r1"))), "service_retired");
}

#[test]
fn texts_have_their_bounds() {
    let mut office = Office::equipped();
    let longest = "坑".repeat(4000);
    office.done(LINE, Kind::Open(wire::Open { description: longest.clone(), ..open("r1") }));
    assert_eq!(office.request("r1").description, longest);
    assert_eq!(refused(|o| o.description = "坑".repeat(4001)), "request_invalid");
    assert_eq!(refused(|o| o.description = "bell \u{7}".into()), "request_invalid");
    for url in ["ftp://x", "https://", "javascript:x", "https://a b", "https://é"] {
        assert_eq!(refused(|o| o.media_url = url.into()), "request_invalid", "{url}");
    }
    assert_eq!(refused(|o| o.media_url = format!("https://{}", "a".repeat(2048))), "request_invalid");
}

#[test]
fn a_request_has_a_place() {
    let place = |change: fn(&mut wire::Place)| {
        refused(|o| {
            let mut place = wire::Place::default();
            change(&mut place);
            o.place = Some(place);
        })
    };
    assert_eq!(refused(|o| o.place = None), "location_missing");
    assert_eq!(place(|p| p.address = " ".into()), "location_missing");
    assert_eq!(place(|p| p.zipcode = "10001".into()), "location_missing");
    for (lat_e7, long_e7) in [(900_000_001, 0), (-900_000_001, 0), (0, 1_800_000_001), (0, i32::MIN)] {
        let point = Some(wire::Point { lat_e7, long_e7 });
        assert_eq!(
            refused(|o| o.place = Some(wire::Place { point, ..wire::Place::default() })),
            "location_invalid"
        );
    }
    assert_eq!(place(|p| p.address = "a".repeat(513)), "location_invalid");
    assert_eq!(place(|p| p.address = "a\nb".into()), "location_invalid");
    assert_eq!(place(|p| (p.address, p.district) = ("a".into(), "east".into())), "location_invalid");
    assert_eq!(place(|p| (p.address, p.district) = ("a".into(), "North".into())), "location_invalid");
}

#[test]
fn answers_fit_what_is_asked() {
    let answer = |code: &str, values: &[&str]| wire::AttributeAnswer {
        code: code.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let mut office = Office::equipped();
    let good = vec![
        answer("amount", &["-12.5"]),
        answer("kind", &["hydrant"]),
        answer("seen", &["2026-01-31T08:00:00+08:00"]),
        answer("signs", &["loud", "wet"]),
    ];
    office.done(LINE, Kind::Open(wire::Open { attributes: good.clone(), ..open("r1") }));
    assert_eq!(office.request("r1").attributes, good);

    let with = |answers: Vec<wire::AttributeAnswer>| refused(|o| o.attributes = answers);
    assert_eq!(with(vec![answer("colour", &["red"])]), "attribute_unknown");
    let bad: [(&str, &[&str]); 12] = [
        ("amount", &["much"]),
        ("amount", &["1", "2"]),
        ("amount", &[]),
        ("amount", &[""]),
        ("kind", &["Name of pipe"]),
        ("kind", &["pipe", "hydrant"]),
        ("seen", &["yesterday"]),
        ("seen", &["2026-01-31T08:00:00"]),
        ("signs", &["wet", "wet"]),
        ("signs", &["dry"]),
        ("signs", &[]),
        ("kind", &["pipe\n"]),
    ];
    for (code, values) in bad {
        assert_eq!(with(vec![answer(code, values)]), "attribute_invalid", "{code} {values:?}");
    }
    assert_eq!(
        with(vec![answer("kind", &["pipe"]), answer("amount", &["1"])]),
        "attribute_invalid",
        "not ascending"
    );
    assert_eq!(
        with(vec![answer("kind", &["pipe"]), answer("kind", &["pipe"])]),
        "attribute_invalid",
        "twice"
    );

    let mut required = leak();
    required.attributes[1].required = true;
    office.done(LINE, Kind::DefineService(required));
    assert_eq!(office.kind_refused(LINE, Kind::Open(open("r2"))), "attribute_missing");
    // What is only shown cannot be answered.
    let mut shown = leak();
    shown.attributes[1].variable = false;
    office.done(LINE, Kind::DefineService(shown));
    let answered = wire::Open { attributes: vec![answer("kind", &["pipe"])], ..open("r2") };
    assert_eq!(office.kind_refused(LINE, Kind::Open(answered)), "attribute_unknown");
}

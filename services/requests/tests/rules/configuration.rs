//! Services, districts, weights: only the owner sets them, and only well-formed ones.

use hutong_wire::v1::requests::{self as wire, Datatype, action::Kind};

use crate::support::*;

#[test]
fn the_owner_alone_configures() {
    let mut office = Office::new();
    let weights = wire::Weights { response: 1, resolution: 4, satisfaction: 5 };
    for kind in [Kind::DefineService(leak()), Kind::SetAreas(areas()), Kind::SetWeights(weights)] {
        assert_eq!(office.kind_refused(WATER, kind.clone()), "owner_required");
        office.done(LINE, kind);
    }
    assert_eq!(office.get::<wire::Service>("service/leak"), Some(leak()));
    assert_eq!(office.get::<wire::Areas>("config/areas"), Some(areas()));
    assert_eq!(office.get::<wire::Weights>("config/weights"), Some(weights));
    // Again: it is replaced.
    office.done(LINE, Kind::DefineService(wire::Service { retired: true, ..leak() }));
    assert!(office.get::<wire::Service>("service/leak").unwrap().retired);
}

fn service_refused(change: impl FnOnce(&mut wire::Service)) -> String {
    let mut service = leak();
    change(&mut service);
    Office::new().kind_refused(LINE, Kind::DefineService(service))
}

#[test]
fn a_service_is_well_formed() {
    assert_eq!(service_refused(|s| s.code = "a.json".into()), "service_code_invalid");
    assert_eq!(service_refused(|s| s.code = String::new()), "service_code_invalid");
    let invalid = |change: fn(&mut wire::Service)| assert_eq!(service_refused(change), "service_invalid");
    invalid(|s| s.name = " ".into());
    invalid(|s| s.name = "a\nb".into());
    invalid(|s| s.name = "n".repeat(129));
    invalid(|s| s.description = "d".repeat(4001));
    invalid(|s| s.notice = "\u{0}".into());
    invalid(|s| s.keywords = vec!["a,b".into()]);
    invalid(|s| s.keywords = vec!["a".into(); 33]);
    invalid(|s| s.r#type = 0);
    invalid(|s| s.r#type = 4);
    invalid(|s| s.deadline = 0);
    invalid(|s| s.deadline = 5);
    invalid(|s| s.attributes.push(attribute("amount", Datatype::String, false, &[])));
    invalid(|s| s.attributes[0].code = "a b".into());
    invalid(|s| s.attributes[0].datatype = 0);
    invalid(|s| s.attributes[0].values = leak().attributes[1].values.clone());
    invalid(|s| s.attributes[1].values.clear());
    invalid(|s| s.attributes[1].values[1].key = "pipe".into());
    invalid(|s| s.attributes[1].values[1].name = String::new());
    invalid(|s| (s.attributes[0].required, s.attributes[0].variable) = (true, false));
    invalid(|s| s.rules.push(s.rules[0].clone()));
    invalid(|s| s.rules[0].district = "North".into());
    invalid(|s| {
        s.attributes = (0..64)
            .map(|n| {
                let text = "x".repeat(1100);
                wire::Attribute {
                    description: text,
                    ..attribute(&format!("a{n}"), Datatype::Text, false, &[])
                }
            })
            .collect()
    });
    assert_eq!(service_refused(|s| s.rules[0].agency = String::new()), "agency_invalid");
    assert_eq!(service_refused(|s| s.rules[0].agency = "a".repeat(65)), "agency_invalid");
}

#[test]
fn districts_are_well_formed() {
    let refused = |change: fn(&mut wire::Areas)| {
        let mut areas = areas();
        change(&mut areas);
        Office::new().kind_refused(LINE, Kind::SetAreas(areas))
    };
    let invalid = |change: fn(&mut wire::Areas)| assert_eq!(refused(change), "areas_invalid");
    invalid(|a| a.areas.reverse());
    invalid(|a| a.areas[1].code = "north".into());
    invalid(|a| a.areas[0].code = "No".into());
    invalid(|a| a.areas[0].name = String::new());
    invalid(|a| a.areas[0].boundary.truncate(2));
    invalid(|a| a.areas[0].boundary = vec![point(0, 0); 1001]);
    invalid(|a| a.areas[0].boundary[0].lat_e7 = 900_000_001);
    invalid(|a| {
        let area = a.areas[0].clone();
        let far = wire::Point { lat_e7: 899_999_999, long_e7: -1_799_999_999 };
        let many =
            (0..10).map(|n| wire::Area { code: format!("n{n}"), boundary: vec![far; 1000], ..area.clone() });
        a.areas = many.collect();
    });
    assert_eq!(refused(|a| a.areas[0].agency = " ".into()), "agency_invalid");
}

#[test]
fn weights_are_some() {
    let refused = |response, resolution, satisfaction| {
        let weights = wire::Weights { response, resolution, satisfaction };
        Office::new().kind_refused(LINE, Kind::SetWeights(weights))
    };
    assert_eq!(refused(0, 0, 0), "weights_invalid");
    assert_eq!(refused(1, 1, 1_000_001), "weights_invalid");
}

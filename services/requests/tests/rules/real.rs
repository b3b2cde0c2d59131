//! The 500 real requests, where they are at hand, and files that are not quite such.

use std::{collections::BTreeSet, path::Path};

use hutong_requests::import::{self, Row};
use hutong_wire::v1::requests::{self as wire, Status, action::Kind};

use crate::support::*;

const HEADER: &str = "unique_key,created_date,closed_date,agency,complaint_type,status,latitude,longitude\n";

/// New York's data; none where it is not at hand.
pub(crate) fn file() -> Option<Vec<u8>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/requests/nyc311-2024-04-15-a.csv");
    let file = std::fs::read(path).ok();
    if file.is_none() {
        println!("skipped: the real requests are not at hand");
    }
    file
}

#[test]
fn all_real_requests_load_and_loading_again_doubles_nothing() {
    let Some(file) = file() else { return };
    let (rows, errors) = import::read(&file).unwrap();
    assert_eq!((rows.len(), errors), (500, Vec::new()));
    let closed = rows.iter().filter(|row| row.import.status() == Status::Closed).count();
    assert_eq!(closed, 181);
    let of = |name: &str| rows.iter().filter(|row| row.import.service_name == name).count();
    assert_eq!((of("Noise - Residential"), of("HEAT/HOT WATER"), of("Street Condition")), (110, 32, 24));
    let nonces: BTreeSet<_> = rows.iter().map(|row| row.nonce).collect();
    assert_eq!(nonces.len(), 500);

    let mut office = Office::new();
    office.now_ms = 1_800_000_000_000;
    let prepared = import::actions(&file).unwrap();
    for (_, action) in &prepared.actions {
        office.apply(LINE, action.clone());
    }
    let request = office.request("60879417");
    assert_eq!((request.description.as_str(), &request.agencies[..]), ("Pothole", &["DOT".to_owned()][..]));
    let place = request.place.unwrap();
    assert_eq!(
        (place.address.as_str(), place.zipcode.as_str(), place.district.as_str()),
        ("133 AVENUE & 231 STREET", "11413", "queens")
    );
    assert_eq!(place.point, Some(wire::Point { lat_e7: 406_767_928, long_e7: -737_379_342 }));
    assert_eq!(request.requested_ms, 1_713_236_595_000);
    let service: wire::Service = office.get(&format!("service/{}", request.service_code)).unwrap();
    assert_eq!(service.name, "Street Condition");
    // The same actions again, and the same file read again.
    for (_, action) in &prepared.actions {
        assert_eq!(office.refused(LINE, action.clone()), "request_exists");
    }
    let again = import::actions(&file).unwrap();
    assert_eq!(again.actions, prepared.actions);
}

fn one(row: &str) -> Result<Row, import::RowError> {
    let (mut rows, mut errors) = import::read(format!("{HEADER}{row}\n").as_bytes()).unwrap();
    assert_eq!(rows.len() + errors.len(), 1, "{row}");
    rows.pop().ok_or_else(|| errors.remove(0))
}

#[test]
fn broken_rows_are_told_one_by_one() {
    let good = "7,2024-04-16T03:03:15.000,,DOT,Noise,Open,40.5,-73.7";
    assert_eq!(one(good).unwrap().import.status(), Status::Dispatched);
    for (row, field) in [
        (",2024-04-16T03:03:15,,DOT,Noise,Open,,", "unique_key"),
        ("a b,2024-04-16T03:03:15,,DOT,Noise,Open,,", "unique_key"),
        ("7,,,DOT,Noise,Open,,", "created_date"),
        ("7,16/04/2024,,DOT,Noise,Open,,", "created_date"),
        ("7,2024-04-16T03:03:15,,DOT,,Open,,", "complaint_type"),
        ("7,2024-04-16T03:03:15,,DOT,Noise,Closed,,", "closed_date"),
        ("7,2024-04-16T03:03:15,2024-04-16T03:03:14,DOT,Noise,Closed,,", "closed_date"),
        ("7,2024-04-16T03:03:15,,DOT,Noise,Open,91,0", "latitude"),
        ("7,2024-04-16T03:03:15,,DOT,Noise,Open,x,0", "latitude"),
        ("7,2024-04-16T03:03:15,,DOT,Noise,Open,40,", "latitude"),
        ("7,2024-04-16T03:03:15,,DOT,Noise\u{1},Open,,", "complaint_type"),
        ("7,2024-04-16T03:03:15,,DOT,Noise,Open,", "row"),
        ("7,2024-04-16T03:03:15,,DOT,\"Noise,Open,,", "row"),
    ] {
        let error = one(row).unwrap_err();
        assert_eq!((error.line, error.field.as_str()), (2, field), "{row}");
    }
    let file = [HEADER.as_bytes(), b"7,2024-04-16T03:03:15,,DOT,\xff,Open,,\n", good.as_bytes()].concat();
    let (rows, errors) = import::read(&file).unwrap();
    assert_eq!((rows.len(), errors[0].reason.as_str()), (1, "not UTF-8"));
}

#[test]
fn another_file_is_told_from_this_one() {
    for file in ["", "a,b\n1,2\n", "unique_key,created_date,status\n"] {
        assert!(import::read(file.as_bytes()).is_err(), "{file}");
    }
    let marked = format!("\u{feff}{HEADER}");
    assert_eq!(import::read(marked.as_bytes()).unwrap().0.len(), 0);
}

#[test]
fn codes_of_services_are_stable_and_apart() {
    assert_eq!(import::service_code("HEAT/HOT WATER"), import::service_code("HEAT/HOT WATER"));
    let codes = ["PLUMBING", "Plumbing", "plumbing", "水管", "", "Noise - Park", "Noise Park"];
    let codes: BTreeSet<_> = codes.iter().map(|name| import::service_code(name)).collect();
    assert_eq!(codes.len(), 7, "{codes:?}");
    assert!(codes.iter().all(|code| hutong_requests::contract::is_service_code(code)), "{codes:?}");
    assert!(import::service_code("HEAT/HOT WATER").starts_with("heat-hot-water-"));
}

#[test]
fn a_closed_request_with_an_agency_is_closed() {
    let row = one("7,2024-04-16T03:03:15Z,2024-04-16T12:03:15+08:00,NYPD,Noise,CLOSED,,").unwrap();
    assert_eq!(row.import.status(), Status::Closed);
    assert_eq!(row.import.closed_ms - row.import.requested_ms, HOUR_MS);
    let mut office = Office::new();
    office.now_ms = 1_800_000_000_000;
    office.done(LINE, Kind::Import(row.import));
}

//! Past requests: taken as they are said, if they can be past.

use hutong_requests::build;
use hutong_wire::v1::requests::{self as wire, Status, action::Kind};

use crate::support::*;

#[test]
fn a_past_request_brings_its_service() {
    let mut office = Office::new();
    office.done(LINE, Kind::Import(import("1")));
    let request = office.request("1");
    assert_eq!((request.status(), request.closed_ms), (Status::Closed, BEGAN_MS - 2 * HOUR_MS));
    assert_eq!(request.dispatched_ms, 0, "this ledger did not dispatch it");
    assert_eq!(office.get::<wire::Service>("service/noise").unwrap().name, "Noise");
    // A service that is configured stays as it is.
    let noise = wire::Service { code: "noise".into(), name: "Loud".into(), ..leak() };
    office.done(LINE, Kind::DefineService(noise.clone()));
    office.done(LINE, Kind::Import(import("2")));
    assert_eq!(office.get::<wire::Service>("service/noise"), Some(noise));
}

#[test]
fn it_comes_once_and_from_the_owner() {
    let mut office = Office::new();
    assert_eq!(office.kind_refused(WATER, Kind::Import(import("1"))), "owner_required");
    office.done(LINE, Kind::Import(import("1")));
    assert_eq!(office.kind_refused(LINE, Kind::Import(import("1"))), "request_exists");
}

#[test]
fn times_are_past_and_in_order() {
    let refused = |change: fn(&mut wire::Import)| {
        let mut import = import("1");
        change(&mut import);
        assert_eq!(Office::new().kind_refused(LINE, Kind::Import(import)), "times_invalid");
    };
    refused(|i| i.requested_ms = 0);
    refused(|i| i.requested_ms = i.updated_ms + 1);
    refused(|i| i.updated_ms = BEGAN_MS + 1);
    refused(|i| i.closed_ms = 0);
    refused(|i| i.closed_ms = i.updated_ms + 1);
    refused(|i| i.closed_ms = i.requested_ms - 1);
    refused(|i| i.status = Status::Dispatched.into());
    refused(|i| i.expected_ms = i.requested_ms - 1);
    refused(|i| i.expected_ms = u64::MAX);
}

#[test]
fn its_parts_are_well_formed() {
    let refused = |change: fn(&mut wire::Import), code: &str| {
        let mut import = import("1");
        change(&mut import);
        assert_eq!(Office::new().kind_refused(LINE, Kind::Import(import)), code);
    };
    refused(|i| i.request = "a b".into(), "request_id_invalid");
    refused(|i| i.service_code = String::new(), "service_code_invalid");
    refused(|i| i.service_name = String::new(), "service_invalid");
    refused(|i| i.status = 0, "request_invalid");
    refused(|i| i.status = 9, "request_invalid");
    refused(|i| i.description = "d".repeat(4001), "request_invalid");
    refused(|i| i.status_notes = "\u{1}".into(), "request_invalid");
    refused(|i| i.agencies = vec!["a".into(), "a".into()], "agency_invalid");
    refused(
        |i| i.place = Some(wire::Place { address: "a\nb".into(), ..wire::Place::default() }),
        "location_invalid",
    );
    refused(
        |i| (i.status, i.agencies, i.closed_ms) = (Status::Dispatched.into(), Vec::new(), 0),
        "request_invalid",
    );
}

#[test]
fn it_goes_on_from_where_it_was() {
    let mut office = Office::new();
    let open = wire::Import {
        status: Status::Open.into(),
        agencies: Vec::new(),
        closed_ms: 0,
        expected_ms: BEGAN_MS - HOUR_MS,
        ..import("1")
    };
    office.done(LINE, Kind::Import(open));
    office.apply(LINE, build::breach("1"));
    office.apply(LINE, build::dispatch("1", &[ROADS], ""));
    assert_eq!(office.request("1").dispatched_ms, BEGAN_MS);
    office.apply(ROADS, build::answer("1", "n", true));
}

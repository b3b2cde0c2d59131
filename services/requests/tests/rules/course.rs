//! The course of a request: who may do what when, and what each step leaves.

use hutong_requests::build;
use hutong_wire::v1::requests::{self as wire, Status, action::Kind};

use crate::support::*;

const R: &str = "r1";

#[test]
fn from_open_to_closed() {
    let mut office = Office::equipped();
    office.done(LINE, Kind::Open(open_hole(R, "")));
    office.later(HOUR_MS);
    office.apply(LINE, build::dispatch(R, &[ROADS, WATER], ""));
    let request = office.request(R);
    assert_eq!(
        (request.status(), &request.agencies[..]),
        (Status::Dispatched, &[ROADS.to_owned(), WATER.to_owned()][..])
    );
    assert_eq!(request.dispatched_ms, BEGAN_MS + HOUR_MS);
    office.later(HOUR_MS);
    office.apply(ROADS, build::answer(R, "Filled.", true));
    let request = office.request(R);
    assert_eq!(
        (request.status(), request.answered_ms, request.contacted),
        (Status::Answered, office.now_ms, true)
    );
    assert_eq!(request.status_notes, "Filled.");
    office.later(HOUR_MS);
    office.apply(LINE, build::called(R, true, true, false));
    let call = office.request(R).call_back.unwrap();
    assert_eq!((call.valid, call.resolved, call.satisfied, call.time_ms), (true, true, false, office.now_ms));
    office.apply(ROADS, build::close(R, ""));
    let request = office.request(R);
    assert_eq!(
        (request.status(), request.closed_ms, request.status_notes.as_str()),
        (Status::Closed, office.now_ms, "Filled.")
    );
    assert_eq!(request.breached_ms, 0);
}

#[test]
fn what_is_not_there_has_no_course() {
    let mut office = Office::equipped();
    for action in [
        build::dispatch(R, &[], ""),
        build::answer(R, "n", true),
        build::called(R, true, true, true),
        build::close(R, "n"),
        build::mark_duplicate(R, "r2"),
        build::breach(R),
    ] {
        assert_eq!(office.refused(LINE, action), "request_unknown");
    }
    assert_eq!(office.refused(LINE, build::answer("a/b", "n", true)), "request_id_invalid");
}

#[test]
fn the_first_receiver_leads() {
    let mut office = Office::equipped();
    office.done(LINE, Kind::Open(open_hole(R, "north")));
    office.apply(LINE, build::dispatch(R, &[ROADS, WATER], "Both must dig."));
    for action in [build::answer(R, "n", true), build::close(R, "n"), build::dispatch(R, &[], "n")] {
        assert_eq!(office.refused(WATER, action), "not_the_lead");
    }
    office.apply(ROADS, build::answer(R, "n", false));
    assert_eq!(office.refused(WATER, build::close(R, "")), "not_the_lead");
}

#[test]
fn only_the_line_names_agencies() {
    let mut office = Office::with_leak(R);
    assert_eq!(office.refused(WATER, build::dispatch(R, &[ROADS], "n")), "not_the_lead");
    assert_eq!(office.refused(ROADS, build::dispatch(R, &[], "n")), "not_the_lead");
    let twice = build::dispatch(R, &[ROADS, ROADS], "n");
    assert_eq!(office.refused(LINE, twice), "agency_invalid");
    assert_eq!(office.refused(LINE, build::dispatch(R, &[""], "n")), "agency_invalid");
    let many: Vec<String> = (0..17).map(|n| format!("a{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(office.refused(LINE, build::dispatch(R, &many, "n")), "agency_invalid");
}

#[test]
fn the_district_catches_what_is_handed_back() {
    let mut office = Office::with_leak(R);
    assert_eq!(office.refused(WATER, build::dispatch(R, &[], "")), "reason_missing");
    office.apply(WATER, build::dispatch(R, &[], "Not our pipe."));
    let request = office.request(R);
    assert_eq!(
        (&request.agencies[..], request.status_notes.as_str()),
        (&[NORTH.to_owned()][..], "Not our pipe.")
    );
    assert_eq!(office.refused(NORTH, build::dispatch(R, &[], "Nor ours.")), "district_catches");
    // Where there is no district, nobody catches.
    office.done(LINE, Kind::Open(open_hole("r2", "")));
    assert_eq!(office.refused(LINE, build::dispatch("r2", &[], "")), "no_agency");
    office.apply(LINE, build::dispatch("r2", &[ROADS], ""));
    assert_eq!(office.refused(ROADS, build::dispatch("r2", &[], "n")), "no_agency");
}

#[test]
fn the_line_may_leave_it_to_the_rules() {
    let mut office = Office::with_leak(R);
    office.apply(LINE, build::dispatch(R, &[ROADS], "A hole, really."));
    office.apply(LINE, build::dispatch(R, &[], "No, a leak."));
    assert_eq!(office.request(R).agencies, [WATER]);
}

#[test]
fn dispatching_again_keeps_the_deadline_and_drops_the_answer() {
    let mut office = Office::with_leak(R);
    let before = office.request(R);
    office.later(HOUR_MS);
    office.apply(WATER, build::answer(R, "Dry.", true));
    office.apply(LINE, build::called(R, true, false, false));
    assert_eq!(office.refused(LINE, build::dispatch(R, &[WATER], " ")), "reason_missing");
    office.apply(LINE, build::dispatch(R, &[WATER], "It is not dry."));
    let request = office.request(R);
    assert_eq!((request.expected_ms, request.dispatched_ms), (before.expected_ms, before.dispatched_ms));
    assert_eq!((request.answered_ms, request.contacted, request.call_back), (0, false, None));
    assert_eq!(request.status(), Status::Dispatched);
}

#[test]
fn an_answer_comes_once_from_where_it_is() {
    let mut office = Office::equipped();
    office.done(LINE, Kind::Open(open_hole(R, "")));
    assert_eq!(office.refused(LINE, build::answer(R, "n", true)), "not_dispatched");
    office.apply(LINE, build::dispatch(R, &[ROADS], ""));
    assert_eq!(office.refused(ROADS, build::answer(R, "", true)), "reason_missing");
    assert_eq!(office.refused(ROADS, build::answer(R, &"n".repeat(4001), true)), "request_invalid");
    // The line may answer in the lead's place: not every agency is a member.
    office.apply(LINE, build::answer(R, "n", true));
    assert_eq!(office.refused(ROADS, build::answer(R, "n", true)), "not_dispatched");
}

#[test]
fn a_call_back_is_the_lines_and_is_made_once() {
    let mut office = Office::with_leak(R);
    let called = || build::called(R, true, true, true);
    assert_eq!(office.refused(LINE, called()), "not_answered");
    office.apply(WATER, build::answer(R, "n", true));
    assert_eq!(office.refused(WATER, called()), "owner_required");
    let silent = |contacted, resolved, satisfied| {
        Kind::Called(wire::Called { request: R.into(), valid: false, contacted, resolved, satisfied })
    };
    for (contacted, resolved, satisfied) in [(true, false, false), (false, true, false), (false, false, true)]
    {
        let code = office.kind_refused(LINE, silent(contacted, resolved, satisfied));
        assert_eq!(code, "call_back_invalid");
    }
    // Nobody was there; later somebody is.
    office.done(LINE, silent(false, false, false));
    office.apply(WATER, build::close(R, ""));
    office.apply(LINE, called());
    assert_eq!(office.refused(LINE, called()), "called_back");
}

#[test]
fn closing_without_an_answer_is_the_lines_and_says_why() {
    let mut office = Office::with_leak(R);
    assert_eq!(office.refused(WATER, build::close(R, "n")), "not_answered");
    assert_eq!(office.refused(LINE, build::close(R, "")), "reason_missing");
    office.apply(LINE, build::close(R, "Withdrawn."));
    assert_eq!(office.request(R).status_notes, "Withdrawn.");
    for action in [
        build::dispatch(R, &[WATER], "n"),
        build::answer(R, "n", true),
        build::close(R, "n"),
        build::breach(R),
    ] {
        assert_eq!(office.refused(LINE, action), "request_closed");
    }
}

#[test]
fn a_duplicate_is_closed_under_the_first() {
    let mut office = Office::with_leak(R);
    for request in ["r2", "r3"] {
        office.done(LINE, Kind::Open(open(request)));
    }
    office.done(LINE, Kind::Open(open_hole("h", "north")));
    assert_eq!(office.refused(WATER, build::mark_duplicate("r2", R)), "owner_required");
    assert_eq!(office.refused(LINE, build::mark_duplicate("r2", "r2")), "duplicate_invalid");
    assert_eq!(office.refused(LINE, build::mark_duplicate("r2", "none")), "request_unknown");
    assert_eq!(office.refused(LINE, build::mark_duplicate("h", R)), "duplicate_invalid", "another service");
    office.apply(LINE, build::mark_duplicate("r2", R));
    let request = office.request("r2");
    assert_eq!(
        (request.status(), request.duplicate_of.as_str(), request.closed_ms),
        (Status::Closed, R, office.now_ms)
    );
    assert_eq!(office.request(R).duplicates, 1);
    assert_eq!(office.refused(LINE, build::mark_duplicate("r2", R)), "request_closed");
    assert_eq!(
        office.refused(LINE, build::mark_duplicate("r3", "r2")),
        "duplicate_invalid",
        "of a duplicate"
    );
    assert_eq!(
        office.refused(LINE, build::mark_duplicate(R, "r3")),
        "duplicate_invalid",
        "it has one itself"
    );
    assert_eq!(office.refused(LINE, build::called("r2", true, true, true)), "not_answered");
}

#[test]
fn a_breach_is_found_once_and_after_the_deadline() {
    let mut office = Office::with_leak(R);
    assert_eq!(office.refused(LINE, build::breach(R)), "not_late");
    office.later(24 * HOUR_MS);
    assert_eq!(office.refused(LINE, build::breach(R)), "not_late", "the moment itself is in time");
    office.later(1);
    assert_eq!(office.refused(WATER, build::breach(R)), "owner_required");
    office.apply(LINE, build::breach(R));
    let request = office.request(R);
    assert_eq!((request.breached_ms, request.status()), (office.now_ms, Status::Dispatched));
    office.later(HOUR_MS);
    assert_eq!(office.refused(LINE, build::breach(R)), "already_breached");
    // The late answer changes nothing about it.
    office.apply(WATER, build::answer(R, "n", true));
    assert_eq!(office.request(R).breached_ms, request.breached_ms);
}

#[test]
fn what_is_answered_in_time_is_never_late() {
    let mut office = Office::with_leak(R);
    office.later(24 * HOUR_MS);
    office.apply(WATER, build::answer(R, "n", true));
    office.later(HOUR_MS);
    assert_eq!(office.refused(LINE, build::breach(R)), "not_late");
    office.apply(WATER, build::close(R, ""));
    assert_eq!(office.request(R).breached_ms, 0);
}

#[test]
fn a_late_answer_is_itself_the_breach() {
    let mut office = Office::with_leak(R);
    office.later(25 * HOUR_MS);
    office.apply(WATER, build::answer(R, "n", true));
    assert_eq!(office.request(R).breached_ms, office.now_ms);
    // So is a closing that comes late without any answer.
    office.done(LINE, Kind::Open(open("r2")));
    office.later(25 * HOUR_MS);
    office.apply(LINE, build::close("r2", "n"));
    assert_eq!(office.request("r2").breached_ms, office.now_ms);
}

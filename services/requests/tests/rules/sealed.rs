//! Contact data: commitments alone, read only by an access that stands on the ledger.

use hutong_disclosure::SealedDomain;
use hutong_ledger::hash::Hash;
use hutong_requests::{Requests, build, contract};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{self, SealedField, action::Kind as Disclosed, basis},
        requests::{self as wire, action::Kind},
    },
};

use crate::support::*;

const HANDLE: [u8; 16] = [7; 16];

fn sealed(names: &[&str]) -> Vec<SealedField> {
    build::sealed(names.iter().map(|name| ((*name).to_owned(), Hash([9; 32]))).collect())
}

fn ask(fields: &[&str]) -> Kind {
    Kind::Disclosure(disclosure::Action {
        kind: Some(Disclosed::RequestAccess(disclosure::RequestAccess {
            record: "request/r1".into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            purpose: "to call back".into(),
            basis: Some(disclosure::Basis {
                kind: Some(basis::Kind::Duty("call-back".into())),
                court_order: String::new(),
            }),
            sealed_until_ms: 0,
        })),
    })
}

#[test]
fn a_request_shows_commitments_to_the_rules_of_disclosure() {
    let mut office = Office::equipped();
    let open =
        wire::Open { sealed: sealed(&["phone", "email"]), subject: HANDLE.to_vec().into(), ..open("r1") };
    office.done(LINE, Kind::Open(open));
    let request = office.request("r1");
    let record = contract::request_record("r1").unwrap();
    let found = Requests.sealed(&record, &request.encode_to_vec()).unwrap();
    assert_eq!((found.record_type, &found.subjects[..]), ("request", &[HANDLE][..]));
    let names: Vec<_> = found.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["email", "phone"]);
    // The owner's own staff read by an access too; it is in the person's index.
    office.done(LINE, ask(&["phone"]));
    assert_eq!(office.kind_refused(WATER, ask(&["phone"])), "duty_not_owner");
    assert_eq!(office.kind_refused(LINE, ask(&["account_id"])), "field_unknown");
    let index: disclosure::AccessIndex = office.get(&format!("accesses/{}", hex::encode(HANDLE))).unwrap();
    assert_eq!(index.count, 1);
}

#[test]
fn a_request_without_contact_data_has_nothing_sealed() {
    let mut office = Office::with_leak("r1");
    assert_eq!(office.kind_refused(LINE, ask(&["phone"])), "nothing_sealed");
}

#[test]
fn sealed_fields_are_those_of_open311() {
    let refused = |change: fn(&mut wire::Open)| {
        let mut open = wire::Open { sealed: sealed(&["email", "phone"]), ..open("r1") };
        change(&mut open);
        Office::equipped().kind_refused(LINE, Kind::Open(open))
    };
    assert_eq!(refused(|o| o.sealed[0].name = "name".into()), "sealed_field_invalid");
    assert_eq!(refused(|o| o.sealed[1].name = "email".into()), "sealed_field_invalid");
    assert_eq!(refused(|o| o.sealed.reverse()), "sealed_field_invalid");
    assert_eq!(refused(|o| o.sealed[0].commitment = vec![1; 31].into()), "sealed_field_invalid");
    assert_eq!(refused(|o| o.subject = vec![1; 15].into()), "handle_invalid");
}

#[test]
fn the_course_keeps_what_is_sealed() {
    let mut office = Office::equipped();
    office.done(LINE, Kind::Open(wire::Open { sealed: sealed(&["email"]), ..open("r1") }));
    office.apply(WATER, build::answer("r1", "n", true));
    office.apply(LINE, build::close("r1", ""));
    assert_eq!(office.request("r1").sealed, sealed(&["email"]));
}

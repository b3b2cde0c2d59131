//! Who people are rests in the vault: parties are handles, sealed fields are commitments, and a handle stays with its agent.

use bytes::Bytes;
use hutong_disclosure::SealedDomain;
use hutong_property::{Property, build};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{
            Action, Basis, Erase, RegisterPerson, RequestAccess, SealedField, action::Kind as Shared, basis,
        },
        property::{self as wire, RightType, action::Kind},
    },
};

use crate::support::*;

fn field(name: &str, byte: u8) -> SealedField {
    SealedField { name: name.into(), commitment: vec![byte; 32].into() }
}

fn sealed_parcel(sealed: Vec<SealedField>) -> Bytes {
    let holdings =
        vec![owner(1, ANN, (1, 2)), owner(2, BEN, (1, 2)), holding(RightType::Servitude, 3, BANK, (1, 1))];
    let register = wire::Register { unit: Some(unit()), holdings, sealed, ..wire::Register::default() };
    build::action(P, 0, None, Kind::Register(register))
}

fn shared(kind: Shared) -> Bytes {
    let disclosure = Kind::Disclosure(Action { kind: Some(kind) });
    wire::Action { kind: Some(disclosure), ..wire::Action::default() }.encode_to_vec().into()
}

fn change(sealed: Vec<SealedField>) -> Kind {
    Kind::Change(wire::Change { unit: None, sealed })
}

#[test]
fn the_subjects_of_a_parcel_are_its_primary_holders() {
    let mut office = Office::default();
    let parcel = office.submit(&[LAND], sealed_parcel(vec![field("deed", 1), field("terms", 2)])).unwrap();
    let sealed = Property.sealed(&key(P).record, &parcel.encode_to_vec()).unwrap();
    assert_eq!(sealed.record_type, "parcel");
    assert_eq!(sealed.subjects, [[1; 16], [2; 16]], "not who has a way over it");
    assert_eq!(sealed.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["deed", "terms"]);
    assert_eq!(Property.sealed(&key("unit/x").record, &parcel.encode_to_vec()), None);
    assert_eq!(Property.sealed(&key(P).record, b"\xff"), None);
}

#[test]
fn an_access_to_a_deed_counts_for_each_holder() {
    let mut office = Office::default();
    office.submit(&[LAND], sealed_parcel(vec![field("deed", 1)])).unwrap();
    let ask = RequestAccess {
        record: P.into(),
        fields: vec!["deed".into()],
        purpose: "register".into(),
        basis: Some(Basis { kind: Some(basis::Kind::Duty("file 7".into())), ..Basis::default() }),
        sealed_until_ms: 0,
    };
    assert_eq!(office.refused(&[BEN], shared(Shared::RequestAccess(ask.clone()))), "duty_not_owner");
    office.submit(&[LAND], shared(Shared::RequestAccess(ask))).unwrap();
    for handle in [1_u8, 2] {
        let index = format!("accesses/{}", hex::encode([handle; 16]));
        assert!(office.records[&key(&index)].is_some(), "{index}");
    }
}

#[test]
fn persons_are_records_of_disclosure() {
    let mut office = Office::default();
    let person = RegisterPerson {
        handle: vec![1; 16].into(),
        sealed: ["address", "contact", "name", "resident_id"].map(|name| field(name, 3)).to_vec(),
    };
    office.submit(&[LAND], shared(Shared::RegisterPerson(person))).unwrap();
    assert!(office.records[&key(&format!("person/{}", hex::encode([1; 16])))].is_some());
}

#[test]
fn sealed_fields_are_replaced_by_name() {
    let mut office = Office::default();
    office.submit(&[LAND], sealed_parcel(vec![field("deed", 1), field("terms", 2)])).unwrap();
    assert_eq!(office.kind_refused(&[ANN, BEN], change(vec![field("deed", 9)])), "registrar_required");
    assert_eq!(
        office.kind_refused(&[ANN, LAND], change(vec![field("deed", 9)])),
        "joint_application_required"
    );
    let all = [ANN, BEN, LAND];
    let parcel = office.kind(&all, change(vec![field("deed", 9), field("more", 4)])).unwrap();
    assert_eq!(parcel.sealed, [field("deed", 9), field("more", 4), field("terms", 2)]);
    assert_eq!(office.kind_refused(&all, change(vec![field("deed", 9)])), "commitment_unchanged");
    assert_eq!(office.kind_refused(&all, change(Vec::new())), "change_empty");
    let broken = [
        vec![field("Deed", 1)],
        vec![field("b", 1), field("a", 1)],
        vec![field("a", 1), field("a", 2)],
        vec![SealedField { commitment: vec![1; 31].into(), ..field("a", 1) }],
        (0..33).map(|number| field(&format!("f{number:02}"), 1)).collect(),
    ];
    for sealed in broken {
        assert_eq!(office.kind_refused(&all, change(sealed)), "sealed_field_invalid");
    }
}

#[test]
fn what_was_erased_is_not_sealed_again() {
    let mut office = Office::default();
    office.submit(&[LAND], sealed_parcel(vec![field("deed", 1)])).unwrap();
    let erase = Erase {
        record: P.into(),
        requested_by: "owner".into(),
        basis: "request 7".into(),
        destroy_handle: false,
    };
    office.submit(&[LAND], shared(Shared::Erase(erase))).unwrap();
    assert_eq!(office.kind_refused(&[ANN, BEN, LAND], change(vec![field("deed", 9)])), "erased");
    let correct = wire::Correct {
        sealed: vec![field("deed", 9)],
        reason: "typing error".into(),
        ..wire::Correct::default()
    };
    assert_eq!(office.kind_refused(&[LAND], Kind::Correct(correct)), "erased");
}

fn correct(right: u32, handle: u8, agent: &str) -> Kind {
    let parties = vec![wire::PartyCorrection { right, party: Some(party(handle, agent)) }];
    Kind::Correct(wire::Correct { parties, reason: "typing error".into(), ..wire::Correct::default() })
}

#[test]
fn a_correction_takes_no_handle_from_its_agent() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BEN, (1, 2))]);
    // Ann's person under the bank's signature, on Ben's right: what Ann signs for would be the bank's.
    assert_eq!(office.kind_refused(&[LAND, BANK], correct(2, 1, BANK)), "party_invalid");
    assert_eq!(office.kind_refused(&[LAND], correct(2, 1, ANN)), "party_invalid", "it holds a right already");
    // The same person under another agent: the keeper alone does not move it.
    for signers in [&[LAND][..], &[LAND, BANK], &[LAND, ANN]] {
        assert_eq!(
            office.kind_refused(signers, correct(1, 1, BANK)),
            "joint_application_required",
            "{signers:?}"
        );
    }
    let parcel = office.kind(&[LAND, ANN, BANK], correct(1, 1, BANK)).unwrap();
    assert_eq!(parcel.rights[0].party, Some(party(1, BANK)));
    // Another person altogether is a correction by the keeper.
    office.kind(&[LAND], correct(1, 7, COURT)).unwrap();
    assert_eq!(office.kind_refused(&[LAND], correct(1, 7, "stranger")), "party_invalid");
}

#[test]
fn a_lender_or_objector_does_not_take_a_holders_handle() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    assert_eq!(office.kind_refused(&[ANN, BANK], mortgage(1, 1, BANK)), "party_invalid");
    let object = Kind::Object(wire::Object { party: Some(party(1, BEN)) });
    assert_eq!(office.refused(&[BEN], build::action(P, 0, Some([1; 32]), object)), "party_invalid");
    let notice = Kind::Notice(wire::GiveNotice { party: Some(party(1, BEN)) });
    assert_eq!(office.kind_refused(&[ANN, BEN], notice), "party_invalid");
}

#[test]
fn disclosure_is_not_decided_here() {
    let action = shared(Shared::RegisterPerson(RegisterPerson::default()));
    let refusal = hutong_ledger::contract::Contract::decode(&Property, &action).unwrap_err();
    assert_eq!(refusal.code, "malformed_action");
}

//! Objections and advance notices: who may register them, what they block, and when they lapse by the time of blocks.

use bytes::Bytes;
use hutong_property::{
    build,
    contract::{NOTICE_MS, OBJECTION_MS},
};
use hutong_wire::v1::property::{self as wire, RestrictionType, action::Kind};

use crate::support::*;

const GROUNDS: [u8; 32] = [5; 32];

fn object(handle: u8, agent: &str) -> Bytes {
    on_grounds(GROUNDS, Kind::Object(wire::Object { party: Some(party(handle, agent)) }))
}

fn on_grounds(source: [u8; 32], kind: Kind) -> Bytes {
    build::action(P, 0, Some(source), kind)
}

fn suit(objection: u32) -> Kind {
    Kind::Suit(wire::RegisterSuit { objection, reference: "2026-civ-17".into() })
}

fn withdraw(objection: u32) -> Kind {
    Kind::WithdrawObjection(wire::WithdrawObjection { objection })
}

fn notice(handle: u8, agent: &str) -> Kind {
    Kind::Notice(wire::GiveNotice { party: Some(party(handle, agent)) })
}

fn unnotice(notice: u32) -> Kind {
    Kind::WithdrawNotice(wire::WithdrawNotice { notice })
}

fn sale(handle: u8, agent: &str) -> Kind {
    transfer(&[(1, (1, 1))], vec![owner(handle, agent, (1, 1))])
}

fn owned() -> Office {
    Office::owned_by(&[(1, ANN, (1, 1))])
}

#[test]
fn an_objection_blocks_disposal_until_it_lapses() {
    let mut office = owned();
    let parcel = office.submit(&[COURT], object(8, COURT)).unwrap();
    let [objection] = &parcel.objections[..] else { panic!("one objection") };
    assert_eq!((objection.since_ms, objection.until_ms), (time_ms(2), time_ms(2) + OBJECTION_MS));
    assert_eq!(parcel.last_registration, "objection");
    for (signers, kind) in [
        (&[ANN, BEN][..], sale(2, BEN)),
        (&[ANN, BANK], mortgage(1, 9, BANK)),
        (&[ANN, BEN], notice(2, BEN)),
        (&[LAND], cancel()),
    ] {
        assert_eq!(office.kind_refused(signers, kind), "objected");
    }
    // One second before, and at the time itself.
    office.height = 2 + 15 * 24 * 3600 - 2;
    assert_eq!(office.kind_refused(&[ANN, BEN], sale(2, BEN)), "objected");
    office.kind(&[ANN, BEN], sale(2, BEN)).unwrap();
}

#[test]
fn a_suit_keeps_an_objection() {
    let mut office = owned();
    office.submit(&[COURT], object(8, COURT)).unwrap();
    let with_source = |kind| on_grounds(GROUNDS, kind);
    assert_eq!(office.kind_refused(&[COURT], suit(2)), "source_required");
    assert_eq!(office.refused(&[ANN], with_source(suit(2))), "joint_application_required");
    assert_eq!(office.refused(&[COURT], with_source(suit(1))), "objection_unknown");
    let mute = Kind::Suit(wire::RegisterSuit { objection: 2, reference: String::new() });
    assert_eq!(office.refused(&[COURT], with_source(mute)), "suit_invalid");
    office.wait_days(14);
    let parcel = office.submit(&[COURT], with_source(suit(2))).unwrap();
    assert_eq!((parcel.objections[0].until_ms, parcel.objections[0].suit.as_str()), (0, "2026-civ-17"));
    office.wait_days(1000);
    assert_eq!(office.kind_refused(&[ANN, BEN], sale(2, BEN)), "objected");
    assert_eq!(office.kind_refused(&[LAND], withdraw(2)), "source_required", "the court's document");
    assert_eq!(office.refused(&[ANN], with_source(withdraw(2))), "registrar_required");
    office.submit(&[LAND], with_source(withdraw(2))).unwrap();
    office.kind(&[ANN, BEN], sale(2, BEN)).unwrap();
}

#[test]
fn a_suit_comes_too_late_after_the_lapse() {
    let mut office = owned();
    office.submit(&[COURT], object(8, COURT)).unwrap();
    office.wait_days(15);
    assert_eq!(office.refused(&[COURT], on_grounds(GROUNDS, suit(2))), "objection_unknown");
    assert_eq!(office.kind_refused(&[COURT], withdraw(2)), "objection_unknown");
}

#[test]
fn who_objects_signs_and_rests_on_a_document() {
    let mut office = owned();
    let bare = Kind::Object(wire::Object { party: Some(party(8, COURT)) });
    assert_eq!(office.kind_refused(&[COURT], bare), "source_required");
    assert_eq!(office.refused(&[BEN], object(8, COURT)), "joint_application_required");
    assert_eq!(office.refused(&[LAND], object(8, "stranger")), "party_invalid");
    let nobody = on_grounds(GROUNDS, Kind::Object(wire::Object { party: None }));
    assert_eq!(office.refused(&[COURT], nobody), "party_invalid");
    office.submit(&[COURT], object(8, COURT)).unwrap();
    office.kind(&[COURT], withdraw(2)).unwrap();
    assert!(office.parcel(P).unwrap().objections.is_empty());
}

#[test]
fn an_objection_is_not_repeated_on_the_same_grounds() {
    let mut office = owned();
    office.submit(&[COURT], object(8, COURT)).unwrap();
    let again = |source| on_grounds(source, Kind::Object(wire::Object { party: Some(party(8, COURT)) }));
    assert_eq!(office.refused(&[COURT], again([6; 32])), "objection_repeated", "one stands");
    office.submit(&[BEN], object(7, BEN)).unwrap();
    office.wait_days(15);
    assert_eq!(office.refused(&[COURT], again(GROUNDS)), "objection_repeated", "it lapsed");
    office.submit(&[COURT], again([6; 32])).unwrap();
    // The lapsed ones make room for those that stand, and those are not too many either.
    for handle in 20..35 {
        office.submit(&[BEN], object(handle, BEN)).unwrap();
    }
    assert_eq!(office.refused(&[BEN], object(99, BEN)), "too_many_items");
    office.wait_days(15);
    office.submit(&[BEN], object(99, BEN)).unwrap();
}

#[test]
fn a_notice_keeps_the_parcel_for_the_buyer() {
    let mut office = owned();
    let parcel = office.kind(&[ANN, BEN], notice(2, BEN)).unwrap();
    assert_eq!(parcel.notices[0].until_ms, time_ms(2) + NOTICE_MS);
    for (signers, kind) in [
        (&[ANN, BANK][..], sale(3, BANK)),
        (&[ANN, BANK], mortgage(1, 9, BANK)),
        (&[ANN, BANK], notice(3, BANK)),
        // Neither another notice for the same one.
        (&[ANN, BEN], notice(2, BEN)),
        (&[LAND], cancel()),
        (&ALL, transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 2)), owner(3, BANK, (1, 2))])),
    ] {
        assert_eq!(office.kind_refused(signers, kind), "advance_notice_stands");
    }
    let bought = office.kind(&[ANN, BEN], sale(2, BEN)).unwrap();
    assert!(bought.notices.is_empty(), "it has done its work");
}

#[test]
fn a_notice_lapses_and_is_withdrawn() {
    let mut office = owned();
    office.kind(&[ANN, BEN], notice(2, BEN)).unwrap();
    office.wait_days(89);
    assert_eq!(office.kind_refused(&[ANN, BANK], sale(3, BANK)), "advance_notice_stands");
    office.wait_days(1);
    assert_eq!(office.kind_refused(&[BEN], unnotice(2)), "notice_unknown");
    office.kind(&[ANN, BEN], notice(2, BEN)).unwrap();
    assert_eq!(office.kind_refused(&[ANN], unnotice(3)), "joint_application_required");
    assert_eq!(office.kind_refused(&[BEN], unnotice(1)), "notice_unknown");
    office.kind(&[BEN], unnotice(3)).unwrap();
    office.kind(&[ANN, BANK], sale(3, BANK)).unwrap();
}

#[test]
fn a_notice_is_joint_and_rests_on_a_free_title() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BEN, (1, 2))]);
    for signers in [&[ANN, BANK][..], &[BEN, BANK], &[ANN, BEN]] {
        assert_eq!(office.kind_refused(signers, notice(3, BANK)), "joint_application_required");
    }
    assert_eq!(office.kind_refused(&ALL, notice(3, ANN)), "joint_application_required", "on both sides");
    office.kind(&[COURT], restrict(RestrictionType::Caveat)).unwrap();
    assert_eq!(office.kind_refused(&ALL, notice(3, BANK)), "caveated");
}

#[test]
fn a_notice_may_be_for_a_mortgage() {
    let mut office = owned();
    office.kind(&[ANN, BANK], notice(9, BANK)).unwrap();
    assert_eq!(office.kind_refused(&[ANN, COURT], mortgage(1, 8, COURT)), "advance_notice_stands");
    let parcel = office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap();
    assert_eq!((parcel.mortgages.len(), parcel.notices.len()), (1, 0));
}

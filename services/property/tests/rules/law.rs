//! What passes by law, what holders of two thirds may do, and from when a right is valid.

use hutong_property::build;
use hutong_wire::v1::property::{self as wire, Grounds, RestrictionType, action::Kind};

use crate::support::*;

const TOLD: Option<[u8; 32]> = Some([4; 32]);

fn by_law(grounds: Grounds, right: u32, of: (u64, u64), to: Vec<wire::Holding>, valid_from_ms: u64) -> Kind {
    let disposals = vec![wire::Disposal { right, share: Some(share(of)) }];
    let grounds = grounds.into();
    Kind::TransferByLaw(wire::TransferByLaw { grounds, disposals, acquisitions: to, valid_from_ms })
}

fn inherit(valid_from_ms: u64) -> Kind {
    by_law(
        Grounds::Inheritance,
        1,
        (1, 1),
        vec![owner(2, BEN, (1, 2)), owner(3, BANK, (1, 2))],
        valid_from_ms,
    )
}

#[test]
fn an_inheritance_comes_from_one_side() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    assert_eq!(office.kind_refused(&[LAND], inherit(0)), "source_required");
    assert_eq!(
        office.refused(&[ANN, BEN, BANK], build::action(P, 0, TOLD, inherit(0))),
        "registrar_required"
    );
    let none = by_law(Grounds::Unspecified, 1, (1, 1), vec![owner(2, BEN, (1, 1))], 0);
    assert_eq!(office.refused(&[LAND], build::action(P, 0, TOLD, none)), "grounds_missing");
    let parcel = office.submit(&[LAND], build::action(P, 0, TOLD, inherit(time_ms(1)))).unwrap();
    assert_eq!((parcel.rights.len(), parcel.last_registration.as_str()), (2, "inheritance"));
    assert_eq!((parcel.effective_ms, parcel.rights[0].valid_from_ms), (time_ms(1), time_ms(1)));
    assert!(parcel.rights[0].since_ms > parcel.rights[0].valid_from_ms);
}

#[test]
fn a_judgment_passes_what_disputes_block_and_no_seizure() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let judged =
        || build::action(P, 0, TOLD, by_law(Grounds::Judgment, 1, (1, 1), vec![owner(8, COURT, (1, 1))], 0));
    let seizure = office.kind(&[COURT], restrict(RestrictionType::Seizure)).unwrap().restrictions[0].id;
    office.kind(&[COURT], restrict(RestrictionType::Caveat)).unwrap();
    assert_eq!(office.refused(&[LAND], judged()), "seized");
    office.kind(&[COURT], Kind::Lift(wire::Lift { restriction: seizure })).unwrap();
    let parcel = office.submit(&[LAND], judged()).unwrap();
    assert_eq!((parcel.last_registration.as_str(), parcel.restrictions.len()), ("judgment", 1));
}

/// Ann 1/3, Ben 1/3, and the bank 1/3: the whole to the court's party.
fn thirds() -> (Office, impl Fn(&[u8]) -> Kind) {
    let office = Office::owned_by(&[(1, ANN, (1, 3)), (2, BEN, (1, 3)), (3, BANK, (1, 3))]);
    let sale = |notified: &[u8]| {
        let disposals = [(1, (1, 3)), (2, (1, 3)), (3, (1, 3))];
        let Kind::Transfer(sale) = transfer(&disposals, vec![owner(8, COURT, (1, 1))]) else {
            unreachable!()
        };
        let notified = notified.iter().map(|handle| vec![*handle; 16].into()).collect();
        Kind::Transfer(wire::Transfer { notified, ..sale })
    };
    (office, sale)
}

#[test]
fn two_thirds_dispose_when_the_others_were_told() {
    let (mut office, sale) = thirds();
    let told = |kind| build::action(P, 0, TOLD, kind);
    assert_eq!(office.refused(&[ANN, BEN, COURT], told(sale(&[]))), "joint_application_required");
    assert_eq!(office.refused(&[ANN, COURT], told(sale(&[2, 3]))), "two_thirds_required");
    assert_eq!(
        office.refused(&[ANN, BEN], told(sale(&[3]))),
        "joint_application_required",
        "nor the buyer's"
    );
    for notified in [&[1][..], &[3, 3], &[2, 3], &[9]] {
        assert_eq!(
            office.refused(&[ANN, BEN, COURT], told(sale(notified))),
            "co_owners_not_told",
            "{notified:?}"
        );
    }
    let unproven = build::action(P, 0, None, sale(&[3]));
    assert_eq!(office.refused(&[ANN, BEN, COURT], unproven), "co_owners_not_told");
    let sold = office.submit(&[ANN, BEN, COURT], told(sale(&[3]))).unwrap();
    assert_eq!((sold.rights.len(), sold.rights[0].party.as_ref().unwrap()), (1, &party(8, COURT)));
}

#[test]
fn the_rule_is_for_the_whole_and_not_for_others_shares() {
    let (mut office, _) = thirds();
    // Two thirds take the third one's share alone: that is no disposal of the whole.
    let Kind::Transfer(grab) = transfer(&[(3, (1, 3))], vec![owner(8, COURT, (1, 3))]) else {
        unreachable!()
    };
    let grab = Kind::Transfer(wire::Transfer { notified: vec![vec![3; 16].into()], ..grab });
    let grab = build::action(P, 0, TOLD, grab);
    assert_eq!(office.refused(&[ANN, BEN, COURT], grab), "joint_application_required");
    // The buyer's signature does not count for a co-owner.
    let disposals = [(1, (1, 3)), (2, (1, 3)), (3, (1, 3))];
    let Kind::Transfer(own) = transfer(&disposals, vec![owner(8, BANK, (1, 1))]) else { unreachable!() };
    let own = Kind::Transfer(wire::Transfer { notified: vec![vec![1; 16].into()], ..own });
    assert_eq!(office.refused(&[BEN, BANK], build::action(P, 0, TOLD, own)), "joint_application_required");
    // One's own share is one's own.
    office.kind(&[BANK, COURT], transfer(&[(3, (1, 3))], vec![owner(8, COURT, (1, 3))])).unwrap();
}

#[test]
fn rights_are_valid_in_order() {
    let mut office = Office { height: 100, ..Office::default() };
    let register = |valid_from_ms| {
        let holdings = vec![owner(1, ANN, (1, 1))];
        Kind::Register(wire::Register {
            unit: Some(unit()),
            holdings,
            valid_from_ms,
            ..wire::Register::default()
        })
    };
    assert_eq!(office.kind_refused(&[LAND], register(time_ms(102))), "valid_from_invalid");
    let parcel = office.kind(&[LAND], register(time_ms(50))).unwrap();
    assert_eq!((parcel.rights[0].valid_from_ms, parcel.rights[0].since_ms), (time_ms(50), time_ms(102)));
    let sale = |valid_from_ms| {
        let Kind::Transfer(sale) = transfer(&[(1, (1, 2))], vec![owner(2, BEN, (1, 2))]) else {
            unreachable!()
        };
        Kind::Transfer(wire::Transfer { valid_from_ms, ..sale })
    };
    assert_eq!(office.kind_refused(&[ANN, BEN], sale(time_ms(49))), "valid_from_invalid");
    assert_eq!(office.kind_refused(&[ANN, BEN], sale(time_ms(200))), "valid_from_invalid");
    let parcel = office.kind(&[ANN, BEN], sale(time_ms(60))).unwrap();
    assert_eq!(parcel.effective_ms, time_ms(60));
    assert!(parcel.rights.iter().all(|right| right.valid_from_ms == time_ms(60)), "{parcel:?}");
    // What joins a right has effect after it as well.
    assert_eq!(office.kind_refused(&[ANN, BEN], sale(time_ms(59))), "valid_from_invalid");
}

//! Corrections and cancellations: what the keeper mends, and when a title may end.

use hutong_wire::v1::property::{self as wire, RestrictionType, Status, action::Kind};

use crate::support::*;

#[test]
fn a_correction_corrects_what_it_names() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BEN, (1, 2))]);
    let meant = wire::Unit { place: "OldTown".into(), ..unit() };
    let parcel = office.kind(&[LAND], correct(Some(meant.clone()), &[(2, Some(party(3, BANK)))])).unwrap();
    assert_eq!(parcel.unit, Some(meant));
    assert_eq!(parcel.rights[0].party, Some(party(1, ANN)));
    assert_eq!(parcel.rights[1].party, Some(party(3, BANK)));
    assert_eq!(parcel.rights[1].share, Some(share((1, 2))));
    assert_eq!(parcel.last_registration, "correction");
}

#[test]
fn a_correction_that_is_none_is_refused() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    assert_eq!(office.kind_refused(&[LAND], correct(None, &[])), "correction_empty");
    assert_eq!(office.kind_refused(&[LAND], correct(None, &[(9, Some(party(3, BANK)))])), "holder_unknown");
    assert_eq!(office.kind_refused(&[LAND], correct(None, &[(1, None)])), "party_invalid");
    let nowhere = wire::Unit { place: String::new(), ..unit() };
    assert_eq!(office.kind_refused(&[LAND], correct(Some(nowhere), &[])), "unit_invalid");
    for reason in [String::new(), "x".repeat(257), "line\nbreak".into()] {
        let mute = wire::Correct { unit: Some(unit()), reason: reason.clone(), ..wire::Correct::default() };
        assert_eq!(office.kind_refused(&[LAND], Kind::Correct(mute)), "reason_missing");
        assert_eq!(office.kind_refused(&[LAND], Kind::Cancel(wire::Cancel { reason })), "reason_missing");
    }
}

#[test]
fn a_cancelled_title_is_closed() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let parcel = office.kind(&[LAND], cancel()).unwrap();
    assert_eq!((parcel.status(), parcel.last_registration.as_str()), (Status::Cancelled, "cancellation"));
    let all = [
        transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 1))]),
        mortgage(1, 9, BANK),
        Kind::Discharge(wire::Discharge { mortgage: 1 }),
        restrict(RestrictionType::Seizure),
        Kind::Lift(wire::Lift { restriction: 1 }),
        correct(Some(unit()), &[]),
        cancel(),
    ];
    for kind in all {
        assert_eq!(office.kind_refused(&ALL, kind), "parcel_cancelled");
    }
}

#[test]
fn burdened_titles_are_not_cancelled() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap();
    assert_eq!(office.kind_refused(&[LAND], cancel()), "mortgages_stand");
    office.kind(&[COURT], restrict(RestrictionType::Caveat)).unwrap();
    assert_eq!(office.kind_refused(&[LAND], cancel()), "caveated");
    office.kind(&[COURT], restrict(RestrictionType::Seizure)).unwrap();
    assert_eq!(office.kind_refused(&[LAND], cancel()), "seized");
}

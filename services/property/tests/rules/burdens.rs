//! Mortgages and restrictions: who may place them, who alone takes them away, and that they stay with the parcel.

use hutong_wire::v1::property::{self as wire, RestrictionType, action::Kind};

use crate::support::*;

fn discharge(mortgage: u32) -> Kind {
    Kind::Discharge(wire::Discharge { mortgage })
}

fn lift(restriction: u32) -> Kind {
    Kind::Lift(wire::Lift { restriction })
}

#[test]
fn a_mortgage_follows_a_transfer() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let before = office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap().mortgages;
    assert_eq!((before[0].id, before[0].rank, before[0].since_ms), (2, 1, time_ms(2)));
    let sold = office.kind(&[ANN, BEN], transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 1))])).unwrap();
    assert_eq!(sold.mortgages, before, "the lender did not sign, and loses nothing");
    assert_eq!(office.kind_refused(&[LAND], cancel()), "mortgages_stand");
    assert!(office.kind(&[BANK], discharge(2)).unwrap().mortgages.is_empty());
}

#[test]
fn mortgages_stand_in_order_of_rank() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    office.kind(&[ANN, BANK], mortgage(2, 9, BANK)).unwrap();
    let parcel = office.kind(&[ANN, COURT], mortgage(1, 8, COURT)).unwrap();
    assert_eq!(parcel.mortgages.iter().map(|m| m.rank).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(office.kind_refused(&ALL, mortgage(2, 8, COURT)), "rank_taken");
}

#[test]
fn all_holders_and_the_lender_sign_a_mortgage() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BEN, (1, 2))]);
    for signers in [&[ANN, BEN][..], &[ANN, BANK], &[BEN, BANK], &[LAND, COURT]] {
        assert_eq!(
            office.kind_refused(signers, mortgage(1, 9, BANK)),
            "joint_application_required",
            "{signers:?}"
        );
    }
    assert_eq!(office.kind_refused(&ALL, mortgage(1, 9, ANN)), "joint_application_required", "on both sides");
    office.kind(&[ANN, BEN, BANK], mortgage(1, 9, BANK)).unwrap();
}

#[test]
fn a_mortgage_has_amount_rank_currency_and_lender() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let Kind::Mortgage(good) = mortgage(1, 9, BANK) else { unreachable!() };
    let broken = [
        (wire::GrantMortgage { amount_minor: 0, ..good.clone() }, "mortgage_invalid"),
        (wire::GrantMortgage { rank: 0, ..good.clone() }, "mortgage_invalid"),
        (wire::GrantMortgage { currency: "euro".into(), ..good.clone() }, "currency_invalid"),
        (wire::GrantMortgage { lender: None, ..good }, "party_invalid"),
    ];
    for (grant, code) in broken {
        assert_eq!(office.kind_refused(&ALL, Kind::Mortgage(grant)), code);
    }
}

#[test]
fn the_lender_alone_discharges() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let id = office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap().mortgages[0].id;
    assert_eq!(office.kind_refused(&[ANN, LAND, COURT], discharge(id)), "joint_application_required");
    assert_eq!(office.kind_refused(&[BANK], discharge(1)), "mortgage_unknown", "that is a right");
    office.kind(&[BANK], discharge(id)).unwrap();
    assert_eq!(office.kind_refused(&[BANK], discharge(id)), "mortgage_unknown");
}

#[test]
fn who_placed_a_restriction_alone_lifts_it() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let parcel = office.kind(&[COURT], restrict(RestrictionType::Seizure)).unwrap();
    let [seizure] = &parcel.restrictions[..] else { panic!("one restriction") };
    assert_eq!((seizure.agency.as_str(), seizure.since_ms), (COURT, time_ms(2)));
    assert_eq!(parcel.last_registration, "seizure");
    // That the court signs along is not enough: it submits.
    assert_eq!(office.kind_refused(&[ANN, COURT], lift(seizure.id)), "not_the_restrictor");
    assert_eq!(office.kind_refused(&[LAND], lift(seizure.id)), "not_the_restrictor");
    assert_eq!(office.kind_refused(&[COURT], lift(99)), "restriction_unknown");
    let lifted = office.kind(&[COURT], lift(seizure.id)).unwrap();
    assert!(lifted.restrictions.is_empty());
    assert_eq!(lifted.last_registration, "lifting");
    assert_eq!(office.kind_refused(&[COURT], lift(seizure.id)), "restriction_unknown");
}

#[test]
fn restrictions_stand_side_by_side() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    office.kind(&[COURT], restrict(RestrictionType::Caveat)).unwrap();
    let parcel = office.kind(&[LAND], restrict(RestrictionType::Caveat)).unwrap();
    assert_eq!(parcel.last_registration, "caveat");
    let ids: Vec<_> = parcel.restrictions.iter().map(|r| r.id).collect();
    office.kind(&[COURT], lift(ids[0])).unwrap();
    let sale = transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 1))]);
    assert_eq!(office.kind_refused(&[ANN, BEN], sale), "caveated", "the other still stands");
}

#[test]
fn a_restriction_has_a_type_and_a_case() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let broken = [
        (0, "case 7".to_owned()),
        (3, "case 7".into()),
        (1, String::new()),
        (1, "x".repeat(65)),
        (2, "\n".into()),
    ];
    for (kind, reference) in broken {
        let restrict = Kind::Restrict(wire::Restrict { r#type: kind, reference });
        assert_eq!(office.kind_refused(&[COURT], restrict), "restriction_invalid");
    }
}

#[test]
fn a_discharge_is_possible_under_seizure() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let id = office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap().mortgages[0].id;
    office.kind(&[COURT], restrict(RestrictionType::Seizure)).unwrap();
    office.kind(&[BANK], discharge(id)).unwrap();
}

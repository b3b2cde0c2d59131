//! Mortgages that pass to another lender, change their rank, or forbid a transfer.

use hutong_property::build;
use hutong_wire::v1::property::{self as wire, Grounds, RestrictionType, action::Kind};

use crate::support::*;

fn mortgaged() -> Office {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    office.kind(&[ANN, BANK], mortgage(1, 9, BANK)).unwrap();
    office.kind(&[ANN, COURT], mortgage(2, 8, COURT)).unwrap();
    office
}

fn assign(mortgage: u32, handle: u8, agent: &str) -> Kind {
    Kind::AssignMortgage(wire::AssignMortgage { mortgage, lender: Some(party(handle, agent)) })
}

fn change(mortgage: u32, rank: u32, amount_minor: u64) -> Kind {
    Kind::ChangeMortgage(wire::ChangeMortgage { mortgage, rank, amount_minor, currency: "USD".into() })
}

#[test]
fn a_claim_passes_with_its_mortgage() {
    let mut office = mortgaged();
    assert_eq!(office.kind_refused(&[BANK], assign(2, 7, BEN)), "joint_application_required");
    assert_eq!(office.kind_refused(&[BEN, ANN], assign(2, 7, BEN)), "joint_application_required");
    assert_eq!(office.kind_refused(&[BANK], assign(2, 7, BANK)), "joint_application_required", "both sides");
    assert_eq!(office.kind_refused(&[BANK, BEN], assign(1, 7, BEN)), "mortgage_unknown");
    assert_eq!(office.kind_refused(&[BANK], assign(2, 7, "stranger")), "party_invalid");
    let parcel = office.kind(&[BANK, BEN], assign(2, 7, BEN)).unwrap();
    assert_eq!((parcel.mortgages[0].id, &parcel.mortgages[0].lender), (2, &Some(party(7, BEN))));
    assert_eq!(parcel.last_registration, "mortgage_transfer");
    assert_eq!(
        office.kind_refused(&[BANK], Kind::Discharge(wire::Discharge { mortgage: 2 })),
        "joint_application_required"
    );
}

#[test]
fn ranks_are_swapped_when_all_agree() {
    let mut office = mortgaged();
    for signers in [&[ANN, BANK][..], &[ANN, COURT], &[BANK, COURT]] {
        assert_eq!(office.kind_refused(signers, change(3, 1, 5)), "joint_application_required");
    }
    let parcel = office.kind(&[ANN, BANK, COURT], change(3, 1, 5)).unwrap();
    let ranks: Vec<_> = parcel.mortgages.iter().map(|m| (m.id, m.rank, m.amount_minor)).collect();
    assert_eq!(ranks, [(3, 1, 5), (2, 2, 10_000_000)]);
    office.kind(&ALL, change(2, 7, 6)).unwrap();
    assert_eq!(office.kind_refused(&ALL, change(2, 0, 6)), "mortgage_invalid");
    assert_eq!(office.kind_refused(&ALL, change(2, 7, 0)), "mortgage_invalid");
    assert_eq!(office.kind_refused(&ALL, change(9, 1, 6)), "mortgage_unknown");
    office.kind(&[COURT], restrict(RestrictionType::Seizure)).unwrap();
    assert_eq!(office.kind_refused(&ALL, change(2, 1, 6)), "seized");
}

#[test]
fn a_covenant_keeps_the_parcel_where_it_is() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let Kind::Mortgage(plain) = mortgage(1, 9, BANK) else { unreachable!() };
    office.kind(&[ANN, BANK], Kind::Mortgage(wire::GrantMortgage { no_transfer: true, ..plain })).unwrap();
    let sale = || transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 1))]);
    assert_eq!(office.kind_refused(&[ANN, BEN], sale()), "transfer_covenant");
    let sold = office.kind(&[ANN, BEN, BANK], sale()).unwrap();
    assert!(sold.mortgages[0].no_transfer, "it follows with its covenant");
    // What passes by law asks no lender.
    let disposals = vec![wire::Disposal { right: 3, share: Some(build::WHOLE) }];
    let heirs = wire::TransferByLaw {
        grounds: Grounds::Inheritance.into(),
        disposals,
        acquisitions: vec![owner(4, ANN, (1, 1))],
        valid_from_ms: 0,
    };
    office.submit(&[LAND], build::action(P, 0, Some([1; 32]), Kind::TransferByLaw(heirs))).unwrap();
}

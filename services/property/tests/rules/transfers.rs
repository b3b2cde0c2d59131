//! Transfers: both sides sign, exact shares move, and nothing moves while a restriction stands.

use hutong_property::build;
use hutong_wire::v1::property::{self as wire, RestrictionType, RightType, action::Kind};

use crate::support::*;

#[test]
fn a_whole_right_moves() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let action = build::transfer_whole(P, 1, owner(2, BEN, (1, 1)), 21_500_000, "USD");
    let parcel = office.submit(&[ANN, BEN], action).unwrap();
    let [right] = &parcel.rights[..] else { panic!("one right: {:?}", parcel.rights) };
    assert_eq!((right.id, &right.party, right.since_ms), (2, &Some(party(2, BEN)), time_ms(2)));
    assert_eq!((parcel.last_price_minor, parcel.last_price_currency.as_str()), (21_500_000, "USD"));
    assert_eq!(parcel.last_registration, "transfer");
}

#[test]
fn parts_move_and_merge() {
    let mut office = Office::owned_by(&[(1, ANN, (2, 3)), (2, BEN, (1, 3))]);
    // A sixth of the whole from the first to the second, who holds a half then.
    let parcel = office.kind(&[ANN, BEN], transfer(&[(1, (1, 6))], vec![owner(2, BEN, (1, 6))])).unwrap();
    assert_eq!(parcel.rights.len(), 2);
    assert!(parcel.rights.iter().all(|right| right.share == Some(share((1, 2)))), "{parcel:?}");
    // From both to a third one, in one go.
    let both = transfer(&[(1, (1, 2)), (2, (1, 4))], vec![owner(3, BANK, (3, 4))]);
    let parcel = office.kind(&[ANN, BANK, BEN], both).unwrap();
    let held: Vec<_> = parcel.rights.iter().map(|right| (right.id, right.share.unwrap())).collect();
    assert_eq!(held, [(2, share((1, 4))), (3, share((3, 4)))]);
}

#[test]
fn both_sides_sign() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let sale = || transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 1))]);
    for signers in [&[ANN][..], &[BEN], &[LAND, ANN, COURT], &[LAND]] {
        assert_eq!(office.kind_refused(signers, sale()), "joint_application_required", "{signers:?}");
    }
    let own = transfer(&[(1, (1, 1))], vec![owner(2, ANN, (1, 1))]);
    assert_eq!(office.kind_refused(&[ANN], own.clone()), "joint_application_required", "one agent for both");
    assert_eq!(office.kind_refused(&ALL, own), "joint_application_required", "whoever else signs");
    office.kind(&[BEN, ANN], sale()).unwrap();
}

#[test]
fn every_agent_of_a_side_signs() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BANK, (1, 2))]);
    let sale = || transfer(&[(1, (1, 2)), (2, (1, 2))], vec![owner(3, BEN, (1, 2)), owner(4, COURT, (1, 2))]);
    for missing in [ANN, BANK, BEN, COURT] {
        let signers: Vec<_> = [ANN, BANK, BEN, COURT].into_iter().filter(|name| *name != missing).collect();
        assert_eq!(office.kind_refused(&signers, sale()), "joint_application_required", "{missing}");
    }
    office.kind(&[ANN, BANK, BEN, COURT], sale()).unwrap();
}

#[test]
fn a_share_does_not_slip_to_another_agent_under_the_same_handle() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BANK, (1, 2))]);
    let sale = transfer(&[(1, (1, 4))], vec![owner(2, BEN, (1, 4))]);
    assert_eq!(office.kind_refused(&[ANN, BEN], sale), "party_invalid");
}

#[test]
fn what_stands_under_a_restriction_stays() {
    let sale = || transfer(&[(1, (1, 1))], vec![owner(2, BEN, (1, 1))]);
    for (kind, code) in [(RestrictionType::Caveat, "caveated"), (RestrictionType::Seizure, "seized")] {
        let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
        let parcel = office.kind(&[COURT], restrict(kind)).unwrap();
        assert_eq!(office.kind_refused(&ALL, sale()), code);
        assert_eq!(office.kind_refused(&ALL, mortgage(1, 9, BANK)), code);
        let lift = Kind::Lift(wire::Lift { restriction: parcel.restrictions[0].id });
        office.kind(&[COURT], lift).unwrap();
        office.kind(&[ANN, BEN], sale()).unwrap();
    }
}

#[test]
fn nothing_comes_of_nothing() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 2)), (2, BEN, (1, 2))]);
    let mut refused =
        |disposals: &[_], acquisitions| office.kind_refused(&ALL, transfer(disposals, acquisitions));
    assert_eq!(refused(&[], vec![owner(3, BANK, (1, 2))]), "transfer_empty");
    assert_eq!(refused(&[(1, (1, 2))], Vec::new()), "transfer_empty");
    assert_eq!(refused(&[(7, (1, 2))], vec![owner(3, BANK, (1, 2))]), "holder_unknown");
    assert_eq!(refused(&[(1, (2, 3))], vec![owner(3, BANK, (2, 3))]), "share_exceeded");
    assert_eq!(refused(&[(1, (1, 3)), (1, (1, 3))], vec![owner(3, BANK, (2, 3))]), "share_exceeded");
    assert_eq!(refused(&[(1, (1, 2)), (1, (1, 2))], vec![owner(3, BANK, (1, 1))]), "holder_unknown");
    assert_eq!(refused(&[(1, (1, 2))], vec![owner(3, BANK, (1, 3))]), "shares_not_one");
    assert_eq!(refused(&[(1, (1, 4))], vec![owner(3, BANK, (1, 2))]), "shares_not_one");
    assert_eq!(refused(&[(1, (0, 4))], vec![owner(3, BANK, (1, 2))]), "share_invalid");
    assert_eq!(refused(&[(1, (1, 999_999_937))], vec![owner(3, BANK, (1, 999_999_937))]), "share_invalid");
}

#[test]
fn primary_rights_alone_move_and_one_type_at_a_time() {
    let mut office = Office::default();
    let holdings = vec![owner(1, ANN, (1, 1)), holding(RightType::Servitude, 2, BEN, (1, 1))];
    office.submit(&[LAND], build::register(P, unit(), holdings)).unwrap();
    let way = transfer(&[(2, (1, 1))], vec![holding(RightType::Servitude, 3, BANK, (1, 1))]);
    assert_eq!(office.kind_refused(&ALL, way), "right_not_transferable");
    for kind in [RightType::LandUse, RightType::Servitude] {
        let mixed = transfer(&[(1, (1, 1))], vec![holding(kind, 3, BANK, (1, 1))]);
        assert_eq!(office.kind_refused(&ALL, mixed), "right_types_mixed");
    }
    let untyped = transfer(&[(1, (1, 1))], vec![holding(RightType::Unspecified, 3, BANK, (1, 1))]);
    assert_eq!(office.kind_refused(&ALL, untyped), "right_type_missing");
}

#[test]
fn a_price_has_a_currency() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let sale = |price_minor, currency: &str| {
        build::transfer_whole(P, 1, owner(2, BEN, (1, 1)), price_minor, currency)
    };
    let long = "U".repeat(60_000);
    for (price, currency) in [(1, ""), (1, "usd"), (1, "US"), (1, "USDT"), (0, "usd"), (0, long.as_str())] {
        assert_eq!(office.refused(&[ANN, BEN], sale(price, currency)), "currency_invalid");
    }
    let gift = office.submit(&[ANN, BEN], sale(0, "")).unwrap();
    assert_eq!((gift.last_price_minor, gift.last_price_currency.as_str()), (0, ""));
}

#[test]
fn transactions_of_one_block_see_each_other() {
    let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
    let sale = |right, from, to: (u8, &'static str)| {
        let action = build::transfer_whole(P, right, owner(to.0, to.1, (1, 1)), 1, "USD");
        transaction(&[from, to.1], [to.0; 16], action)
    };
    // Sold twice in one block: the first comes first. The buyer sells on at once.
    let block = [sale(1, ANN, (2, BEN)), sale(1, ANN, (3, BANK)), sale(2, BEN, (4, COURT))];
    let done = execute(2, &block, &mut office.records);
    let codes: Vec<_> = done.executed.iter().map(|executed| executed.opening.outcome.code()).collect();
    assert_eq!(codes, [None, Some("holder_unknown"), None]);
    assert_eq!(office.parcel(P).unwrap().rights[0].party, Some(party(4, COURT)));
}

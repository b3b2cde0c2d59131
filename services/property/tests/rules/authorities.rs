//! Who may restrict titles: the register's keeper and those it names; before it names any, everyone may warn.

use hutong_ledger::execute::Records;
use hutong_property::build;
use hutong_wire::v1::property::{self as wire, RestrictionType, action::Kind};

use crate::support::*;

/// An office that named nobody yet.
fn bare() -> Office {
    let mut office = Office { records: Records::new(), height: 0 };
    office.submit(&[LAND], build::register(P, unit(), vec![owner(1, ANN, (1, 1))])).unwrap();
    office
}

#[test]
fn before_anyone_is_named_all_may_warn_and_the_keeper_alone_seizes() {
    let mut office = bare();
    assert_eq!(office.kind_refused(&[COURT], restrict(RestrictionType::Seizure)), "authority_required");
    office.kind(&[BEN], restrict(RestrictionType::Caveat)).unwrap();
    office.kind(&[LAND], restrict(RestrictionType::Seizure)).unwrap();
}

#[test]
fn those_who_are_named_may_and_no_others() {
    let mut office = bare();
    office.submit(&[LAND], build::authorities(&[id(BANK)], &[id(COURT), id(COURT)])).unwrap();
    for name in [COURT, LAND] {
        office.kind(&[name], restrict(RestrictionType::Seizure)).unwrap();
    }
    for name in [BANK, LAND] {
        office.kind(&[name], restrict(RestrictionType::Caveat)).unwrap();
    }
    // That an authority signs along is not enough: it submits.
    assert_eq!(office.kind_refused(&[ANN, COURT], restrict(RestrictionType::Seizure)), "authority_required");
    assert_eq!(office.kind_refused(&[COURT], restrict(RestrictionType::Caveat)), "authority_required");
    assert_eq!(office.kind_refused(&[BANK], restrict(RestrictionType::Seizure)), "authority_required");
    office.submit(&[LAND], build::authorities(&[], &[])).unwrap();
    assert_eq!(office.kind_refused(&[BANK], restrict(RestrictionType::Caveat)), "authority_required");
}

#[test]
fn the_keeper_alone_names_members_in_order() {
    let mut office = bare();
    assert_eq!(office.refused(&[COURT], build::authorities(&[], &[id(COURT)])), "registrar_required");
    let set = |caveat: &[&str], seizure: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let authorities = wire::Authorities { caveat: names(caveat), seizure: names(seizure) };
        Kind::Authorities(wire::SetAuthorities { authorities: Some(authorities) })
    };
    let about_none = |kind| build::action("", 0, None, kind);
    for kind in [
        set(&[COURT, BANK], &[]),
        set(&[], &[COURT, COURT]),
        set(&["stranger"], &[]),
        set(&["No Agency"], &[]),
        set(&[], &["x"; 65]),
        Kind::Authorities(wire::SetAuthorities { authorities: None }),
    ] {
        assert_eq!(office.refused(&[LAND], about_none(kind)), "authorities_invalid");
    }
    assert_eq!(office.kind_refused(&[LAND], set(&[], &[COURT])), "parcel_id_invalid", "about no parcel");
    office.submit(&[LAND], build::action("", 0, None, set(&[], &[COURT]))).unwrap();
    let stale = build::action("", 7, None, set(&[], &[]));
    assert_eq!(office.refused(&[LAND], stale), "stale_version");
    office.submit(&[LAND], build::action("", 1, None, set(&[], &[]))).unwrap();
}

//! Businesses: registered once, changed, closed.

use hutong_licensing::build;
use hutong_wire::v1::licensing::{self as wire, BusinessStatus, action::Kind};

use crate::support::*;

fn update(change: impl FnOnce(&mut wire::UpdateBusiness)) -> bytes::Bytes {
    let mut update = wire::UpdateBusiness { uscc: USCC.into(), ..wire::UpdateBusiness::default() };
    change(&mut update);
    build::action(Kind::UpdateBusiness(update))
}

fn register(change: impl FnOnce(&mut wire::RegisterBusiness)) -> bytes::Bytes {
    let mut register = wire::RegisterBusiness {
        uscc: USCC.into(),
        name: "Noodles".into(),
        ..wire::RegisterBusiness::default()
    };
    change(&mut register);
    build::action(Kind::RegisterBusiness(register))
}

#[test]
fn a_business_is_registered_once_under_its_code() {
    let mut office = Office::default();
    office.done(register(|action| {
        action.sealed = vec![field("contact", 1), field("legal_representative", 2)];
        action.subjects = vec![vec![7; 16].into()];
    }));
    let business = office.business(USCC);
    assert_eq!((business.status(), business.since_ms), (BusinessStatus::Open, time_ms(1)));
    assert_eq!(office.no(build::register_business(USCC, "Other")), "business_exists");
    for uscc in ["", "91110000600037341K", "91110000600037341l", "911100001011011130", "../x"] {
        assert_eq!(office.no(build::register_business(uscc, "X")), "uscc_invalid", "{uscc}");
    }
    let long = "n".repeat(257);
    for name in ["", " a", "a\n", &long] {
        assert_eq!(office.no(build::register_business(SECOND, name)), "business_invalid", "{name:?}");
    }
}

#[test]
fn the_owner_alone_writes() {
    let mut office = Office::with_licence();
    for action in [
        build::register_business(SECOND, "X"),
        apply("b"),
        issue("a", 2),
        build::enter(terms("c")),
        build::suspend("a", "why"),
        build::reinstate("a", "why"),
        build::revoke("a", "why"),
        build::renew("a", time_ms(2000), credential(3), Vec::new()),
        build::close_business(USCC),
        update(|action| action.name = "N".into()),
    ] {
        assert_eq!(office.refused(&[OTHER], action), ("owner_required".into(), "signers".into()));
    }
    office.submit(&[OTHER, MARKET], build::suspend("a", "with both")).unwrap();
}

#[test]
fn sealed_fields_and_subjects_have_their_form() {
    let mut office = Office::default();
    let short = hutong_wire::v1::disclosure::SealedField { name: "a".into(), commitment: vec![1; 31].into() };
    for sealed in [
        vec![field("b", 1), field("a", 1)],
        vec![field("a", 1), field("a", 2)],
        vec![field("A", 1)],
        vec![field("", 1)],
        vec![short],
        (0..33).map(|n| field(&format!("f{n:02}"), 1)).collect(),
    ] {
        assert_eq!(office.no(register(|action| action.sealed = sealed)), "sealed_field_invalid");
    }
    let handle = |byte: u8, length: usize| bytes::Bytes::from(vec![byte; length]);
    for subjects in
        [vec![handle(1, 15)], vec![handle(1, 16), handle(1, 16)], vec![handle(2, 16), handle(1, 16)]]
    {
        assert_eq!(office.no(register(|action| action.subjects = subjects)), "handle_invalid");
    }
    let many = (0..17).map(|n| handle(n, 16)).collect();
    assert_eq!(office.no(register(|action| action.subjects = many)), "too_many_subjects");
}

#[test]
fn a_business_changes_and_closes() {
    let mut office = Office::default();
    assert_eq!(office.no(update(|action| action.name = "N".into())), "business_unknown");
    office.done(register(|action| action.sealed = vec![field("contact", 1)]));
    assert_eq!(office.no(update(|_| ())), "change_empty");
    assert_eq!(office.no(update(|action| action.name = "\t".into())), "business_invalid");
    office.done(update(|action| {
        action.name = "Noodles II".into();
        action.sealed = vec![field("address", 3), field("contact", 2)];
    }));
    let business = office.business(USCC);
    assert_eq!(
        (business.name.as_str(), business.sealed),
        ("Noodles II", vec![field("address", 3), field("contact", 2)])
    );
    let more = (0..31).map(|n| field(&format!("f{n:02}"), 1)).collect();
    assert_eq!(office.no(update(|action| action.sealed = more)), "sealed_field_invalid");

    office.done(build::close_business(USCC));
    assert_eq!(office.business(USCC).status(), BusinessStatus::Closed);
    assert_eq!(office.no(build::close_business(USCC)), "business_closed");
    assert_eq!(office.no(update(|action| action.name = "N".into())), "business_closed");
    assert_eq!(office.no(apply("a")), "business_closed");
    assert_eq!(office.no(build::close_business(SECOND)), "business_unknown");
}

#[test]
fn nothing_is_sealed_anew_after_an_erasure() {
    let mut office = Office::with_licence();
    office.done(update(|action| action.sealed = vec![field("contact", 1)]));
    for record in [format!("business/{USCC}"), "licence/a".into()] {
        let erase = hutong_wire::v1::disclosure::Erase {
            record,
            requested_by: "owner".into(),
            basis: "the law".into(),
            destroy_handle: false,
        };
        let kind = hutong_wire::v1::disclosure::action::Kind::Erase(erase);
        let action = hutong_wire::v1::disclosure::Action { kind: Some(kind) };
        office.done(build::action(Kind::Disclosure(action)));
    }
    assert_eq!(office.no(update(|action| action.sealed = vec![field("contact", 2)])), "erased");
    let renew = |sealed| build::renew("a", time_ms(2000), credential(2), sealed);
    assert_eq!(office.no(renew(vec![field("claims", 9)])), "erased");
    // Without personal data the register goes on.
    office.done(update(|action| action.name = "N".into()));
    office.done(renew(Vec::new()));
}

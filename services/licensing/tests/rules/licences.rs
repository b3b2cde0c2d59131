//! Licences: from the application to the end, and every step that is none.

use hutong_licensing::{
    build,
    contract::{CREDENTIALS_MAX, Standing, standing},
};
use hutong_wire::v1::licensing::{self as wire, Status, action::Kind};

use crate::support::*;

#[test]
fn an_application_registers_the_business_and_takes_a_place() {
    let mut office = Office::default();
    office.done(apply("a"));
    assert_eq!(office.business(USCC).name, "Noodles & Co");
    let licence = office.licence("a");
    assert_eq!(
        (licence.status(), licence.status_index, licence.applied_ms),
        (Status::Applied, 0, time_ms(1))
    );
    assert_eq!(licence.sealed, [field("claims", 1)]);
    // The register's name stands; the next place is the next one.
    office.done(build::enter(wire::Terms { name: "Another".into(), ..terms("b") }));
    assert_eq!(office.business(USCC).name, "Noodles & Co");
    assert_eq!((office.licence("b").status_index, office.licence("b").status()), (1, Status::Issued));
    assert_eq!(office.no(apply("a")), "licence_exists");
    assert_eq!(office.no(build::enter(terms("a"))), "licence_exists");
    office.done(apply("c"));
    assert_eq!(office.licence("c").status_index, 2, "what was refused takes no place");
}

/// Makes terms wrong.
type Change = fn(&mut wire::Terms);

#[test]
fn terms_have_their_form() {
    let mut office = Office::default();
    let long = "x".repeat(65);
    for id in ["", "A", "a/b", "é", &long] {
        assert_eq!(office.no(apply_as(|apply| apply.terms = Some(terms(id)))), "licence_id_invalid", "{id}");
    }
    assert_eq!(office.no(apply_as(|apply| apply.terms = None)), "licence_invalid");
    assert_eq!(office.no(build::action(Kind::Enter(wire::Enter { terms: None }))), "licence_invalid");
    let with = |change: Change| {
        let mut terms = terms("a");
        change(&mut terms);
        apply_as(|apply| apply.terms = Some(terms))
    };
    let cases: [(Change, &str); 9] = [
        (|terms| terms.uscc = "91110000600037341K".into(), "uscc_invalid"),
        (|terms| terms.name = String::new(), "business_invalid"),
        (|terms| terms.kind = String::new(), "licence_invalid"),
        (|terms| terms.kind = "a\u{7}".into(), "licence_invalid"),
        (|terms| terms.kind = "k".repeat(129), "licence_invalid"),
        (|terms| terms.valid_until_ms = terms.valid_from_ms, "period_invalid"),
        (|terms| terms.valid_until_ms = u64::MAX, "period_invalid"),
        (|terms| (terms.valid_from_ms, terms.valid_until_ms) = (1, 2), "period_invalid"),
        (|terms| terms.valid_until_ms = 0, "period_invalid"),
    ];
    for (change, code) in cases {
        assert_eq!(office.no(with(change)), code);
    }
    assert_eq!(office.no(apply_as(|apply| apply.sealed = vec![field("A", 1)])), "sealed_field_invalid");
    assert_eq!(office.no(apply_as(|apply| apply.subjects = vec![vec![1].into()])), "handle_invalid");
    // An older register holds licences whose time is over.
    office.done(build::enter(wire::Terms { valid_from_ms: 1, valid_until_ms: 2, ..terms("old") }));
    assert_eq!(standing(&office.licence("old"), time_ms(3)), Standing::Expired);
}

#[test]
fn a_licence_is_issued_once() {
    let mut office = Office::default();
    assert_eq!(office.no(issue("a", 1)), "licence_unknown");
    office.done(apply("a"));
    for bad in [
        None,
        Some(wire::Credential { hash: vec![1; 31].into(), ..credential(1) }),
        Some(wire::Credential { issued_s: 0, ..credential(1) }),
    ] {
        let action = wire::Issue { id: "a".into(), credential: bad };
        assert_eq!(office.no(build::action(Kind::Issue(action))), "credential_invalid");
    }
    office.done(issue("a", 1));
    let licence = office.licence("a");
    assert_eq!((licence.status(), licence.credentials.as_slice()), (Status::Issued, &[credential(1)][..]));
    assert_eq!(office.no(issue("a", 2)), "licence_issued");
    // One that was entered gets a credential later, and one only.
    office.done(build::enter(terms("b")));
    office.done(issue("b", 3));
    assert_eq!(office.no(issue("b", 4)), "licence_issued");
}

#[test]
fn suspended_is_reinstated_and_revoked_is_for_good() {
    let mut office = Office::with_licence();
    assert_eq!(office.no(build::reinstate("a", "why")), "licence_not_suspended");
    office.done(build::suspend("a", "an inspection"));
    assert_eq!(
        (office.licence("a").status(), office.licence("a").reason),
        (Status::Suspended, "an inspection".into())
    );
    assert_eq!(office.no(build::suspend("a", "again")), "licence_not_issued");
    assert_eq!(office.no(issue("a", 2)), "licence_issued");
    assert_eq!(office.no(build::renew("a", time_ms(2000), credential(2), Vec::new())), "licence_not_issued");
    office.done(build::reinstate("a", "repaired"));
    assert_eq!(office.licence("a").status(), Status::Issued);
    office.done(build::suspend("a", "again"));
    office.done(build::revoke("a", "danger"));
    assert_eq!(office.licence("a").status(), Status::Revoked);
    for action in [
        build::revoke("a", "again"),
        build::suspend("a", "again"),
        build::reinstate("a", "again"),
        issue("a", 5),
        build::renew("a", time_ms(2000), credential(2), Vec::new()),
    ] {
        assert_eq!(office.no(action), "licence_revoked");
    }
    for action in [build::suspend("x", "why"), build::reinstate("x", "why"), build::revoke("x", "why")] {
        assert_eq!(office.no(action), "licence_unknown");
    }
    for action in [build::suspend("A", "why"), build::reinstate("", "why"), build::revoke("a b", "why")] {
        assert_eq!(office.no(action), "licence_id_invalid");
    }
}

#[test]
fn an_application_is_turned_down_or_waits() {
    let mut office = Office::default();
    office.done(apply("a"));
    assert_eq!(office.no(build::suspend("a", "why")), "licence_not_issued");
    assert_eq!(office.no(build::reinstate("a", "why")), "licence_not_suspended");
    assert_eq!(office.no(build::renew("a", time_ms(2000), credential(2), Vec::new())), "licence_not_issued");
    office.done(build::revoke("a", "incomplete"));
    assert_eq!(office.no(issue("a", 1)), "licence_revoked");
}

#[test]
fn decisions_have_reasons() {
    let mut office = Office::with_licence();
    let long = "r".repeat(257);
    for reason in ["", " ", "a\nb", &long] {
        assert_eq!(office.no(build::suspend("a", reason)), "reason_missing");
        assert_eq!(office.no(build::revoke("a", reason)), "reason_missing");
    }
    office.done(build::suspend("a", "why"));
    assert_eq!(office.no(build::reinstate("a", "")), "reason_missing");
}

#[test]
fn a_renewal_is_later_and_in_time() {
    let mut office = Office::with_licence();
    let renew = |height, byte| build::renew("a", time_ms(height), credential(byte), Vec::new());
    assert_eq!(office.no(renew(1000, 2)), "period_invalid");
    assert_eq!(office.no(build::renew("a", u64::MAX, credential(2), Vec::new())), "period_invalid");
    assert_eq!(office.no(renew(2000, 1)), "credential_invalid");
    assert_eq!(office.no(build::renew("x", time_ms(9), credential(2), Vec::new())), "licence_unknown");
    let sealed = build::renew("a", time_ms(2000), credential(2), vec![field("claims", 9)]);
    office.done(sealed);
    let licence = office.licence("a");
    assert_eq!((licence.valid_until_ms, licence.status_index), (time_ms(2000), 0));
    assert_eq!((licence.credentials.len(), licence.sealed), (2, vec![field("claims", 9)]));
    let wrong = build::renew("a", time_ms(3000), credential(3), vec![field("B", 9)]);
    assert_eq!(office.no(wrong), "sealed_field_invalid");
    office.done(build::close_business(USCC));
    assert_eq!(office.no(renew(3000, 3)), "business_closed");
}

#[test]
fn a_licence_has_so_many_credentials_and_no_more() {
    let mut office = Office::with_licence();
    for n in 2..=CREDENTIALS_MAX as u64 {
        office.done(build::renew("a", time_ms(1000 + n), credential(n as u8), Vec::new()));
    }
    assert_eq!(
        office.no(build::renew("a", time_ms(9000), credential(200), Vec::new())),
        "credential_invalid"
    );
}

#[test]
fn time_ends_a_licence() {
    let mut office = Office::with_licence();
    office.done(apply("b"));
    office.until(999);
    office.done(build::suspend("a", "the last moment"));
    office.until(1000);
    for action in [
        build::reinstate("a", "why"),
        build::renew("a", time_ms(2000), credential(2), Vec::new()),
        build::suspend("b", "why"),
        issue("b", 3),
    ] {
        office.until(1000);
        assert_eq!(office.no(action), "licence_expired");
    }
    // A credential may say otherwise: so it can be revoked still.
    office.done(build::revoke("a", "why"));
}

#[test]
fn how_a_licence_stands() {
    let licence = |status: Status| wire::Licence {
        valid_from_ms: 10,
        valid_until_ms: 20,
        status: status.into(),
        ..wire::Licence::default()
    };
    for (status, time_ms, wanted) in [
        (Status::Applied, 9, Standing::Applied),
        (Status::Applied, 20, Standing::Expired),
        (Status::Issued, 9, Standing::NotYet),
        (Status::Issued, 10, Standing::Valid),
        (Status::Issued, 19, Standing::Valid),
        (Status::Issued, 20, Standing::Expired),
        (Status::Suspended, 5, Standing::Suspended),
        (Status::Suspended, 20, Standing::Expired),
        (Status::Revoked, 5, Standing::Revoked),
        (Status::Revoked, 20, Standing::Revoked),
    ] {
        assert_eq!(standing(&licence(status), time_ms), wanted, "{status:?} at {time_ms}");
    }
}

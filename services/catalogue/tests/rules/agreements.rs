//! Agreeing and revoking.

use hutong_catalogue::{
    build,
    contract::{TIME_MS_MAX, is_active},
};
use hutong_wire::v1::catalogue::{self as wire, action::Kind};

use crate::support::*;

const BOTH: [&str; 2] = [LAND, JUSTICE];

fn refused(code: &str, field: &str) -> (String, String) {
    (code.into(), field.into())
}

#[test]
fn both_sides_make_an_agreement() {
    let mut office = Office::default();
    // Either may submit.
    office.submit(&[JUSTICE, LAND], agree(|_| ())).unwrap();
    let agreed = office.agreement("courts-1");
    assert_eq!(agreed, wire::Agreement { agreed_ms: time_ms(1), ..agreement() });
    assert!(is_active(&agreed, time_ms(1)) && is_active(&agreed, time_ms(0)));
    assert!(!is_active(&agreed, time_ms(0) - 1) && !is_active(&agreed, time_ms(1000)));
    assert!(is_active(&agreed, time_ms(1000) - 1));
    office.submit(&[LAND, JUSTICE], agree(|agreement| agreement.id = "courts-2".into())).unwrap();
}

#[test]
fn one_side_alone_makes_none() {
    let mut office = Office::default();
    for some in [&[LAND][..], &[JUSTICE], &[LAND, BUREAU], &[HEALTH, JUSTICE, BUREAU]] {
        assert_eq!(
            office.refused(some, agree(|_| ())),
            refused("both_sides_required", "signers"),
            "{some:?}"
        );
    }
}

#[test]
fn the_owner_owns_the_domain_and_the_consumer_is_a_member() {
    let mut office = Office::default();
    let others = office.refused(&ALL, agree(|a| a.domain = "health".into()));
    assert_eq!(others, refused("owner_required", "owner"));
    let swapped = office.refused(&ALL, agree(|a| std::mem::swap(&mut a.owner, &mut a.consumer)));
    assert_eq!(swapped, refused("owner_required", "owner"));
    let weather = office.refused(&ALL, agree(|a| a.domain = "weather".into()));
    assert_eq!(weather, refused("unknown_domain", "domain"));
    let stranger = office.refused(&[LAND, "elsewhere"], agree(|a| a.consumer = "elsewhere".into()));
    assert_eq!(stranger, refused("consumer_unknown", "consumer"));
    let itself = office.refused(&ALL, agree(|a| a.consumer = LAND.into()));
    assert_eq!(itself, refused("agreement_invalid", "consumer"));
}

#[test]
fn an_agreement_is_well_formed() {
    let mut office = Office::default();
    let long = |bytes: usize| "x".repeat(bytes);
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    type Change = Box<dyn FnOnce(&mut wire::Agreement)>;
    let mut broken: Vec<(&str, Change)> = Vec::new();
    for bad in [String::new(), "Courts".into(), "a/b".into(), "a b".into(), long(65)] {
        broken.push(("id", Box::new(|a| a.id = bad)));
    }
    for bad in ["", "Land", "9land", "a b"] {
        broken.push(("owner", Box::new(|a| a.owner = bad.into())));
        broken.push(("consumer", Box::new(|a| a.consumer = bad.into())));
    }
    for bad in [String::new(), "a b".into(), long(65)] {
        broken.push(("record_type", Box::new(|a| a.record_type = bad)));
    }
    let many = (100..165).map(|n| n.to_string()).collect();
    for bad in [texts(&[]), texts(&["b", "a"]), texts(&["a", "a"]), texts(&["Name"]), texts(&[""]), many] {
        broken.push(("fields", Box::new(|a| a.fields = bad)));
    }
    let many = (100..133).map(|n| n.to_string()).collect();
    let purposes = [
        texts(&[]),
        texts(&["b", "a"]),
        texts(&["a", "a"]),
        texts(&[" a"]),
        texts(&["a\n"]),
        vec![long(129)],
        many,
    ];
    for bad in purposes {
        broken.push(("purposes", Box::new(|a| a.purposes = bad)));
    }
    for bad in [String::new(), " law".into(), "law\0".into(), long(513)] {
        broken.push(("legal_basis", Box::new(|a| a.legal_basis = bad)));
    }
    broken.push(("agreed_ms", Box::new(|a| a.agreed_ms = 1)));
    broken.push(("agreed_ms", Box::new(|a| a.revoked_ms = 1)));
    broken.push(("revoked_by", Box::new(|a| a.revoked_by = LAND.into())));
    broken.push(("revoked_by", Box::new(|a| a.revocation_reason = "no".into())));
    for (at, change) in broken {
        let mut bad = agreement();
        change(&mut bad);
        let action = build::action(Kind::Agree(wire::Agree { agreement: Some(bad.clone()) }));
        assert_eq!(office.refused(&BOTH, action), refused("agreement_invalid", at), "{bad:?}");
    }
    let missing = build::action(Kind::Agree(wire::Agree { agreement: None }));
    assert_eq!(office.refused(&BOTH, missing), refused("agreement_invalid", "agreement"));
    // The builder puts sets in their order.
    let mut loose = agreement();
    loose.fields.reverse();
    loose.purposes.push("enforcement".into());
    office.submit(&BOTH, build::agree(loose)).unwrap();
    assert_eq!(office.agreement("courts-1").purposes, agreement().purposes);
}

#[test]
fn an_agreement_has_a_time() {
    let mut office = Office::default();
    let until = refused("period_invalid", "until_ms");
    for (from, until_ms) in
        [(5, 5), (time_ms(9), time_ms(8)), (0, 0), (0, TIME_MS_MAX + 1), (u64::MAX, u64::MAX)]
    {
        let action = agree(|a| (a.from_ms, a.until_ms) = (from, until_ms));
        assert_eq!(office.refused(&BOTH, action), until, "{from} {until_ms}");
    }
    // At the time of its own block it would be over.
    let next = office.height + 1;
    assert_eq!(office.refused(&BOTH, agree(|a| a.until_ms = time_ms(next))), until);
    let next = office.height + 1;
    office.submit(&BOTH, agree(|a| a.until_ms = time_ms(next) + 1)).unwrap();
    // It may begin later, last as long as there are years, and be used as often as needed.
    let far = agree(|a| {
        a.id = "far".into();
        (a.from_ms, a.until_ms, a.count_limit) = (time_ms(900), TIME_MS_MAX, 0);
    });
    office.submit(&BOTH, far).unwrap();
}

#[test]
fn an_id_is_agreed_once() {
    let mut office = Office::default();
    office.submit(&BOTH, agree(|_| ())).unwrap();
    assert_eq!(office.refused(&BOTH, agree(|_| ())), refused("agreement_exists", "id"));
    office.submit(&[LAND], build::revoke("courts-1", "the law changed")).unwrap();
    assert_eq!(office.refused(&BOTH, agree(|a| a.count_limit = 0)), refused("agreement_exists", "id"));
}

#[test]
fn either_side_ends_it_once() {
    for (side, other) in [(LAND, JUSTICE), (JUSTICE, LAND)] {
        let mut office = Office::default();
        office.submit(&BOTH, agree(|_| ())).unwrap();
        office.submit(&[side], build::revoke("courts-1", "no longer needed")).unwrap();
        let revoked = office.agreement("courts-1");
        assert_eq!((revoked.revoked_ms, revoked.revoked_by.as_str()), (time_ms(2), side));
        assert_eq!(revoked.revocation_reason, "no longer needed");
        assert!(!is_active(&revoked, time_ms(2)));
        let kept = wire::Agreement {
            revoked_ms: 0,
            revoked_by: String::new(),
            revocation_reason: String::new(),
            ..revoked
        };
        assert_eq!(kept, wire::Agreement { agreed_ms: time_ms(1), ..agreement() });
        let again = office.refused(&[other], build::revoke("courts-1", "me too"));
        assert_eq!(again, refused("agreement_revoked", "id"));
    }
}

#[test]
fn nobody_else_ends_it() {
    let mut office = Office::default();
    office.submit(&BOTH, agree(|_| ())).unwrap();
    for others in [&[BUREAU][..], &[HEALTH, BUREAU]] {
        let told = office.refused(others, build::revoke("courts-1", "I say so"));
        assert_eq!(told, refused("side_required", "signers"));
    }
    // A side that signs with others counts, and is the one named.
    office.submit(&[BUREAU, JUSTICE], build::revoke("courts-1", "asked by the bureau")).unwrap();
    assert_eq!(office.agreement("courts-1").revoked_by, JUSTICE);
}

#[test]
fn who_takes_the_domain_over_may_end_it() {
    let mut office = Office::default();
    office.submit(&BOTH, agree(|_| ())).unwrap();
    office.epoch.domains[2].owner = id(BUREAU);
    office.submit(&[BUREAU], build::revoke("courts-1", "not what we share")).unwrap();
    assert_eq!(office.agreement("courts-1").revoked_by, BUREAU);
}

#[test]
fn ending_needs_an_agreement_and_a_reason() {
    let mut office = Office::default();
    assert_eq!(office.refused(&[LAND], build::revoke("courts-1", "why")), refused("agreement_unknown", "id"));
    assert_eq!(office.refused(&[LAND], build::revoke("", "why")), refused("agreement_invalid", "id"));
    office.submit(&BOTH, agree(|_| ())).unwrap();
    for bad in [String::new(), " ".into(), "a\nb".into(), "x".repeat(257)] {
        let told = office.refused(&[LAND], build::revoke("courts-1", &bad));
        assert_eq!(told, refused("reason_missing", "reason"), "{bad:?}");
    }
    office.submit(&[LAND], build::revoke("courts-1", &"x".repeat(256))).unwrap();
}

#[test]
fn in_one_block_the_first_stands() {
    let mut office = Office::default();
    let actions = [
        agree(|_| ()),
        agree(|a| a.count_limit = 1),
        build::revoke("courts-1", "first"),
        build::revoke("courts-1", "second"),
    ];
    let transactions: Vec<_> =
        actions.into_iter().zip(0_u128..).map(|(a, n)| transaction(&BOTH, n.to_be_bytes(), a)).collect();
    let done = execute(7, &office.epoch, &transactions, &mut office.records);
    let codes: Vec<_> = done.executed.iter().map(|e| e.opening.outcome.code().map(str::to_owned)).collect();
    assert_eq!(codes, [None, Some("agreement_exists".into()), None, Some("agreement_revoked".into())]);
    let stands = office.agreement("courts-1");
    assert_eq!((stands.count_limit, stands.revocation_reason.as_str()), (100, "first"));
}

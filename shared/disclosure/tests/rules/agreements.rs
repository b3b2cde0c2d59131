//! Accesses by agreement: each term, kept and broken.

use hutong_ledger::id::TxId;
use hutong_wire::{
    prost::Message,
    v1::{
        catalogue::Agreement,
        disclosure::{Access, AgreementUse, RequestAccess, basis},
    },
};

use crate::{build::*, support::*};

/// What becomes of the clinic's plain request at height 2, under an agreement.
fn under(agreement: &Agreement) -> Result<TxId, String> {
    let mut city = City::with_a_note();
    city.catalogue("agreement/care", agreement.encode_to_vec());
    let asked = city.submit(CLINIC, ask(request(NOTE, &["text"], by_agreement())));
    asked.map_err(|refusal| refusal.code.into_owned())
}

#[test]
fn inside_its_terms_an_access_is_allowed_and_counted() {
    let mut city = City::with_a_note();
    for count in 1..=3 {
        let id = city.submit(CLINIC, ask(request(NOTE, &["name", "text"], by_agreement()))).unwrap();
        assert_eq!(city.get::<AgreementUse>("agreement-use/care").unwrap().count, count);
        let access: Access = city.get(&format!("access/{id}")).unwrap();
        assert_eq!(access.basis.unwrap().kind, Some(by_agreement()));
    }
}

#[test]
fn each_term_has_its_refusal() {
    let broken = |change: &dyn Fn(&mut Agreement)| {
        let mut agreement = agreement();
        change(&mut agreement);
        under(&agreement).unwrap_err()
    };
    under(&agreement()).unwrap();
    assert_eq!(broken(&|a| a.consumer = COURT.into()), "agreement_other_party");
    assert_eq!(broken(&|a| a.owner = COURT.into()), "agreement_other_party");
    assert_eq!(broken(&|a| a.domain = "property".into()), "agreement_record_type");
    assert_eq!(broken(&|a| a.record_type = "person".into()), "agreement_record_type");
    assert_eq!(broken(&|a| a.fields = texts(&["name"])), "agreement_field");
    assert_eq!(broken(&|a| a.purposes = texts(&["billing"])), "agreement_purpose");
    assert_eq!(broken(&|a| a.from_ms = time_ms(2) + 1), "agreement_not_yet");
    assert_eq!(broken(&|a| a.until_ms = time_ms(2)), "agreement_expired");
    assert_eq!(broken(&|a| a.revoked_ms = 1), "agreement_revoked");
}

#[test]
fn the_times_are_exact() {
    let terms = |from_ms, until_ms| under(&Agreement { from_ms, until_ms, ..agreement() });
    terms(time_ms(2), time_ms(2) + 1).unwrap();
    assert_eq!(terms(time_ms(2) + 1, u64::MAX).unwrap_err(), "agreement_not_yet");
    assert_eq!(terms(0, time_ms(2)).unwrap_err(), "agreement_expired");
}

#[test]
fn what_is_asked_beyond_it_is_refused() {
    let mut city = City::with_a_note();
    city.note(NOTE, &[1], &[("diary", "dear"), ("text", "cough")]);
    let mut refused = |request| city.refused(CLINIC, ask(request));
    assert_eq!(refused(request(NOTE, &["diary", "text"], by_agreement())), "agreement_field");
    let other = RequestAccess { purpose: "curiosity".into(), ..request(NOTE, &["text"], by_agreement()) };
    assert_eq!(refused(other), "agreement_purpose");
    assert_eq!(city.refused(COURT, ask(request(NOTE, &["text"], by_agreement()))), "agreement_other_party");
    city.submit(OWNER, register(1, &[("text", "1")])).unwrap();
    assert_eq!(
        city.refused(CLINIC, ask(request(&person(1), &["text"], by_agreement()))),
        "agreement_record_type"
    );
}

#[test]
fn an_agreement_must_be_there() {
    let mut city = City::with_a_note();
    for id in ["other", "", "CARE", "care/x", &"a".repeat(65)] {
        let request = request(NOTE, &["text"], basis::Kind::Agreement(id.into()));
        assert_eq!(city.refused(CLINIC, ask(request)), "agreement_unknown", "{id}");
    }
}

#[test]
fn the_count_is_a_limit() {
    let mut city = City::with_a_note();
    city.catalogue("agreement/care", Agreement { count_limit: 2, ..agreement() }.encode_to_vec());
    let mut ask = || city.submit(CLINIC, ask(request(NOTE, &["text"], by_agreement())));
    ask().unwrap();
    ask().unwrap();
    assert_eq!(ask().unwrap_err().code, "agreement_exhausted");
    // What was refused did not count: with one more allowed, one more is made.
    city.catalogue("agreement/care", Agreement { count_limit: 3, ..agreement() }.encode_to_vec());
    let asked = request(NOTE, &["text"], by_agreement());
    city.submit(CLINIC, crate::build::ask(asked)).unwrap();
    assert_eq!(city.get::<AgreementUse>("agreement-use/care").unwrap().count, 3);
}

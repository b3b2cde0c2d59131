//! Consent: given and withdrawn through the owner, and each of its terms when an access rests on it.

use hutong_wire::v1::disclosure::{Consent, GiveConsent, RequestAccess, basis};

use crate::{build::*, support::*};

fn stored(n: u8) -> String {
    format!("consent/{}/{CONSENT}", hex::encode(handle(n)))
}

/// A note of person 1, and person 1's consent.
fn city_with(consent: GiveConsent) -> City {
    let mut city = City::with_a_note();
    city.submit(OWNER, give(consent)).unwrap();
    city
}

#[test]
fn a_consent_is_given_and_withdrawn() {
    let mut city = city_with(consent(1));
    let given: Consent = city.get(&stored(1)).unwrap();
    assert_eq!((given.given_ms, given.withdrawn_ms, given.consumer.as_str()), (time_ms(2), 0, CLINIC));
    city.submit(CLINIC, ask(request(NOTE, &["text"], by_consent(1)))).unwrap();
    city.submit(OWNER, withdraw(1, CONSENT)).unwrap();
    assert_eq!(city.get::<Consent>(&stored(1)).unwrap(), Consent { withdrawn_ms: time_ms(4), ..given });
    assert_eq!(city.refused(OWNER, withdraw(1, CONSENT)), "consent_withdrawn");
    assert_eq!(city.refused(OWNER, give(consent(1))), "consent_exists");
    assert_eq!(city.refused(CLINIC, ask(request(NOTE, &["text"], by_consent(1)))), "consent_withdrawn");
}

#[test]
fn the_owner_alone_takes_it_down() {
    let mut city = city_with(consent(1));
    assert_eq!(city.refused(CLINIC, give(consent(2))), "owner_required");
    assert_eq!(city.refused(CLINIC, withdraw(1, CONSENT)), "owner_required");
    assert_eq!(city.refused(OWNER, withdraw(2, CONSENT)), "consent_unknown");
    assert_eq!(city.refused(OWNER, withdraw(1, "fedcba9876543210")), "consent_unknown");
    assert_eq!(city.refused(OWNER, withdraw(1, "x")), "consent_invalid");
}

#[test]
fn its_form_is_checked() {
    let mut city = City::with_a_note();
    let mut broken = |change: &dyn Fn(&mut GiveConsent)| {
        let mut consent = consent(1);
        change(&mut consent);
        city.refused(OWNER, give(consent))
    };
    assert_eq!(broken(&|c| c.handle = vec![1; 15].into()), "handle_invalid");
    assert_eq!(broken(&|c| c.id = "0123456789ABCDEF".into()), "consent_invalid");
    assert_eq!(broken(&|c| c.consumer = "stranger".into()), "consumer_unknown");
    assert_eq!(broken(&|c| c.consumer = "No Name".into()), "consumer_unknown");
    assert_eq!(broken(&|c| c.record_type = String::new()), "consent_invalid");
    assert_eq!(broken(&|c| c.fields = texts(&["text", "name"])), "fields_invalid");
    assert_eq!(broken(&|c| c.fields.clear()), "fields_invalid");
    assert_eq!(broken(&|c| c.purposes.clear()), "purpose_invalid");
    assert_eq!(broken(&|c| c.purposes = texts(&["b", "a"])), "purpose_invalid");
    assert_eq!(broken(&|c| c.purposes = texts(&[""])), "purpose_invalid");
    assert_eq!(broken(&|c| c.purposes = vec!["p".repeat(129)]), "purpose_invalid");
    assert_eq!(broken(&|c| c.purposes = (10..27).map(|n| n.to_string()).collect()), "purpose_invalid");
    assert_eq!(broken(&|c| c.until_ms = c.from_ms), "consent_invalid");
    assert_eq!(broken(&|c| (c.from_ms, c.until_ms) = (1, time_ms(2))), "consent_invalid");
    city.submit(OWNER, give(consent(1))).unwrap();
}

#[test]
fn each_term_has_its_refusal() {
    let broken = |change: &dyn Fn(&mut GiveConsent)| {
        let mut consent = consent(1);
        change(&mut consent);
        city_with(consent).refused(CLINIC, ask(request(NOTE, &["text"], by_consent(1))))
    };
    assert_eq!(broken(&|c| c.consumer = COURT.into()), "consent_other_party");
    assert_eq!(broken(&|c| c.record_type = "person".into()), "consent_record_type");
    assert_eq!(broken(&|c| c.fields = texts(&["name"])), "consent_field");
    assert_eq!(broken(&|c| c.purposes = texts(&["billing"])), "consent_purpose");
    assert_eq!(broken(&|c| c.from_ms = time_ms(3) + 1), "consent_not_yet");
    assert_eq!(broken(&|c| c.until_ms = time_ms(3)), "consent_expired");
    let other = RequestAccess { purpose: "curiosity".into(), ..request(NOTE, &["text"], by_consent(1)) };
    assert_eq!(city_with(consent(1)).refused(CLINIC, ask(other)), "consent_purpose");
}

#[test]
fn a_consent_must_be_there() {
    let mut city = city_with(consent(1));
    let other = hex::encode(handle(1)) + "/fedcba9876543210";
    for id in ["", CONSENT, "x/y", &other, &hex::encode(handle(2))] {
        let request = request(NOTE, &["text"], basis::Kind::Consent(id.into()));
        assert_eq!(city.refused(CLINIC, ask(request)), "consent_unknown", "{id}");
    }
}

#[test]
fn nobody_consents_for_others() {
    let mut city = city_with(consent(2));
    assert_eq!(city.refused(CLINIC, ask(request(NOTE, &["text"], by_consent(2)))), "consent_other_party");
    city.note("note/2", &[1, 2], &[("text", "both")]);
    city.note("note/3", &[], &[("text", "nobody")]);
    for name in ["note/2", "note/3"] {
        assert_eq!(city.refused(CLINIC, ask(request(name, &["text"], by_consent(2)))), "consent_subjects");
    }
    city.note("note/4", &[2], &[("text", "own")]);
    city.submit(CLINIC, ask(request("note/4", &["text"], by_consent(2)))).unwrap();
}

//! Who looked: what the person sees, what a court keeps closed for a time, and what everyone is told at once.

use std::io::BufRead as _;

use hutong_test_end_to_end::program::wait_until;
use serde_json::{Value, json};

use crate::city::{CONSUMER, CONTACT, City, words};

/// How long the test's court keeps an access closed.
const SEALED_S: i64 = 8;

fn verify(city: &City, list: &std::path::Path) -> Vec<String> {
    let trust = city.program.data().join("trust.json");
    let words =
        ["verify", "--accesses", list.to_str().unwrap(), "--trust", trust.to_str().unwrap(), "--json"];
    words.map(str::to_owned).to_vec()
}

#[test]
fn a_person_sees_who_looked_consents_and_is_forgotten() {
    let city = City::of_persona("wang-lan");
    let person = |args: &[&str]| city.person("wang-lan", args);

    // Consent for one purpose, given and withdrawn in one call each.
    let give = ["consent", "give", "--domain", "property", "--consumer", CONSUMER, "--record-type", "person"];
    let terms = ["--fields", "contact", "--purposes", "home-visit", "--until", "2090-01-01T00:00:00Z"];
    let given = person(&[&give[..], &terms].concat()).expect("the consent is given");
    let handle = city.record.rsplit('/').next().unwrap();
    let consent = format!("{handle}/{}", given["id"].as_str().unwrap());
    let basis = ["--consent", &consent];
    city.refused("name", "home-visit", basis, "consent_field");
    city.refused("contact", "marketing", basis, "consent_purpose");
    assert_eq!(city.reads("contact", "home-visit", basis)["fields"], json!({ "contact": CONTACT }));
    let listed = person(&["consent", "list"]).expect("a list of consents");
    assert_eq!(listed["consents"][0]["id"], given["id"], "{listed}");
    let consent = format!("property/{}", given["id"].as_str().unwrap());
    person(&["consent", "withdraw", &consent]).expect("it is withdrawn");
    city.refused("contact", "home-visit", basis, "consent_withdrawn");
    assert!(person(&["consent", "withdraw", &consent]).is_none(), "it is withdrawn once");

    city.reads("name", "rescue", ["--emergency", "found unconscious at the river"]);
    city.agree("courts", |agreement| agreement.purposes = vec!["investigation".into()]);
    city.reads("name", "investigation", ["--agreement", "courts"]);
    let list = city.program.folder().join("list.json");
    let seen = person(&["accesses", "--output", list.to_str().unwrap()]).expect("a list");
    assert_eq!(seen["accesses"].as_array().unwrap().len(), 3, "{seen}");
    let other = city.person("li-wei", &["accesses"]).unwrap();
    assert_eq!(other["accesses"], json!([]), "another person sees nothing of it");

    // The list shows itself whole; without any one of its entries it does not.
    let verified = city.program.result(&words(&verify(&city, &list))).expect("it verifies");
    assert_eq!(verified["persons"][0]["accesses"].as_array().unwrap().len(), 3);
    let document: Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    for dropped in 0..3 {
        let mut document = document.clone();
        document["persons"][0]["entries"].as_array_mut().unwrap().remove(dropped);
        let short = city.program.folder().join("short.json");
        std::fs::write(&short, document.to_string()).unwrap();
        let said = city.program.failure(&words(&verify(&city, &short)));
        assert!(said.contains("incomplete"), "without entry {dropped}: {said}");
    }

    // The person has it erased; the vault forgets who it was.
    let erased = person(&["erase", &city.record, "--basis", "my wish", "--forget-person"]);
    erased.expect("it is erased");
    city.refused("name", "rescue", ["--emergency", "again"], "erased");
    let seen = person(&["accesses"]).expect("a list");
    assert_eq!(seen["accesses"], json!([]), "nothing leads to the handle any more");
    city.end();
}

/// An access under a court's order is in the count and the proof at once; what it was is told when its time is over.
#[test]
fn what_a_court_seals_is_counted_now_and_opened_then() {
    let city = City::of_persona("wang-lan");
    city.agree("courts", |agreement| agreement.purposes = vec!["investigation".into()]);
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(SEALED_S);
    let until = until.to_string();
    let mut order = city.ask("name", "investigation", ["--agreement", "courts"]);
    order.extend(["--sealed-until", &until, "--court-order", "order 3"]);
    let read = city.program.result(&order).expect("it is released");
    let access = read["access"].as_str().unwrap();
    let list = city.program.folder().join("list.json");
    let look = || city.person("wang-lan", &["accesses", "--output", list.to_str().unwrap()]).expect("a list");
    let counted = |seen: &Value| {
        let verified = city.program.result(&words(&verify(&city, &list))).expect("it verifies");
        assert_eq!(seen["accesses"].as_array().unwrap().len(), 1, "{seen}");
        assert_eq!(verified["persons"][0]["accesses"].as_array().unwrap().len(), 1, "{verified}");
    };
    let seen = look();
    counted(&seen);
    if jiff::Timestamp::now().to_string() < until {
        assert_eq!(seen["accesses"][0]["sealed"], true, "{seen}");
        let shown = seen.to_string() + &std::fs::read_to_string(&list).unwrap();
        for secret in ["investigation", "order 3", access] {
            assert!(!shown.contains(secret), "{secret} is shown before its time");
        }
    }
    wait_until("the access is opened", || look()["accesses"][0]["sealed"] == false);
    let seen = look();
    counted(&seen);
    let opened = &seen["accesses"][0];
    assert_eq!((&opened["purpose"], &opened["access"]), (&"investigation".into(), &access.into()), "{seen}");
    city.end();
}

/// An emergency asks nobody first; so it is flagged, and whoever follows the domain is told as it happens.
#[test]
fn an_emergency_is_flagged_and_told_at_once() {
    let city = City::of_persona("wang-lan");
    let mut following =
        city.program.start(&["tail", "--domain", "property", "--after", "0", "--url", &city.process.url]);
    let read = city.reads("contact", "rescue", ["--emergency", "found unconscious at the river"]);
    let access = read["access"].as_str().unwrap();
    let mut events = following.lines();
    let told = loop {
        let mut line = String::new();
        assert!(events.read_line(&mut line).unwrap() > 0, "the city goes on telling");
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["subject"].as_str().is_some_and(|subject| subject.ends_with(&format!("access/{access}"))) {
            break event;
        }
    };
    let content = &told["data"]["value"];
    assert_eq!((&content["emergency"], &content["purpose"]), (&true.into(), &"rescue".into()), "{told}");
    assert_eq!(content["basis"], json!({ "emergency": "found unconscious at the river" }));
    assert!(!told.to_string().contains(CONTACT));
    drop(events);
    drop(following);
    let seen = city.person("wang-lan", &["accesses"]).expect("a list");
    assert_eq!(seen["accesses"][0]["emergency"], true, "{seen}");
    city.end();
}

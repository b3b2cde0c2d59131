//! What is erased, and what must be kept for now.

use hutong_wire::v1::disclosure::{LiftHold, PlaceHold, action::Kind};

use crate::city::{City, NAME, OWNER, words};
use serde_json::json;

#[test]
fn what_is_erased_is_released_to_nobody_and_every_proof_stands() {
    let city = City::new();
    city.agree("visits", |_| {});
    let visits = ["--agreement", "visits"];
    let read = city.reads("name", "home-visit", visits);
    let url = city.process.url.clone();
    let erase = city.erase(OWNER);
    let erase = words(&erase);
    city.program.result(&erase).expect("it is erased");
    city.refused("name", "home-visit", visits, "erased");
    let (status, answer) = city.release(read["access"].as_str().unwrap());
    assert_eq!((status, &answer["code"]), (403, &"erased".into()), "{answer}");
    assert!(city.program.failure(&erase).contains("already_erased"));

    let receipt = city.program.folder().join("receipt.json");
    let receipt = receipt.to_str().unwrap();
    let access = read["access"].as_str().unwrap();
    city.program.result(&["receipt", access, "-o", receipt, "--json", "--url", &url]);
    let trust = city.program.data().join("trust.json");
    let verified = city.program.result(&["verify", receipt, "--trust", trust.to_str().unwrap(), "--json"]);
    assert_eq!(verified.expect("the receipt verifies")["outcome"], "applied");
    city.end();
}

/// A legal hold keeps what the owner and the person would have erased, and both are told why.
#[test]
fn what_is_held_is_erased_by_nobody_until_it_is_lifted() {
    let city = City::of_persona("wang-lan");
    city.agree("visits", |_| {});
    let record = city.record.strip_prefix("property/").unwrap().to_owned();
    let reason = "lawsuit 9, until it is decided".to_owned();
    city.act(Kind::PlaceHold(PlaceHold { record: record.clone(), reason: reason.clone(), until_ms: 0 }));
    let erase = city.erase(OWNER);
    let said = city.program.failure(&words(&erase));
    assert!(said.contains("legal_hold") && said.contains(&reason), "{said}");
    let persons =
        ["erase", &city.record, "--basis", "my wish", "--persona", "wang-lan", "--url", &city.process.url];
    let said = city.program.failure(&persons);
    assert!(said.contains("legal_hold") && said.contains(&reason), "{said}");
    let visits = ["--agreement", "visits"];
    assert_eq!(city.reads("name", "home-visit", visits)["fields"], json!({ "name": NAME }));
    city.act(Kind::LiftHold(LiftHold { record }));
    city.program.result(&words(&erase)).expect("it is erased");
    city.refused("name", "home-visit", visits, "erased");
    city.end();
}

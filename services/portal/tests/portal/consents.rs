//! Consents in one call: given, relied on, listed, withdrawn.

use hutong_runtime::Clock as _;
use hutong_wire::v1::disclosure::{Basis, RequestAccess, action::Kind, basis};
use serde_json::{Value, json};

use crate::{
    city::{BEGAN_MS, CLINIC},
    setting::{LI, Setting, WANG, disclosure},
};

const PATH: &str = "/v1/subjects/me/consents";

fn wanted() -> Value {
    json!({
        "domain": "health", "consumer": CLINIC, "record_type": "note", "fields": ["text"],
        "purposes": ["treatment", "billing", "treatment"], "until_ms": BEGAN_MS + 3_600_000,
    })
}

/// An access that rests on a consent; the code if it is refused.
fn rely(setting: &Setting, basis: &str) -> Result<(), String> {
    let request = RequestAccess {
        record: "note/wang".into(),
        fields: vec!["text".into()],
        purpose: "treatment".into(),
        basis: Some(Basis { kind: Some(basis::Kind::Consent(basis.into())), court_order: String::new() }),
        sealed_until_ms: 0,
    };
    setting.city.submit(CLINIC, "health", disclosure(Kind::RequestAccess(request))).map(|_| ())
}

#[tokio::test]
async fn given_it_holds_and_withdrawn_it_does_not() {
    let setting = Setting::new().await;
    setting.settle_in();
    let (status, given) = setting.post(WANG, PATH, wanted()).await;
    assert_eq!((status, &given["state"]), (201, &json!("stands")), "{given}");
    assert_eq!(given["purposes"], json!(["billing", "treatment"]));
    assert_eq!(setting.get(WANG, given["receipt"].as_str().unwrap()).await.0, 200);
    let basis = given["basis"].as_str().unwrap();
    rely(&setting, basis).unwrap();
    let (_, listed) = setting.get(WANG, PATH).await;
    assert_eq!(listed["consents"], json!([given]));

    let id = given["id"].as_str().unwrap();
    let withdraw = format!("{PATH}/health/{id}/withdraw");
    let (status, withdrawn) = setting.post(WANG, &withdraw, json!({})).await;
    assert_eq!((status, &withdrawn["state"]), (200, &json!("withdrawn")), "{withdrawn}");
    assert_eq!(rely(&setting, basis), Err("consent_withdrawn".into()));
    let (status, problem) = setting.post(WANG, &withdraw, json!({})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("consent_withdrawn")));
    let (_, listed) = setting.get(WANG, PATH).await;
    assert_eq!(listed["consents"][0]["state"], "withdrawn");
}

#[tokio::test]
async fn delete_withdraws_too() {
    let setting = Setting::new().await;
    setting.settle_in();
    let (_, given) = setting.post(WANG, PATH, wanted()).await;
    let path = format!("{PATH}/health/{}", given["id"].as_str().unwrap());
    let caller = hutong_runtime::auth::Caller::Person(crate::setting::person_named(WANG));
    let (status, withdrawn) = setting.call(&caller, "DELETE", &path, None).await;
    assert_eq!((status, &withdrawn["state"]), (200, &json!("withdrawn")));
}

#[tokio::test]
async fn states_follow_the_clock() {
    let setting = Setting::new().await;
    setting.settle_in();
    let mut later = wanted();
    later["from_ms"] = json!(BEGAN_MS + 1_800_000);
    setting.post(WANG, PATH, later).await;
    let state = async || setting.get(WANG, PATH).await.1["consents"][0]["state"].clone();
    assert_eq!(state().await, "not_yet");
    setting.city.clock.set_unix_ms(BEGAN_MS + 1_800_000);
    assert_eq!(state().await, "stands");
    setting.city.clock.set_unix_ms(BEGAN_MS + 3_600_000);
    assert_eq!(state().await, "expired");
    assert!(setting.city.clock.unix_ms() > BEGAN_MS);
}

#[tokio::test]
async fn another_persons_consent_is_neither_seen_nor_withdrawn() {
    let setting = Setting::new().await;
    setting.settle_in();
    let (_, given) = setting.post(WANG, PATH, wanted()).await;
    let id = given["id"].as_str().unwrap();
    assert_eq!(setting.get(LI, PATH).await.1["consents"], json!([]));
    for id in [id, "0123456789abcdef", "x"] {
        let (status, problem) = setting.post(LI, &format!("{PATH}/health/{id}/withdraw"), json!({})).await;
        assert_eq!((status, &problem["code"]), (404, &json!("consent_unknown")), "{id}");
    }
    let (status, _) = setting.get(LI, given["receipt"].as_str().unwrap()).await;
    assert_eq!(status, 404);
    rely(&setting, given["basis"].as_str().unwrap()).unwrap();
}

#[tokio::test]
async fn the_contract_and_the_form_are_heard() {
    let setting = Setting::new().await;
    setting.settle_in();
    for (name, value, status, code) in [
        ("consumer", json!("nobody"), 422, "consumer_unknown"),
        ("until_ms", json!(1), 422, "consent_invalid"),
        ("purposes", json!([]), 422, "purpose_invalid"),
        ("fields", json!([]), 422, "fields_invalid"),
        ("domain", json!("nowhere"), 404, "unknown_domain"),
        ("handle", json!("00"), 422, "unexpected_json"),
    ] {
        let mut wanted = wanted();
        wanted[name] = value;
        let (found, problem) = setting.post(WANG, PATH, wanted).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{name}");
    }
    setting.health.forget(WANG);
    let (status, problem) = setting.post(WANG, PATH, wanted()).await;
    assert_eq!((status, &problem["code"]), (404, &json!("person_unknown")));
    let (status, problem) = setting.post(WANG, &format!("{PATH}/A%20b/x/withdraw"), json!({})).await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed_path")));
}

#[tokio::test]
async fn a_portal_signs_for_the_agencies_that_it_has_desks_of() {
    let setting = Setting::with(|ports| ports.desks.clear()).await;
    setting.settle_in();
    let (status, problem) = setting.post(WANG, PATH, wanted()).await;
    assert_eq!((status, &problem["code"]), (403, &json!("not_the_owner")));
}

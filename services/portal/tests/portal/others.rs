//! Nobody sees another's: not by asking for it, not by a vault that lies, and whatever happened in the city.

use hutong_runtime::auth::Caller;
use proptest::prelude::*;
use serde_json::json;

use crate::setting::{LI, PERSONS, Setting, WANG, ZHANG, hex_handle, person_named};

const PATHS: [&str; 5] = [
    "/v1/subjects/me",
    "/v1/subjects/me/accesses?limit=200",
    "/v1/subjects/me/accesses/document",
    "/v1/subjects/me/consents",
    "/v1/subjects/me/erasures",
];

#[tokio::test]
async fn only_the_person_is_answered() {
    let setting = Setting::new().await;
    let official = Caller::Agency { id: "clinic".into(), official: Some("nurse-7".into()) };
    for path in PATHS {
        let (status, problem) = setting.call(&Caller::Anonymous, "GET", path, None).await;
        assert_eq!((status, &problem["code"]), (401, &json!("authentication_required")), "{path}");
        for caller in [&official, &Caller::agency("health-commission")] {
            let (status, problem) = setting.call(caller, "GET", path, None).await;
            assert_eq!((status, &problem["code"]), (403, &json!("person_required")), "{path}");
        }
        let (status, problem) =
            setting.call(&Caller::Person(person_named("nobody")), "GET", path, None).await;
        assert_eq!((status, &problem["code"]), (401, &json!("invalid_token")), "{path}");
    }
}

#[tokio::test]
async fn a_vault_is_believed_about_its_own_domains_alone() {
    let setting = Setting::new().await;
    setting.settle_in();
    setting.look("property", "note/wang", "text", 0);
    setting.land.forget(WANG);
    setting.health.claim("property");
    let (_, me) = setting.get(WANG, "/v1/subjects/me").await;
    let domains: Vec<_> = me["domains"].as_array().unwrap().iter().map(|domain| &domain["domain"]).collect();
    assert_eq!(domains, ["health"]);
    assert_eq!(setting.get(WANG, "/v1/subjects/me/accesses").await.1["accesses"], json!([]));
}

#[tokio::test]
async fn where_ones_data_lies_is_counted() {
    let setting = Setting::new().await;
    setting.settle_in();
    setting.look("health", "note/wang", "text", 0);
    let (status, me) = setting.get(WANG, "/v1/subjects/me").await;
    assert_eq!((status, &me["persona"]), (200, &json!(false)));
    let health = &me["domains"][0];
    assert_eq!((&health["owner"], &health["accesses"]), (&json!("health-commission"), &json!(1)));
    assert_eq!(health["handle"], hex_handle(WANG, "health"));
    assert_eq!(health["sealed"], json!(["contact", "name"]));
    assert!(health["registered_ms"].is_u64());
}

/// Something that happens in the city.
#[derive(Clone, Copy, Debug)]
enum Step {
    Look { person: usize, both: bool, sealed: bool, land: bool },
    Consent { person: usize },
    Erase { person: usize, record: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let look = (0..3_usize, any::<bool>(), any::<bool>(), any::<bool>());
    prop_oneof![
        look.prop_map(|(person, both, sealed, land)| Step::Look { person, both, sealed, land }),
        (0..3_usize).prop_map(|person| Step::Consent { person }),
        (0..3_usize, 0..4_usize).prop_map(|(person, record)| Step::Erase { person, record }),
    ]
}

async fn take(setting: &Setting, step: Step) {
    match step {
        Step::Look { person, both, sealed, land } => {
            let record = if both { "note/both".into() } else { format!("note/{}", PERSONS[person]) };
            let until_ms = if sealed { crate::city::BEGAN_MS + 50_000_000 } else { 0 };
            let of = if land { "property" } else { "health" };
            // What was erased is not read again.
            let _ = setting.try_look(of, &record, "text", until_ms);
        }
        Step::Consent { person } => {
            let body = json!({
                "domain": "health", "consumer": "clinic", "record_type": "note", "fields": ["text"],
                "purposes": ["treatment"], "until_ms": crate::city::BEGAN_MS + 50_000_000,
            });
            let (status, _) = setting.post(PERSONS[person], "/v1/subjects/me/consents", body).await;
            assert_eq!(status, 201);
        }
        Step::Erase { person, record } => {
            let record = ["note/wang", "note/li", "note/zhang", "note/both"][record];
            let body = json!({ "domain": "health", "record": record });
            let (status, answer) = setting.post(PERSONS[person], "/v1/subjects/me/erasures", body).await;
            let own = record == format!("note/{}", PERSONS[person]);
            assert!(own || status == 404 || status == 422, "{answer}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_has_anothers_handle(steps in prop::collection::vec(step(), 0..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let setting = Setting::new().await;
            setting.settle_in();
            for step in steps {
                take(&setting, step).await;
            }
            for person in PERSONS {
                for path in PATHS {
                    let (status, answer) = setting.get(person, path).await;
                    assert_eq!(status, 200, "{path} {answer}");
                    // What is shared names all its subjects on the ledger: the proof of an access to it has them.
                    let shared = path.ends_with("document") && person != ZHANG;
                    let text = readable(&answer);
                    for other in PERSONS.into_iter().filter(|other| *other != person) {
                        let partner = shared && [WANG, LI].contains(&other);
                        for domain in ["health", "property"] {
                            assert!(partner || !text.contains(&hex_handle(other, domain)), "{person} {path} {other}");
                        }
                    }
                }
            }
        });
    }
}

/// An answer with what stands in it in base64 as hex, too.
fn readable(answer: &serde_json::Value) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = answer.to_string();
    let encoded =
        text.split('"').filter(|part| part.len() > 20).filter_map(|part| STANDARD.decode(part).ok());
    let decoded: Vec<String> = encoded.map(hex::encode).collect();
    format!("{text} {}", decoded.join(" "))
}

//! Erasure on the person's wish: of what is about them alone, unless a hold stands.

use hutong_ledger::receipt;
use serde_json::{Value, json};

use crate::{
    city::{HEALTH, LAND},
    proofs::trust,
    setting::{LI, Setting, WANG, hex_handle},
};

const PATH: &str = "/v1/subjects/me/erasures";

fn wish(record: &str) -> Value {
    json!({ "domain": "health", "record": record, "basis": "article 47" })
}

#[tokio::test]
async fn the_certificate_says_who_had_read_it_and_verifies() {
    let setting = Setting::new().await;
    setting.settle_in();
    setting.look("health", "note/both", "text", 0);
    let read = setting.look("health", "note/wang", "text", 0);
    setting.look("health", "note/wang", "text", crate::city::BEGAN_MS + 3_600_000);
    let (status, erased) = setting.post(WANG, PATH, wish("note/wang")).await;
    assert_eq!(status, 201, "{erased}");
    assert_eq!((&erased["status"], &erased["requested_by"]), (&json!("erased"), &json!("person")));
    assert_eq!((&erased["basis"], &erased["fields"]), (&json!("article 47"), &json!(["text"])));
    assert_eq!(erased["read_by"].as_array().unwrap().len(), 1, "{erased}");
    assert_eq!(erased["read_by"][0]["access"], json!(read.to_string()));
    assert_eq!(erased["sealed_accesses"], 1);
    let verified = receipt::verify(erased["receipt_document"].to_string().as_bytes(), &trust()).unwrap();
    assert!(erased["receipt"].as_str().unwrap().ends_with(&verified.id.to_string()));
    assert_eq!(setting.get(WANG, erased["receipt"].as_str().unwrap()).await.0, 200);
    // An access after it is no reader of what is gone.
    let listed = setting.erasures(WANG, 1).await;
    assert_eq!(listed["erasures"][0]["record"], "note/wang");
    assert_eq!(setting.get(LI, PATH).await.1["erasures"], json!([]));
    let (status, problem) = setting.post(WANG, PATH, wish("note/wang")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("already_erased")));
}

#[tokio::test]
async fn without_a_record_it_is_ones_own_entry_and_one_may_be_forgotten() {
    let setting = Setting::new().await;
    setting.settle_in();
    let body = json!({ "domain": "property", "forget_person": true });
    let (status, erased) = setting.post(WANG, PATH, body).await;
    assert_eq!(status, 201, "{erased}");
    assert_eq!(erased["record"], format!("person/{}", hex_handle(WANG, "property")));
    assert_eq!((&erased["handle_destroyed"], &erased["domain"]), (&json!(true), &json!("property")));
    assert_eq!(erased["fields"], json!(["contact", "name"]));
    setting.erasures(WANG, 1).await;
    setting.land.forget(WANG);
    assert_eq!(setting.get(WANG, PATH).await.1["erasures"], json!([]), "nothing leads there any more");
    let (_, me) = setting.get(WANG, "/v1/subjects/me").await;
    let domains: Vec<_> = me["domains"].as_array().unwrap().iter().map(|domain| &domain["domain"]).collect();
    assert_eq!(domains, ["health"]);
}

#[tokio::test]
async fn a_hold_refuses_with_its_reason() {
    let setting = Setting::new().await;
    setting.settle_in();
    setting.hold(HEALTH, "health", "note/wang");
    let (status, problem) = setting.post(WANG, PATH, wish("note/wang")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("legal_hold")));
    assert_eq!((&problem["reason"], &problem["held_by"]), (&json!("suit 12 of 2026"), &json!(HEALTH)));
    assert_eq!(setting.get(WANG, PATH).await.1["erasures"], json!([]));
}

#[tokio::test]
async fn what_is_about_others_stays() {
    let setting = Setting::new().await;
    setting.settle_in();
    let (status, problem) = setting.post(WANG, PATH, wish("note/both")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("shared_record")));
    let others = format!("person/{}", hex_handle(LI, "health"));
    let elsewhere = format!("person/{}", hex_handle(WANG, "property"));
    let index = format!("accesses/{}", hex_handle(WANG, "health"));
    for record in ["note/li", "note/none", "plain", &others, &elsewhere, &index] {
        let (status, problem) = setting.post(WANG, PATH, wish(record)).await;
        assert_eq!((status, &problem["code"]), (404, &json!("record_unknown")), "{record}");
    }
    let (status, problem) = setting.post(WANG, PATH, wish("a b")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("record_id_invalid")));
    let mut forget = wish("note/wang");
    forget["forget_person"] = json!(true);
    let (status, problem) = setting.post(WANG, PATH, forget).await;
    assert_eq!((status, &problem["code"]), (422, &json!("erasure_invalid")));
    setting.hold(LAND, "property", "note/wang");
    for person in [WANG, LI] {
        assert_eq!(setting.get(person, PATH).await.1["erasures"], json!([]));
    }
}

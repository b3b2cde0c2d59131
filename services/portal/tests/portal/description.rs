//! The API's description has every path and every status that comes.

use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::setting::{Setting, WANG, person_named};

#[tokio::test]
async fn what_comes_is_described() {
    let setting = Setting::new().await;
    setting.settle_in();
    let document = serde_json::to_value(hutong_portal::document()).unwrap();
    let id = setting.look("health", "note/wang", "text", 0).to_string();
    let person = Caller::Person(person_named(WANG));
    let mut nameless = person_named(WANG);
    nameless.resident_id = None;
    let callers = [person, Caller::Person(nameless), Caller::Anonymous, Caller::agency("clinic")];
    let calls: [(&str, &str, &str, Option<Value>); 11] = [
        ("get", "/v1/subjects/me", "/v1/subjects/me", None),
        ("get", "/v1/subjects/me/accesses", "/v1/subjects/me/accesses", None),
        ("get", "/v1/subjects/me/accesses", "/v1/subjects/me/accesses?limit=0", None),
        ("get", "/v1/subjects/me/accesses/document", "/v1/subjects/me/accesses/document?domain=x", None),
        ("get", "/v1/subjects/me/receipts/{transaction}", "/v1/subjects/me/receipts/x", None),
        ("get", "/v1/subjects/me/receipts/{transaction}", &format!("/v1/subjects/me/receipts/{id}"), None),
        ("get", "/v1/subjects/me/consents", "/v1/subjects/me/consents", None),
        ("post", "/v1/subjects/me/consents", "/v1/subjects/me/consents", Some(json!({}))),
        ("delete", "/v1/subjects/me/consents/{domain}/{id}", "/v1/subjects/me/consents/health/x", None),
        ("get", "/v1/subjects/me/erasures", "/v1/subjects/me/erasures", None),
        (
            "post",
            "/v1/subjects/me/erasures",
            "/v1/subjects/me/erasures",
            Some(json!({ "domain": "nowhere" })),
        ),
    ];
    for (method, described, path, body) in calls {
        for caller in &callers {
            let (status, _) = setting.call(caller, &method.to_uppercase(), path, body.clone()).await;
            let known = &document["paths"][described][method]["responses"];
            assert!(known[status.to_string()].is_object(), "{method} {path}: {status}");
        }
    }
    assert_eq!(document["paths"].as_object().unwrap().len(), 8);
}

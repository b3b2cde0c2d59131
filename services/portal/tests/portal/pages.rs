//! The pages: what they show, and what they must not do.

use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{
    city::BEGAN_MS,
    setting::{LI, Setting, WANG, hex_handle},
};

async fn send(setting: &Setting, request: Request<Body>) -> (u16, HeaderMap, String) {
    let response = setting.send(&Caller::Anonymous, request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8_lossy(&body).into_owned())
}

async fn show(setting: &Setting, path: &str) -> (u16, HeaderMap, String) {
    send(setting, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn submit(setting: &Setting, path: &str, fields: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let kind = "application/x-www-form-urlencoded";
    send(setting, Request::post(path).header(header::CONTENT_TYPE, kind).body(form.into()).unwrap()).await
}

/// The token in a page's forms.
fn token(page: &str) -> String {
    let after = page.split("name=\"token\" value=\"").nth(1).expect("a token in a form");
    after.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_made_up_person_sees_their_data_marked_as_made_up() {
    let setting = Setting::new().await;
    setting.settle_in();
    setting.look("health", "note/wang", "text", 0);
    setting.look("property", "note/wang", "text", BEGAN_MS + 3_600_000);
    let (status, headers, door) = show(&setting, "/portal").await;
    assert_eq!(status, 200);
    assert!(door.contains("value=\"wang\"") && door.contains("Development city"), "{door}");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");

    let (status, headers, page) = submit(&setting, "/portal", &[("persona", WANG)]).await;
    assert_eq!(status, 200, "{page}");
    assert!(headers.get(header::SET_COOKIE).is_none());
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    for shown in
        ["Development city", "clinic", "nurse-7", "treatment", "Emergency", "sealed by a court until"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for absent in ["<script", "style=\"", "http://", "of wang", "?token", &hex_handle(LI, "health")] {
        assert!(!page.contains(absent), "{absent}: {page}");
    }
    let (status, _, style) = show(&setting, "/portal/style.css").await;
    assert!(status == 200 && style.contains("body"));
}

#[tokio::test]
async fn buttons_withdraw_and_download() {
    let setting = Setting::new().await;
    setting.settle_in();
    let id = setting.look("health", "note/wang", "text", 0);
    let consent = json!({
        "domain": "health", "consumer": "clinic", "record_type": "note", "fields": ["text"],
        "purposes": ["treatment"], "until_ms": BEGAN_MS + 3_600_000,
    });
    let (_, given) = setting.post(WANG, "/v1/subjects/me/consents", consent).await;
    let (_, _, page) = submit(&setting, "/portal", &[("persona", WANG)]).await;
    let (token, given) = (token(&page), given["id"].as_str().unwrap());
    assert!(page.contains(given) && page.contains("Withdraw"));
    let (status, _, page) =
        submit(&setting, "/portal/withdraw", &[("token", &token), ("domain", "health"), ("id", given)]).await;
    assert!(
        status == 200 && page.contains("withdrawn") && !page.contains("action=\"/portal/withdraw\""),
        "{page}"
    );
    let name = id.to_string();
    let (status, headers, receipt) =
        submit(&setting, "/portal/receipt", &[("token", &token), ("transaction", &name)]).await;
    assert!(status == 200 && headers[header::CONTENT_DISPOSITION].to_str().unwrap().contains("receipt.json"));
    assert_eq!(serde_json::from_str::<Value>(&receipt).unwrap()["transaction"], name);
    let (status, _, document) = submit(&setting, "/portal/document", &[("token", &token)]).await;
    assert_eq!(status, 200);
    let trust = crate::proofs::trust();
    assert_eq!(hutong_disclosure::accesses::verify(document.as_bytes(), &trust).unwrap().persons.len(), 2);
    setting
        .post(WANG, "/v1/subjects/me/erasures", json!({ "domain": "health", "record": "note/wang" }))
        .await;
    setting.erasures(WANG, 1).await;
    let (_, _, page) = submit(&setting, "/portal", &[("token", &token)]).await;
    assert!(page.contains("What was erased") && page.contains("Before, it was read by"), "{page}");
}

#[tokio::test]
async fn what_goes_wrong_is_a_page_too() {
    let setting = Setting::new().await;
    setting.settle_in();
    let (_, _, page) = submit(&setting, "/portal", &[("persona", WANG)]).await;
    let token = token(&page);
    for (path, fields, status, code) in [
        ("/portal", &[("persona", "nobody")][..], 400, "malformed_form"),
        ("/portal", &[("token", "x")], 401, "invalid_token"),
        ("/portal", &[], 401, "invalid_token"),
        ("/portal/receipt", &[("token", &token), ("transaction", "x")], 400, "malformed_form"),
        ("/portal/withdraw", &[("token", &token), ("domain", "A b")], 400, "malformed_form"),
        ("/portal/withdraw", &[("token", &token), ("domain", "health")], 404, "consent_unknown"),
        ("/portal/document", &[("token", "<script>")], 401, "invalid_token"),
    ] {
        let (found, _, page) = submit(&setting, path, fields).await;
        assert!(found == status && page.contains(code), "{path} {found} {page}");
        assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("<script"), "{page}");
    }
    let request = Request::post("/portal").header(header::CONTENT_TYPE, "text/plain");
    let (status, _, _) = send(&setting, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 415);
    setting.land.away.store(true, Ordering::SeqCst);
    let (status, _, page) = submit(&setting, "/portal", &[("token", &token)]).await;
    assert!(status == 200 && page.contains("natural-resources"), "{page}");
}

#[tokio::test]
async fn a_real_city_has_no_personas() {
    let setting = Setting::with(|ports| ports.personas = None).await;
    let (_, _, door) = show(&setting, "/portal").await;
    assert!(!door.contains("Development city") && !door.contains("wang"), "{door}");
    assert_eq!(submit(&setting, "/portal", &[("persona", WANG)]).await.0, 400);
}

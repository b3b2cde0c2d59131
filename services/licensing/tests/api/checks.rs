//! Checks by anyone: codes, resident ids, numbers, and the page.

use axum::{body::Body, http::Request};
use http::header;
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{Running, SECOND, USCC};

#[tokio::test]
async fn codes_are_checked_whatever_they_are() {
    let running = Running::new();
    running.issue(|_| ()).await;
    for (code, registered) in [(USCC, true), (SECOND, false), ("91110000802100433B", false)] {
        let answer = running.get(&format!("/licensing/v1/check/{code}")).await;
        assert_eq!((answer.status, &answer.body["valid"]), (200, &json!(true)));
        assert_eq!(answer.body["registered"], registered);
        assert_eq!(answer.body["organisation_code_valid"], true);
    }
    for (code, reason) in [
        ("911100001011011130", "check_character"),
        ("x", "form"),
        ("%E4%B8%80", "form"),
        ("9111000060003734%20L", "form"),
        ("9111A000600037341L", "region"),
    ] {
        let answer = running.get(&format!("/licensing/v1/check/{code}")).await;
        assert_eq!((answer.status, &answer.body["valid"]), (200, &json!(false)), "{code}");
        assert_eq!(answer.body["reason"], reason);
    }
}

#[tokio::test]
async fn resident_ids_are_checked_in_order_and_never_repeated() {
    let running = Running::new();
    let check = async |ids: Value| {
        running.post_as(Caller::Anonymous, "/licensing/v1/check", json!({ "resident_ids": ids })).await
    };
    let ids = json!([
        "11010519491231002X",
        "11010119900307005X",
        "110101199003070054",
        "110101202002300019",
        "",
        110101199003070054_u64,
    ]);
    let answer = check(ids).await;
    assert_eq!(
        (answer.status, &answer.body),
        (200, &json!({ "valid": [true, false, true, false, false, false] }))
    );
    assert_eq!(check(json!([])).await.body, json!({ "valid": [] }));
    assert_eq!(check(vec!["11010519491231002X"; 1000].into()).await.status, 200);
    assert_eq!(check(vec!["11010519491231002X"; 1001].into()).await.code(), (422, "too_many_items"));
    assert_eq!(check(json!({})).await.code(), (422, "unexpected_json"));
    assert_eq!(running.get("/licensing/v1/check").await.status, 405);
}

#[tokio::test]
async fn a_number_tells_how_a_licence_stands() {
    let running = Running::new();
    let (id, _) = running.issue(|new| new["valid_from"] = "2023-11-20".into()).await;
    let check = async |id: &str| running.get(&format!("/licensing/v1/check/licence/{id}")).await.body;
    let told = check(&id).await;
    assert_eq!((&told["valid"], &told["reason"]), (&json!(false), &json!("not_yet_valid")));
    running.pass(10);
    let told = check(&id).await;
    assert_eq!(told["valid"], true);
    assert_eq!(told["licence"]["name"], "Noodles & Co");
    assert_eq!(told["licence"]["valid_until"], "2024-11-01T00:00:00Z");
    assert!(told.get("reason").is_none() && told.get("claims").is_none());
    running.pass(400);
    assert_eq!(check(&id).await["reason"], "expired");
    assert_eq!(check("0123").await["reason"], "unknown");
    assert_eq!(check("NO_NUMBER").await["reason"], "malformed");
}

#[tokio::test]
async fn the_page_needs_no_script() {
    let running = Running::new();
    let (id, credential) =
        running.issue(|new| new["claims"]["premises"] = "<script>alert(1)</script>".into()).await;
    let page = running.get("/licensing/check").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert!(page.text.contains("<form") && !page.text.contains("<script") && !page.text.contains("style="));
    assert_eq!(running.get("/licensing/check.css").await.headers["content-type"], "text/css; charset=utf-8");
    assert!(running.get(&format!("/licensing/check?licence={id}")).await.text.contains("<h2>Valid</h2>"));
    let unknown = running.get("/licensing/check?licence=%22%3E%3Cb%3E").await.text;
    assert!(unknown.contains("Not valid") && unknown.contains("&quot;&gt;&lt;b&gt;"), "{unknown}");
    let post = async |body: String| {
        let request = Request::post("/licensing/check")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        running.call(Caller::Anonymous, request.body(Body::from(body)).unwrap()).await
    };
    let shown = post(format!("credential={credential}")).await.text;
    assert!(shown.contains("<h2>Valid</h2>") && shown.contains("&lt;script&gt;"), "{shown}");
    assert!(post("credential=nothing".into()).await.text.contains("Not valid"));
    assert_eq!(post("other=1".into()).await.code(), (400, "malformed_query"));
}

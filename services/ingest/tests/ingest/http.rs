//! `POST /v1/transactions`: forms, answers, problems.

use std::sync::Arc;

use crate::support::*;
use axum::{Router, body::Body, http::Request, middleware::from_fn_with_state};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use hutong_ingest::api;
use hutong_keys::mint_token;
use hutong_ledger::{acceptance::Acceptance, epoch::Purpose, id::KeyId, transaction::Transaction};
use hutong_runtime::auth::{Authenticator, KeyDirectory, identify};
use hutong_wire::{prost::Message, transaction::encode_group, v1};
use serde_json::{Value, json};
use tower::ServiceExt;

#[derive(Debug)]
struct Directory(String);

impl KeyDirectory for Directory {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let id: KeyId = key_id.parse().ok()?;
        genesis().epoch.key(&agency.parse().ok()?, Purpose::Signing, &id)
    }

    fn is_member(&self, agency: &str) -> bool {
        agency.parse().is_ok_and(|agency| genesis().epoch.agency(&agency).is_some())
    }

    fn chain(&self) -> &str {
        &self.0
    }
}

fn app(city: &Running) -> Router {
    let directory = Arc::new(Directory(chain().to_string()));
    let authenticator = Arc::new(Authenticator::new(directory, Arc::new(StoppedClock::new())));
    api::routes(city.ingest.clone()).layer(from_fn_with_state(authenticator, identify))
}

fn token(agency: &str) -> String {
    let key = key(agency, Purpose::Signing);
    format!("Bearer {}", mint_token(&key, agency, chain().as_str(), GENESIS_MS / 1000, 60).unwrap())
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const GROUP: &str = "application/x-protobuf; messageType=\"hutong.v1.TransactionGroup\"";

struct Response {
    status: u16,
    json: Value,
    kind: String,
}

async fn post(
    app: &Router,
    query: &str,
    kind: &str,
    agency: Option<&str>,
    body: impl Into<Body>,
) -> Response {
    let mut request = Request::post(format!("/v1/transactions{query}")).header("content-type", kind);
    if let Some(agency) = agency {
        request = request.header("authorization", token(agency));
    }
    let response = app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Response { status, json: serde_json::from_slice(&body).unwrap(), kind }
}

fn form(tx: &Transaction) -> Value {
    let signatures = tx.signatures.iter().map(
        |s| json!({ "agency": s.agency, "key_id": s.key.to_string(), "bytes": STANDARD.encode(s.bytes) }),
    );
    json!({ "body": STANDARD.encode(&tx.body_bytes), "signatures": signatures.collect::<Vec<_>>() })
}

fn protobuf(tx: &Transaction) -> Vec<u8> {
    v1::Transaction::from(tx).encode_to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transaction_is_accepted_and_then_final() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let app = app(&city);
    let tx = transaction(1);
    let answer = post(&app, "", JSON, Some("alpha"), form(&tx).to_string()).await;
    assert_eq!((answer.status, &answer.json["status"]), (202, &json!("accepted")));
    assert_eq!(answer.json["id"], tx.id.to_string());
    let acceptance: Acceptance = serde_json::from_value(answer.json["acceptance"].clone()).unwrap();
    acceptance.verify(chain(), &genesis().epoch, &tx.id).unwrap();

    let ordering = city.storage.order_all(&city.bus);
    for _ in 0..2 {
        let answer = post(&app, "?wait=final", PROTOBUF, Some("alpha"), protobuf(&tx)).await;
        assert_eq!((answer.status, answer.json), (200, json!({ "receipt": tx.id.to_string() })));
    }
    let answer = post(&app, "", PROTOBUF, Some("alpha"), protobuf(&tx)).await;
    assert_eq!((answer.status, &answer.json["outcome"]), (200, &json!("applied")));
    ordering.abort();
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_batch_has_its_own_result() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let app = app(&city);
    let answer = post(&app, "", GROUP, Some("alpha"), encode_group(&transactions(0..3))).await;
    assert_eq!((answer.status, answer.json["results"].as_array().unwrap().len()), (202, 3));

    let mut foreign = body("property", 5);
    foreign.agency = "beta".parse().unwrap();
    foreign.signers = vec![foreign.agency];
    let mut joint = body("property", 6);
    joint.agency = "beta".parse().unwrap();
    joint.signers.push(joint.agency);
    let ordering = city.storage.order_all(&city.bus);
    let batch = json!([
        form(&transaction(4)),
        { "body": "!", "signatures": [] },
        form(&signed(foreign)),
        form(&signed(joint)),
        { "body": STANDARD.encode(vec![0; 70_000]), "signatures": [] },
    ]);
    let answer = post(&app, "?wait=final", JSON, Some("alpha"), batch.to_string()).await;
    assert_eq!(answer.status, 200);
    let results = answer.json["results"].as_array().unwrap();
    let status: Vec<_> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["final", "refused", "refused", "final", "refused"]);
    let code = |n: usize| results[n]["problem"]["code"].as_str().unwrap();
    assert_eq!([code(1), code(2), code(4)], ["malformed", "not_a_party", "too_large"]);
    assert_eq!(results[0]["id"], transaction(4).id.to_string());
    ordering.abort();
    city.stop().await;
}

/// Status and code; query, media type, caller and body.
type Case<'a> = (u16, &'a str, &'a str, &'a str, Option<&'a str>, Body);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_a_problem_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let app = app(&city);
    let good = transaction(1);
    let mut forged = good.clone();
    forged.signatures[0].bytes[0] ^= 1;
    let mut expired = body("property", 1);
    expired.not_after_ms = 1;
    let many = json!(vec![form(&good); 1001]).to_string();
    let alpha = Some("alpha");
    let cases: Vec<Case<'_>> = vec![
        (401, "authentication_required", "", PROTOBUF, None, protobuf(&good).into()),
        (403, "not_a_party", "", PROTOBUF, Some("beta"), protobuf(&good).into()),
        (415, "unsupported_media_type", "", "text/plain", alpha, "x".into()),
        (400, "malformed_query", "?wait=soon", PROTOBUF, alpha, protobuf(&good).into()),
        (400, "malformed", "", PROTOBUF, alpha, protobuf(&good)[..50].to_vec().into()),
        (400, "malformed", "", GROUP, alpha, "".into()),
        (400, "malformed", "", GROUP, alpha, "\u{7f}\u{7f}".into()),
        (413, "too_large", "", JSON, alpha, many.into()),
        (422, "bad_signature", "", PROTOBUF, alpha, protobuf(&forged).into()),
        (422, "expired", "", JSON, alpha, form(&signed(expired)).to_string().into()),
        (400, "not_utf8", "", JSON, alpha, vec![b'"', 0xff, b'"'].into()),
        (422, "unexpected_json", "", JSON, alpha, "[".repeat(1_000_000).into()),
        (400, "malformed_json", "", JSON, alpha, "{\"body\":".into()),
        (422, "unexpected_json", "", JSON, alpha, "{\"body\": 7}".into()),
    ];
    for (status, code, query, kind, agency, body) in cases {
        let answer = post(&app, query, kind, agency, body).await;
        assert_eq!((answer.status, &answer.json["code"]), (status, &json!(code)), "{}", answer.json);
        assert_eq!(answer.kind, "application/problem+json");
    }
    assert!(on_stream(&city.bus).await.is_empty());
    city.stop().await;
}

#[test]
fn the_description_names_the_call() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let post = &document["paths"]["/v1/transactions"]["post"];
    assert!(post["requestBody"]["content"]["application/json"].is_object(), "{post}");
    assert!(post["responses"]["422"].is_object());
}

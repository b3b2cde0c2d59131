//! The OpenAPI description against the routes: every path and method is there, with what it answers.

use axum::{body::Body, http::Request};
use hutong_requests::document;
use serde_json::Value;

use crate::Running;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_there_and_nothing_else() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let running = Running::equipped().await;
    let paths = document["paths"].as_object().unwrap();
    let mut operations = 0;
    for (path, methods) in paths {
        assert!(path.starts_with("/requests/v1/") || path.starts_with("/open311/v2/"), "{path}");
        let real = path.replace("{id}", "x").replace("{code}", "x").replace("{token}", "x");
        for method in METHODS {
            let described = methods.get(method);
            let plain =
                Request::builder().method(method.to_uppercase().as_str()).uri(&real).body(Body::empty());
            for request in
                [plain.unwrap(), running.with_token(crate::LINE, &method.to_uppercase(), &real, None)]
            {
                let reply = running.send(request).await;
                assert_eq!(
                    reply.status != 405,
                    described.is_some(),
                    "{method} {path} answers {}",
                    reply.status
                );
                let Some(operation) = described else { continue };
                let responses = operation["responses"].as_object().unwrap();
                let response = responses.get(&reply.status.to_string());
                let response = response.unwrap_or_else(|| panic!("{method} {path} answers {}", reply.status));
                // What Open311 answers is described in the format that it has.
                if path.starts_with("/open311/") {
                    let media_type = reply.media_type().split(';').next().unwrap();
                    let content = response["content"].as_object().unwrap();
                    assert!(content.contains_key(media_type), "{method} {path}: {content:?}");
                    let fixed = path.ends_with(".json") || path.ends_with(".xml");
                    assert_eq!(content.len(), if fixed { 1 } else { 2 }, "{method} {path}");
                }
            }
            if let Some(operation) = described {
                assert!(operation["summary"].is_string() && operation["responses"].get("200").is_some());
                operations += 1;
            }
        }
    }
    assert_eq!(paths.len(), 14 + 3 * 6);
    assert!(operations > paths.len(), "{operations}");
}

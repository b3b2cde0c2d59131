//! The OpenAPI description against the routes: every path and method is there, with what it may answer.

use axum::{Extension, body::Body, http::Request};
use hutong_parking::document;
use hutong_runtime::auth::Caller;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Running, three};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_there_and_nothing_else() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let running = Running::over(three());
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 14);
    for (path, methods) in paths {
        assert!(path.starts_with("/parking/v1/"));
        let real = path.replace("{uid}", "x").replace("{id}", "x").replace("{day}", "x");
        for method in METHODS {
            let request =
                Request::builder().method(method.to_uppercase().as_str()).uri(&real).body(Body::empty());
            let routes = running.routes.clone().layer(Extension(Caller::Anonymous));
            let response = routes.oneshot(request.unwrap()).await.unwrap();
            let described = methods.get(method);
            assert_eq!(response.status() != 405, described.is_some(), "{method} {path}");
            if let Some(operation) = described {
                let responses = operation["responses"].as_object().unwrap();
                let status = response.status().as_u16().to_string();
                assert!(responses.contains_key(&status), "{method} {path} answers {status}");
                assert!(operation["summary"].is_string());
            }
        }
    }
    let content = |path: &str| paths[path]["get"]["responses"]["200"]["content"].as_object().unwrap().clone();
    assert!(content("/parking/v1/live").contains_key("text/event-stream"));
    assert!(content("/parking/v1/sites.geojson").contains_key("application/geo+json"));
    let forms: Vec<_> = content("/parking/v1/near").keys().cloned().collect();
    assert_eq!(forms, ["application/geo+json", "application/json"]);
}

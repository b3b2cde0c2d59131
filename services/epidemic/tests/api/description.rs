//! The OpenAPI description against the routes: every path and method is there, with what it may answer.

use axum::{body::Body, http::Request};
use hutong_epidemic::document;
use hutong_runtime::auth::Caller;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Running, city::City};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_there_and_nothing_else() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let running = Running::over(City::new());
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 9);
    for (path, methods) in paths {
        assert!(path.starts_with("/epidemic/v1/"));
        let real = path.replace("{id}", "x").replace("{name}", "x.svg");
        for method in METHODS {
            for caller in [Caller::Anonymous, Caller::agency("clinic"), Caller::agency("health-commission")] {
                let request =
                    Request::builder().method(method.to_uppercase().as_str()).uri(&real).body(Body::empty());
                let routes = running.routes.clone().layer(axum::Extension(caller));
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
    }
    let svg = &document["paths"]["/epidemic/v1/series/{name}"]["get"]["responses"]["200"]["content"];
    assert!(svg.get("image/svg+xml").is_some(), "{svg}");
}

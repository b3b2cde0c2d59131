//! The OpenAPI description against the routes: every path and method is there, with what it may answer.

use axum::{body::Body, http::Request};
use hutong_property::document;
use hutong_runtime::auth::Caller;
use serde_json::Value;
use tower::ServiceExt;

use crate::{LAND, MemoryStorage, Running};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_there_and_nothing_else() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let city = Running::over(MemoryStorage::new());
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 8);
    for (path, methods) in paths {
        assert!(path.starts_with("/property/v1/"));
        let real = path.replace("{id}", "x").replace("{number}", "1");
        for (method, caller) in METHODS
            .into_iter()
            .flat_map(|method| [(method, Caller::agency(LAND)), (method, Caller::Anonymous)])
        {
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(&real);
            let routes = city.routes.clone().layer(axum::Extension(caller));
            let response = routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let described = methods.get(method);
            assert_eq!(response.status() != 405, described.is_some(), "{method} {path}");
            if let Some(operation) = described {
                let responses = operation["responses"].as_object().unwrap();
                let status = response.status().as_u16().to_string();
                assert!(responses.contains_key(&status), "{method} {path} answers {status}");
                assert!(["401", "403", "503"].iter().all(|status| responses.contains_key(*status)));
                assert!(operation["summary"].is_string());
            }
        }
    }
}

//! The OpenAPI description against the routes: every path and method is there, with what it may answer.

use axum::{body::Body, http::Request};
use hutong_catalogue::document;
use hutong_runtime::auth::Caller;
use serde_json::Value;

use crate::{Running, city::City};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn what_is_described_is_there_and_nothing_else() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let running = Running::over(City::new());
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 8);
    for (path, methods) in paths {
        assert!(path.starts_with("/catalogue/"));
        let real = path.replace("{id}", "x");
        for method in METHODS {
            let request =
                Request::builder().method(method.to_uppercase().as_str()).uri(&real).body(Body::empty());
            let response = {
                use tower::ServiceExt;
                let routes = running.routes.clone().layer(axum::Extension(Caller::Anonymous));
                routes.oneshot(request.unwrap()).await.unwrap()
            };
            let described = methods.get(method);
            // A path's word for an agreement that is called draft is described with the others.
            let known = described.is_some() || (method == "get" && path.ends_with("/draft"));
            assert_eq!(response.status() != 405, known, "{method} {path}");
            if let Some(operation) = described {
                let responses = operation["responses"].as_object().unwrap();
                let status = response.status().as_u16().to_string();
                assert!(responses.contains_key(&status), "{method} {path} answers {status}");
                assert!(responses.contains_key("503") && responses.contains_key("200"));
                assert!(operation["summary"].is_string());
            }
        }
    }
    let catalogue = &document["paths"]["/catalogue/catalog.jsonld"]["get"]["responses"]["200"]["content"];
    assert!(catalogue.get("application/ld+json").is_some(), "{catalogue}");
    let one = &document["paths"]["/catalogue/agreements/{id}"]["get"]["responses"]["200"]["content"];
    let forms: Vec<_> = one.as_object().unwrap().keys().collect();
    assert_eq!(forms, ["application/json", "application/ld+json"]);
}

//! What routes learn of persons and officials, and what the refused are told.

use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
use http::{Request, header};
use serde_json::json;
use tower::ServiceExt as _;

use super::{City, city_with};
use crate::auth::{Authenticator, KeyDirectory, RequireAgency, RequirePerson, identify};

/// A city of one agency, which has no key.
#[derive(Debug)]
struct One;

impl KeyDirectory for One {
    fn signing_key(&self, _: &str, _: &str) -> Option<[u8; 32]> {
        None
    }

    fn is_member(&self, agency: &str) -> bool {
        agency == "health-commission"
    }

    fn chain(&self) -> &str {
        "riverton-0011223344556677"
    }
}

async fn app() -> (City, Router) {
    let mut city = city_with(|config| config.officials = true).await;
    let spare = super::OidcVerifier::new(super::OidcConfig::default(), crate::SystemClock::shared());
    let verifier = std::mem::replace(&mut city.verifier, spare.expect("a verifier"));
    let clock = std::sync::Arc::new(city.clock.clone());
    let authenticator = Authenticator::new(std::sync::Arc::new(One), clock).with_oidc(verifier.into());
    let app = Router::new()
        .route("/person", get(|RequirePerson(person): RequirePerson| async move { person.subject }))
        .route("/agency", get(|RequireAgency(id): RequireAgency| async move { id }))
        .route("/public", get(|| async { "public" }))
        .layer(from_fn_with_state(std::sync::Arc::new(authenticator), identify));
    (city, app)
}

async fn ask(app: &Router, path: &str, token: Option<&str>) -> (u16, String, String) {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("infallible");
    let status = response.status().as_u16();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.map(|value| value.to_str().expect("ASCII").to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a body");
    (status, challenge, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn persons_and_officials_go_where_they_may() {
    let (city, app) = app().await;
    let person = city.token();
    assert_eq!(ask(&app, "/person", Some(&person)).await, (200, String::new(), "248289761001".into()));
    let (status, challenge, body) = ask(&app, "/agency", Some(&person)).await;
    assert!(status == 403 && challenge.contains("insufficient_scope") && body.contains("agency_required"));
    let mut claims = city.claims();
    claims["role"] = json!("official");
    claims["agency"] = json!("health-commission");
    let official = city.provider.token(&claims);
    assert_eq!(ask(&app, "/agency", Some(&official)).await, (200, String::new(), "health-commission".into()));
    let (status, _, body) = ask(&app, "/person", Some(&official)).await;
    assert!(status == 403 && body.contains("person_required"), "{body}");
    claims["agency"] = json!("a-stranger");
    let (status, _, body) = ask(&app, "/agency", Some(&city.provider.token(&claims))).await;
    assert!(status == 401 && body.contains("\"reason\":\"role\""), "{body}");
    let (status, challenge, body) = ask(&app, "/person", None).await;
    assert!(status == 401 && body.contains("authentication_required"), "{body}");
    assert_eq!(challenge, "Bearer realm=\"hutong\"");
}

#[tokio::test]
async fn one_who_cannot_be_told_is_never_anonymous() {
    let (city, app) = app().await;
    city.provider.shown.lock().status = Some(500);
    for path in ["/public", "/person"] {
        let (status, challenge, body) = ask(&app, path, Some(&city.token())).await;
        assert!(status == 503 && body.contains("identity_unavailable") && challenge.is_empty(), "{body}");
        assert!(!body.contains(&city.provider.issuer), "{body}");
    }
    assert_eq!(ask(&app, "/public", None).await.0, 200);
}

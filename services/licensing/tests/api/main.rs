//! The routes of licensing over what is final: issuing, decisions, searches; and checks, as software that knows nothing of
//! this service makes them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod checks;
mod city;
mod credentials;
mod licences;
mod reader;
mod vault;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request};
use city::{City, MARKET};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hutong_keys::SigningKey;
use hutong_licensing::{Config, LicensingService, routes};
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const USCC: &str = "91110000600037341L";
const SECOND: &str = "91350100M000100Y43";
const DAY_MS: u64 = 24 * 3600 * 1000;

/// A licensing service that follows a city, and its routes.
struct Running {
    city: Arc<City>,
    routes: Router,
    stop: CancellationToken,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl Answer {
    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

fn owner() -> Caller {
    Caller::agency(MARKET)
}

impl Running {
    fn new() -> Self {
        Self::configured(City::new(), Config::default(), 5)
    }

    /// With the issuing key of this seed.
    fn configured(city: Arc<City>, config: Config, seed: u8) -> Self {
        let config = Config { page: 2, wait_ms: 20, retry_ms: 1, ..config };
        let chain = "riverton-0011223344556677".parse().unwrap();
        let (key, clock) = (SigningKey::from_seed(&[seed; 32]), city.clock.clone());
        let service =
            LicensingService::new(config, chain, city.storage(), city.desk(MARKET), key, clock).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        Self { city, routes: routes(service), stop }
    }

    async fn call(&self, caller: Caller, request: Request<Body>) -> Answer {
        let response = self.routes.clone().layer(Extension(caller)).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, body }
    }

    async fn get_as(&self, caller: Caller, path: &str) -> Answer {
        self.call(caller, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What anyone is answered.
    async fn get(&self, path: &str) -> Answer {
        self.get_as(Caller::Anonymous, path).await
    }

    async fn post_as(&self, caller: Caller, path: &str, body: Value) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.call(caller, request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// What the owner is answered.
    async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_as(owner(), path, body).await
    }

    /// Issues a licence; its number and credential.
    async fn issue(&self, change: impl FnOnce(&mut Value)) -> (String, String) {
        let mut new = new_licence();
        change(&mut new);
        let answer = self.post("/licensing/v1/licences", new).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        (text("id"), text("credential"))
    }

    async fn verify(&self, credential: &str) -> Value {
        let answer = self
            .post_as(Caller::Anonymous, "/licensing/v1/verify", json!({ "credential": credential }))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    fn pass(&self, days: u64) {
        self.city.clock.advance(Duration::from_millis(days * DAY_MS));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The city begins on 14 November 2023.
fn new_licence() -> Value {
    json!({
        "business": { "uscc": USCC, "name": "Noodles & Co" },
        "kind": "food",
        "valid_from": "2023-11-01",
        "valid_until": "2024-10-31",
        "claims": { "premises": "12 Lane Road", "seats": 40, "permits": ["kitchen", "terrace"] },
    })
}

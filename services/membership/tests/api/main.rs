//! The routes of membership, asked with real tokens, over a storage that holds a short chain of epochs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod storage;

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
    middleware::from_fn_with_state,
};
use http_body_util::BodyExt;
use hutong_keys::{SigningKey, mint_token};
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::{AgencyId, KeyId},
};
use hutong_membership::{document, routes};
use hutong_runtime::{
    ManualClock,
    auth::{Authenticator, KeyDirectory, identify},
};
use serde_json::Value;
use storage::{EpochStorage, epoch};
use tower::ServiceExt;

const CHAIN: &str = "riverton-0011223344556677";
const NOW_S: u64 = 1_700_000_000;

fn signing_key(agency: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..agency.len()].copy_from_slice(agency.as_bytes());
    SigningKey::from_seed(&seed)
}

/// The keys of the epoch in force.
#[derive(Debug)]
struct Keys(Epoch);

impl KeyDirectory for Keys {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let (agency, key): (AgencyId, KeyId) = (agency.parse().ok()?, key_id.parse().ok()?);
        self.0.key(&agency, Purpose::Signing, &key)
    }

    fn is_member(&self, agency: &str) -> bool {
        agency.parse().is_ok_and(|agency| self.0.agency(&agency).is_some())
    }

    fn chain(&self) -> &str {
        CHAIN
    }
}

struct City {
    storage: Arc<EpochStorage>,
    routes: Router,
}

impl City {
    fn new() -> Self {
        let storage = Arc::new(EpochStorage::default());
        let clock = Arc::new(ManualClock::at(NOW_S * 1000));
        let keys = Arc::new(Keys(epoch(storage::LAST)));
        let authenticator = Arc::new(Authenticator::new(keys, clock));
        let routes = routes(storage.clone()).layer(from_fn_with_state(authenticator, identify));
        Self { storage, routes }
    }

    async fn send(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// As the land office asks.
    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(path, Some(&token("land"))).await
    }

    async fn problem(&self, path: &str) -> (u16, String) {
        let (status, body) = self.get(path).await;
        (status, body["code"].as_str().unwrap_or_else(|| panic!("{path}: {body}")).to_owned())
    }
}

fn token(agency: &str) -> String {
    mint_token(&signing_key(agency), agency, CHAIN, NOW_S, 60).unwrap()
}

#[tokio::test]
async fn the_epoch_in_force_is_shown() {
    let (status, shown) = City::new().get("/v1/membership").await;
    assert_eq!((status, shown), (200, serde_json::to_value(epoch(storage::LAST)).unwrap()));
}

#[tokio::test]
async fn each_epoch_is_shown_by_its_number() {
    let city = City::new();
    for number in 0..=storage::LAST {
        let (status, shown) = city.get(&format!("/v1/membership/epochs/{number}")).await;
        assert_eq!((status, shown), (200, serde_json::to_value(epoch(number)).unwrap()));
    }
    for number in [storage::LAST + 1, u64::MAX] {
        let problem = city.problem(&format!("/v1/membership/epochs/{number}")).await;
        assert_eq!(problem, (404, "epoch_unknown".into()), "{number}");
    }
    for number in ["first", "-1", "18446744073709551616"] {
        let problem = city.problem(&format!("/v1/membership/epochs/{number}")).await;
        assert_eq!(problem, (400, "malformed_path".into()), "{number}");
    }
}

#[tokio::test]
async fn a_member_is_shown_with_its_keys() {
    let city = City::new();
    let (status, shown) = city.get("/v1/membership/agencies/parks").await;
    assert_eq!(
        (status, shown["id"].as_str(), shown["validating"].as_bool()),
        (200, Some("parks"), Some(true))
    );
    assert_eq!(shown["keys"][0]["public"], signing_key("parks").public().to_string());
    for id in ["zoo", "No%20Agency", "%F0%9F%90%BC"] {
        let problem = city.problem(&format!("/v1/membership/agencies/{id}")).await;
        assert_eq!(problem, (404, "agency_unknown".into()), "{id}");
    }
}

#[tokio::test]
async fn only_members_are_answered() {
    let city = City::new();
    let stranger = token("zoo");
    for path in ["/v1/membership", "/v1/membership/epochs/0", "/v1/membership/agencies/land"] {
        let (status, problem) = city.send(path, None).await;
        assert_eq!((status, problem["code"].as_str()), (401, Some("authentication_required")), "{path}");
        for bad in [stranger.as_str(), "no.such.token", ""] {
            let (status, problem) = city.send(path, Some(bad)).await;
            assert_eq!((status, problem["code"].as_str()), (401, Some("invalid_token")), "{path}");
        }
    }
}

#[tokio::test]
async fn storage_that_is_away_is_said_to_be() {
    let city = City::new();
    city.storage.away.store(true, Ordering::SeqCst);
    for path in ["/v1/membership", "/v1/membership/epochs/0", "/v1/membership/agencies/land"] {
        assert_eq!(city.problem(path).await, (503, "unavailable".into()), "{path}");
    }
}

#[test]
fn every_route_is_described() {
    let document = document();
    let paths: Vec<_> = document.paths.paths.keys().map(String::as_str).collect();
    assert_eq!(paths, ["/v1/membership", "/v1/membership/agencies/{id}", "/v1/membership/epochs/{number}"]);
}

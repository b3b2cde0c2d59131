//! The routes of property over what is final: parcels, titles, histories, and the searches of the view.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod description;
mod example;
mod map;
mod parcels;
mod searches;
mod storage;
mod times;
mod tokens;
mod writing;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request};
use http_body_util::BodyExt;
use hutong_property::{Config, PropertyService, build, routes};
use hutong_runtime::auth::Caller;
use hutong_wire::v1::property as wire;
use serde_json::Value;
use storage::{LAND, MemoryStorage, agency};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Agents of people.
const ANN: &str = "notary-ann";
const BEN: &str = "notary-ben";

/// A property service that follows a storage, and its routes.
struct Running {
    storage: Arc<MemoryStorage>,
    routes: Router,
    stop: CancellationToken,
}

impl Running {
    fn over(storage: Arc<MemoryStorage>) -> Self {
        let config = Config { page: 2, wait_ms: 20, retry_ms: 1, ..Config::default() };
        let service = PropertyService::new(config, storage.storage(), [storage.desk(LAND)]);
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        Self { storage, routes: routes(service), stop }
    }

    /// What an agency is answered.
    async fn get(&self, path: &str) -> (u16, Value) {
        self.get_as(Caller::agency(LAND), path).await
    }

    async fn get_as(&self, caller: Caller, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.routes.clone().layer(Extension(caller)).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn post_as(&self, agency: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();
        let routes = self.routes.clone().layer(Extension(Caller::agency(agency)));
        let response = routes.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn found(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Status and code of a problem.
    async fn problem(&self, path: &str) -> (u16, String) {
        let (status, body) = self.get(path).await;
        (status, body["code"].as_str().unwrap_or_else(|| panic!("{path}: {body}")).to_owned())
    }

    /// Ids of the parcels that a search finds, over all its pages.
    async fn search(&self, query: &str) -> Vec<String> {
        let mut next = Some(format!("/property/v1/parcels?{query}"));
        let mut ids = Vec::new();
        while let Some(path) = next {
            let page = self.found(&path).await;
            let parcels = page["parcels"].as_array().unwrap().iter();
            ids.extend(parcels.map(|parcel| parcel["parcel"].as_str().unwrap().to_owned()));
            next = page["next"].as_str().map(str::to_owned);
        }
        ids
    }

    /// Waits until a search finds these: the view follows what is final.
    async fn until_found(&self, query: &str, wanted: &[&str]) {
        let found = async {
            while self.search(query).await != wanted {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), found).await;
        assert!(in_time.is_ok(), "{query} finds {:?} and not {wanted:?}", self.search(query).await);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn party(handle: u8, agent: &str) -> wire::Party {
    build::party([handle; 16], &agency(agent))
}

fn whole(handle: u8, agent: &str) -> wire::Holding {
    build::ownership(party(handle, agent), build::WHOLE)
}

/// A handle as a search names it.
fn hex_of(handle: u8) -> String {
    hex::encode([handle; 16])
}

/// Registers a parcel for a person of Ann's.
fn register(storage: &MemoryStorage, parcel: &str, place: &str, handle: u8) {
    let unit = wire::Unit {
        place: place.into(),
        r#use: "RL".into(),
        area_centi_mm2: 31_770 * 9_290_304,
        description: "Pave street".into(),
        ..wire::Unit::default()
    };
    storage.submit(&[LAND], build::register(parcel, unit, vec![whole(handle, ANN)]));
}

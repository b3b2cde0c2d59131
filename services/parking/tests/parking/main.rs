//! Parking as a whole: the rules over a city in memory, the routes over what is final, occupancy from its coming to its
//! digest.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod city;
mod days;
mod description;
mod example;
mod live;
mod places;
mod realtime;
mod records;
mod rules;
mod views;

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request};
use city::{BUREAU, City};
use http::header;
use http_body_util::BodyExt;
use hutong_bus::SharedBus;
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_parking::{Config, ParkingService, build, routes};
use hutong_runtime::auth::Caller;
use hutong_wire::v1::parking::{self as wire, Purpose, SiteType};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A parking service that follows a city, and its routes.
struct Running {
    city: Arc<City>,
    service: ParkingService,
    routes: Router,
    stop: CancellationToken,
    dir: Arc<TempDir>,
}

impl Running {
    fn over(city: Arc<City>) -> Self {
        Self::at(city, BUREAU, Arc::new(TempDir::new().unwrap()), bus())
    }

    /// The node of an agency, with its log in a folder.
    fn at(city: Arc<City>, agency: &str, dir: Arc<TempDir>, bus: SharedBus) -> Self {
        let config = Config {
            dir: Path::new(dir.path()).join("log"),
            page: 2,
            wait_ms: 20,
            retry_ms: 1,
            live_events_max: 4,
            live_subscribers_max: 2,
            ..Config::default()
        };
        let service =
            ParkingService::new(config, city.storage(), city.desk(agency), bus, city.clock.clone()).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        Self { city, routes: routes(service.clone()), service, stop, dir }
    }

    async fn call(&self, caller: Caller, request: Request<Body>) -> (u16, Value) {
        let response = self.routes.clone().layer(Extension(caller)).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    async fn get_as(&self, caller: Caller, path: &str) -> (u16, Value) {
        self.call(caller, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What anyone is answered.
    async fn found(&self, path: &str) -> Value {
        let (status, body) = self.get_as(Caller::Anonymous, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Status and code of a problem.
    async fn problem(&self, path: &str) -> (u16, String) {
        let (status, body) = self.get_as(Caller::Anonymous, path).await;
        (status, body["code"].as_str().unwrap_or_else(|| panic!("{path}: {body}")).to_owned())
    }

    async fn post_as(&self, caller: Caller, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.call(caller, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.post_as(Caller::agency(BUREAU), path, &body).await
    }

    /// Waits until the view has a site: it follows what is final.
    async fn until_known(&self, uid: &str) {
        self.until(|| async {
            self.get_as(Caller::Anonymous, &format!("/parking/v1/sites/{uid}")).await.0 == 200
        })
        .await;
    }

    async fn until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        let waited = async {
            while !holds().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn bus() -> SharedBus {
    EmbeddedBus::in_memory(Options::default()).unwrap()
}

/// A site of the feed `test`.
fn site(uid: &str, lat_e7: i64, lon_e7: i64) -> wire::Site {
    wire::Site {
        source: "test".into(),
        source_uid: uid.into(),
        name: format!("Garage {uid}"),
        purpose: Purpose::Car.into(),
        r#type: SiteType::CarPark.into(),
        lat_e7,
        lon_e7,
        capacity: 100,
        static_data_updated_at_ms: 1_700_000_000_000,
        ..wire::Site::default()
    }
}

/// A city with three sites along a meridian, 1.11 km apart.
fn three() -> Arc<City> {
    let city = City::new();
    for (uid, lat_e7) in [("1", 480_000_000), ("2", 480_100_000), ("3", 480_200_000)] {
        city.submit(&[BUREAU], build::put_site(site(uid, lat_e7, 90_000_000)));
    }
    city
}

/// An update in the names of ParkAPI.
fn sent(uid: &str, at: &str, free: u32) -> Value {
    serde_json::json!({
        "uid": uid,
        "realtime_data_updated_at": at,
        "realtime_free_capacity": free,
        "realtime_opening_status": "OPEN",
    })
}

//! The routes of epidemic over what is final: analyses, cases, counts, what is published, charts, and what the service
//! does by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod analyses;
mod cases;
mod charts;
mod city;
mod counts;
mod dengue;
mod description;
mod example;
mod public;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request};
use bytes::Bytes;
use city::{City, HEALTH};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hutong_epidemic::{Config, EpidemicService, build, day, routes};
use hutong_runtime::auth::Caller;
use hutong_wire::v1::epidemic::{self as wire, Origin, Status};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long nothing may happen before the service looks at the counts, by the city's clock.
const QUIET: Duration = Duration::from_secs(2);

/// An epidemic service that follows a city, and its routes.
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

fn agency(id: &str) -> Caller {
    Caller::agency(id)
}

impl Running {
    fn over(city: Arc<City>) -> Self {
        let quiet_ms = u64::try_from(QUIET.as_millis()).unwrap();
        let config = Config { page: 7, wait_ms: 20, retry_ms: 1, quiet_ms, ..Config::default() };
        Self::configured(city, config)
    }

    fn configured(city: Arc<City>, config: Config) -> Self {
        let service = EpidemicService::new(config, city.desk(HEALTH), city.clock.clone());
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        Self { city, routes: routes(service), stop }
    }

    async fn call(&self, caller: Caller, request: Request<Body>) -> Answer {
        let response = self.routes.clone().layer(Extension(caller)).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, body }
    }

    async fn get_as(&self, caller: Caller, path: &str) -> Answer {
        self.call(caller, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What the owner is answered.
    async fn get(&self, path: &str) -> Answer {
        self.get_as(agency(HEALTH), path).await
    }

    /// What anyone is answered.
    async fn public(&self, path: &str) -> Answer {
        self.get_as(Caller::Anonymous, path).await
    }

    async fn post_as(&self, caller: Caller, path: &str, body: impl Into<String>) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.call(caller, request.body(Body::from(body.into())).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_as(agency(HEALTH), path, body.to_string()).await
    }

    /// The items of a list over all its pages.
    async fn all(&self, caller: Caller, path: &str, name: &str) -> Vec<Value> {
        let mut next = Some(path.to_owned());
        let mut items = Vec::new();
        while let Some(path) = next {
            let page = self.get_as(caller.clone(), &path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            items.extend(page.body[name].as_array().unwrap().clone());
            next = page.body["next"].as_str().map(str::to_owned);
        }
        items
    }

    /// Ids of the cases that a search finds.
    async fn found(&self, query: &str) -> Vec<String> {
        let cases = self.all(agency(HEALTH), &format!("/epidemic/v1/cases?{query}"), "cases").await;
        cases.iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until something is so: the view follows what is final.
    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
        let waiting = async {
            while !is_so(self).await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "never {what}");
    }

    async fn until_found(&self, query: &str, wanted: &[&str]) {
        self.until(query, async |running| running.found(query).await == wanted).await;
    }

    /// Waits until so many cases count.
    async fn until_counted(&self, total: u64) {
        let path = "/epidemic/v1/counts?from=1800-01-01&to=2100-01-01&limit=1";
        self.until("counted", async |running| running.get(path).await.body["total"] == total).await;
    }

    /// Lets nothing happen for so long that the service looks at the counts.
    fn be_quiet(&self) {
        self.city.clock.advance(QUIET + Duration::from_millis(1));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The city's first day.
fn today() -> day::Day {
    day::of_ms(city::BEGAN_MS)
}

fn case(id: &str, change: impl FnOnce(&mut wire::Facts)) -> wire::ReportCase {
    let mut facts = wire::Facts {
        disease: "dengue".into(),
        status: Status::Confirmed.into(),
        origin: Origin::Local.into(),
        district: "110105".into(),
        age_band: "40-44".into(),
        sex: wire::Sex::Female.into(),
        onset: Some(today() - 30),
        report: Some(today() - 28),
        ..wire::Facts::default()
    };
    change(&mut facts);
    wire::ReportCase { id: id.into(), facts: Some(facts), ..wire::ReportCase::default() }
}

fn report(id: &str, change: impl FnOnce(&mut wire::Facts)) -> Bytes {
    build::report(case(id, change))
}

fn districts(codes: &[&str]) -> Bytes {
    build::add_districts(codes.iter().map(|code| ((*code).to_owned(), format!("District <{code}>"))))
}

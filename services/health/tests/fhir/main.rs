//! FHIR over HTTP, on a ledger in memory that runs the real contract.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

mod bundles;
mod conditions;
mod examples;
mod interactions;
mod ledger;
mod page;
mod privacy;
mod searches;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    http::{HeaderMap, Request, request::Builder},
};
use fhirkit::Json;
use http_body_util::BodyExt;
use hutong_health::{Bodies, Config, HealthService, Ports, routes};
use hutong_runtime::{ManualClock, auth::Caller};
use ledger::{Ledger, OWNER, START_MS};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const FHIR_JSON: &str = "application/fhir+json";

/// A health service that follows a ledger, and its routes.
struct City {
    ledger: Arc<Ledger>,
    bodies: Bodies,
    routes: Router,
    stop: CancellationToken,
}

/// What is answered.
struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Json {
        Json::parse(&self.text).unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        if status >= 400 {
            assert!(self.text.contains("OperationOutcome"), "{}", self.text);
        }
        self
    }
}

impl City {
    async fn new() -> Self {
        Self::over(Arc::new(Ledger::new()), Bodies::memory()).await
    }

    async fn over(ledger: Arc<Ledger>, bodies: Bodies) -> Self {
        let config = Config {
            page: 7,
            wait_ms: 20,
            retry_ms: 1,
            base_url: Some("http://city/fhir/R4".into()),
            ..Config::default()
        };
        let clock = Arc::new(ManualClock::at(START_MS + 3_600_000));
        let ports = Ports { records: ledger.clone(), bodies: bodies.clone(), clock };
        let service = HealthService::new(config, ports);
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        let city = Self { ledger, bodies, routes: routes(service), stop };
        city.until(|reply| reply.status != 503, "/Patient?_count=0").await;
        city
    }

    async fn until(&self, fits: impl Fn(&Reply) -> bool, path: &str) {
        let asked = async {
            while !fits(&self.get(path).await) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), asked).await.is_ok(), "{path} in vain");
    }

    async fn send_as(&self, caller: Caller, request: Builder, body: &str) -> Reply {
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.routes.clone().layer(Extension(caller)).oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// As the owner.
    async fn send(&self, request: Builder, body: &str) -> Reply {
        self.send_as(owner(), request, body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(url(path)), "").await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(Request::post(url(path)).header("content-type", FHIR_JSON), body).await
    }

    async fn put(&self, path: &str, body: &str) -> Reply {
        self.send(Request::put(url(path)).header("content-type", FHIR_JSON), body).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send(Request::delete(url(path)), "").await
    }

    async fn patch(&self, path: &str, kind: &str, body: &str) -> Reply {
        self.send(Request::patch(url(path)).header("content-type", kind), body).await
    }

    /// Puts a resource under the id in it.
    async fn hold(&self, body: &str) {
        let json = Json::parse(body).unwrap();
        let text = |name| json.get(name).and_then(Json::as_str).unwrap().to_owned();
        let reply = self.put(&format!("/{}/{}", text("resourceType"), text("id")), body).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
    }

    /// Ids of what a search finds, over all its pages; what is included has a + before.
    async fn ids(&self, query: &str) -> Vec<String> {
        let mut next = Some(query.to_owned());
        let mut ids = Vec::new();
        while let Some(path) = next {
            let bundle = self.get(&path).await.is(200).json();
            for entry in list(&bundle, "entry") {
                let mode = if text(entry, "search.mode") == "include" { "+" } else { "" };
                ids.push(format!("{mode}{}", text(entry, "resource.id")));
            }
            next = link(&bundle, "next");
        }
        ids
    }

    async fn total(&self, query: &str) -> usize {
        let bundle = self.get(query).await.is(200).json();
        let Some(Json::Number(total)) = bundle.get("total") else { panic!("no total") };
        total.parse().unwrap()
    }
}

impl Drop for City {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn owner() -> Caller {
    Caller::agency(OWNER)
}

fn url(path: &str) -> String {
    match path.strip_prefix("http://city") {
        Some(path) => path.to_owned(),
        None => format!("/fhir/R4{path}"),
    }
}

fn list<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    match json.get(name) {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

/// The string at a dotted path.
fn text(json: &Json, path: &str) -> String {
    let found = path.split('.').try_fold(json, |json, step| match step.parse::<usize>() {
        Ok(at) => match json {
            Json::Array(items) => items.get(at),
            _ => None,
        },
        Err(_) => json.get(step),
    });
    match found {
        Some(Json::String(text) | Json::Number(text)) => text.clone(),
        Some(other) => other.to_compact(),
        None => String::new(),
    }
}

fn link(bundle: &Json, relation: &str) -> Option<String> {
    let found = list(bundle, "link").iter().find(|link| text(link, "relation") == relation);
    found.map(|link| text(link, "url"))
}

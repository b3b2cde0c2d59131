//! The routes of the catalogue over what is final: the catalogue in DCAT-AP, datasets, agreements in ODRL, searches, and
//! what agencies write.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agreements;
mod city;
mod datasets;
mod dcat;
mod description;
mod drafts;
mod linked;
mod publishing;
mod searches;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request};
use city::{City, LAND};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hutong_catalogue::{CatalogueService, Config, routes};
use hutong_runtime::auth::Caller;
use hutong_wire::v1::catalogue::{self as wire, SharingClass};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const HOST: &str = "city.example:8080";

/// A catalogue service that follows a city, and its routes.
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
    body: Value,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

fn agency_calls(id: &str) -> Caller {
    Caller::agency(id)
}

impl Running {
    fn over(city: Arc<City>) -> Self {
        Self::configured(city, Config::default())
    }

    fn configured(city: Arc<City>, config: Config) -> Self {
        let config = Config { page: 2, wait_ms: 20, retry_ms: 1, ..config };
        let service = CatalogueService::new(config, city.storage(), [city.desk(LAND)], city.clock.clone());
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        Self { city, routes: routes(service), stop }
    }

    async fn call(&self, caller: Caller, request: Request<Body>) -> Answer {
        let response = self.routes.clone().layer(Extension(caller)).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// What anyone is answered.
    async fn get_with(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let mut request = Request::get(path).header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.call(Caller::Anonymous, request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Plain JSON that is there.
    async fn plain(&self, path: &str) -> Value {
        let answer = self.get_with(path, &[(header::ACCEPT, "application/json")]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    async fn post(&self, caller: Caller, path: &str, body: Value) -> Answer {
        let request = Request::post(path).header(header::HOST, HOST);
        let request =
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
        self.call(caller, request.unwrap()).await
    }

    /// Ids that a list finds, over all its pages.
    async fn search(&self, list: &str, query: &str) -> Vec<String> {
        let mut next = Some(format!("/catalogue/{list}?{query}"));
        let mut ids = Vec::new();
        while let Some(path) = next {
            let page = self.plain(&path).await;
            ids.extend(
                page[list].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            next = page["next"].as_str().map(str::to_owned);
        }
        ids
    }

    /// Waits until a list finds these: the view follows what is final.
    async fn until_found(&self, list: &str, query: &str, wanted: &[&str]) {
        let found = async {
            while self.search(list, query).await != wanted {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), found).await;
        assert!(in_time.is_ok(), "{query} finds {:?} and not {wanted:?}", self.search(list, query).await);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn dataset(id: &str, domain: &str) -> wire::Dataset {
    let field = |name: &str, sealed| wire::Field { name: name.into(), sealed, description: String::new() };
    wire::Dataset {
        id: id.into(),
        domain: domain.into(),
        record_type: "parcel".into(),
        title: format!("Titles {id}"),
        description: "Parcels & <titles>".into(),
        fields: vec![field("area", false), field("holder", true)],
        sharing: SharingClass::Conditional.into(),
        keywords: vec!["cadastre".into()],
        endpoint: "/property/v1/parcels".into(),
        ..wire::Dataset::default()
    }
}

/// Consumer reads holders of the land register, from 1,000 to 9,000 after the city's first moment.
fn agreement(id: &str, consumer: &str) -> wire::Agreement {
    wire::Agreement {
        id: id.into(),
        owner: LAND.into(),
        consumer: consumer.into(),
        domain: "property".into(),
        record_type: "parcel".into(),
        fields: vec!["contact".into(), "holder".into()],
        purposes: vec!["enforcement".into()],
        legal_basis: "Civil Procedure Law, art. 242".into(),
        from_ms: city::BEGAN_MS + 1000,
        until_ms: city::BEGAN_MS + 9000,
        ..wire::Agreement::default()
    }
}

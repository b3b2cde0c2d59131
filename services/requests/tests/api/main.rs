//! The routes of requests over what is final: Open311 in both formats, what agencies do, rates, deadlines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

mod agencies;
mod breaches;
mod city;
mod contact;
mod description;
mod lists;
mod making;
mod page;
mod rates;
mod real;
mod services;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request, middleware::from_fn_with_state};
use city::{City, LINE, Members, WATER};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hutong_keys::mint_token;
use hutong_requests::{Config, RequestsService, routes};
use hutong_runtime::{
    Clock,
    auth::{Authenticator, Caller, identify},
};
use hutong_test_city::{chain, signing_key};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A requests service that follows a city, and its routes behind tokens.
struct Running {
    city: Arc<City>,
    routes: Router,
    authenticator: Arc<Authenticator>,
    stop: CancellationToken,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn media_type(&self) -> &str {
        self.headers[header::CONTENT_TYPE].to_str().unwrap()
    }

    /// Code of a problem.
    fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        let escape = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
        form.push_str(&format!("{}={}&", escape(name), escape(value)));
    }
    form
}

impl Running {
    fn over(city: Arc<City>) -> Self {
        Self::configured(city, Config::default())
    }

    fn configured(city: Arc<City>, config: Config) -> Self {
        let config = Config { page: config.page.min(50), wait_ms: 20, retry_ms: 1, ..config };
        let service = RequestsService::new(config, city.desk(LINE), [city.desk(WATER)], city.clock.clone());
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().run(stop.clone()));
        let authenticator = Arc::new(Authenticator::new(Arc::new(Members), city.clock.clone()));
        Self { city, routes: routes(service), authenticator, stop }
    }

    /// A city with the services and districts of the tests.
    async fn equipped() -> Self {
        let running = Self::over(City::new());
        let areas = json!({ "areas": [{
            "code": "north", "name": "North", "agency": "north-office",
            "boundary": [
                { "lat": 39.9, "long": 116.3 }, { "lat": 39.9, "long": 116.5 },
                { "lat": 40.1, "long": 116.5 }, { "lat": 40.1, "long": 116.3 },
            ],
        }] });
        running.put("/requests/v1/areas", areas).await;
        running.put("/requests/v1/services/leak", leak()).await;
        running.put("/requests/v1/services/hole", json!({ "name": "Hole", "type": "batch" })).await;
        running
    }

    fn token(&self, agency: &str) -> String {
        let now_s = self.city.clock.unix_ms() / 1000;
        mint_token(&signing_key(agency), agency, chain().as_str(), now_s, 60).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let routes = self.routes.clone().layer(from_fn_with_state(self.authenticator.clone(), identify));
        answered(routes, request).await
    }

    /// As somebody whose token is not at issue.
    async fn send_as(&self, caller: Caller, request: Request<Body>) -> Reply {
        answered(self.routes.clone().layer(Extension(caller)), request).await
    }

    /// What anyone is answered.
    async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn found(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    fn with_token(&self, agency: &str, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token(agency)));
        match body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                request.body(Body::from(body.to_string())).unwrap()
            }
            None => request.body(Body::empty()).unwrap(),
        }
    }

    async fn agency_get(&self, path: &str) -> Value {
        let reply = self.send(self.with_token(LINE, "GET", path, None)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        let reply = self.send(self.with_token(LINE, "PUT", path, Some(body))).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    async fn post_as(&self, agency: &str, path: &str, body: Value) -> Reply {
        self.send(self.with_token(agency, "POST", path, Some(body))).await
    }

    async fn act(&self, agency: &str, id: &str, step: &str, body: Value) -> Value {
        let reply = self.post_as(agency, &format!("/requests/v1/requests/{id}/{step}"), body).await;
        assert_eq!(reply.status, 200, "{step}: {}", reply.text);
        reply.json()
    }

    /// A form with the line's key in it, to a path under Open311.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let key = self.token(LINE);
        let mut fields = fields.to_vec();
        fields.push(("api_key", &key));
        self.post_form(path, &fields).await
    }

    async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = Request::post(format!("/open311/v2/{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form(fields))).unwrap()).await
    }

    /// A new request's id.
    async fn make(&self, fields: &[(&str, &str)]) -> String {
        let reply = self.post("requests.json", fields).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()[0]["service_request_id"].as_str().unwrap().to_owned()
    }

    /// A leak near Tiananmen.
    async fn leak(&self) -> String {
        self.make(&LEAK).await
    }

    /// Ids that a list has.
    async fn ids(&self, query: &str) -> Vec<String> {
        let found = self.found(&format!("/open311/v2/requests.json?{query}")).await;
        let ids = found.as_array().unwrap().iter().map(|item| item["service_request_id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const LEAK: [(&str, &str); 4] =
    [("service_code", "leak"), ("lat", "39.9054"), ("long", "116.3976"), ("description", "A fountain")];

fn leak() -> Value {
    json!({
        "name": "Leak & <burst>",
        "description": "Water where none should be",
        "group": "utilities",
        "keywords": ["water", "pipe"],
        "deadline": "utilities",
        "rules": [{ "agency": WATER }],
        "notice": "Close the tap.",
        "attributes": [
            { "code": "signs", "datatype": "multivaluelist", "order": 2, "description": "Signs?",
              "values": [{ "key": "wet", "name": "It is wet" }, { "key": "loud", "name": "It is loud" }] },
            { "code": "amount", "datatype": "number", "order": 1, "description": "Litres?" },
        ],
    })
}

async fn answered(routes: Router, request: Request<Body>) -> Reply {
    let response = routes.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    Reply { status: parts.status.as_u16(), headers: parts.headers, text }
}

/// Waits until something holds: loops work in the background.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it does not come to hold");
}

/// XML as an independent reader has it: the fields of each item under the root, by name.
fn items(xml: &str, root: &str, item: &str) -> Vec<BTreeMap<String, String>> {
    let document = roxmltree::Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    assert_eq!(document.root_element().tag_name().name(), root, "{xml}");
    let elements = document.root_element().children().filter(|node| node.is_element());
    let fields = |node: roxmltree::Node<'_, '_>| {
        assert_eq!(node.tag_name().name(), item, "{xml}");
        let fields = node.children().filter(|field| field.is_element());
        fields
            .map(|field| (field.tag_name().name().to_owned(), field.text().unwrap_or_default().to_owned()))
            .collect()
    };
    elements.map(fields).collect()
}

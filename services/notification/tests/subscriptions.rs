//! Subscriptions over HTTP: whose they are, what may be asked for, and where deliveries may not go.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::Router;
use hutong_notification::{Config, Resolve, Webhooks};
use hutong_runtime::SystemClock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use support::{
    DOMAINS, FakeStorage, Running, agency::call, bus, config, receiver::Receiver, start_resolving, until,
};
use tokio::net::TcpListener;

/// Answers every name with the addresses that it is given.
#[derive(Debug, Default)]
struct Names {
    addresses: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, _: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.addresses.lock().iter().map(|address| SocketAddr::new(*address, port)).collect())
    }
}

struct City {
    storage: Arc<FakeStorage>,
    app: Router,
    names: Arc<Names>,
    _running: Running,
    _dir: tempfile::TempDir,
}

fn city(webhooks: Webhooks) -> City {
    let (dir, storage, names) =
        (tempfile::tempdir().unwrap(), FakeStorage::new(), Arc::new(Names::default()));
    storage.advance(5);
    let webhooks = Webhooks { backoff_first_ms: 1, backoff_max_ms: 5, ..webhooks };
    let config = Config { stream: false, webhooks, ..config() };
    let clock = SystemClock::shared();
    let running = start_resolving(dir.path(), config, bus(), storage.clone(), clock, names.clone());
    let app = hutong_notification::routes([running.handle.clone()], running.shutdown.clone());
    City { storage, app, names, _running: running, _dir: dir }
}

impl City {
    async fn code(
        &self,
        caller: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, String) {
        let (status, answer) = call(&self.app, caller, method, path, body).await;
        (status.as_u16(), answer["code"].as_str().unwrap_or_default().to_owned())
    }

    async fn make(&self, caller: &str, body: Value) -> String {
        let (status, made) = call(&self.app, Some(caller), "POST", "", Some(body)).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    async fn fails(&self, id: &str) -> Value {
        loop {
            let (_, shown) = call(&self.app, Some("land"), "GET", &format!("/{id}"), None).await;
            if !shown["attempts"]["last_failure"].is_null() {
                return shown["attempts"]["last_failure"]["reason"].clone();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn to_other_agencies_a_subscription_does_not_exist() {
    let city = city(Webhooks::default());
    let endpoint = "https://hooks.example.org/in";
    let id = city.make("land", json!({ "endpoint": endpoint })).await;
    let other =
        city.make("clinic", json!({ "endpoint": endpoint, "filter": { "domains": ["health"] } })).await;
    for (method, path, body) in [
        ("GET", String::new(), None),
        ("PATCH", String::new(), Some(json!({ "status": "paused" }))),
        ("DELETE", String::new(), None),
        ("GET", "/dead-letters".into(), None),
        ("DELETE", "/dead-letters".into(), None),
        ("POST", "/replay".into(), Some(json!({ "from_height": 1 }))),
        ("POST", "/secret".into(), Some(json!({}))),
    ] {
        let path = format!("/{id}{path}");
        let found = city.code(Some("clinic"), method, &path, body.clone()).await;
        assert_eq!(found, (404, "unknown_subscription".into()), "{method} {path}");
        let found = city.code(None, method, &path, body).await;
        assert_eq!(found, (401, "authentication_required".into()), "{method} {path}");
    }
    let (_, own) = call(&city.app, Some("clinic"), "GET", "", None).await;
    let own: Vec<_> = own["subscriptions"].as_array().unwrap().iter().map(|own| own["id"].clone()).collect();
    assert_eq!(own, [json!(other)]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_code() {
    let city = city(Webhooks::default());
    let at = |endpoint: &str| json!({ "endpoint": endpoint });
    let with = |more: Value| {
        let mut body = at("https://hooks.example.org/in");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let long = "x".repeat(2050);
    let many: Vec<String> = (0..65).map(|at| format!("r{at}")).collect();
    for (caller, body, status, code) in [
        ("clinic", with(json!({ "filter": { "domains": ["property"] } })), 403, "not_a_host"),
        ("kiosk", with(json!({})), 403, "not_a_host"),
        ("land", with(json!({ "filter": { "domains": ["nowhere"] } })), 404, "unknown_domain"),
        ("land", with(json!({ "filter": { "domains": ["NO"] } })), 422, "unexpected_json"),
        ("land", with(json!({ "filter": { "changes": ["moved"] } })), 422, "unexpected_json"),
        ("land", with(json!({ "filter": { "colour": ["red"] } })), 422, "unexpected_json"),
        ("land", with(json!({ "filter": { "records": many } })), 422, "subscription_invalid"),
        ("land", with(json!({ "description": "a\nb" })), 422, "subscription_invalid"),
        ("land", with(json!({ "retry": { "attempts_max": 0 } })), 422, "subscription_invalid"),
        ("land", with(json!({ "from_height": -1 })), 422, "unexpected_json"),
        ("land", json!({}), 422, "unexpected_json"),
        ("land", at("http://hooks.example.org/in"), 422, "endpoint_refused"),
        ("land", at("ftp://hooks.example.org/in"), 422, "endpoint_refused"),
        ("land", at("hooks.example.org"), 422, "endpoint_refused"),
        ("land", at("/in"), 422, "endpoint_refused"),
        ("land", at(""), 422, "endpoint_refused"),
        ("land", at("https://user:word@hooks.example.org/in"), 422, "endpoint_refused"),
        ("land", at("https://hooks.example.org/in#part"), 422, "endpoint_refused"),
        ("land", at(&format!("https://hooks.example.org/{long}")), 422, "endpoint_refused"),
        ("land", at("https://127.0.0.1/in"), 422, "endpoint_refused"),
        ("land", at("https://10.1.2.3:8443/in"), 422, "endpoint_refused"),
        ("land", at("https://169.254.169.254/latest/meta-data"), 422, "endpoint_refused"),
        ("land", at("https://[::1]/in"), 422, "endpoint_refused"),
        ("land", at("https://[::ffff:10.0.0.1]/in"), 422, "endpoint_refused"),
        ("land", at("https://[fe80::1]/in"), 422, "endpoint_refused"),
    ] {
        let found = city.code(Some(caller), "POST", "", Some(body.clone())).await;
        assert_eq!(found, (status, code.into()), "{body}");
    }
    let id = city.make("land", with(json!({}))).await;
    for (method, path, body, status, code) in [
        ("PATCH", "", json!({ "status": "stopped" }), 422, "unexpected_json"),
        ("PATCH", "", json!({ "endpoint": "http://x" }), 422, "endpoint_refused"),
        ("POST", "/replay", json!({}), 422, "subscription_invalid"),
        ("POST", "/replay", json!({ "from_height": 1, "dead_letters": true }), 422, "subscription_invalid"),
        ("POST", "/secret", json!({ "overlap_s": 10_000_000 }), 422, "subscription_invalid"),
    ] {
        let found = city.code(Some("land"), method, &format!("/{id}{path}"), Some(body.clone())).await;
        assert_eq!(found, (status, code.into()), "{body}");
    }
    for id in ["x", "00", &"0".repeat(32), "%00"] {
        let found = city.code(Some("land"), "GET", &format!("/{id}"), None).await;
        assert_eq!(found, (404, "unknown_subscription".into()), "{id}");
    }
    city.storage.away.store(true, Ordering::SeqCst);
    let found = city.code(Some("land"), "POST", "", Some(with(json!({})))).await;
    assert_eq!(found, (503, "unavailable".into()));
}

#[tokio::test]
async fn places_are_limited_and_free_again() {
    let limits = Webhooks { subscriptions_max: 3, subscriptions_per_agency_max: 2, ..Webhooks::default() };
    let city = city(limits);
    let body = json!({ "endpoint": "https://hooks.example.org/in" });
    let first = city.make("land", body.clone()).await;
    city.make("land", body.clone()).await;
    let full = (409, "too_many_subscriptions".to_owned());
    assert_eq!(city.code(Some("land"), "POST", "", Some(body.clone())).await, full);
    city.make("clinic", body.clone()).await;
    assert_eq!(city.code(Some("clinic"), "POST", "", Some(body.clone())).await, full);
    assert_eq!(city.code(Some("land"), "DELETE", &format!("/{first}"), None).await.0, 204);
    city.make("clinic", body).await;
}

/// Nobody may connect here.
async fn trap() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, caught) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = caught.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, caught)
}

#[tokio::test]
async fn a_name_that_turns_into_a_private_address_gains_nothing() {
    let city = city(Webhooks::default());
    let (port, caught) = trap().await;
    // It looks public when it is asked for, and is not when it is connected to.
    *city.names.addresses.lock() = vec!["203.0.113.200".parse().unwrap()];
    let id = city.make("land", json!({ "endpoint": format!("https://rebind.example:{port}/in") })).await;
    for private in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.0.0.1"] {
        *city.names.addresses.lock() = vec![private.parse().unwrap()];
        let asked = city.names.asked.load(Ordering::SeqCst);
        until(|| city.names.asked.load(Ordering::SeqCst) > asked + 2).await;
        assert_eq!(city.fails(&id).await, "address_forbidden", "{private}");
    }
    city.names.addresses.lock().clear();
    let asked = city.names.asked.load(Ordering::SeqCst);
    until(|| city.names.asked.load(Ordering::SeqCst) > asked + 2).await;
    assert_eq!(city.fails(&id).await, "unresolved");
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_connected_to() {
    let allowed = Webhooks { allow_networks: vec!["127.0.0.1/32".into()], ..Webhooks::default() };
    let city = city(allowed);
    let receiver = Receiver::start().await;
    let addresses = ["127.0.0.2", "::1", "10.255.255.1", "127.0.0.1"];
    *city.names.addresses.lock() = addresses.map(|address| address.parse().unwrap()).to_vec();
    let endpoint = format!("http://inside.example:{}/in", receiver.port());
    city.make("land", json!({ "endpoint": endpoint, "from_height": 0 })).await;
    let expected = city.storage.expected(&DOMAINS, None);
    until(|| receiver.count() >= expected.len()).await;
    assert_eq!(receiver.expected(), expected);
}

#[tokio::test]
async fn what_speaks_no_tls_gets_nothing() {
    let allowed = Webhooks { allow_networks: vec!["127.0.0.1".into()], ..Webhooks::default() };
    let city = city(allowed);
    let receiver = Receiver::start().await;
    let endpoint = format!("https://127.0.0.1:{}/in", receiver.port());
    let id = city.make("land", json!({ "endpoint": endpoint })).await;
    assert_eq!(city.fails(&id).await, "tls");
    assert_eq!(receiver.asked(), 0);
}

#[tokio::test]
async fn without_a_start_only_what_is_still_to_come_is_delivered() {
    let allowed = Webhooks { allow_networks: vec!["127.0.0.1".into()], ..Webhooks::default() };
    let city = city(allowed);
    let receiver = Receiver::start().await;
    city.make("land", json!({ "endpoint": receiver.url() })).await;
    city.storage.advance(5);
    let expected = city.storage.expected_where(|tx, _| tx.position.height > 5);
    until(|| receiver.count() >= expected.len()).await;
    assert_eq!(receiver.expected(), expected);
}

#[test]
fn the_description_names_every_path() {
    let document = serde_json::to_value(hutong_notification::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/v1/events", &["get"][..]),
        ("/v1/subscriptions", &["get", "post"]),
        ("/v1/subscriptions/{id}", &["get", "patch", "delete"]),
        ("/v1/subscriptions/{id}/dead-letters", &["get", "delete"]),
        ("/v1/subscriptions/{id}/replay", &["post"]),
        ("/v1/subscriptions/{id}/secret", &["post"]),
    ] {
        for method in methods {
            assert!(paths[path][*method]["responses"].is_object(), "{method} {path}");
        }
    }
    for schema in ["Subscription", "NewSubscription", "Filter", "DeadLetters", "NewSecret"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

//! What each part of the process says about itself, and the two questions orchestrators ask.
//!
//! `/healthz`: should this process be restarted? Only when a part has failed for good.
//! `/readyz`: may traffic go here? Only when every part is ready; the answer names those that are not. A process
//! without parts is not ready: it has not come so far yet.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State as Shared,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::StatusCode;
use parking_lot::RwLock;
use serde::Serialize;
use serde_json::json;

/// How a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// Not there yet, also when it starts again.
    Starting,
    /// Does its work.
    Ready,
    /// Can't do its work now and expects to recover on its own.
    Degraded { why: String },
    /// Will not recover; the process should be started again.
    Failed { why: String },
}

/// The parts of one process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<RwLock<BTreeMap<String, State>>>,
}

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, as starting. The same name again is the same part.
    pub fn component(&self, name: impl Into<String>) -> Component {
        let name = name.into();
        self.parts.write().entry(name.clone()).or_insert(State::Starting);
        Component { name: name.into(), health: self.clone() }
    }

    pub fn is_alive(&self) -> bool {
        !self.parts.read().values().any(|state| matches!(state, State::Failed { .. }))
    }

    pub fn is_ready(&self) -> bool {
        let parts = self.parts.read();
        !parts.is_empty() && parts.values().all(|state| *state == State::Ready)
    }

    /// The parts that are not ready.
    pub fn unready(&self) -> BTreeMap<String, State> {
        let parts = self.parts.read();
        parts
            .iter()
            .filter(|(_, state)| **state != State::Ready)
            .map(|(name, state)| (name.clone(), state.clone()))
            .collect()
    }

    /// `/healthz` and `/readyz`.
    pub fn routes(&self) -> Router {
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(self.clone())
    }
}

/// The place where one part says how it is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Component {
    name: Arc<str>,
    health: Health,
}

impl Component {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn starting(&self) {
        self.set(State::Starting);
    }

    pub fn ready(&self) {
        self.set(State::Ready);
    }

    pub fn degraded(&self, why: impl Into<String>) {
        self.set(State::Degraded { why: why.into() });
    }

    pub fn failed(&self, why: impl Into<String>) {
        self.set(State::Failed { why: why.into() });
    }

    pub fn state(&self) -> State {
        self.health.parts.read().get(&*self.name).cloned().unwrap_or(State::Starting)
    }

    fn set(&self, state: State) {
        // Parts repeat what they say in their loops: only a change takes the lock that readers wait for.
        if self.state() == state {
            return;
        }
        tracing::info!(part = &*self.name, ?state, "health");
        self.health.parts.write().insert(self.name.to_string(), state);
    }
}

async fn healthz(Shared(health): Shared<Health>) -> Response {
    let failed: BTreeMap<String, State> =
        health.unready().into_iter().filter(|(_, state)| matches!(state, State::Failed { .. })).collect();
    if failed.is_empty() {
        Json(json!({ "alive": true })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "alive": false, "failed": failed }))).into_response()
    }
}

async fn readyz(Shared(health): Shared<Health>) -> Response {
    if health.is_ready() {
        Json(json!({ "ready": true })).into_response()
    } else {
        let body = json!({ "ready": false, "waiting_for": health.unready() });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(health: &Health, path: &str) -> (u16, serde_json::Value) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = health.routes().oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn readiness_waits_for_every_part_and_names_the_missing() {
        let health = Health::new();
        assert_eq!(ask(&health, "/readyz").await.0, 503);
        let (bus, store) = (health.component("bus"), health.component("store"));
        bus.ready();
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!((status, &body["waiting_for"]), (503, &json!({ "store": { "state": "starting" } })));
        store.ready();
        assert_eq!(ask(&health, "/readyz").await.0, 200);
        bus.degraded("the broker does not answer");
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!((status, &body["waiting_for"]["bus"]["why"]), (503, &json!("the broker does not answer")));
        assert_eq!(ask(&health, "/healthz").await.0, 200);
    }

    #[tokio::test]
    async fn only_a_failure_ends_life() {
        let health = Health::new();
        assert_eq!(ask(&health, "/healthz").await.0, 200);
        let part = health.component("store");
        part.failed("the disk is gone");
        let (status, body) = ask(&health, "/healthz").await;
        assert_eq!((status, &body["failed"]["store"]["why"]), (503, &json!("the disk is gone")));
        health.component("store").ready();
        assert_eq!(part.state(), State::Ready);
        assert!(health.is_alive());
    }
}

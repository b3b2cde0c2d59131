//! A receiver of CloudEvents over webhooks, as an agency might have one: it agrees to deliveries and keeps what comes.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's support fails as its tests do.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;

type Came = Arc<Mutex<Vec<Value>>>;

/// Runs as long as the test's process.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    came: Came,
}

async fn receive(
    State(came): State<Came>,
    method: Method,
    headers: HeaderMap,
    event: Option<Json<Value>>,
) -> Response {
    if method == Method::OPTIONS {
        let origin = headers["webhook-request-origin"].clone();
        return (StatusCode::OK, [("webhook-allowed-origin", origin)]).into_response();
    }
    if let Some(Json(event)) = event {
        came.lock().unwrap().push(event);
    }
    StatusCode::NO_CONTENT.into_response()
}

impl Receiver {
    pub fn start() -> Self {
        let came = Came::default();
        let (told, address) = mpsc::channel();
        let kept = came.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                let app = Router::new().fallback(receive).with_state(kept);
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { address: address.recv().unwrap(), came }
    }

    /// Where it takes deliveries.
    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    /// The distinct events so far; they must have come in order and without a gap, and a repetition must be of the last.
    pub fn events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        for event in self.came.lock().unwrap().iter() {
            let sequence: usize = event["sequence"].as_str().unwrap().parse().unwrap();
            if sequence == events.len() {
                assert_eq!(events.last(), Some(event), "a repetition is the same");
            } else {
                assert_eq!(sequence, events.len() + 1, "the next event comes next");
                events.push(event.clone());
            }
        }
        events
    }
}

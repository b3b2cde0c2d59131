//! A receiver of webhooks, played by a server: it checks every request, notes what it took, and answers as it is told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::Expected;

/// A delivery as it came.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) event: Value,
}

impl Delivery {
    pub(crate) fn sequence(&self) -> u64 {
        self.event["sequence"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn expected(&self) -> Expected {
        let text = |name: &str| self.event[name].as_str().unwrap().to_owned();
        Expected { id: text("id"), domain: text("domain"), record: text("subject") }
    }
}

type Answer = Arc<dyn Fn(&Delivery) -> Response + Send + Sync>;

#[derive(Clone)]
struct Shared {
    asked: Arc<AtomicUsize>,
    seen: Arc<AtomicUsize>,
    took: Arc<Mutex<Vec<Delivery>>>,
    answer: Arc<Mutex<Answer>>,
    leave: Arc<Mutex<Vec<(&'static str, String)>>>,
    hangs: Arc<Mutex<bool>>,
}

pub(crate) struct Receiver {
    shared: Shared,
    address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Shared {
            asked: Arc::default(),
            seen: Arc::default(),
            took: Arc::default(),
            answer: Arc::new(Mutex::new(Arc::new(|_: &Delivery| StatusCode::NO_CONTENT.into_response()))),
            leave: Arc::new(Mutex::new(vec![("webhook-allowed-origin", "*".into())])),
            hangs: Arc::default(),
        };
        let address = listener.local_addr().unwrap();
        let mut receiver = Self { shared, address, serving: None };
        receiver.serve(listener);
        receiver
    }

    fn serve(&mut self, listener: TcpListener) {
        let app = Router::new().fallback(receive).with_state(self.shared.clone());
        self.serving = Some(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }));
    }

    /// Nothing answers at its address; connections that are open break.
    pub(crate) async fn down(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        let _ = serving.await;
    }

    pub(crate) async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How it answers deliveries from now on.
    pub(crate) fn answers(&self, answer: impl Fn(&Delivery) -> Response + Send + Sync + 'static) {
        *self.shared.answer.lock() = Arc::new(answer);
    }

    pub(crate) fn answers_status(&self, status: u16) {
        self.answers(move |_| StatusCode::from_u16(status).unwrap().into_response());
    }

    /// What it says to OPTIONS.
    pub(crate) fn leave(&self, headers: &[(&'static str, &str)]) {
        *self.shared.leave.lock() =
            headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    }

    /// It takes connections and never answers.
    pub(crate) fn hangs(&self) {
        *self.shared.hangs.lock() = true;
    }

    /// How often it was asked for leave.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Attempts, taken or not.
    pub(crate) fn seen(&self) -> usize {
        self.shared.seen.load(Ordering::SeqCst)
    }

    /// What it answered with 2xx.
    pub(crate) fn took(&self) -> Vec<Delivery> {
        self.shared.took.lock().clone()
    }

    pub(crate) fn last_sequence(&self) -> u64 {
        self.shared.took.lock().last().map_or(0, Delivery::sequence)
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.took.lock().len()
    }

    pub(crate) fn expected(&self) -> Vec<Expected> {
        self.shared.took.lock().iter().map(Delivery::expected).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

async fn receive(State(shared): State<Shared>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if *shared.hangs.lock() {
        std::future::pending::<()>().await;
    }
    if method == Method::OPTIONS {
        shared.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(headers["webhook-request-origin"], format!("land.{}", super::chain()));
        let mut response = StatusCode::OK.into_response();
        for (name, value) in &*shared.leave.lock() {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        return response;
    }
    assert_eq!(method, Method::POST);
    let event = event(&headers, &body);
    assert_eq!(headers["webhook-id"].to_str().unwrap(), event["id"].as_str().unwrap());
    let delivery = Delivery { headers, body, event };
    let answer = shared.answer.lock().clone();
    let response = answer(&delivery);
    if response.status().is_success() {
        shared.took.lock().push(delivery);
    }
    // After it is noted: whoever waits for the count sees what was taken.
    shared.seen.fetch_add(1, Ordering::SeqCst);
    response
}

/// The event of a request in either mode.
fn event(headers: &HeaderMap, body: &[u8]) -> Value {
    let document: Value = serde_json::from_slice(body).unwrap();
    if headers["content-type"] == "application/cloudevents+json" {
        return document;
    }
    assert_eq!(headers["content-type"], "application/json");
    let attributes = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().strip_prefix("ce-")?.to_owned(), Value::from(value.to_str().unwrap())))
    });
    let mut event: serde_json::Map<String, Value> = attributes.collect();
    event.insert("data".into(), document);
    event.into()
}

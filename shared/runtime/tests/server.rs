//! The server over a real socket: its limits, its problem documents and its drain.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, response::IntoResponse as _, routing::get, routing::post};
use hutong_runtime::{
    Error, Metrics, Shutdown, SystemClock,
    http::{Edge, ErrorForm, HttpServer, HttpSettings, RawBody},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    metrics: Metrics,
    server: JoinHandle<Result<(), Error>>,
}

/// Under /terse/, errors are their code alone.
const FORMS: &[(&str, ErrorForm)] =
    &[("/terse/", |problem, _, _| (problem.status(), problem.code().to_owned()).into_response())];

fn settings() -> HttpSettings {
    HttpSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        body_bytes_max: 1000,
        ..HttpSettings::default()
    }
}

async fn start(settings: HttpSettings, app: Router) -> Running {
    let (shutdown, metrics) = (Shutdown::new(), Metrics::new());
    let server = HttpServer::bind(settings).await.expect("a free port");
    let address = server.address();
    let edge = Edge { clock: SystemClock::shared(), metrics: metrics.clone(), error_forms: FORMS };
    let server = tokio::spawn(server.serve(app, edge, shutdown.clone()));
    Running { address, shutdown, metrics, server }
}

fn fail() {
    unreachable!("secret of the handler")
}

fn app() -> Router {
    Router::new()
        .route("/records/{id}", get(|| async { "a record" }))
        .route("/echo", post(|RawBody(body): RawBody| async move { body }))
        .route("/panic", get(|| async { fail() }))
        .route("/terse/{id}", post(|| async { "done" }))
        .route("/own", get(|| async { ([("cache-control", "max-age=60")], "cached") }))
}

impl Running {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn stop(self) {
        self.shutdown.drain();
        self.server.await.expect("no panic").expect("a good end");
    }
}

async fn problem(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    (status, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn answers_carry_an_id_and_safe_headers() {
    let running = start(settings(), app()).await;
    let response = reqwest::get(running.url("/records/526301100")).await.unwrap();
    let headers = response.headers();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!(headers["x-request-id"].len(), 36);
    let client = reqwest::Client::new();
    let own = client.get(running.url("/own")).header("x-request-id", "abc-1").send().await.unwrap();
    assert_eq!(own.headers()["x-request-id"], "abc-1");
    assert_eq!(own.headers()["cache-control"], "max-age=60");
    // Metrics name the route, never the record.
    let metrics = running.metrics.encode().unwrap();
    assert!(metrics.contains("route=\"/records/{id}\",status=\"200\"} 1"), "{metrics}");
    assert!(!metrics.contains("526301100"), "{metrics}");
    running.stop().await;
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_document() {
    let running = start(settings(), app()).await;
    let (status, body) = problem(reqwest::get(running.url("/nothing")).await.unwrap()).await;
    assert_eq!(
        (status, &body["code"], &body["type"]),
        (404, &"unknown_path".into(), &"/docs/errors/unknown_path".into())
    );
    let response = reqwest::get(running.url("/echo")).await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    let (status, body) = problem(response).await;
    assert_eq!((status, &body["code"]), (405, &"wrong_method".into()));
    let (status, body) = problem(reqwest::get(running.url("/panic")).await.unwrap()).await;
    assert_eq!((status, &body["code"]), (500, &"internal".into()));
    assert!(!body.to_string().contains("secret of the handler"), "{body}");
    running.stop().await;
}

#[tokio::test]
async fn errors_are_in_the_form_of_the_standard_that_is_spoken() {
    let running = start(settings(), app()).await;
    let client = reqwest::Client::new();
    let too_large = client.post(running.url("/terse/1")).body(vec![b'x'; 1001]);
    for (request, status, code) in [
        (client.get(running.url("/terse/1")), 405, "wrong_method"),
        (client.get(running.url("/terse/1/2")), 404, "unknown_path"),
        (too_large, 413, "body_too_large"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(response.headers().contains_key("allow"), status == 405);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.text().await.unwrap(), code);
    }
    let done = client.post(running.url("/terse/1")).send().await.unwrap();
    assert_eq!((done.status(), done.text().await.unwrap()), (reqwest::StatusCode::OK, "done".to_owned()));
    running.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let running = start(settings(), app()).await;
    let client = reqwest::Client::new();
    let send = |body: reqwest::Body| client.post(running.url("/echo")).body(body).send();
    assert_eq!(send(vec![b'x'; 1000].into()).await.unwrap().status(), 200);
    let (status, body) = problem(send(vec![b'x'; 1001].into()).await.unwrap()).await;
    assert_eq!((status, &body["code"]), (413, &"body_too_large".into()));
    let pieces = (0..11).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100]));
    let chunked = reqwest::Body::wrap_stream(tokio_stream::iter(pieces));
    assert_eq!(problem(send(chunked).await.unwrap()).await.0, 413);
    running.stop().await;
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_cut_off() {
    let slow = Router::new().route("/slow", get(std::future::pending::<()>));
    let running = start(HttpSettings { handler_timeout_ms: 20, ..settings() }, slow).await;
    let response = reqwest::get(running.url("/slow")).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, body) = problem(response).await;
    assert_eq!((status, &body["code"]), (503, &"timeout".into()));
    running.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_end_loses_its_connection() {
    let running = start(HttpSettings { head_timeout_ms: 50, ..settings() }, app()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /records/1 HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
    running.stop().await;
}

#[tokio::test]
async fn the_drain_finishes_what_was_begun() {
    let (began, has_begun) = oneshot::channel::<()>();
    let (release, released) = oneshot::channel::<()>();
    let slots = std::sync::Arc::new(std::sync::Mutex::new(Some((began, released))));
    let app = Router::new().route(
        "/slow",
        get(move || async move {
            let (began, released) = slots.lock().expect("one lock").take().expect("one request");
            let _ = began.send(());
            let _ = released.await;
            "done"
        }),
    );
    let running = start(settings(), app).await;
    let request = tokio::spawn(reqwest::get(running.url("/slow")));
    has_begun.await.unwrap();
    running.shutdown.drain();
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.server.is_finished());
    release.send(()).unwrap();
    assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "done");
    running.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_stop_cuts_off_what_the_drain_could_not_finish() {
    let app = Router::new().route("/slow", get(std::future::pending::<()>));
    let running = start(settings(), app).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    running.shutdown.stop();
    running.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = HttpServer::bind(settings()).await.unwrap();
    let taken = HttpSettings { listen: first.address(), ..settings() };
    let error = HttpServer::bind(taken).await.unwrap_err();
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}

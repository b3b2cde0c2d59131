//! The server over a real socket: its limits, its problem documents and its drain.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::{Next, from_fn, from_fn_with_state},
    response::IntoResponse as _,
    routing::get,
    routing::post,
};
use hutong_runtime::{
    Error, Metrics, Shutdown, SystemClock,
    auth::Caller,
    http::{
        CorsSettings, Edge, ErrorForm, HttpServer, HttpSettings, Rate, RateSettings, Rates, RawBody,
        TlsSettings, limit_rates,
    },
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

/// A client as an agency would have it, for this server's plain port.
fn client() -> reqwest::Client {
    let tls = hutong_runtime::tls::client(false).expect("a TLS client");
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client")
}

async fn get_url(url: String) -> reqwest::Result<reqwest::Response> {
    client().get(url).send().await
}

async fn problem(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    (status, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn answers_carry_an_id_and_safe_headers() {
    let running = start(settings(), app()).await;
    let response = get_url(running.url("/records/526301100")).await.unwrap();
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
    let client = client();
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
    let (status, body) = problem(get_url(running.url("/nothing")).await.unwrap()).await;
    assert_eq!(
        (status, &body["code"], &body["type"]),
        (404, &"unknown_path".into(), &"/docs/errors/unknown_path".into())
    );
    let response = get_url(running.url("/echo")).await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    let (status, body) = problem(response).await;
    assert_eq!((status, &body["code"]), (405, &"wrong_method".into()));
    let (status, body) = problem(get_url(running.url("/panic")).await.unwrap()).await;
    assert_eq!((status, &body["code"]), (500, &"internal".into()));
    assert!(!body.to_string().contains("secret of the handler"), "{body}");
    running.stop().await;
}

#[tokio::test]
async fn errors_are_in_the_form_of_the_standard_that_is_spoken() {
    let running = start(settings(), app()).await;
    let client = client();
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
    let client = client();
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
    let response = get_url(running.url("/slow")).await.unwrap();
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
    let request = tokio::spawn(get_url(running.url("/slow")));
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

/// A client that trusts one certificate.
fn trusting(certificate: &std::path::Path) -> reqwest::Client {
    let pem = std::fs::read(certificate).expect("a certificate");
    let mut roots = rustls::RootCertStore::empty();
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).expect("PEM");
    roots.add(der).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client")
}

#[tokio::test]
async fn with_a_certificate_the_port_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let tls = TlsSettings { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    let head_timeout_ms = 300;
    let running = start(HttpSettings { tls: Some(tls.clone()), head_timeout_ms, ..settings() }, app()).await;
    let url = format!("https://{}/records/1", running.address);
    let response = trusting(&tls.certificate).get(&url).send().await.unwrap();
    assert_eq!(response.headers()["strict-transport-security"], "max-age=63072000");
    assert_eq!(response.text().await.unwrap(), "a record");
    let stranger = client().get(&url).send().await.unwrap_err();
    assert!(stranger.is_connect(), "an unknown certificate is not trusted: {stranger:?}");
    client().get(running.url("/records/1")).send().await.expect_err("plain HTTP is not answered");
    // Who shakes no hand is let go.
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    running.stop().await;
    let missing = TlsSettings { key: folder.path().join("none"), ..tls };
    let refused = HttpServer::bind(HttpSettings { tls: Some(missing), ..settings() }).await.unwrap_err();
    assert!(matches!(refused, Error::Certificate(_)), "{refused:?}");
}

#[tokio::test]
async fn pages_of_named_origins_may_call() {
    let cors = CorsSettings { origins: vec!["https://portal.example".into()] };
    let running = start(HttpSettings { cors, ..settings() }, app()).await;
    let preflight = |origin: &'static str| {
        client()
            .request(http::Method::OPTIONS, running.url("/records/1"))
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization")
            .send()
    };
    let answer = preflight("https://portal.example").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://portal.example");
    assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    let stranger = preflight("https://evil.example").await.unwrap();
    assert!(!stranger.headers().contains_key("access-control-allow-origin"));
    // Errors, too, are readable for the page.
    let request = client().get(running.url("/nothing")).header("origin", "https://portal.example");
    let (status, headers) = request.send().await.map(|r| (r.status(), r.headers().clone())).unwrap();
    assert_eq!(
        (status.as_u16(), &headers["access-control-allow-origin"]),
        (404, &"https://portal.example".parse().unwrap())
    );
    assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("retry-after"));
    running.stop().await;
    // Without any, a page gets nothing, and OPTIONS is a method like others.
    let running = start(settings(), app()).await;
    let answer = client().request(http::Method::OPTIONS, running.url("/records/1")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    running.stop().await;
}

#[tokio::test]
async fn who_calls_too_often_is_told_to_wait_and_others_are_not() {
    let count = |n: u32| n.try_into().unwrap();
    let rates = RateSettings {
        address: Rate { per_second: count(1), burst: count(2) },
        agency: Rate { per_second: count(1), burst: count(3) },
        ..RateSettings::default()
    };
    let metrics = Metrics::new();
    let limiter = Rates::new(&rates, &SystemClock::shared(), &metrics);
    // As `identify` would, from a header.
    let identified = from_fn(|mut request: axum::extract::Request, next: Next| async move {
        let caller = match request.headers().get("x-agency") {
            Some(agency) => Caller::agency(agency.to_str().unwrap()),
            None => Caller::Anonymous,
        };
        request.extensions_mut().insert(caller);
        next.run(request).await
    });
    let app = app().layer(from_fn_with_state(limiter, limit_rates)).layer(identified);
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let running = start(HttpSettings { proxies, ..settings() }, app).await;
    let call = |name: &'static str, value: &'static str| {
        client().get(running.url("/records/1")).header(name, value).send()
    };
    for _ in 0..2 {
        assert_eq!(call("x-forwarded-for", "192.0.2.1").await.unwrap().status(), 200);
    }
    let refused = call("x-forwarded-for", "192.0.2.1").await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, body) = problem(refused).await;
    assert_eq!((status, &body["code"]), (429, &Value::from("rate_limited")));
    assert_eq!(call("x-forwarded-for", "192.0.2.2").await.unwrap().status(), 200);
    // An agency counts for itself, wherever it calls from.
    for _ in 0..3 {
        assert_eq!(call("x-agency", "land").await.unwrap().status(), 200);
    }
    assert_eq!(call("x-agency", "land").await.unwrap().status(), 429);
    assert_eq!(call("x-agency", "health").await.unwrap().status(), 200);
    let text = metrics.encode().unwrap();
    assert!(text.contains("hutong_http_rate_limited_total{caller=\"agency\"} 1"), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_let_go() {
    let large = Router::new().route("/large", get(|| async { vec![0u8; 64 << 20] }));
    let running = start(HttpSettings { stall_timeout_ms: 200, ..settings() }, large).await;
    let mut caller = TcpStream::connect(running.address).await.unwrap();
    caller.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // Reads nothing until the server has ended with it: a drain waits for every connection.
    running.shutdown.drain();
    running.server.await.unwrap().unwrap();
    let mut taken = Vec::new();
    let ended = caller.read_to_end(&mut taken).await;
    assert!(ended.is_err() || taken.len() < 64 << 20, "the answer was not cut off");
}

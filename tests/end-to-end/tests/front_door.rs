//! The port as an operator sets it up: its certificate, its rates, its origins, and where it sends what it measures.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{collections::BTreeSet, fs, sync::mpsc, thread};

use axum::{Router, body::Bytes, extract::State, http::Uri, routing::post};
use hutong_test_end_to_end::program::{Program, plain_client, wait_until};
use serde_json::Value;

/// What a collector was sent: the path and the body.
type Sent = (String, Bytes);

/// A collector of OTLP that takes everything; it runs as long as the test.
fn collector() -> (String, mpsc::Receiver<Sent>) {
    async fn take(State(sent): State<mpsc::Sender<Sent>>, uri: Uri, body: Bytes) {
        // The test may have seen enough.
        let _ = sent.send((uri.path().to_owned(), body));
    }
    let (sent, received) = mpsc::channel();
    let (told, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            let app = Router::new().route("/v1/{kind}", post(take)).with_state(sent);
            axum::serve(listener, app).await.unwrap();
        });
    });
    (format!("http://{}", address.recv().unwrap()), received)
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_city_behind_tls_serves_its_users_and_tells_its_collector() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (collector, sent) = collector();
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test")).trusting(&certificate);
    let city = program.up_with(&format!(
        "[http.tls]\ncertificate = {certificate:?}\nkey = {key:?}\n\
         [http.cors]\norigins = [\"https://portal.example\"]\n\
         [telemetry]\nfilter = \"info\"\notlp_endpoint = \"{collector}/v1/traces\"\n\
         otlp_metrics_endpoint = \"{collector}/v1/metrics\"\notlp_metrics_every_s = 1\n"
    ));
    assert!(city.url.starts_with("https://127.0.0.1:"), "{}", city.url);

    // Commands trust the certificate; and the city, whose personas log in at itself, does too.
    let look = program.result(&["status", "--json", "--url", &city.url]).expect("all is well");
    assert_eq!(
        (&look["healthy"], &look["problems"]),
        (&Value::Bool(true), &Value::Array(Vec::new())),
        "{look}"
    );
    assert_eq!(look["node"]["agencies"].as_array().unwrap().len(), 4);
    assert!(look["ingest"]["disk"]["free_bytes"].is_u64() && look["notification"]["subscribers"].is_array());
    let accesses = ["accesses", "--persona", "wang-lan", "--json", "--url", &city.url];
    assert!(program.result(&accesses).is_some(), "a person is known by the token of the city's own provider");
    let stranger = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let (data, city_json) = (stranger.data(), program.data().join("city.json"));
    fs::create_dir_all(&data).unwrap();
    for file in ["city.json", "keys"] {
        std::os::unix::fs::symlink(city_json.parent().unwrap().join(file), data.join(file)).unwrap();
    }
    let untrusted = stranger.failure(&["get", "status", "--url", &city.url]);
    assert!(untrusted.contains("certificate") || untrusted.contains("trusts no"), "{untrusted}");

    // The collector has metrics and traces of it, and no token and no person in them.
    let (mut kinds, mut bodies) = (BTreeSet::new(), Vec::new());
    wait_until("metrics and traces are with the collector", || {
        for (path, body) in sent.try_iter() {
            let wanted = if path == "/v1/metrics" { "hutong_storage_final_height" } else { "/v1/status" };
            if holds(&body, wanted) && holds(&body, "service.name") {
                kinds.insert(path);
            }
            bodies.push(body);
        }
        kinds.len() == 2
    });
    for body in &bodies {
        assert!(!holds(body, "wang-lan") && !holds(body, "Bearer"), "a person or a token was told");
    }
    city.stop();
}

#[test]
fn an_agency_that_calls_without_end_is_told_to_wait_and_others_are_not() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let city = program.up_with("[http.rates]\nagency = { per_second = 1, burst = 8 }\n");
    let tokens = ["data-bureau", "health-commission"].map(|agency| program.token(&["--agency", agency]));
    let call = |token: &str| {
        program.http(|_| plain_client().get(format!("{}/v1/status", city.url)).bearer_auth(token))
    };
    let refused = (0..100).map(|_| call(&tokens[0])).find(|(status, _)| *status != 200);
    let (status, body) = refused.expect("the rate is kept");
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &problem["code"]), (429, &"rate_limited".into()));
    assert_eq!(call(&tokens[1]).0, 200, "another agency is served");
    // The client waits as it is told, and gets its answer.
    assert!(program.result(&["get", "status", "--json", "--url", &city.url]).is_some());
    city.stop();
}

#[test]
fn settings_that_are_wrong_are_all_told_at_once() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let path = program.folder().join("wrong.toml");
    fs::write(
        &path,
        "public_url = \"city\"\ncolour = 1\n[http]\nstall_timeout_ms = 0\n[http.cors]\norigins = [\"portal.example\"]\n\
         [http.rates]\nagency = { per_second = 0, burst = 5 }\n",
    )
    .unwrap();
    let said = program.failure(&["up", "--config", path.to_str().unwrap()]);
    for part in ["public_url", "colour", "http.stall_timeout_ms", "http.cors.origins", "http.rates.agency"] {
        assert!(said.contains(part), "{part} is not told: {said}");
    }
    assert!(!program.data().exists(), "nothing was begun");
    let missing = "[http.tls]\ncertificate = \"/nowhere/tls.crt\"\nkey = \"/nowhere/tls.key\"\n";
    fs::write(&path, missing).unwrap();
    let said = program.failure(&["up", "--listen", "127.0.0.1:0", "--config", path.to_str().unwrap()]);
    assert!(said.contains("/nowhere/tls.crt"), "{said}");
}

#[test]
fn a_look_at_a_city_that_is_away_says_so_and_fails() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let city = program.up();
    let url = city.url.clone();
    let unknown = program.http(|_| plain_client().get(format!("{url}/v1/status/ingest")));
    assert_eq!(unknown.0, 401, "the queues are the agencies' business");
    city.stop();
    let said = program.failure(&["status", "--url", &url]);
    assert!(said.contains("1 problem"), "{said}");
}

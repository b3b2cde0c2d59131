//! The whole HTTP surface of a city under requests that nobody should send: never a 5xx but a described 503, never a
//! connection that breaks, and the city still works after.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hutong::city::{
    layout::Layout,
    personas::Personas,
    settings::CitySettings,
    up::{Options, Running},
};
use hutong_client::{City, Client};
use hutong_runtime::{Clock as _, SystemClock, http::RateSettings};
use hutong_test_fuzz::{corpus, extra_seconds, fresh_seed, surface::Grammar};
use serde_json::Value;

/// By fixed seeds, and so many by a fresh one.
const REQUESTS: u64 = 1500;
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_breaks_a_city() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let mut settings = CitySettings::listening(([127, 0, 0, 1], 0));
    // What one caller may ask is tried elsewhere; here it must not keep requests from what they are for.
    let rates = settings.http.rates;
    settings.http.rates = RateSettings { person: rates.agency, address: rates.agency, ..rates };
    let options = Options { settings, agencies: 1, nats: None, name: "testville".parse().unwrap() };
    let running = Running::start(layout.clone(), options).await.unwrap();
    let city = City::open(folder.path()).unwrap();
    let http = hutong_client::tls::http("http:").unwrap().timeout(ANSWER_WITHIN).build().unwrap();
    let document: Value =
        http.get(format!("{}/openapi.json", city.url)).send().await.unwrap().json().await.unwrap();
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for target in ["http_body", "fhir_bundle", "geojson", "transaction"] {
        bodies.extend(corpus(target).into_iter().map(|(_, body)| body));
    }
    let grammar = Grammar::new(&document, bodies);
    let now_s = SystemClock::new().unix_ms() / 1000;
    let personas = Personas::load(&layout, city.chain, &city.url).unwrap();
    let mut tokens: Vec<Option<String>> = vec![None];
    tokens.extend(city.agencies.iter().map(|agency| Client::of(&city, &agency.id).unwrap().token().ok()));
    tokens.push(personas.token(hutong::city::personas::PERSONAS[0].name, now_s));

    let fresh = fresh_seed();
    let (mut statuses, mut seen) = (BTreeMap::<u16, u64>::new(), 0);
    let until = Instant::now() + Duration::from_secs(extra_seconds());
    let mut seeds = (0..REQUESTS)
        .chain((0..REQUESTS / 2).map(|n| fresh.wrapping_add(n)))
        .chain((1u64 << 40..).map(|n| n ^ fresh));
    let fixed = REQUESTS + REQUESTS / 2;
    while seen < fixed || Instant::now() < until {
        let seed = seeds.next().unwrap();
        seen += 1;
        let made = grammar.make(seed, tokens.len());
        let mut request =
            http.request(made.method.clone(), format!("{}{}", city.url, made.path)).body(made.body.clone());
        for (name, value) in &made.headers {
            request = request.header(*name, value.clone());
        }
        if let Some(Some(token)) = tokens.get(made.caller) {
            request = request.bearer_auth(token);
        }
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("seed {seed}: no answer to {made:?}: {error:?}"));
        let status = response.status();
        *statuses.entry(status.as_u16()).or_default() += 1;
        let streams = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = if streams { String::new() } else { response.text().await.unwrap_or_default() };
        let broken = status.is_server_error() && status != 503;
        assert!(!broken, "seed {seed}: {status} to {made:?}: {body}");
    }
    let status = http.get(format!("{}/v1/status", city.url)).bearer_auth(tokens[1].as_ref().unwrap());
    assert_eq!(status.send().await.unwrap().status(), 200, "the city works after all that");
    println!("{seen} requests to {} paths: {statuses:?}", grammar.operations());
    running.stop().await.unwrap();
}

//! A receiver of webhooks beside a whole city: it was away, the city was stopped in between, and it gets every change
//! of its agency, signed, in order, each with what proves it; another agency sees nothing of that.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use hutong::{
    city::{
        layout::Layout,
        settings::CitySettings,
        up::{Options, Running},
    },
    load::Load,
};
use hutong_client::{Change, City, Client, Event, Subscription};
use hutong_ledger::{
    id::{Domain, TxId},
    receipt,
};
use hutong_runtime::SystemClock;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

const ROWS: usize = 12;

async fn start(data: &Path) -> Running {
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: 4,
        nats: None,
        name: "testville".parse().unwrap(),
    };
    Running::start(Layout::new(data), options).await.unwrap()
}

fn domain() -> Domain {
    "property".parse().unwrap()
}

/// Loads so many of the bundled sales; each is two transactions of one change.
async fn load(city: &City, rows: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/property/ames-sales.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let sales: Vec<&str> = text.lines().take(rows + 1).collect();
    let load =
        Load::prepare(city, domain(), (sales.join("\n") + "\n").as_bytes(), &SystemClock::shared()).unwrap();
    load.run(100, |_| {}).await.unwrap();
}

/// What came, in order of coming.
type Came = Arc<watch::Sender<Vec<(HeaderMap, Bytes)>>>;

async fn receive(State(came): State<Came>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if method == Method::OPTIONS {
        let origin = headers["webhook-request-origin"].clone();
        return (StatusCode::OK, [("webhook-allowed-origin", origin)]).into_response();
    }
    came.send_modify(|came| came.push((headers, body)));
    StatusCode::NO_CONTENT.into_response()
}

async fn receiver(address: SocketAddr, came: &Came) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(receive).with_state(came.clone());
    (address, tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }))
}

async fn count(came: &Came, count: usize) -> Vec<(HeaderMap, Bytes)> {
    let mut came = came.subscribe();
    let came = came.wait_for(|came| came.len() >= count);
    tokio::time::timeout(Duration::from_secs(120), came).await.expect("everything comes").unwrap().clone()
}

/// The distinct events, which must be in order and numbered without a gap; a repetition says that it is one.
fn distinct(came: &[(HeaderMap, Bytes)], secret: &str) -> Vec<Value> {
    let (reader, mut events) = (Webhook::new(secret).unwrap(), Vec::<Value>::new());
    for (headers, body) in came {
        reader.verify(body, headers).unwrap();
        let event: Value = serde_json::from_slice(body).unwrap();
        let sequence: usize = event["sequence"].as_str().unwrap().parse().unwrap();
        if sequence == events.len() {
            assert_eq!(events.last(), Some(&event));
            continue;
        }
        assert_eq!(sequence, events.len() + 1);
        events.push(event);
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_gets_every_change_with_its_proof() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path()).await;
    let city = City::open(folder.path()).unwrap();
    let owner = city.owner(&domain()).unwrap().id;
    let client = Client::of(&city, &owner).unwrap();
    let came = Came::default();
    let (address, serving) = receiver(([127, 0, 0, 1], 0).into(), &came).await;
    let asked = json!({
        "endpoint": format!("http://{address}/in"),
        "filter": { "domains": ["property"], "agencies": [owner] },
        "from_height": 1,
    });
    let made = client.post_json("/v1/subscriptions", &asked).await.unwrap();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let path = format!("/v1/subscriptions/{id}");
    load(&city, ROWS / 2).await;
    count(&came, ROWS).await;

    // The receiver goes away, the city goes on, and is then stopped and started.
    serving.abort();
    load(&city, ROWS).await;
    while client.get(&path).await.unwrap()["attempts"]["failed"] == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await.unwrap();
    let running = start(folder.path()).await;
    let city = City::open(folder.path()).unwrap();
    let client = Client::of(&city, &owner).unwrap();
    let (_, serving) = receiver(address, &came).await;
    let events = distinct(&count(&came, 2 * ROWS).await, secret);
    assert_eq!(events.len(), 2 * ROWS);

    let trust = city.trust().unwrap();
    for event in &events {
        let text = |name: &str| event[name].as_str().unwrap();
        assert_eq!((text("specversion"), text("domain")), ("1.0", "property"));
        let proof = client.get_bytes(text("receipt")).await.unwrap();
        let verified = receipt::verify(&proof, &trust).unwrap();
        assert_eq!(verified.id, text("txid").parse::<TxId>().unwrap());
        assert_eq!(verified.height.to_string(), text("height"));
    }
    // The stream tells the same, by the same filter.
    let stream = Subscription { domain: Some(domain()), agencies: vec![owner], ..Subscription::default() };
    let streamed: Vec<Event> = client.subscribe(stream).take(2 * ROWS).map(Result::unwrap).collect().await;
    let ids = |events: &[Value]| events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
    let told: Vec<Value> = streamed.into_iter().map(|event| event.event).collect();
    assert_eq!(ids(&told), ids(&events));
    let created =
        Subscription { changes: vec![Change::Created], domain: Some(domain()), ..Subscription::default() };
    let created: Vec<Event> = client.subscribe(created).take(ROWS).map(Result::unwrap).collect().await;
    assert!(created.iter().all(|event| event.event["type"] == "hutong.property.record.created.v1"));

    // To others it does not exist; a replay brings everything again, with new numbers.
    let other = Client::of(&city, &"market-regulation".parse().unwrap()).unwrap();
    assert_eq!(other.get(&path).await.unwrap_err().code(), Some("unknown_subscription"));
    assert_eq!(other.get("/v1/subscriptions").await.unwrap()["subscriptions"], json!([]));
    let replay = json!({ "from_height": 0 });
    let before = came.borrow().len();
    client.post_json(&format!("{path}/replay"), &replay).await.unwrap();
    let again = distinct(&count(&came, before + 2 * ROWS).await, secret);
    assert_eq!(ids(&again[2 * ROWS..]), ids(&events));
    client.patch_json(&path, &json!({ "status": "paused" })).await.unwrap();
    client.delete(&path).await.unwrap();
    assert_eq!(client.get(&path).await.unwrap_err().code(), Some("unknown_subscription"));
    serving.abort();
    running.stop().await.unwrap();
}

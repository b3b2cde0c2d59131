//! The SDK against a city that is played by a few routes.

#![allow(clippy::unwrap_used, clippy::panic)] // A helper of a test fails as the test does.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt;
use hutong_client::{Change, Client, Error, Event, NOW, Signer, Submitted, Subscription};
use hutong_keys::SigningKey;
use hutong_ledger::{
    acceptance::{Acceptance, Statement},
    entry::Outcome,
    id::{KeyId, TxId},
    log::{Tree, leaf_hash},
    transaction::Transaction,
};
use hutong_wire::transaction::{decode_group, decode_transaction};
use serde_json::{Value, json};

/// What the city was asked, and how it is to answer.
#[derive(Default)]
struct City {
    calls: AtomicU32,
}

type Shared = State<Arc<City>>;

fn signer() -> Signer {
    Signer::new("alpha".parse().unwrap(), SigningKey::from_seed(&[1; 32]))
}

async fn client(routes: Router<Arc<City>>) -> (Client, Arc<City>) {
    let city = Arc::new(City::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = routes.with_state(city.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Client::new(url, "city-0011223344556677".parse().unwrap(), Some(signer())).unwrap(), city)
}

fn transaction(client: &Client) -> Transaction {
    let builder = client.build("property".parse().unwrap()).unwrap();
    builder.action(vec![1, 2, 3]).sign(&[client.signer().unwrap()]).unwrap()
}

fn acceptance(id: &TxId) -> Acceptance {
    let tree = Tree::new([leaf_hash(&id.0)]);
    let statement = Statement {
        chain: "city-0011223344556677".parse().unwrap(),
        domain: "property".parse().unwrap(),
        agency: "alpha".parse().unwrap(),
        key: KeyId([0; 8]),
        root: tree.root(),
        size: 1,
        incarnation: 1,
        sequence: 1,
        deadline_ms: 1,
    };
    Acceptance { statement, signature: [0; 64], index: 0, path: Vec::new() }
}

fn problem(status: StatusCode, code: &str) -> Response {
    let document = json!({ "status": status.as_u16(), "code": code, "detail": "because" });
    (status, [("retry-after", "0")], document.to_string()).into_response()
}

#[tokio::test]
async fn a_submission_is_repeated_until_the_city_takes_it() {
    async fn submit(State(city): Shared, query: RawQuery, headers: HeaderMap, body: Bytes) -> Response {
        assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer ey"));
        let tx = decode_transaction(body).unwrap();
        match city.calls.fetch_add(1, Ordering::SeqCst) {
            0 => problem(StatusCode::TOO_MANY_REQUESTS, "overloaded"),
            1 => problem(StatusCode::SERVICE_UNAVAILABLE, "unconfirmed"),
            _ if query.0.is_none() => {
                let document = json!({ "id": tx.id, "status": "accepted", "acceptance": acceptance(&tx.id) });
                (StatusCode::ACCEPTED, Json(document)).into_response()
            }
            _ => Json(json!({ "version": 1, "opening": { "outcome": "refused", "code": "seized" } }))
                .into_response(),
        }
    }
    let (client, city) = client(Router::new().route("/v1/transactions", post(submit))).await;
    let tx = transaction(&client);
    let Submitted::Accepted(accepted) = client.submit(&tx).await.unwrap() else { panic!() };
    assert_eq!((*accepted, city.calls.load(Ordering::SeqCst)), (acceptance(&tx.id), 3));
    let (outcome, receipt) = client.wait_final(&tx).await.unwrap();
    assert_eq!(outcome, Outcome::Refused("seized".into()));
    assert!(serde_json::from_slice::<Value>(&receipt).unwrap()["opening"].is_object());
}

#[tokio::test]
async fn each_of_a_batch_comes_back_with_its_own_code() {
    async fn submit(body: Bytes) -> Response {
        let group: Vec<Transaction> = decode_group(body).unwrap().into_iter().map(Result::unwrap).collect();
        let results = json!([
            { "id": group[0].id, "status": "accepted", "acceptance": acceptance(&group[0].id) },
            { "id": group[1].id, "status": "final", "outcome": "applied", "height": 4 },
            { "status": "refused", "problem": { "status": 422, "code": "expired", "detail": "too late" } },
        ]);
        Json(json!({ "results": results })).into_response()
    }
    let (client, _) = client(Router::new().route("/v1/transactions", post(submit))).await;
    let sent: Vec<Transaction> = (0..3).map(|_| transaction(&client)).collect();
    let results = client.submit_batch(&sent, false).await.unwrap();
    assert!(matches!(&results[0], Ok(Submitted::Accepted(_))));
    assert!(matches!(&results[1], Ok(Submitted::Final { outcome: Outcome::Applied, .. })));
    let refusal = results[2].as_ref().unwrap_err();
    assert_eq!(
        (refusal.status, refusal.code.as_str(), refusal.detail.as_str()),
        (422, "expired", "too late")
    );
    assert!(matches!(
        client.submit_batch(&sent[..2], false).await,
        Err(Error::Answer { .. } | Error::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_keeps_its_code() {
    async fn refuse(State(city): Shared) -> Response {
        city.calls.fetch_add(1, Ordering::SeqCst);
        problem(StatusCode::NOT_FOUND, "unknown_record")
    }
    async fn accept_another() -> Response {
        let document = json!({ "acceptance": acceptance(&TxId([7; 38])) });
        (StatusCode::ACCEPTED, Json(document)).into_response()
    }
    let routes = Router::new()
        .route("/v1/records/property/7", get(refuse))
        .route("/v1/status", get(|| async { "no JSON" }))
        .route("/v1/blocks", get(|| async { (StatusCode::BAD_REQUEST, "no problem document") }))
        .route("/v1/transactions", post(accept_another));
    let (client, city) = client(routes).await;
    let error = client.record(&"property/7".parse().unwrap(), None).await.unwrap_err();
    assert_eq!((error.code(), city.calls.load(Ordering::SeqCst)), (Some("unknown_record"), 1));
    assert!(matches!(client.status().await, Err(Error::Answer { .. })));
    assert!(matches!(client.blocks().await, Err(Error::Answer { .. })));
    let tx = transaction(&client);
    assert!(matches!(client.submit(&tx).await, Err(Error::Answer { .. })));
    let nowhere = Client::new("http://127.0.0.1:1", client.chain(), None).unwrap().attempts_max(0);
    assert!(matches!(nowhere.status().await, Err(Error::Unreachable { .. })));
    assert!(matches!(nowhere.build("property".parse().unwrap()), Err(Error::NoSigner)));
}

fn event(id: &str, sequence: u64) -> String {
    format!("id: {id}\ndata: {{\"id\":\"{id}\",\"sequence\":\"{sequence:020}\"}}\n\n")
}

fn stream(text: impl Into<Body>) -> Response {
    ([("content-type", "text/event-stream")], text.into()).into_response()
}

#[tokio::test]
async fn a_subscription_goes_on_after_every_break_and_tells_of_gaps() {
    async fn events(State(city): Shared, query: RawQuery, headers: HeaderMap) -> Response {
        assert_eq!(query.0.as_deref(), Some("domain=property&record=a%26b"));
        let after = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        match city.calls.fetch_add(1, Ordering::SeqCst) {
            0 => problem(StatusCode::SERVICE_UNAVAILABLE, "too_many_subscribers"),
            1 => {
                assert_eq!(after, None);
                stream(format!(
                    ":connected\nretry: 1\nid: 0-0\n\n{}{}id: 1-2-",
                    event("1-1-1", 1),
                    event("1-2-1", 2)
                ))
            }
            2 => {
                assert_eq!(after.as_deref(), Some("1-2-1"));
                // The second event of this connection is missing.
                stream(format!("{}{}", event("2-1-1", 1), event("4-1-1", 3)))
            }
            3 => {
                assert_eq!(after.as_deref(), Some("2-1-1"));
                stream(format!("{}id: 5-0\n:alive\n\n", event("3-1-1", 1)))
            }
            _ => {
                assert_eq!(after.as_deref(), Some("5-0"));
                stream(
                    "event: problem\ndata: {\"status\":403,\"code\":\"not_a_host\",\"detail\":\"no more\"}\n\n",
                )
            }
        }
    }
    let (client, _) = client(Router::new().route("/v1/events", get(events))).await;
    let subscription = Subscription {
        domain: Some("property".parse().unwrap()),
        record: Some("a&b".parse().unwrap()),
        ..Subscription::default()
    };
    let items: Vec<Result<Event, Error>> = client.subscribe(subscription).collect().await;
    let told: Vec<String> = items
        .iter()
        .map(|item| match item {
            Ok(event) => {
                assert_eq!(event.event["id"], event.position.as_str());
                event.position.clone()
            }
            Err(Error::Gap { after, expected, found }) => format!("gap after {after:?}: {expected} {found}"),
            Err(error) => error.code().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(told, ["1-1-1", "1-2-1", "2-1-1", "gap after Some(\"2-1-1\"): 2 3", "3-1-1", "not_a_host"]);
}

#[tokio::test]
async fn a_subscription_says_what_it_wants_and_notices_silence_and_jumps() {
    async fn events(State(city): Shared, query: RawQuery, headers: HeaderMap) -> Response {
        let after = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        let asked = "change=created,deleted&agency=alpha,beta&from_height=7";
        match city.calls.fetch_add(1, Ordering::SeqCst) {
            0 => {
                // Then nothing more, and nobody says so.
                assert_eq!((query.0.as_deref(), after), (Some(asked), None));
                let first = format!("id: 6-9\n\n{}", event("7-1-1", 1));
                let silent = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(first))])
                    .chain(futures::stream::pending());
                stream(Body::from_stream(silent))
            }
            1 => {
                assert_eq!(after.as_deref(), Some("7-1-1"));
                stream(format!("id: 9-0\n\n{}", event("9-1-1", 1)))
            }
            2 => {
                assert_eq!(after.as_deref(), Some("7-1-1"));
                stream(format!("id: 7-1-1\n\n{}id: 7-1-2\n\n", event("7-1-2", 1)))
            }
            _ => {
                assert_eq!((query.0.as_deref(), after.as_deref()), (Some(asked), Some("7-1-2")));
                stream("event: problem\ndata: {\"status\":403,\"code\":\"not_a_host\"}\n\n")
            }
        }
    }
    let (client, _) = client(Router::new().route("/v1/events", get(events))).await;
    let subscription = Subscription {
        changes: vec![Change::Created, "deleted".parse().unwrap()],
        agencies: vec!["alpha".parse().unwrap(), "beta".parse().unwrap()],
        from_height: Some(7),
        silence_max: Some(std::time::Duration::from_millis(100)),
        ..Subscription::default()
    };
    let items: Vec<Result<Event, Error>> = client.subscribe(subscription).collect().await;
    let told = items.iter().map(|item| match item {
        Ok(event) => event.position.clone(),
        Err(Error::Elsewhere { asked, found }) => format!("asked {asked}, found {found}"),
        Err(error) => error.code().unwrap().to_owned(),
    });
    assert_eq!(told.collect::<Vec<_>>(), ["7-1-1", "asked 7-1-1, found 9-0", "7-1-2", "not_a_host"]);
}

#[tokio::test]
async fn from_now_on_is_asked_for_once() {
    async fn events(State(city): Shared, query: RawQuery, headers: HeaderMap) -> Response {
        let after = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        match city.calls.fetch_add(1, Ordering::SeqCst) {
            0 => {
                assert_eq!((query.0.as_deref(), after), (Some("after=now"), None));
                stream("id: 12-0\nretry: 1\n\n")
            }
            _ => {
                assert_eq!((query.0.as_deref(), after.as_deref()), (Some(""), Some("12-0")));
                stream("event: problem\ndata: {\"status\":403,\"code\":\"not_a_host\"}\n\n")
            }
        }
    }
    let (client, _) = client(Router::new().route("/v1/events", get(events))).await;
    let subscription = Subscription { after: Some(NOW.into()), ..Subscription::default() };
    let items: Vec<Result<Event, Error>> = client.subscribe(subscription).collect().await;
    assert!(matches!(&items[..], [Err(error)] if error.code() == Some("not_a_host")));
}

//! Every service of a city is stopped and started again, one after the other, as in an upgrade, while an application goes on
//! submitting and a subscriber goes on receiving.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use hutong_client::{City, Client, Error, Submitted};
use hutong_ledger::{
    id::{AgencyId, TxId},
    receipt,
};
use hutong_property::build;
use hutong_test_conformance::{NatsServer, ServerOptions};
use hutong_test_end_to_end::{
    program::{Process, Program, wait_until},
    receiver::Receiver,
};
use hutong_wire::v1::property::Unit;
use serde_json::json;

const OWNER: &str = "natural-resources";
const AGENCIES: [&str; 4] = ["data-bureau", "health-commission", "market-regulation", OWNER];
/// Transactions that must become final after each restart before the next.
const BETWEEN: usize = 3;

/// An application of the owner: it submits one transaction after the other, each until it is final.
struct Application {
    /// Where ingest answers now.
    ingest: Arc<Mutex<String>>,
    done: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    running: thread::JoinHandle<BTreeMap<TxId, Bytes>>,
}

impl Application {
    fn start(city: City, ingest: &str) -> Self {
        let ingest = Arc::new(Mutex::new(ingest.to_owned()));
        let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (at, counted, until) = (ingest.clone(), done.clone(), stop.clone());
        let running = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut receipts = BTreeMap::new();
                while !until.load(Ordering::Relaxed) {
                    let (id, receipt) = submit(&city, &at, receipts.len()).await;
                    receipts.insert(id, receipt);
                    counted.store(receipts.len(), Ordering::Relaxed);
                }
                receipts
            })
        });
        Self { ingest, done, stop, running }
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// The receipt of everything that was submitted.
    fn finish(self) -> BTreeMap<TxId, Bytes> {
        self.stop.store(true, Ordering::Relaxed);
        self.running.join().unwrap()
    }
}

/// One transaction, submitted until it is final: the same bytes again whenever the way broke off.
async fn submit(city: &City, ingest: &Mutex<String>, number: usize) -> (TxId, Bytes) {
    let owner: AgencyId = OWNER.parse().unwrap();
    let client = |url: &str| Client::new(url, city.chain, Some(city.signer(&owner).unwrap())).unwrap();
    let unit = Unit { place: "NAmes".into(), r#use: "RL".into(), area_centi_mm2: 1, ..Unit::default() };
    let party = build::party([1; 16], &owner);
    let shares = vec![build::ownership(party, build::share(1, 1))];
    let action = build::register(&format!("p-{number}"), unit, shares);
    let first = client(&ingest.lock().unwrap().clone());
    let signer = first.signer().unwrap();
    let transaction = first.build("property".parse().unwrap()).unwrap();
    let transaction = transaction.action(action).sign(&[signer]).unwrap();
    loop {
        let url = ingest.lock().unwrap().clone();
        match client(&url).attempts_max(2).submit_final(&transaction).await {
            Ok(Submitted::Final { outcome, receipt }) => {
                assert_eq!(outcome.code(), None, "p-{number}");
                return (transaction.id, receipt);
            }
            Ok(Submitted::Accepted(_)) | Err(Error::Unreachable { .. }) => {}
            Err(Error::Refused(refusal)) if refusal.is_passing() => {}
            Err(error) => panic!("p-{number}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn every_service_is_restarted_under_load_and_nothing_is_lost() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(NatsServer::start(ServerOptions::default())).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    program.result(&["genesis", "--agencies", "4", "--json"]).expect("genesis");
    let settings =
        "[telemetry]\nfilter = \"warn\"\n[notification.webhooks]\nallow_networks = [\"127.0.0.0/8\"]\n";
    let run = |(service, agency): (&str, &str)| program.run_with(service, agency, &server.url(), settings);
    let storages = AGENCIES.map(|agency| ("storage", agency));
    let validations = AGENCIES.map(|agency| ("validation", agency));
    let others = [
        ("ordering", "data-bureau"),
        ("ordering", OWNER),
        ("ingest", "data-bureau"),
        ("notification", OWNER),
        ("property", OWNER),
        ("vault", OWNER),
    ];
    let parts: Vec<_> = [&storages[..], &validations, &others].concat();
    let mut processes: BTreeMap<(&str, &str), Process> =
        parts.iter().map(|part| (*part, run(*part))).collect();
    let url = |processes: &BTreeMap<_, Process>, part| processes[&part].url.clone();

    // A receiver follows the owner's changes, and an application makes some.
    let receiver = Receiver::start();
    let asked =
        json!({ "endpoint": receiver.url(), "filter": { "domains": ["property"] }, "from_height": 1 });
    let subscriptions = format!("{}/v1/subscriptions", url(&processes, ("notification", OWNER)));
    let (status, made) = program.http_post(&subscriptions, &program.token(&["--agency", OWNER]), &asked);
    assert_eq!(status, 201, "{made}");
    let city = City::open(&program.data()).unwrap();
    let trust = city.trust().unwrap();
    let application = Application::start(city, &url(&processes, ("ingest", "data-bureau")));
    wait_until("the application gets on", || application.done() >= BETWEEN);

    for part in parts {
        processes.remove(&part).unwrap().stop();
        let process = run(part);
        if part.0 == "ingest" {
            process.url.clone_into(&mut application.ingest.lock().unwrap());
        }
        processes.insert(part, process);
        let before = application.done();
        wait_until("the application gets on", || application.done() >= before + BETWEEN);
    }

    // Each transaction is final once, and provably so; the receiver has each of its changes, in order.
    let receipts = application.finish();
    for (id, receipt) in &receipts {
        assert_eq!(receipt::verify(receipt, &trust).unwrap().id, *id);
    }
    wait_until("the receiver has them all", || receiver.events().len() >= receipts.len());
    let events = receiver.events();
    assert_eq!(events.len(), receipts.len(), "one change for each, and none twice");
    for event in &events {
        let address = event["receipt"].as_str().unwrap();
        assert!(receipts.keys().any(|id| address.contains(&id.to_string())), "{event}");
    }
    for (_, process) in processes {
        process.stop();
    }
    let report = program.result(&["fsck", "--json"]).expect("fsck passes");
    assert_eq!(
        (&report["sound"], report["agencies"].as_array().unwrap().len()),
        (&json!(true), 4),
        "{report}"
    );
}

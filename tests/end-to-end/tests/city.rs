//! A whole city in this process: real sales in, receipts out, a restart, and a check of every byte. Once on the
//! embedded bus and once on a real nats-server.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{collections::BTreeMap, path::Path};

use futures::StreamExt;
use hutong::{
    city::{
        domains::{RECORD_TYPES, contracts},
        layout::Layout,
        settings::CitySettings,
        up::{Options, Running},
    },
    load::Load,
};
use hutong_client::{City, Client, Subscription};
use hutong_ledger::{
    id::{Domain, TxId},
    log, note, receipt,
};
use hutong_runtime::SystemClock;
use hutong_test_conformance::{NatsServer, ServerOptions};
use serde_json::Value;

const ROWS: usize = 30;

fn sales() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/property/ames-sales.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows: Vec<&str> = text.lines().take(ROWS + 1).collect();
    rows.push("broken,row");
    (rows.join("\n") + "\n").into_bytes()
}

async fn start(data: &Path, nats: Option<&str>) -> Running {
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: 4,
        nats: nats.map(str::to_owned),
        name: "testville".parse().unwrap(),
    };
    Running::start(Layout::new(data), options).await.unwrap()
}

async fn load(city: &City) -> hutong::load::Summary {
    let domain: Domain = "property".parse().unwrap();
    let load = Load::prepare(city, domain, &sales(), &SystemClock::shared()).unwrap();
    assert_eq!(load.len(), 2 * ROWS);
    load.run(100, |_| {}).await.unwrap()
}

async fn scenario(nats: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path(), nats).await;
    let city = City::open(folder.path()).unwrap();
    let owner = city.owner(&"property".parse().unwrap()).unwrap().id;
    let client = Client::of(&city, &owner).unwrap();

    let summary = load(&city).await;
    assert_eq!(summary.finals, 2 * ROWS as u64, "{summary:?}");
    assert_eq!(summary.refused, BTreeMap::from([("broken_row".to_owned(), 1)]));
    assert_eq!(summary.broken_rows.len(), 1);
    assert_eq!(summary.broken_rows[0].row["line"], ROWS as u64 + 2);

    let title = client.get("/property/v1/parcels/526301100/title").await.unwrap();
    assert_eq!(title["rights"][0]["share"]["denominator"], 1);
    let history = client.get("/property/v1/parcels/526301100/history").await.unwrap();
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);

    receipt_proves(&client, &city, &history["versions"][0]["transaction"]).await;
    log_is_public(&client).await;
    events_have_no_gap(&client).await;
    let size = log_size(&client).await;
    assert_eq!(size, 2 * ROWS as u64);

    running.stop().await.unwrap();
    let running = start(folder.path(), nats).await;
    let city = City::open(folder.path()).unwrap();
    let client = Client::of(&city, &owner).unwrap();
    assert_eq!(log_size(&client).await, size, "what was final is there after a restart");
    let again = load(&city).await;
    assert_eq!(again.submitted, again.finals + again.refused.values().sum::<u64>());
    // A row that cannot be read is never submitted: it has no place in the log.
    let submitted = again.refused.values().sum::<u64>() - again.refused["broken_row"];
    assert_eq!(log_size(&client).await, size + submitted, "nothing is doubled");
    let history = client.get("/property/v1/parcels/526301100/history").await.unwrap();
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);
    let genesis = running.genesis.clone();
    let layout = running.layout.clone();
    running.stop().await.unwrap();

    for agency in genesis.epoch.validating() {
        let folder = layout.agency(&agency.id).join("storage");
        let report = hutong_storage::fsck(&folder, &contracts(RECORD_TYPES), &genesis).unwrap();
        assert!(report.difference.is_none(), "{}: {:?}", agency.id, report.difference);
        assert!(report.transactions >= size);
    }
}

/// A receipt verifies from itself and the trust file; with any part changed it does not.
async fn receipt_proves(client: &Client, city: &City, id: &Value) {
    let id: TxId = id.as_str().unwrap().parse().unwrap();
    let bytes = client.receipt(&id).await.unwrap();
    let trust = city.trust().unwrap();
    let verified = receipt::verify(&bytes, &trust).unwrap();
    assert_eq!(verified.id, id);
    assert!(verified.standing.cosigners.len() >= 3);
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let tampered = text.replacen("\"record\"", "\"recorc\"", 1).replacen("526301100", "526301101", 1);
    assert!(receipt::verify(tampered.as_bytes(), &trust).is_err());
    let mut other = trust.clone();
    other.chain = "other-0000000000000000".parse().unwrap();
    assert!(receipt::verify(&bytes, &other).is_err());

    let proof = client.proof(&"property/526301100".parse().unwrap()).await.unwrap();
    let state = receipt::verify_state(&proof, &trust).unwrap();
    assert_eq!(state.current.unwrap().0, 2);
    let extract = client.get("/property/v1/parcels/526301100/extract").await.unwrap();
    let state = receipt::verify_state(extract["receipt"].to_string().as_bytes(), &trust).unwrap();
    let value = state.current.unwrap().1.unwrap();
    let property =
        contracts(RECORD_TYPES).into_iter().find(|contract| contract.domain() == state.domain).unwrap();
    assert_eq!(property.render(&state.record, &value), Some(extract["content"].clone()));
}

async fn checkpoint(client: &Client) -> note::Checkpoint {
    let text = client.get_bytes("/log/property/checkpoint").await.unwrap();
    let signed: note::SignedNote = std::str::from_utf8(&text).unwrap().parse().unwrap();
    signed.text().parse().unwrap()
}

async fn log_size(client: &Client) -> u64 {
    checkpoint(client).await.size
}

/// The tiles hold the tree whose root the checkpoint names.
async fn log_is_public(client: &Client) {
    let checkpoint = checkpoint(client).await;
    let size = checkpoint.size;
    let leaves = client.get_bytes(&format!("/log/property/tile/0/000.p/{size}")).await.unwrap();
    let hashes = leaves.chunks(32).map(|chunk| hutong_ledger::hash::Hash(chunk.try_into().unwrap()));
    assert_eq!(log::root(hashes), checkpoint.root);
    let entries = client.get_bytes(&format!("/log/property/tile/entries/000.p/{size}")).await.unwrap();
    let first = usize::from(u16::from_be_bytes([entries[0], entries[1]]));
    assert_eq!(log::leaf_hash(&entries[2..2 + first]).0[..], leaves[..32]);
}

async fn events_have_no_gap(client: &Client) {
    let subscription = Subscription { domain: Some("property".parse().unwrap()), ..Subscription::default() };
    let events = client.subscribe(subscription).take(2 * ROWS).collect::<Vec<_>>();
    let events = tokio::time::timeout(std::time::Duration::from_secs(60), events).await.unwrap();
    let mut subjects: Vec<String> = events
        .into_iter()
        .map(|event| event.unwrap().event["subject"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(subjects.len(), 2 * ROWS);
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), ROWS, "each parcel is registered and transferred");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_sales_become_provable_records_on_the_embedded_bus() {
    scenario(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_sales_become_provable_records_over_nats() {
    let server = NatsServer::start(ServerOptions::default()).await.unwrap();
    scenario(Some(&server.url())).await;
}

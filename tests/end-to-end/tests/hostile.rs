//! What a careless or hostile caller sends: each gets a problem document with a stable code, and nothing is half done.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use hutong::city::{
    layout::Layout,
    settings::CitySettings,
    up::{Options, Running},
};
use hutong_client::{City, Client, Signer, Submitted, cosign};
use hutong_ledger::{
    id::Domain,
    transaction::{Signature, Transaction},
};
use hutong_property::build;
use hutong_runtime::{Clock, SystemClock};
use hutong_test_end_to_end::program;
use hutong_wire::{
    prost::Message,
    v1::property::{Restrict, RestrictionType, Unit, action::Kind},
};
use reqwest::StatusCode;
use serde_json::Value;

struct Target {
    running: Running,
    city: City,
    client: Client,
    owner: Signer,
    other: Signer,
    _folder: tempfile::TempDir,
}

const PROTOBUF: &str = "application/x-protobuf";

impl Target {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            settings: CitySettings::listening(([127, 0, 0, 1], 0)),
            agencies: 4,
            nats: None,
            name: "testville".parse().unwrap(),
        };
        let running = Running::start(Layout::new(folder.path()), options).await.unwrap();
        let city = City::open(folder.path()).unwrap();
        let id = city.owner(&domain()).unwrap().id;
        let client = Client::of(&city, &id).unwrap();
        let (owner, other) =
            (city.signer(&id).unwrap(), city.signer(&"market-regulation".parse().unwrap()).unwrap());
        Self { running, city, client, owner, other, _folder: folder }
    }

    fn register(&self, parcel: &str, shares: &[(u64, u64)]) -> Transaction {
        let unit = Unit { place: "NAmes".into(), r#use: "RL".into(), area_centi_mm2: 1, ..Unit::default() };
        let holdings = shares.iter().enumerate().map(|(place, (numerator, denominator))| {
            let party = build::party([place as u8; 16], &self.owner.agency);
            build::ownership(party, build::share(*numerator, *denominator))
        });
        let action = build::register(parcel, unit, holdings.collect());
        self.client.build(domain()).unwrap().action(action).sign(&[&self.owner]).unwrap()
    }

    async fn post(&self, kind: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let url = format!("{}/v1/transactions?wait=final", self.city.url);
        let request = program::plain_client().post(url).bearer_auth(self.client.token().unwrap());
        let response = request.header("content-type", kind).body(body).send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn refused(&self, what: &str, kind: &str, body: Vec<u8>, status: u16, code: &str) {
        let (found, problem) = self.post(kind, body).await;
        assert_eq!((found.as_u16(), problem["code"].as_str()), (status, Some(code)), "{what}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}: {problem}");
    }

    async fn refused_transaction(&self, what: &str, tx: &Transaction, code: &str) {
        let (found, problem) = self.post(PROTOBUF, encode(tx)).await;
        assert_eq!(problem["code"], code, "{what}: {found} {problem}");
        assert!(found.is_client_error(), "{what}: {found}");
    }

    async fn outcome(&self, tx: &Transaction) -> Option<String> {
        match self.client.submit_final(tx).await.unwrap() {
            Submitted::Final { outcome, .. } => outcome.code().map(str::to_owned),
            Submitted::Accepted(_) => panic!("not final in time"),
        }
    }
}

fn domain() -> Domain {
    hutong_property::domain()
}

fn encode(tx: &Transaction) -> Vec<u8> {
    hutong_wire::v1::Transaction::from(tx).encode_to_vec()
}

/// Announces a body without sending it: it must be refused for its announced length alone.
async fn announce(target: &Target, length: usize) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = target.city.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let token = target.client.token().unwrap();
    let head = format!(
        "POST /v1/transactions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: {PROTOBUF}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The transaction with another body, signed again.
fn altered(
    tx: &Transaction,
    signer: &Signer,
    alter: impl FnOnce(&mut hutong_ledger::transaction::Body),
) -> Transaction {
    let mut body = tx.body.clone();
    alter(&mut body);
    let mut altered = Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new());
    cosign(&mut altered, signer).unwrap();
    altered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_transaction() {
    let target = Target::new().await;
    let good = encode(&target.register("1", &[(1, 1)]));
    let half = good[..good.len() / 2].to_vec();
    target.refused("a truncated body", PROTOBUF, half, 400, "malformed").await;
    target.refused("no body", PROTOBUF, Vec::new(), 400, "malformed").await;
    let answer = announce(&target, 9 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body_too_large"), "{answer}");
    target
        .refused("JSON that is not UTF-8", "application/json", vec![b'"', 0xff, b'"'], 400, "not_utf8")
        .await;
    let deep = "[".repeat(1_000_000).into_bytes();
    target.refused("JSON a million deep", "application/json", deep, 422, "unexpected_json").await;
    target.refused("another media type", "text/plain", good, 415, "unsupported_media_type").await;
    let url = format!("{}/v1/transactions", target.city.url);
    let anonymous =
        program::plain_client().post(url).header("content-type", PROTOBUF).body("").send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    target.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_may_not_be() {
    let target = Target::new().await;
    let good = target.register("1", &[(1, 1)]);
    let owner = &target.owner;
    let change = |alter: fn(&mut hutong_ledger::transaction::Body)| altered(&good, owner, alter);
    let chain = |body: &mut hutong_ledger::transaction::Body| {
        body.chain = "elsewhere-0123456789abcdef".parse().unwrap();
    };
    target.refused_transaction("another chain", &change(chain), "wrong_chain").await;
    let nowhere = |body: &mut hutong_ledger::transaction::Body| body.domain = "weather".parse().unwrap();
    target.refused_transaction("an unknown domain", &change(nowhere), "unknown_domain").await;
    target.refused_transaction("expired", &change(|body| body.not_after_ms = 1), "expired").await;
    let now = SystemClock::new().unix_ms();
    let late = altered(&good, owner, |body| body.not_after_ms = now + 40 * 24 * 3600 * 1000);
    target.refused_transaction("too far ahead", &late, "too_far_ahead").await;

    let mut unsigned = good.clone();
    unsigned.signatures.clear();
    target.refused_transaction("no signature", &unsigned, "unsigned").await;
    let mut forged = good.clone();
    forged.signatures[0].bytes[40] ^= 1;
    target.refused_transaction("a forged signature", &forged, "bad_signature").await;
    // The identity as R and zero as s: what ZIP 215 would take from a small-order key must not pass under a real one.
    let mut small_order = good.clone();
    small_order.signatures[0].bytes = [0; 64];
    small_order.signatures[0].bytes[0] = 1;
    target.refused_transaction("a small-order signature", &small_order, "bad_signature").await;
    let mut key = good.clone();
    key.signatures[0].key = hutong_ledger::id::KeyId([9; 8]);
    target.refused_transaction("an unknown key", &key, "unknown_key").await;
    let few = altered(&good, owner, |body| {
        body.signers = vec!["market-regulation".parse().unwrap(), body.agency];
        body.signers.sort();
    });
    target.refused_transaction("too few signatures", &few, "unsigned").await;
    let stranger = altered(&good, owner, |body| {
        body.signers = vec![body.agency, "nobody".parse().unwrap()];
        body.signers.sort();
    });
    let mut stranger = stranger;
    stranger.signatures.push(Signature { agency: "nobody".parse().unwrap(), ..stranger.signatures[0] });
    target.refused_transaction("an unknown agency", &stranger, "unknown_agency").await;

    assert_eq!(target.outcome(&good).await, None, "none of that stood in the way of the real one");
    assert_eq!(target.outcome(&good).await, None, "a replay is answered with what became of it");
    let history = target.client.get("/property/v1/parcels/1/history").await.unwrap();
    assert_eq!(history["versions"].as_array().unwrap().len(), 1, "and is not applied twice");
    target.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_contract_refuses_is_final_with_its_code() {
    let target = Target::new().await;
    let decimal = target.register("3", &[(33333, 100_000); 3]);
    assert_eq!(target.outcome(&decimal).await.as_deref(), Some("shares_not_one"));
    assert_eq!(target.outcome(&target.register("3", &[(1, 3); 3])).await, None);
    assert_eq!(target.outcome(&target.register("1", &[(1, 1)])).await, None);

    let seize = Restrict { r#type: RestrictionType::Seizure.into(), reference: "case 1".into() };
    let action = build::action("1", 0, None, Kind::Restrict(seize));
    let regulator = Client::of(&target.city, &target.other.agency).unwrap();
    let seizure = regulator.build(domain()).unwrap().action(action.clone()).sign(&[&target.other]).unwrap();
    let Submitted::Final { outcome, .. } = regulator.submit_final(&seizure).await.unwrap() else {
        panic!("not final")
    };
    assert_eq!(
        outcome.code(),
        Some("authority_required"),
        "none but the owner seizes until others are named"
    );
    let seizure = target.client.build(domain()).unwrap().action(action).sign(&[&target.owner]).unwrap();
    assert_eq!(target.outcome(&seizure).await, None);
    let buyer = build::party([7; 16], &target.other.agency);
    let sale = build::transfer_whole("1", 1, build::ownership(buyer, build::WHOLE), 100, "CNY");
    let builder = target.client.build(domain()).unwrap().action(sale).signer(target.other.agency);
    let sale = builder.sign(&[&target.owner, &target.other]).unwrap();
    assert_eq!(target.outcome(&sale).await.as_deref(), Some("seized"));
    let receipt = target.client.receipt(&sale.id).await.unwrap();
    let verified = hutong_ledger::receipt::verify(&receipt, &target.city.trust().unwrap()).unwrap();
    assert_eq!(verified.outcome.code(), Some("seized"), "a refusal is provable too");
    target.running.stop().await.unwrap();
}

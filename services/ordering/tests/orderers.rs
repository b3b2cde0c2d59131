//! Orderers on one stream: a chain without election, take-over, and views.

#![allow(clippy::panic)] // A test's helpers fail as its tests do.

mod support;

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use hutong_ledger::invariant::Invariant;
use hutong_ordering::Config;
use support::City;

fn quick() -> Config {
    Config { take_over_ms: 150, ask_timeout_ms: 500, retry_ms: 20, ..Config::default() }
}

fn assert_linked(city: &City) {
    let chain = city.chain();
    for pair in chain.windows(2) {
        assert_eq!(pair[1].prev, pair[0].hash(), "{}", Invariant::Link);
        assert_eq!(pair[1].height, pair[0].height + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_accepted_transaction_is_ordered_once_and_in_order() {
    let city = City::new().await;
    city.orderer("alpha", quick());
    let mut sent = Vec::new();
    for nonce in 0..200 {
        sent.push(city.submit(if nonce % 5 == 0 { "membership" } else { "property" }, nonce).await);
    }
    let ordered = city.ordered(sent.len()).await;
    assert_eq!(ordered.len(), sent.len());
    assert_eq!(ordered.iter().collect::<BTreeSet<_>>(), sent.iter().collect());
    assert_linked(&city);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_orderers_racing_make_one_chain() {
    let city = City::new().await;
    // Hardly any patience: both append whenever there is something.
    let eager = Config { take_over_ms: 60, ..quick() };
    city.orderer("alpha", eager.clone());
    city.orderer("beta", eager);
    let mut sent = BTreeSet::new();
    for nonce in 0..300 {
        sent.insert(city.submit("property", nonce).await);
    }
    let ordered = city.ordered(sent.len()).await;
    assert_eq!(ordered.len(), sent.len(), "{}: no transaction twice", Invariant::Once);
    assert_eq!(ordered.into_iter().collect::<BTreeSet<_>>(), sent);
    assert_linked(&city);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_and_a_restarted_orderer_resumes_from_the_header() {
    let city = City::new().await;
    let first = city.orderer("alpha", quick());
    for nonce in 0..20 {
        city.submit("property", nonce).await;
    }
    city.ordered(20).await;
    first.cancel();
    city.orderer("beta", quick());
    for nonce in 20..40 {
        city.submit("property", nonce).await;
    }
    assert_eq!(city.ordered(40).await.len(), 40);
    city.orderer("alpha", quick());
    for nonce in 40..60 {
        city.submit("property", nonce).await;
    }
    assert_eq!(city.ordered(60).await.len(), 60);
    assert_linked(&city);
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_without_certificate_is_replaced_in_a_higher_view() {
    let city = City::new().await;
    city.certify.store(false, Ordering::SeqCst);
    city.orderer("alpha", quick());
    let id = city.submit("property", 1).await;
    until("a higher view comes", || city.views().first().is_some_and(|view| *view > 0)).await;
    city.certify.store(true, Ordering::SeqCst);
    let other = city.submit("property", 2).await;
    let ordered = city.ordered(2).await;
    assert_eq!(ordered.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([id, other]));
    assert_linked(&city);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certified_block_is_repeated_with_its_hash() {
    let city = City::new().await;
    city.certify.store(false, Ordering::SeqCst);
    let slow = Config { take_over_ms: 400, ..quick() };
    city.orderer("alpha", slow);
    city.submit("property", 1).await;
    until("a block is proposed", || !city.views().is_empty()).await;
    let certified = city.hold_certificate();
    until("the next view comes", || city.views().first().is_some_and(|view| *view > 0)).await;
    city.certify.store(true, Ordering::SeqCst);
    city.submit("property", 2).await;
    city.ordered(2).await;
    assert_eq!(city.chain()[1].hash(), certified);
    assert_linked(&city);
}

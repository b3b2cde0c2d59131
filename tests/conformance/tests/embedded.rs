//! The bus port's suite on the embedded bus.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_test_conformance::bus::{after_reopening, before_reopening, suite};

#[tokio::test(flavor = "multi_thread")]
async fn on_files() {
    let dir = tempfile::tempdir().unwrap();
    suite(EmbeddedBus::open(dir.path(), Options::default()).unwrap()).await;
}

/// Little memory and small segments, so that readers go to the journal all the time.
#[tokio::test(flavor = "multi_thread")]
async fn on_small_files() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        journal: hutong_journal::Options { segment_bytes_max: 64 << 10, ..Default::default() },
        recent_bytes_max: 300,
        ..Options::default()
    };
    suite(EmbeddedBus::open(dir.path(), options).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    suite(EmbeddedBus::in_memory(Options::default()).unwrap()).await;
}

#[tokio::test]
async fn files_last() {
    let dir = tempfile::tempdir().unwrap();
    let bus = EmbeddedBus::open(dir.path(), Options::default()).unwrap();
    let before = before_reopening(bus.clone()).await.unwrap();
    drop(bus);
    let bus = EmbeddedBus::open(dir.path(), Options::default()).unwrap();
    after_reopening(bus, before).await.unwrap();
}

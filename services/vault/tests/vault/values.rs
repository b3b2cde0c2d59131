//! Values before and after their commitments are on the ledger: pending, standing, superseded, over.

use std::time::Duration;

use bytes::Bytes;
use hutong_disclosure::RELEASE_WINDOW_MS;
use hutong_ledger::{hash::Hash, id::RecordKey};
use hutong_peer::vault::{ToSeal, VALUE_BYTES_MAX, VaultError, VaultPeer};

use crate::{
    charts::{domain, record, write},
    city::{CLINIC, HEALTH},
    house::{House, ZHANG, agreement, code},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Lets time pass and what is due be swept.
async fn pass(house: &House, time: Duration) {
    house.city.clock.advance(time);
    // Something final, so that the vault wakes and looks.
    let person = house.person("110101199003070054").await;
    house.chart(&person, &[("name", "Li Si")]).await;
}

#[tokio::test]
async fn a_superseded_value_is_released_while_an_access_names_it_and_no_longer() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let first = house.chart(&zhang, &[("name", "Zhang San")]).await;
    let old = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    house.chart(&zhang, &[("name", "Zhang Sanfeng")]).await;
    let new = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    let read = async |access| {
        let released = house.vault().release(access).await.unwrap();
        house.desk(CLINIC).read_released(&released).await.unwrap().fields[0].1.clone()
    };
    assert_eq!((read(old).await, read(new).await), (Bytes::from("Zhang San"), Bytes::from("Zhang Sanfeng")));
    pass(&house, Duration::from_millis(RELEASE_WINDOW_MS + 60_000)).await;
    until_dropped(&house, first[0].1).await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    assert_eq!(read(access).await, "Zhang Sanfeng");
}

/// Waits until the vault does not hold the value of a commitment, while time goes by. A backup shows what it holds,
/// without what its pages once held.
async fn until_dropped(house: &House, commitment: Hash) {
    let held = async || {
        let folder = house.dir.path().join("look");
        let _ = std::fs::remove_dir_all(&folder);
        house.vault().backup(&folder).await.unwrap();
        let options = hutong_store::Options::default();
        let store = hutong_store::Store::open(&folder.join("values.redb"), options).unwrap();
        let table = hutong_store::Table::<Vec<u8>, Vec<u8>>::new("values");
        let snapshot = store.snapshot().unwrap();
        let mut rows = snapshot.table(&table).unwrap().between(&[], None).unwrap();
        rows.any(|row| row.unwrap().0.ends_with(&commitment.0))
    };
    let dropped = async {
        while held().await {
            pass(house, Duration::from_secs(61)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dropped).await.expect("it is dropped");
}

#[tokio::test]
async fn a_value_whose_transaction_never_came_is_dropped_after_a_month() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let sealed = house.seal(&zhang, &[("name", "Zhang San")]).await;
    pass(&house, 30 * DAY).await;
    pass(&house, Duration::from_secs(120)).await;
    // Late, and still in time.
    house.submit(HEALTH, write(&zhang, &sealed)).await.unwrap();
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "Zhang San");
    pass(&house, 40 * DAY).await;
    pass(&house, Duration::from_secs(120)).await;
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "Zhang San");

    let sealed = house.seal(&zhang, &[("name", "Nobody")]).await;
    pass(&house, 31 * DAY).await;
    until_dropped(&house, sealed[0].1).await;
    house.submit(HEALTH, write(&zhang, &sealed)).await.unwrap();
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    assert_eq!(house.refusal(access).await, "value_unknown");
}

#[tokio::test]
async fn only_the_owners_officials_seal_and_only_what_can_be_kept() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let seal = async |token: &str, record: RecordKey, values: Vec<(&str, Bytes)>| {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        house.vault().seal(token, ToSeal { record, subjects: vec![zhang], values }).await
    };
    let (own, chart) = (house.token(HEALTH), record(&zhang));
    let one = || vec![("name", Bytes::from_static(b"x"))];
    assert_eq!(code(seal(&house.token(CLINIC), chart.clone(), one()).await), "not_the_owner");
    assert_eq!(code(seal("rubbish", chart.clone(), one()).await), "invalid_token");
    assert_eq!(code(seal("", chart.clone(), one()).await), "invalid_token");
    let foreign = RecordKey { domain: "property".parse().unwrap(), ..chart.clone() };
    assert_eq!(code(seal(&own, foreign, one()).await), "not_owner_domain");
    assert_eq!(code(seal(&own, chart.clone(), vec![]).await), "seal_invalid");
    assert_eq!(code(seal(&own, chart.clone(), vec![("Name", Bytes::new())]).await), "seal_invalid");
    assert_eq!(code(seal(&own, chart.clone(), [one(), one()].concat()).await), "seal_invalid");
    for reserved in ["access/1", "erasure/chart/1", "person/1"] {
        let reserved = RecordKey { domain: domain(), record: reserved.parse().unwrap() };
        assert_eq!(code(seal(&own, reserved, one()).await), "seal_invalid");
    }
    let long = RecordKey { domain: domain(), record: "r".repeat(97).parse().unwrap() };
    assert_eq!(code(seal(&own, long, one()).await), "seal_invalid");
    let large = vec![("name", Bytes::from(vec![b'x'; VALUE_BYTES_MAX + 1]))];
    assert_eq!(code(seal(&own, chart.clone(), large).await), "too_large");
    let largest = Bytes::from(vec![b'x'; VALUE_BYTES_MAX]);
    let many =
        vec![("a", largest.clone()), ("b", largest.clone()), ("c", largest.clone()), ("d", largest.clone())];
    assert_eq!(code(seal(&own, chart.clone(), many).await), "too_large");
    // Sealed twice under the same name: fresh salts, other commitments.
    let first = seal(&own, chart.clone(), one()).await.unwrap();
    assert_ne!(seal(&own, chart, one()).await.unwrap(), first);
}

#[tokio::test]
async fn a_vault_serves_only_when_it_knows_all_that_is_final() {
    let mut house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    house.city.away.store(true, std::sync::atomic::Ordering::SeqCst);
    house.reopen(house.folder.clone()).await;
    let vault = house.vault();
    assert!(!vault.serves());
    assert!(matches!(vault.release(access).await, Err(VaultError::Unavailable(_))));
    assert!(matches!(vault.own_handles("person x").await, Err(VaultError::Unavailable(_))));
    house.city.away.store(false, std::sync::atomic::Ordering::SeqCst);
    house.city.clock.advance(Duration::from_secs(1));
    house.until_serving().await;
    assert!(house.vault().release(access).await.is_ok());
}

/// Whatever the size of a page: all of it comes before the first answer.
#[tokio::test]
async fn a_vault_that_is_far_behind_applies_all_of_it_first() {
    let mut house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.end().await;
    let behind = house.dir.path().join("behind");
    std::fs::create_dir(&behind).unwrap();
    for name in ["keys.redb", "values.redb"] {
        std::fs::copy(house.folder.join(name), behind.join(name)).unwrap();
    }
    house.reopen(house.folder.clone()).await;
    house.until_serving().await;
    for number in 0..20 {
        house.chart(&zhang, &[("name", &format!("name {number}"))]).await;
    }
    house.reopen(behind).await;
    assert!(!house.vault().serves());
    house.until_serving().await;
    let look = house.dir.path().join("look");
    house.vault().backup(&look).await.unwrap();
    let options = hutong_store::Options::default();
    let store = hutong_store::Store::open(&look.join("keys.redb"), options).unwrap();
    let state = hutong_store::Table::<Vec<u8>, Vec<u8>>::new("state");
    let cursor = store.snapshot().unwrap().get(&state, &b"cursor".to_vec()).unwrap().unwrap();
    assert_eq!(cursor[..8], house.city.height().to_be_bytes());
}

//! A vault restored from an old backup knows every erasure before it serves.

use std::fs;

use hutong_peer::vault::VaultPeer;
use hutong_vault::{Error, restore};

use crate::{
    charts::chart,
    city::{CLINIC, HEALTH},
    house::{House, LI, ZHANG, agreement},
};

#[tokio::test]
async fn an_old_backup_brings_nothing_back_that_was_erased() {
    let mut house = House::new().await;
    let (zhang, li) = (house.person(ZHANG).await, house.person(LI).await);
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    house.chart(&li, &[("name", "Li Si")]).await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    let kept = house.access(CLINIC, &li, &["name"], agreement()).await;
    let released = house.vault().release(kept).await.unwrap();
    house.vault().release(access).await.unwrap();
    let backup = house.dir.path().join("backup");
    house.vault().backup(&backup).await.unwrap();
    assert!(matches!(house.vault().backup(&backup).await, Err(Error::Exists { .. })));
    house.erase(chart(&zhang).as_str(), false).await;

    let restored = house.dir.path().join("restored");
    house.end().await;
    restore(&backup, &restored).unwrap();
    assert!(matches!(restore(&backup, &restored), Err(Error::Exists { .. })));
    house.reopen(restored).await;
    house.until_serving().await;
    assert_eq!(house.refusal(access).await, "erased");
    // The key is gone, and not only the door shut: nothing of the record is in what the vault holds now.
    let look = house.dir.path().join("look");
    house.vault().backup(&look).await.unwrap();
    let held: Vec<u8> =
        ["keys.redb", "values.redb"].iter().flat_map(|file| fs::read(look.join(file)).unwrap()).collect();
    let key = [b"k", &b"health\0"[..], chart(&zhang).as_str().as_bytes()].concat();
    assert!(!held.windows(key.len()).any(|bytes| bytes == key));
    // Everything else is as it was, and the answer given before is given again.
    assert_eq!(house.vault().release(kept).await.unwrap(), released);
    assert_eq!(house.person(LI).await, li);
    assert_eq!(house.disclose(CLINIC, &li, &["name"]).await.unwrap().fields[0].1, "Li Si");
}

/// The ledger is applied from its start: what later replaced what, and what came after an erasure, ends as it was.
#[tokio::test]
async fn all_of_the_ledger_applied_again_ends_as_it_was() {
    let mut house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "one"), ("blood-group", "A")]).await;
    house.chart(&zhang, &[("name", "two")]).await;
    house.erase(chart(&zhang).as_str(), false).await;
    house.chart(&zhang, &[("name", "three")]).await;
    let last = house.chart(&zhang, &[("name", "four")]).await;
    let backup = house.dir.path().join("backup");
    house.vault().backup(&backup).await.unwrap();
    let restored = house.dir.path().join("restored");
    house.end().await;
    restore(&backup, &restored).unwrap();
    house.reopen(restored).await;
    house.until_serving().await;
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "four");
    // What is over is over, what stands stands, a day later.
    house.city.clock.advance(std::time::Duration::from_secs(2 * 24 * 3600));
    house.submit(HEALTH, crate::charts::write(&zhang, &last)).await.unwrap();
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "four");
}

/// Each store has its own backups; the keys may be of today and the values of long ago.
#[tokio::test]
async fn old_values_open_with_newer_keys() {
    let mut house = House::new().await;
    let zhang = house.person(ZHANG).await;
    // Pending in the old backup, final since.
    let sealed = house.seal(&zhang, &[("name", "Zhang San")]).await;
    let (old, new) = (house.dir.path().join("old"), house.dir.path().join("new"));
    house.vault().backup(&old).await.unwrap();
    house.submit(HEALTH, crate::charts::write(&zhang, &sealed)).await.unwrap();
    house.vault().backup(&new).await.unwrap();
    fs::copy(old.join("values.redb"), new.join("values.redb")).unwrap();
    let restored = house.dir.path().join("restored");
    house.end().await;
    restore(&new, &restored).unwrap();
    house.reopen(restored).await;
    house.until_serving().await;
    house.city.clock.advance(std::time::Duration::from_secs(40 * 24 * 3600));
    house.submit(HEALTH, crate::charts::write(&zhang, &sealed)).await.unwrap();
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "Zhang San");
}

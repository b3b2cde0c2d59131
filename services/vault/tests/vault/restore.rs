//! A vault restored from an old backup knows every erasure before it serves.

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
};

use hutong_peer::vault::{VaultError, VaultPeer};
use hutong_vault::{
    Error, backup_stopped, control,
    kek::{FileKeys, KekError},
    restore,
};
use tokio_util::sync::CancellationToken;

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
    restore(&backup, &restored, &house.keys()).unwrap();
    assert!(matches!(restore(&backup, &restored, &house.keys()), Err(Error::Exists { .. })));
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

/// After a crash storage sees again what was final block by block; an erasure may be among what is still missing.
#[tokio::test]
async fn nothing_is_given_while_storage_gets_back_what_was_final() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    let released = house.vault().release(access).await.unwrap();
    let height = house.city.height();
    house.city.recalled.store(height + 1, Ordering::SeqCst);
    assert!(matches!(house.vault().release(access).await, Err(VaultError::Unavailable(_))));
    house.city.recalled.store(height, Ordering::SeqCst);
    assert_eq!(house.vault().release(access).await.unwrap(), released);
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
    restore(&backup, &restored, &house.keys()).unwrap();
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
    restore(&new, &restored, &house.keys()).unwrap();
    house.reopen(restored).await;
    house.until_serving().await;
    house.city.clock.advance(std::time::Duration::from_secs(40 * 24 * 3600));
    house.submit(HEALTH, crate::charts::write(&zhang, &sealed)).await.unwrap();
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "Zhang San");
}

/// What is restored without its keys would be a vault that cannot start: nothing is made.
#[tokio::test]
async fn a_backup_is_restored_only_where_its_keys_are() {
    let mut house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let backup = house.dir.path().join("backup");
    house.end().await;
    // A step of the vault may still be on its thread, with the stores open.
    house.until(|| backup_stopped(&house.folder, &backup).is_ok()).await;
    assert!(matches!(backup_stopped(&house.folder, &backup), Err(Error::Exists { .. })));
    let nothing = house.dir.path().join("nothing");
    assert!(matches!(backup_stopped(&nothing, &nothing.join("backup")), Err(Error::NoVault { .. })));

    let restored = house.dir.path().join("restored");
    let strangers = Arc::new(FileKeys::open(&house.dir.path().join("strangers")).unwrap());
    let failed = restore(&backup, &restored, &(strangers.clone() as _));
    assert!(matches!(failed, Err(Error::Kek(KekError::Unopened { .. }))), "{failed:?}");
    hutong_vault::kek::KeyEncryption::rotate(&*strangers).unwrap();
    hutong_vault::kek::KeyEncryption::destroy(&*strangers, 1).unwrap();
    let failed = restore(&backup, &restored, &(strangers as _));
    assert!(matches!(failed, Err(Error::Kek(KekError::Unknown { id: 1 }))), "{failed:?}");
    assert!(matches!(restore(&nothing, &restored, &house.keys()), Err(Error::NoBackup { .. })));
    assert!(!restored.join("keys.redb").exists() && !restored.join("values.redb").exists());

    restore(&backup, &restored, &house.keys()).unwrap();
    house.reopen(restored).await;
    house.until_serving().await;
    assert_eq!(house.disclose(CLINIC, &zhang, &["name"]).await.unwrap().fields[0].1, "Zhang San");
}

/// The operator of the machine asks a vault that runs, through a socket in its folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_runs_writes_a_backup_for_its_operator() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let ask = |folder: std::path::PathBuf| {
        let vault = house.folder.clone();
        tokio::task::spawn_blocking(move || control::backup(&vault, &folder))
    };
    let backup = house.dir.path().join("backup");
    assert!(!ask(backup.clone()).await.unwrap().unwrap(), "nobody listens");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(control::serve(house.vault().clone(), house.folder.clone(), stop.clone()));
    while !ask(backup.clone()).await.unwrap().unwrap() {
        tokio::task::yield_now().await;
    }
    assert!(backup.join("keys.redb").exists() && backup.join("values.redb").exists());
    let refused = ask(backup.clone()).await.unwrap();
    assert!(matches!(&refused, Err(Error::Answered(why)) if why.contains("exists already")), "{refused:?}");
    stop.cancel();
    serving.await.unwrap();
    // What a crash leaves is a socket that nobody listens at.
    assert!(house.folder.join("control/socket").exists());
    assert!(!ask(house.dir.path().join("late")).await.unwrap().unwrap());

    // Neither calls that are none nor a folder that is no place for it end the listening.
    let stop = CancellationToken::new();
    let serving = tokio::spawn(control::serve(house.vault().clone(), house.folder.clone(), stop.clone()));
    let socket = house.folder.join("control/socket");
    house.until(|| std::os::unix::net::UnixStream::connect(&socket).is_ok()).await;
    for line in [
        "\n",
        "{}\n",
        "{\"backup\": \"here\"}\n",
        "{\"backup\": \"/x\", \"more\": 1}\n",
        &"x".repeat(16 * 1024),
    ] {
        let said = say(&socket, line).await;
        assert!(said.contains("error") && !said.contains("null"), "{line}: {said}");
    }
    assert!(ask(house.dir.path().join("later")).await.unwrap().unwrap());
    stop.cancel();
    serving.await.unwrap();
}

async fn say(socket: &std::path::Path, line: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    // A line that is too long is answered before it is read to its end.
    let _ = stream.write_all(line.as_bytes()).await;
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said).await;
    said
}

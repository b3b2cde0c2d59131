//! What the vault was told stands nowhere in the clear: not in its files, not in what it shows of itself.

use hutong_peer::vault::{ToSeal, VaultPeer};

use crate::{
    charts::{domain, record},
    city::{CLINIC, HEALTH},
    house::{House, LI, ZHANG},
};

#[tokio::test]
async fn neither_ids_nor_values_nor_handles_of_persons_are_in_the_files() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let value = "a value that must be read by nobody";
    house.chart(&zhang, &[("name", value)]).await;
    house.disclose(CLINIC, &zhang, &["name"]).await.unwrap();
    let li = house.person(LI).await;
    let backup = house.dir.path().join("backup");
    house.vault().backup(&backup).await.unwrap();
    let mut held = house.bytes();
    for file in ["keys.redb", "values.redb"] {
        held.extend(std::fs::read(backup.join(file)).unwrap());
    }
    let finds = |needle: &[u8]| held.windows(needle.len()).any(|bytes| bytes == needle);
    assert!(finds(b"wrapped") && finds(b"name"), "the search finds what is there");
    for secret in [ZHANG, LI, value] {
        assert!(!finds(secret.as_bytes()), "{secret}");
        assert!(!finds(hex::encode(secret).as_bytes()), "{secret} in hex");
    }
    // A handle is public; whose it is must not follow from it. Li's is in the name of one row alone, which leads to a
    // wrapped tag.
    let tagged = [b"rhealth\0", &li[..]].concat();
    let places = |needle: &[u8]| held.windows(needle.len()).filter(|bytes| *bytes == needle).count();
    assert_eq!(places(&li), places(&tagged));
}

#[tokio::test]
async fn nothing_that_is_shown_tells_a_secret() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let values = vec![("name".to_owned(), "Zhang San".into())];
    let sealing = ToSeal { record: record(&zhang), subjects: vec![zhang], values };
    let shown = format!("{sealing:?} {:?} {:?}", house.vault(), house.desk(HEALTH));
    for secret in [ZHANG, "Zhang San"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let metrics = house.metrics.encode().unwrap();
    assert!(!metrics.contains(ZHANG) && !metrics.contains(&hex::encode(zhang)), "{metrics}");
    let refused = house.vault().find_person(&house.token(HEALTH), domain(), "110105194912310021").await;
    assert!(!format!("{refused:?}").contains("110105194912310021"));
}

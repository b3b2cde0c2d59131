//! Erasure wins: over releases, over what was given before, over old copies of the keys.

use std::time::Duration;

use hutong_disclosure::records;
use hutong_peer::vault::{ToSeal, VaultPeer};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Erasure, ErasureStatus, RegisterPerson, RequestAccess, action::Kind},
};

use crate::{
    charts::{chart, disclosure, domain, fields, record, write},
    city::{CLINIC, HEALTH},
    house::{House, ZHANG, agreement, duty},
};

fn certificate(house: &House, record: &str) -> Erasure {
    let value = house.city.stored(&format!("erasure/{record}")).expect("a certificate");
    Erasure::decode(value).unwrap()
}

#[tokio::test]
async fn what_was_erased_is_released_no_more_even_to_who_had_it() {
    let mut house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San"), ("blood-group", "AB")]).await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    house.vault().release(access).await.unwrap();
    house.erase(chart(&zhang).as_str(), false).await;
    // At once, whether or not the keys are gone already.
    assert_eq!(house.refusal(access).await, "erased");
    house.reopen(house.folder.clone()).await;
    house.until_serving().await;
    assert_eq!(house.refusal(access).await, "erased");

    // New values of the same record are values again.
    house.chart(&zhang, &[("name", "Zhang San"), ("blood-group", "0")]).await;
    assert_eq!(house.refusal(access).await, "erased");
    let read = house.disclose(CLINIC, &zhang, &["blood-group"]).await.unwrap();
    assert_eq!(read.fields[0].1, "0");
    assert_eq!(certificate(&house, chart(&zhang).as_str()).status(), ErasureStatus::Erased);
}

#[tokio::test]
async fn values_sealed_for_a_transaction_to_come_outlive_an_erasure_before_it() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let pending = house.seal(&zhang, &[("name", "Zhang Sanfeng")]).await;
    house.erase(chart(&zhang).as_str(), false).await;
    house.submit(HEALTH, write(&zhang, &pending)).await.unwrap();
    let read = house.disclose(CLINIC, &zhang, &["name"]).await.unwrap();
    assert_eq!(read.fields[0].1, "Zhang Sanfeng");
}

#[tokio::test]
async fn a_person_is_forgotten_with_the_handle() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let person = records::person(&zhang);
    let key = hutong_ledger::id::RecordKey { domain: domain(), record: person.clone() };
    let values = vec![("phone".to_owned(), "13900000000".into())];
    let sealing = ToSeal { record: key, subjects: vec![zhang], values };
    let sealed = house.vault().seal(&house.token(HEALTH), sealing).await.unwrap();
    let register = RegisterPerson { handle: zhang.to_vec().into(), sealed: fields(&sealed) };
    house.submit(HEALTH, disclosure(Kind::RegisterPerson(register))).await.unwrap();
    let request = RequestAccess {
        record: person.to_string(),
        fields: vec!["phone".into()],
        purpose: "a call".into(),
        basis: Some(duty()),
        sealed_until_ms: 0,
    };
    let access = house.submit(HEALTH, disclosure(Kind::RequestAccess(request))).await.unwrap().id;
    let released = house.vault().release(access).await.unwrap();
    assert_eq!(house.desk(HEALTH).read_released(&released).await.unwrap().fields[0].1, "13900000000");

    house.erase(person.as_str(), true).await;
    assert_eq!(house.refusal(access).await, "erased");
    let forgotten = async {
        while !house.vault().own_handles(&format!("person {ZHANG}")).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), forgotten).await.unwrap();
    // Who comes again is somebody new: nothing joins the two.
    assert_ne!(house.person(ZHANG).await, zhang);
}

#[tokio::test]
async fn it_is_unrecoverable_once_the_key_that_wrapped_it_is_destroyed_and_the_ledger_says_so() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    house.erase(chart(&zhang).as_str(), false).await;
    let name = chart(&zhang).to_string();
    let kek = house.dir.path().join("kek");
    assert!(kek.join("0000000000000001.key").exists());
    let confirmed = async {
        while certificate(&house, &name).status() != ErasureStatus::Unrecoverable {
            // The loops sleep on the city's clock.
            house.city.clock.advance(Duration::from_secs(3600));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), confirmed).await.unwrap();
    let certificate = certificate(&house, &name);
    assert!(!kek.join("0000000000000001.key").exists());
    let took_ms = certificate.unrecoverable_ms - certificate.erased_ms;
    assert!(took_ms >= 6 * 24 * 3600 * 1000, "{took_ms}");
    assert!(certificate.read_by.len() == 1 && certificate.fields.len() == 1);
    // What was not erased is still there, under the new key.
    let fresh = house.chart(&zhang, &[("name", "Zhang San")]).await;
    assert_eq!(fresh.len(), 1);
    assert!(house.disclose(CLINIC, &zhang, &["name"]).await.is_ok());
    assert_eq!(record(&zhang).record, chart(&zhang));
}

//! A release needs a final, applied access that still stands, and opens for its requester alone.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use hutong_desk::{Error, Unread, open_release};
use hutong_ledger::{entry::Outcome, id::TxId, invariant::Invariant};
use hutong_peer::vault::{Released, VaultError, VaultPeer};
use hutong_wire::v1::disclosure::{Basis, GiveConsent, WithdrawConsent, action::Kind, basis};

use crate::{
    charts::disclosure,
    city::{ARCHIVE, CLINIC, HEALTH, POLICE, chain, sealing_key},
    house::{House, ZHANG, agreement, code, duty, emergency},
};

const CHART: [(&str, &str); 2] = [("blood-group", "AB"), ("name", "Zhang San")];

async fn house() -> (House, [u8; 16]) {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &CHART).await;
    (house, zhang)
}

#[tokio::test]
async fn the_requester_reads_exactly_what_it_asked_for() {
    let (house, zhang) = house().await;
    let read = house.disclose(CLINIC, &zhang, &["name"]).await.unwrap();
    assert_eq!(read.fields, [("name".to_owned(), Bytes::from_static(b"Zhang San"))]);
    let read = house.disclose(CLINIC, &zhang, &["name", "blood-group"]).await.unwrap();
    assert_eq!(read.fields.len(), 2);
    // The owner's own staff read by the same way.
    let access = house.access(HEALTH, &zhang, &["blood-group"], duty()).await;
    let released = house.vault().release(access).await.unwrap();
    let read = house.desk(HEALTH).read_released(&released).await.unwrap();
    assert_eq!(read.fields[0].1, "AB");
    let text = house.metrics.encode().unwrap();
    assert!(text.contains("hutong_vault_releases_total{agency=\"health-commission\"} 3\n"), "{text}");
    assert!(text.contains("hutong_vault_release_seconds_count{agency=\"health-commission\"} 3\n"), "{text}");
}

#[tokio::test]
async fn without_a_final_access_there_is_nothing() {
    let (house, zhang) = house().await;
    assert_eq!(house.refusal(TxId([7; 38])).await, "not_final");
    // Refused by the contract, on record: nothing to collect.
    let refused = house.disclose(POLICE, &zhang, &["name"]).await;
    let Err(Error::Refused { code, id }) = refused else { panic!("{refused:?}") };
    assert_eq!(code, "agreement_other_party");
    assert_eq!(house.refusal(id).await, "not_an_access");
    // Final, applied, and no access.
    let chart = house.chart(&zhang, &CHART).await;
    assert_eq!(chart.len(), 2);
    let other = house.submit(HEALTH, crate::charts::write(&zhang, &chart)).await.unwrap().id;
    assert_eq!(house.refusal(other).await, "not_an_access");
    // Final elsewhere, not yet for the agency's own storage.
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    house.city.blind.store(true, Ordering::SeqCst);
    assert_eq!(house.refusal(access).await, "not_final");
    house.city.blind.store(false, Ordering::SeqCst);
    // Another access than the one that is asked for: storage itself would have to lie.
    house.city.forge(|forged| forged.id = TxId([8; 38]));
    assert_eq!(house.refusal(access).await, "not_final");
    assert_eq!(house.invariants.count(Invariant::Look.id()), 1);
    house.city.forge(|forged| forged.outcome = Outcome::Refused("no".into()));
    assert_eq!(house.refusal(access).await, "not_an_access");
    house.city.forge(|forged| forged.changes.clear());
    assert_eq!(house.refusal(access).await, "not_an_access");
    house.city.forge(|forged| forged.domain = "property".parse().unwrap());
    assert_eq!(house.refusal(access).await, "not_owner_domain");
    house.city.forge(|forged| {
        let change = forged.changes.iter_mut().find(|change| change.record.as_str().starts_with("access/"));
        change.unwrap().value = Some(Bytes::from_static(b"\xff"));
    });
    assert_eq!(house.refusal(access).await, "not_an_access");
    let text = house.metrics.encode().unwrap();
    assert!(text.contains("hutong_vault_releases_total{agency=\"health-commission\"} 0\n"), "{text}");
    assert!(text.contains("call=\"release\",code=\"not_owner_domain\""), "{text}");
}

#[tokio::test]
async fn a_vault_without_its_storage_releases_nothing() {
    let (house, zhang) = house().await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    house.city.away.store(true, Ordering::SeqCst);
    assert!(matches!(house.vault().release(access).await, Err(VaultError::Unavailable(_))));
}

#[tokio::test]
async fn nobody_else_opens_it_and_nothing_in_it_can_be_changed() {
    let (house, zhang) = house().await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    let released = house.vault().release(access).await.unwrap();
    let (clinic, police) = (sealing_key(CLINIC, 1), sealing_key(POLICE, 1));
    assert!(open_release(&clinic, chain(), &released).is_ok());
    assert_eq!(open_release(&police, chain(), &released), Err(Unread::Unopened));
    let elsewhere = "otherton-0011223344556677".parse().unwrap();
    assert_eq!(open_release(&clinic, elsewhere, &released), Err(Unread::Unopened));
    let other = house.access(CLINIC, &zhang, &["blood-group"], agreement()).await;
    let tampered = Released { access: other, ..released.clone() };
    assert_eq!(open_release(&clinic, chain(), &tampered), Err(Unread::Unopened));
    let mut ciphertext = released.ciphertext.to_vec();
    ciphertext[0] ^= 1;
    let tampered = Released { ciphertext: ciphertext.into(), ..released };
    assert_eq!(open_release(&clinic, chain(), &tampered), Err(Unread::Unopened));
}

#[tokio::test]
async fn a_lost_answer_is_given_again_across_a_crash_until_the_window_ends() {
    let (mut house, zhang) = house().await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    let first = house.vault().release(access).await.unwrap();
    assert_eq!(house.vault().release(access).await.unwrap(), first);
    house.reopen(house.folder.clone()).await;
    house.until_serving().await;
    assert_eq!(house.vault().release(access).await.unwrap(), first);
    // Not a moment longer than the contract said.
    let left = hutong_disclosure::RELEASE_WINDOW_MS - 1;
    house.city.clock.advance(std::time::Duration::from_millis(left));
    assert_eq!(house.vault().release(access).await.unwrap(), first);
    house.city.clock.advance(std::time::Duration::from_millis(1));
    assert_eq!(house.refusal(access).await, "window_over");
}

#[tokio::test]
async fn a_requester_with_a_new_key_is_answered_under_that() {
    let (house, zhang) = house().await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    let first = house.vault().release(access).await.unwrap();
    house.city.new_sealing_keys(2);
    let second = house.vault().release(access).await.unwrap();
    assert_ne!(second.key, first.key);
    assert!(open_release(&sealing_key(CLINIC, 1), chain(), &second).is_err());
    assert!(open_release(&sealing_key(CLINIC, 2), chain(), &second).is_ok());
    assert_eq!(house.vault().release(access).await.unwrap(), second);
}

#[tokio::test]
async fn an_agency_without_a_sealing_key_gets_nothing() {
    let (house, zhang) = house().await;
    let access = house.access(ARCHIVE, &zhang, &["name"], emergency()).await;
    assert_eq!(house.refusal(access).await, "no_sealing_key");
}

#[tokio::test]
async fn what_it_rested_on_is_taken_back_and_the_answer_with_it() {
    let (house, zhang) = house().await;
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    house.vault().release(access).await.unwrap();
    house.city.agree(1);
    assert_eq!(house.refusal(access).await, "revoked");
    house.city.agree(0);
    house.vault().release(access).await.unwrap();

    let id = "0123456789abcdef".to_owned();
    let consent = GiveConsent {
        handle: zhang.to_vec().into(),
        id: id.clone(),
        consumer: POLICE.into(),
        record_type: "chart".into(),
        fields: vec!["name".into()],
        purposes: vec!["treatment".into()],
        from_ms: 0,
        until_ms: u64::MAX,
    };
    house.submit(HEALTH, disclosure(Kind::GiveConsent(consent))).await.unwrap();
    let named = basis::Kind::Consent(format!("{}/{id}", hex::encode(zhang)));
    let rests = Basis { kind: Some(named), ..Basis::default() };
    let access = house.access(POLICE, &zhang, &["name"], rests).await;
    house.vault().release(access).await.unwrap();
    let withdrawal = WithdrawConsent { handle: zhang.to_vec().into(), id };
    house.submit(HEALTH, disclosure(Kind::WithdrawConsent(withdrawal))).await.unwrap();
    assert_eq!(house.refusal(access).await, "revoked");
}

#[tokio::test]
async fn a_record_that_never_was_in_this_vault_is_told_so() {
    let (house, zhang) = house().await;
    // Somebody put commitments on the ledger that no vault made.
    let forged = [("name".to_owned(), hutong_ledger::hash::Hash([9; 32]))];
    house.submit(HEALTH, crate::charts::write(&zhang, &forged)).await.unwrap();
    let access = house.access(CLINIC, &zhang, &["name"], agreement()).await;
    assert_eq!(house.refusal(access).await, "value_unknown");
    assert_eq!(code(house.vault().release(access).await), "value_unknown");
}

//! Handles: random, one per person and domain, known to the owner's officials and the person alone.

use std::time::Duration;

use hutong_peer::vault::VaultPeer;

use crate::{
    charts::domain,
    city::{CLINIC, HEALTH},
    house::{House, LI, ZHANG, code},
};

#[tokio::test]
async fn a_person_has_one_handle_in_a_domain_and_finds_it() {
    let mut house = House::new().await;
    let token = house.token(HEALTH);
    let (zhang, made) = house.vault().find_person(&token, domain(), ZHANG).await.unwrap();
    assert!(made);
    let small = ZHANG.to_ascii_lowercase();
    assert_eq!(house.vault().find_person(&token, domain(), &small).await.unwrap(), (zhang, false));
    let (li, _) = house.vault().find_person(&token, domain(), LI).await.unwrap();
    assert_ne!(zhang, li);
    house.reopen(house.folder.clone()).await;
    house.until_serving().await;
    assert_eq!(house.vault().find_person(&token, domain(), ZHANG).await.unwrap(), (zhang, false));
    let own = house.vault().own_handles(&format!("person {ZHANG}")).await.unwrap();
    assert_eq!(own, [(domain(), zhang)]);
    assert_eq!(house.vault().own_handles("person 110101199003070038").await.unwrap(), []);
    // An official's token is no person's, and a person's no official's.
    assert_eq!(code(house.vault().own_handles(&token).await), "invalid_token");
    let person = format!("person {ZHANG}");
    assert_eq!(code(house.vault().find_person(&person, domain(), ZHANG).await), "invalid_token");
}

#[tokio::test]
async fn nobody_else_and_nothing_else_is_looked_up() {
    let house = House::new().await;
    let (own, other) = (house.token(HEALTH), house.token(CLINIC));
    assert_eq!(code(house.vault().find_person(&other, domain(), ZHANG).await), "not_the_owner");
    let foreign = "property".parse().unwrap();
    assert_eq!(code(house.vault().find_person(&own, foreign, ZHANG).await), "not_owner_domain");
    for wrong in ["", "1", "110105194912310021", "11010519491331002X", "'; drop table persons"] {
        let refused = house.vault().find_person(&own, domain(), wrong).await;
        let told = format!("{refused:?}");
        assert!(wrong.len() < 2 || !told.contains(wrong), "{told}");
        assert_eq!(code(refused), "resident_id_invalid", "{wrong}");
    }
}

#[tokio::test]
async fn two_at_once_find_the_same_person() {
    let house = House::new().await;
    let token = house.token(HEALTH);
    let look = || {
        let (vault, token) = (house.vault().clone(), token.clone());
        tokio::spawn(async move { vault.find_person(&token, domain(), ZHANG).await.unwrap() })
    };
    let looking: Vec<_> = (0..16).map(|_| look()).collect();
    let mut found = Vec::new();
    for one in looking {
        found.push(one.await.unwrap());
    }
    assert!(found.iter().all(|(handle, _)| *handle == found[0].0));
    assert_eq!(found.iter().filter(|(_, made)| *made).count(), 1);
}

#[tokio::test]
async fn trying_out_everybodys_id_is_stopped() {
    let mut house = House::new().await;
    house.config.find_person_per_minute = 3;
    house.reopen(house.folder.clone()).await;
    house.until_serving().await;
    let look = async || house.vault().find_person(&house.token(HEALTH), domain(), ZHANG).await;
    for _ in 0..3 {
        look().await.unwrap();
    }
    assert_eq!(code(look().await), "rate_limited");
    // Others at other counters are not held up by one.
    let other = house.official("clerk-4");
    house.vault().find_person(&other, domain(), ZHANG).await.unwrap();
    house.city.clock.advance(Duration::from_secs(20));
    look().await.unwrap();
    assert_eq!(code(look().await), "rate_limited");
    let text = house.metrics.encode().unwrap();
    assert!(
        text.contains("hutong_vault_persons_looked_up_total{agency=\"health-commission\"} 5\n"),
        "{text}"
    );
    assert!(text.contains("call=\"find_person\",code=\"rate_limited\"} 2\n"), "{text}");
}

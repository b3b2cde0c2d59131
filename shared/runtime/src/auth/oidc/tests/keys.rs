//! Rotation, and a provider that does not answer or answers with something else.

use std::time::Duration;

use hutong_keys::SigningKey;
use serde_json::json;

use super::{City, TokenFault, city, provider::ed25519};

fn rotate(city: &City, kid: &str, seed: u8) -> SigningKey {
    let key = SigningKey::from_seed(&[seed; 32]);
    city.provider.shown.lock().keys = vec![ed25519(kid, &key)];
    key
}

#[tokio::test]
async fn a_rotation_is_noticed_at_once_and_strangers_cause_no_flood() {
    let city = city().await;
    city.verifier.verify(&city.token()).await.unwrap();
    let second = rotate(&city, "second", 2);
    let by_second = city.provider.token_by("second", &second, &city.claims());
    // It was asked a moment ago.
    assert_eq!((city.fault(&by_second).await, city.provider.fetched()), (TokenFault::Key, 1));
    city.clock.advance(Duration::from_secs(10));
    city.verifier.verify(&by_second).await.unwrap();
    assert_eq!(city.provider.fetched(), 2);
    assert_eq!(city.fault(&city.token()).await, TokenFault::Key, "withdrawn, although the token was known");
    for number in 0..100 {
        let made_up = city.provider.token_by(&format!("k{number}"), &second, &city.claims());
        assert_eq!(city.fault(&made_up).await, TokenFault::Key);
    }
    assert_eq!(city.provider.fetched(), 2);
    city.clock.advance(Duration::from_secs(10));
    let made_up = city.provider.token_by("k", &second, &city.claims());
    assert_eq!((city.fault(&made_up).await, city.provider.fetched()), (TokenFault::Key, 3));
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let city = city().await;
    let token = city.token();
    let all = std::iter::repeat_with(|| city.verifier.verify(&token)).take(50);
    let mut pending: Vec<_> = all.map(Box::pin).collect();
    // All are under way before the first is finished.
    std::future::poll_fn(|cx| {
        pending.retain_mut(|call| call.as_mut().poll(cx).is_pending());
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(city.provider.fetched(), 1);
}

#[tokio::test]
async fn keys_are_asked_for_again_when_their_time_is_over() {
    let city = city().await;
    city.provider.shown.lock().cache_control = Some("max-age=120");
    city.verifier.verify(&city.token()).await.unwrap();
    city.clock.advance(Duration::from_secs(119));
    city.verifier.verify(&city.token()).await.unwrap();
    assert_eq!(city.provider.fetched(), 1);
    city.clock.advance(Duration::from_secs(1));
    city.verifier.verify(&city.token()).await.unwrap();
    assert_eq!(city.provider.fetched(), 2);
    rotate(&city, "second", 2);
    city.clock.advance(Duration::from_secs(120));
    assert_eq!(city.fault(&city.token()).await, TokenFault::Key);
}

#[tokio::test]
async fn keys_go_on_within_their_time_when_the_provider_is_down() {
    let city = city().await;
    let known = city.token();
    city.verifier.verify(&known).await.unwrap();
    city.provider.shown.lock().status = Some(503);
    city.clock.advance(Duration::from_secs(599));
    city.verifier.verify(&known).await.unwrap();
    let mut claims = city.claims();
    claims["sub"] = json!("another");
    city.verifier.verify(&city.provider.token(&claims)).await.unwrap();
    // A key that may be new: nobody can tell now.
    let second = SigningKey::from_seed(&[2; 32]);
    let by_second = city.provider.token_by("second", &second, &city.claims());
    assert_eq!(city.fault(&by_second).await, TokenFault::Unavailable);
    assert_eq!(city.fault(&by_second).await, TokenFault::Unavailable);
    city.clock.advance(Duration::from_secs(1));
    for token in [&known, &by_second] {
        assert_eq!(city.fault(token).await, TokenFault::Unavailable);
    }
    city.provider.shown.lock().status = None;
    city.clock.advance(Duration::from_secs(1));
    city.verifier.verify(&known).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_answers_with_something_else_is_not_believed() {
    let city = city().await;
    let token = city.token();
    let wait = || city.clock.advance(Duration::from_secs(1));
    for status in [301, 302, 307, 404, 500] {
        city.provider.shown.lock().status = Some(status);
        assert_eq!(city.fault(&token).await, TokenFault::Unavailable, "{status}");
        wait();
    }
    city.provider.shown.lock().status = None;
    for garbage in [b"".to_vec(), b"<html>".to_vec(), vec![b' '; 300 * 1024], b"{\"keys\":7}".to_vec()] {
        city.provider.shown.lock().garbage = Some(garbage);
        assert_eq!(city.fault(&token).await, TokenFault::Unavailable);
        wait();
    }
    city.provider.shown.lock().garbage = None;
    for issuer in ["https://other.test".to_owned(), format!("{}/", city.provider.issuer)] {
        city.provider.shown.lock().issuer = Some(issuer);
        assert_eq!(city.fault(&token).await, TokenFault::Unavailable);
        wait();
    }
    city.provider.shown.lock().issuer = None;
    for keys in ["http://other.test/keys", "file:///etc/passwd", "http://127.0.0.1:1/keys"] {
        city.provider.shown.lock().jwks_uri = Some(keys.to_owned());
        assert_eq!(city.fault(&token).await, TokenFault::Unavailable, "{keys}");
        wait();
    }
    city.provider.shown.lock().jwks_uri = None;
    city.verifier.verify(&token).await.unwrap();
}

#[tokio::test]
async fn nobody_listens() {
    let city = city().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = super::OidcConfig { issuers: vec![super::IssuerConfig::new(&address, super::AUDIENCE)] };
    let verifier = super::OidcVerifier::new(config, std::sync::Arc::new(city.clock.clone())).unwrap();
    let mut claims = city.claims();
    claims["iss"] = json!(address);
    let token = city.provider.token(&claims);
    assert_eq!(verifier.verify(&token).await, Err(TokenFault::Unavailable));
}

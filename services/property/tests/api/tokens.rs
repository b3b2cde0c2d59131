//! Who may ask: the routes behind the layer that checks real tokens.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, header},
    middleware::from_fn_with_state,
};
use http_body_util::BodyExt;
use hutong_keys::{SigningKey, mint_token};
use hutong_runtime::{
    ManualClock,
    auth::{Authenticator, KeyDirectory, identify},
};
use serde_json::Value;
use tower::ServiceExt;

use crate::{LAND, MemoryStorage, Running, register};

const CHAIN: &str = "riverton-0011223344556677";
const NOW_S: u64 = 1_700_000_000;

/// One member with one key.
#[derive(Debug)]
struct Member(SigningKey);

impl KeyDirectory for Member {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        (agency == LAND && key_id == self.0.key_id()).then(|| self.0.public().0)
    }

    fn is_member(&self, agency: &str) -> bool {
        agency == LAND
    }

    fn chain(&self) -> &str {
        CHAIN
    }
}

#[tokio::test]
async fn a_members_token_opens_the_register_and_no_other_does() {
    let storage = MemoryStorage::new();
    register(&storage, "7", "NAmes", 1);
    let city = Running::over(storage);
    let (key, stranger) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let clock = Arc::new(ManualClock::at(NOW_S * 1000));
    let authenticator = Arc::new(Authenticator::new(Arc::new(Member(key.clone())), clock));
    let routes = city.routes.clone().layer(from_fn_with_state(authenticator, identify));
    let ask = async |token: Option<String>, path: &str| {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        (status, body["code"].as_str().map(str::to_owned))
    };
    let good = || mint_token(&key, LAND, CHAIN, NOW_S, 60).ok();
    let parcel = "/property/v1/parcels/7";
    assert_eq!(ask(good(), parcel).await, (200, None));
    assert_eq!(ask(None, parcel).await, (401, Some("authentication_required".into())));
    let bad = [
        mint_token(&stranger, LAND, CHAIN, NOW_S, 60).unwrap(),
        mint_token(&key, "bank", CHAIN, NOW_S, 60).unwrap(),
        mint_token(&key, LAND, "otherton-0011223344556677", NOW_S, 60).unwrap(),
        mint_token(&key, LAND, CHAIN, NOW_S - 120, 60).unwrap(),
        "no.such.token".to_owned(),
    ];
    for token in bad {
        assert_eq!(ask(Some(token), parcel).await, (401, Some("invalid_token".into())));
    }
    // Who may ask is settled before what is asked for.
    assert_eq!(ask(None, "/property/v1/parcels/8").await.0, 401);
    assert_eq!(ask(None, "/property/v1/parcels?limit=0").await.0, 401);
    assert_eq!(ask(good(), "/property/v1/parcels/8").await, (404, Some("parcel_unknown".into())));
    let no_query = ask(good(), "/property/v1/parcels").await;
    assert_eq!(no_query, (400, Some("malformed_query".into())));
}

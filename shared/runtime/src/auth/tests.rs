//! Every way a token can be wrong, and that a right one stops working when its key is withdrawn.

use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hutong_keys::{SigningKey, mint_token};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::ManualClock;

const CHAIN: &str = "riverton-0011223344556677";
const NOW_S: u64 = 1_700_000_000;

#[derive(Debug, Default)]
struct Members(Mutex<Vec<(String, SigningKey)>>);

impl KeyDirectory for Members {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let members = self.0.lock();
        let mut fits = members.iter().filter(|(id, key)| id == agency && key.key_id() == key_id);
        fits.next().map(|(_, key)| key.public().0)
    }

    fn is_member(&self, agency: &str) -> bool {
        self.0.lock().iter().any(|(id, _)| id == agency)
    }

    fn chain(&self) -> &str {
        CHAIN
    }
}

struct City {
    key: SigningKey,
    members: Arc<Members>,
    clock: ManualClock,
    authenticator: Arc<Authenticator>,
}

fn city() -> City {
    let key = SigningKey::from_seed(&[9; 32]);
    let members = Arc::new(Members(Mutex::new(vec![("land".into(), key.clone())])));
    let clock = ManualClock::at(NOW_S * 1000);
    let authenticator = Arc::new(Authenticator::new(members.clone(), Arc::new(clock.clone())));
    City { key, members, clock, authenticator }
}

impl City {
    fn token(&self, now_s: u64, ttl_s: u64) -> String {
        mint_token(&self.key, "land", CHAIN, now_s, ttl_s).expect("a token")
    }

    /// A token of any content, truly signed.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn fault(&self, token: &str) -> TokenFault {
        self.authenticator.verify(token).expect_err("a bad token")
    }
}

fn claims() -> Value {
    json!({ "iss": "land", "sub": "land", "aud": CHAIN, "iat": NOW_S, "exp": NOW_S + 60 })
}

#[test]
fn a_right_token_names_its_agency() {
    let city = city();
    let token = city.token(NOW_S, 300);
    for _ in 0..2 {
        assert_eq!(city.authenticator.verify(&token).unwrap(), "land");
    }
    // A clock 30 s ahead is forgiven, also with the longest life.
    assert_eq!(city.authenticator.verify(&city.token(NOW_S + 30, 300)).unwrap(), "land");
}

#[test]
fn time_is_that_of_the_clock_given() {
    let city = city();
    let token = city.token(NOW_S, 60);
    city.authenticator.verify(&token).unwrap();
    city.clock.set_unix_ms((NOW_S + 59) * 1000 + 999);
    city.authenticator.verify(&token).unwrap();
    city.clock.set_unix_ms((NOW_S + 60) * 1000);
    assert_eq!(city.fault(&token), TokenFault::Expired);
    assert_eq!(city.fault(&city.token(NOW_S + 91, 60)), TokenFault::Future);
    assert_eq!(city.fault(&city.token(NOW_S - 400, 300)), TokenFault::Expired);
}

#[test]
fn a_withdrawn_key_ends_its_tokens_at_once() {
    let city = city();
    let token = city.token(NOW_S, 300);
    city.authenticator.verify(&token).unwrap();
    city.members.0.lock().clear();
    assert_eq!(city.fault(&token), TokenFault::Key);
}

#[test]
fn each_fault_has_its_name() {
    let city = city();
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": city.key.key_id() });
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        city.signed(&header, &claims)
    };
    city.authenticator.verify(&city.signed(&header, &claims())).unwrap();
    assert_eq!(city.fault(&with("aud", json!("otherton-0000"))), TokenFault::Audience);
    assert_eq!(city.fault(&with("sub", json!("parking"))), TokenFault::Subject);
    assert_eq!(city.fault(&with("iss", json!("parking"))), TokenFault::Key);
    assert_eq!(city.fault(&with("exp", json!(NOW_S + 301))), TokenFault::Lifetime);
    assert_eq!(city.fault(&with("exp", json!(u64::MAX))), TokenFault::Lifetime);
    assert_eq!(city.fault(&with("exp", json!(-1))), TokenFault::Malformed);
    assert_eq!(city.fault(&with("iat", Value::Null)), TokenFault::Malformed);
    for alg in ["none", "HS256", "RS256", "ES256", "eddsa"] {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": city.key.key_id() });
        assert_eq!(city.fault(&city.signed(&header, &claims())), TokenFault::Algorithm, "{alg}");
    }
    assert_eq!(city.fault(&city.signed(&json!({ "alg": "EdDSA" }), &claims())), TokenFault::Malformed);
    let unknown = json!({ "alg": "EdDSA", "kid": "0000000000000000" });
    assert_eq!(city.fault(&city.signed(&unknown, &claims())), TokenFault::Key);
    for text in ["", ".", "..", "a.b.c", "\u{1F980}", &"x".repeat(5000)] {
        assert!(matches!(city.fault(text), TokenFault::Malformed | TokenFault::Algorithm), "{text}");
    }
}

#[test]
fn a_changed_token_is_refused_whatever_changed() {
    let city = city();
    let token = city.token(NOW_S, 300);
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(city.authenticator.verify(&changed).is_err(), "byte {place}");
    }
    let forged = SigningKey::from_seed(&[8; 32]);
    let header = json!({ "alg": "EdDSA", "kid": city.key.key_id() });
    let stolen = City { key: forged, ..self::city() };
    assert_eq!(city.fault(&stolen.signed(&header, &claims())), TokenFault::Signature);
}

#[tokio::test]
async fn an_official_acts_for_the_agency_that_says_so() {
    let city = city();
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": city.key.key_id() });
    let with = |act: Value| {
        let mut claims = claims();
        claims["act"] = act;
        city.signed(&header, &claims)
    };
    let token = hutong_keys::mint_token_for(&city.key, "land", CHAIN, Some("clerk-7"), NOW_S, 300).unwrap();
    for token in [token, with(json!({ "sub": "clerk-7" }))] {
        let caller = city.authenticator.caller(&token).await.unwrap();
        assert_eq!(caller, Caller::Agency { id: "land".into(), official: Some("clerk-7".into()) });
        assert_eq!(city.authenticator.verify(&token).unwrap(), "land");
    }
    assert_eq!(city.authenticator.caller(&city.token(NOW_S, 300)).await.unwrap(), Caller::agency("land"));
    for wrong in ["", "a\nb", &"x".repeat(129)] {
        assert_eq!(city.fault(&with(json!({ "sub": wrong }))), TokenFault::Official, "{wrong}");
    }
    for wrong in [json!("clerk-7"), json!({}), json!({ "sub": 7 })] {
        assert_eq!(city.fault(&with(wrong)), TokenFault::Malformed);
    }
}

#[tokio::test]
async fn an_issuer_that_nobody_trusts_is_refused() {
    let city = city();
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": city.key.key_id() });
    let mut claims = claims();
    claims["iss"] = json!("https://id.riverton.test");
    let token = city.signed(&header, &claims);
    assert_eq!(city.authenticator.caller(&token).await, Err(TokenFault::Issuer));
    let none = OidcVerifier::new(OidcConfig::default(), Arc::new(city.clock.clone())).unwrap();
    let authenticator = Authenticator::new(city.members.clone(), Arc::new(city.clock.clone()));
    let fault = authenticator.with_oidc(Arc::new(none)).caller(&token).await;
    assert_eq!(fault, Err(TokenFault::Issuer));
}

async fn ask(city: &City, path: &str, authorization: Option<&str>) -> (u16, Option<String>, String) {
    let app = Router::new()
        .route("/who", get(|caller: Caller| async move { format!("{caller:?}") }))
        .route("/agency", get(|RequireAgency(id): RequireAgency| async move { id }))
        .layer(from_fn_with_state(city.authenticator.clone(), identify))
        .route("/bare", get(|_: Caller| async {}));
    let mut request = Request::get(path);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    let response = app.oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
    let status = response.status().as_u16();
    let challenge =
        response.headers().get(header::WWW_AUTHENTICATE).map(|v| v.to_str().expect("ASCII").to_owned());
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a body");
    (status, challenge, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn routes_learn_who_is_calling() {
    let city = city();
    let token = format!("Bearer {}", city.token(NOW_S, 60));
    assert_eq!(ask(&city, "/agency", Some(&token)).await, (200, None, "land".into()));
    assert_eq!(ask(&city, "/who", None).await, (200, None, "Anonymous".into()));
    let (status, challenge, body) = ask(&city, "/agency", None).await;
    assert_eq!((status, challenge.as_deref()), (401, Some("Bearer realm=\"hutong\"")));
    assert!(body.contains("authentication_required"), "{body}");
    assert_eq!(ask(&city, "/bare", None).await.0, 500);
}

#[tokio::test]
async fn a_bad_token_is_never_taken_for_none() {
    let city = city();
    let expired = city.token(NOW_S - 100, 60);
    let (status, challenge, body) = ask(&city, "/who", Some(&format!("bearer {expired}"))).await;
    assert_eq!(status, 401);
    let challenge = challenge.unwrap();
    assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains("expired"), "{challenge}");
    assert!(body.contains("\"reason\":\"expired\"") && !body.contains(&expired), "{body}");
    for other in ["Basic bGFuZDpsYW5k", "Bearer", ""] {
        assert_eq!(ask(&city, "/who", Some(other)).await.0, 401, "{other}");
    }
}

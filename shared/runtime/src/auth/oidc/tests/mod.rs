//! Every way a provider's token can be wrong, rotation of its keys, and what happens when it does not answer.

mod keys;
mod provider;
mod routes;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use self::provider::{Provider, by, by_ed25519, p256, rsa, unsigned};
use super::*;
use crate::ManualClock;

const NOW_S: u64 = 1_700_000_000;
const AUDIENCE: &str = "riverton";
/// Obviously no real one.
const RESIDENT: &str = "110101190001010004";

pub(super) struct City {
    provider: Provider,
    clock: ManualClock,
    verifier: OidcVerifier,
}

pub(super) async fn city() -> City {
    city_with(|_| {}).await
}

pub(super) async fn city_with(adapt: impl FnOnce(&mut IssuerConfig)) -> City {
    let provider = Provider::start().await;
    let mut config = IssuerConfig::new(&provider.issuer, AUDIENCE);
    adapt(&mut config);
    let clock = ManualClock::at(NOW_S * 1000);
    let config = OidcConfig { issuers: vec![config] };
    let verifier = OidcVerifier::new(config, Arc::new(clock.clone())).expect("a verifier");
    City { provider, clock, verifier }
}

impl City {
    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.provider.issuer,
            "sub": "248289761001",
            "aud": AUDIENCE,
            "iat": NOW_S,
            "exp": NOW_S + 3600,
            "resident_id": RESIDENT,
        })
    }

    pub(super) fn token(&self) -> String {
        self.provider.token(&self.claims())
    }

    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        self.provider.token(&claims)
    }

    fn without(&self, name: &str) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().expect("claims").remove(name);
        self.provider.token(&claims)
    }

    pub(super) async fn fault(&self, token: &str) -> TokenFault {
        self.verifier.verify(token).await.expect_err("a bad token")
    }
}

#[tokio::test]
async fn a_right_token_names_its_person_and_shows_nothing() {
    let city = city().await;
    let token = city.token();
    for _ in 0..2 {
        let person = city.verifier.verify(&token).await.unwrap();
        assert_eq!(
            (person.issuer.as_str(), person.subject.as_str()),
            (&*city.provider.issuer, "248289761001")
        );
        assert_eq!(person.resident_id.as_deref(), Some(RESIDENT));
        assert_eq!((person.token.expose(), person.persona), (token.as_str(), false));
        let shown = format!("{person:?} {:?} {:?}", Identity::Person(person.clone()), city.verifier);
        for hidden in [RESIDENT, "248289761001", token.as_str()] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
    assert_eq!(city.provider.fetched(), 1);
    let nobody = city.verifier.verify(&city.without("resident_id")).await.unwrap();
    assert_eq!(nobody.resident_id, None);
    assert!(city.verifier.verify(&city.with("persona", json!(true))).await.unwrap().persona);
}

#[tokio::test]
async fn each_kind_of_key_signs_in_its_own_way() {
    let city = city().await;
    city.provider.shown.lock().keys.extend([rsa("r"), p256("e")]);
    for (kid, algorithm, name) in [("r", Algorithm::RS256, "RS256"), ("e", Algorithm::ES256, "ES256")] {
        let token = by(&json!({ "alg": name, "kid": kid }), algorithm, &[], &city.claims());
        assert_eq!(city.verifier.verify(&token).await.unwrap().subject, "248289761001", "{name}");
    }
    city.verifier.verify(&city.token()).await.unwrap();
    // RSA by another padding than the one it says, or by one that is not taken.
    let token = by(&json!({ "alg": "RS256", "kid": "r" }), Algorithm::PS256, &[], &city.claims());
    assert_eq!(city.fault(&token).await, TokenFault::Signature);
    let token = by(&json!({ "alg": "PS256", "kid": "r" }), Algorithm::PS256, &[], &city.claims());
    assert_eq!(city.fault(&token).await, TokenFault::Algorithm);
}

#[tokio::test]
async fn no_algorithm_is_taken_for_another() {
    let city = city().await;
    city.provider.shown.lock().keys.extend([rsa("r"), p256("e")]);
    let claims = city.claims();
    for name in ["none", "None", "NONE", "HS256", "HS384", "HS512", "RS512", "PS256", "ES384", "eddsa", ""] {
        let header = json!({ "alg": name, "kid": "first" });
        assert_eq!(
            city.fault(&by_ed25519(&header, &city.provider.key, &claims)).await,
            TokenFault::Algorithm
        );
        assert_eq!(city.fault(&format!("{}.", unsigned(&header, &claims))).await, TokenFault::Algorithm);
    }
    // HMAC under what everybody can read.
    let public = city.provider.key.public().0;
    let forged = by(&json!({ "alg": "HS256", "kid": "first" }), Algorithm::HS256, &public, &claims);
    assert_eq!(city.fault(&forged).await, TokenFault::Algorithm);
    for name in ["EdDSA", "RS256", "ES256"] {
        for kid in ["first", "r", "e"] {
            let forged = by(&json!({ "alg": name, "kid": kid }), Algorithm::HS256, &public, &claims);
            let fault = city.fault(&forged).await;
            assert!(matches!(fault, TokenFault::Signature | TokenFault::Key), "{name} {kid}: {fault}");
        }
    }
    // A right signature by a key of another kind than the header says.
    let header = json!({ "alg": "RS256", "kid": "first" });
    assert_eq!(city.fault(&by_ed25519(&header, &city.provider.key, &claims)).await, TokenFault::Key);
    assert_eq!(
        city.fault(&format!("{}.", city.token().rsplit_once('.').unwrap().0)).await,
        TokenFault::Signature
    );
}

#[tokio::test]
async fn each_fault_has_its_name() {
    let city = city().await;
    for (name, value, fault) in [
        ("iss", json!("https://other.test"), TokenFault::Issuer),
        ("iss", json!("natural-resources"), TokenFault::Issuer),
        ("iss", json!(format!("{}/", city.provider.issuer)), TokenFault::Issuer),
        ("iss", json!(7), TokenFault::Issuer),
        ("aud", json!("otherton"), TokenFault::Audience),
        ("aud", json!(["otherton", 7]), TokenFault::Audience),
        ("aud", json!([]), TokenFault::Audience),
        ("aud", json!([AUDIENCE, "otherton"]), TokenFault::AuthorizedParty),
        ("exp", json!(NOW_S - 30), TokenFault::Expired),
        ("exp", json!(-1), TokenFault::Malformed),
        ("exp", json!("soon"), TokenFault::Malformed),
        ("iat", json!(NOW_S + 31), TokenFault::Future),
        ("nbf", json!(NOW_S + 31), TokenFault::Future),
        ("nbf", json!(null), TokenFault::Malformed),
        ("sub", json!(""), TokenFault::Malformed),
        ("sub", json!("x".repeat(256)), TokenFault::Malformed),
        ("sub", json!(7), TokenFault::Malformed),
        ("role", json!("official"), TokenFault::Role),
    ] {
        assert_eq!(city.fault(&city.with(name, value.clone())).await, fault, "{name} {value}");
    }
    for name in ["aud", "exp", "iat", "sub"] {
        assert_eq!(city.fault(&city.without(name)).await, TokenFault::Malformed, "{name}");
    }
    assert_eq!(city.fault(&city.without("iss")).await, TokenFault::Issuer);
    for (name, value) in [
        ("aud", json!([AUDIENCE])),
        ("exp", json!(NOW_S - 29)),
        ("iat", json!(NOW_S + 30)),
        ("nbf", json!(NOW_S + 30)),
        ("exp", json!(u64::MAX)),
        ("role", json!("citizen")),
        ("agency", json!("health-commission")),
    ] {
        city.verifier.verify(&city.with(name, value.clone())).await.expect(name);
    }
    let mut claims = city.claims();
    claims["aud"] = json!([AUDIENCE, "otherton"]);
    claims["azp"] = json!(AUDIENCE);
    city.verifier.verify(&city.provider.token(&claims)).await.unwrap();
    claims["azp"] = json!("otherton");
    assert_eq!(city.fault(&city.provider.token(&claims)).await, TokenFault::AuthorizedParty);
}

#[tokio::test]
async fn a_header_that_wants_more_is_refused() {
    let city = city().await;
    let with = |name: &str, value: Value| {
        let mut header = json!({ "alg": "EdDSA", "kid": "first" });
        header[name] = value;
        by_ed25519(&header, &city.provider.key, &city.claims())
    };
    for (name, value) in
        [("crit", json!(["b64"])), ("typ", json!("logout+jwt")), ("kid", json!(7)), ("alg", json!(["EdDSA"]))]
    {
        assert_eq!(city.fault(&with(name, value)).await, TokenFault::Malformed, "{name}");
    }
    for typ in ["JWT", "jwt", "at+jwt"] {
        city.verifier.verify(&with("typ", json!(typ))).await.unwrap();
    }
    for text in ["", ".", "..", "a.b.c", "\u{1F980}", &"x".repeat(10_000), &format!("{}.x", city.token())] {
        assert!(matches!(city.fault(text).await, TokenFault::Issuer | TokenFault::Malformed), "{text}");
    }
}

#[tokio::test]
async fn a_changed_token_is_refused_whatever_changed() {
    let city = city().await;
    let token = city.token();
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(city.verifier.verify(&changed).await.is_err(), "byte {place}");
    }
}

#[tokio::test]
async fn time_is_that_of_the_clock_given() {
    let city = city().await;
    let token = city.token();
    city.verifier.verify(&token).await.unwrap();
    city.clock.set_unix_ms((NOW_S + 3629) * 1000 + 999);
    city.verifier.verify(&token).await.unwrap();
    city.clock.set_unix_ms((NOW_S + 3630) * 1000);
    assert_eq!(city.fault(&token).await, TokenFault::Expired);
}

#[tokio::test]
async fn officials_come_only_from_those_who_may_speak_for_them() {
    let trusted = city_with(|config| config.officials = true).await;
    let mut claims = trusted.claims();
    claims["role"] = json!("official");
    let issuer = trusted.provider.issuer.clone();
    let token = trusted.provider.token(&claims);
    let found = trusted.verifier.identity(&issuer, &token).await;
    assert_eq!(found, Err(TokenFault::Role), "an official of no agency");
    claims["agency"] = json!("health-commission");
    let token = trusted.provider.token(&claims);
    let official =
        Identity::Official { agency: "health-commission".into(), pseudonym: "248289761001".into() };
    assert_eq!(trusted.verifier.identity(&issuer, &token).await, Ok(official));
    assert_eq!(trusted.fault(&token).await, TokenFault::NotAPerson);
    claims["sub"] = json!("a\nb");
    let token = trusted.provider.token(&claims);
    assert_eq!(trusted.verifier.identity(&issuer, &token).await, Err(TokenFault::Official));
}

#[test]
fn a_configuration_is_checked_whole() {
    let issuer = |address: &str| IssuerConfig::new(address, AUDIENCE);
    for good in [
        "https://id.riverton.test",
        "https://id.riverton.test:8443/realms/city",
        "http://127.0.0.1:8080/dev/oidc",
        "http://[::1]:1",
        "http://localhost",
    ] {
        assert_eq!(OidcConfig { issuers: vec![issuer(good)] }.faults(), Vec::<String>::new(), "{good}");
    }
    for bad in [
        "",
        "id.riverton.test",
        "http://id.riverton.test",
        "http://127.0.0.1.riverton.test",
        "http://localhost.riverton.test",
        "ftp://127.0.0.1",
        "https://user@id.riverton.test",
        "https://id.riverton.test?x=1",
        "https://id.riverton.test#x",
    ] {
        assert_eq!(OidcConfig { issuers: vec![issuer(bad)] }.faults().len(), 1, "{bad}");
    }
    let mut issuers = vec![issuer("http://a.test"), issuer("http://a.test")];
    issuers[0].audience.clear();
    issuers[0].resident_id_claim.clear();
    let config = OidcConfig { issuers };
    assert_eq!(config.faults().len(), 5);
    assert!(matches!(OidcVerifier::new(config, crate::SystemClock::shared()), Err(Error::Config(_))));
}

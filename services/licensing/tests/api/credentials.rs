//! Credentials, as an independent reader takes them, and what the service says of those that were tampered with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hutong_keys::SigningKey;
use hutong_licensing::Config;
use serde_json::{Value, json};

use crate::{Running, city::City, reader};

#[tokio::test]
async fn stock_software_reads_a_credential_and_its_status() {
    let running = Running::new();
    let (id, credential) = running.issue(|_| ()).await;
    assert_eq!(credential.matches('~').count(), 4, "three disclosures, each followed by ~");
    let (said, claims) = reader::credential(&running, &credential).await;
    assert_eq!(said["iss"], "https://licensing.riverton.example");
    assert_eq!(said["licence_record"], json!({ "id": id, "kind": "food", "uscc": crate::USCC }));
    assert_eq!((&said["nbf"], &said["exp"]), (&json!(1_698_796_800), &json!(1_730_419_200)));
    assert_eq!(Value::Object(claims), crate::new_licence()["claims"]);
    // Nothing of the claims is in what is signed.
    assert!(!json!(said).to_string().contains("Lane Road"));
    let digests = said["_sd"].as_array().unwrap();
    assert!(digests.is_sorted_by_key(|digest| digest.as_str().unwrap()));
    let vct = said["vct"].as_str().unwrap();
    let described = running.get(vct.strip_prefix("https://licensing.riverton.example").unwrap()).await;
    assert_eq!(described.body["vct"], vct);

    assert_eq!(reader::status(&running, &said).await, 0);
    let path = |what: &str| format!("/licensing/v1/licences/{id}/{what}");
    for (what, entry, reason) in
        [("suspend", 2, Some("suspended")), ("reinstate", 0, None), ("revoke", 1, Some("revoked"))]
    {
        let answer = running.post(&path(what), json!({ "reason": "an inspection" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        // At once, not some time later.
        assert_eq!(reader::status(&running, &said).await, entry, "after {what}");
        let verified = running.verify(&credential).await;
        assert_eq!(
            (verified["valid"].as_bool(), verified["reason"].as_str()),
            (Some(reason.is_none()), reason)
        );
    }
}

#[tokio::test]
async fn a_holder_shows_what_they_like() {
    let running = Running::new();
    let (_, credential) = running.issue(|_| ()).await;
    let parts: Vec<&str> = credential.split('~').collect();
    let subset = format!("{}~{}~", parts[0], parts[2]);
    let (_, claims) = reader::credential(&running, &subset).await;
    let verified = running.verify(&subset).await;
    assert_eq!((verified["valid"].as_bool(), &verified["claims"]), (Some(true), &json!(claims)));
    assert_eq!((claims.len(), &verified["holder"]), (1, &json!("not_bound")));
    let none = running.verify(&format!("{}~", parts[0])).await;
    assert_eq!((none["valid"].as_bool(), &none["claims"]), (Some(true), &json!({})));
}

#[tokio::test]
async fn whatever_is_tampered_with_is_noticed() {
    let running = Running::new();
    let (_, credential) = running.issue(|_| ()).await;
    let parts: Vec<&str> = credential.split('~').collect();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let jwt: Vec<&str> = parts[0].split('.').collect();
    let mut payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt[1]).unwrap()).unwrap();
    let key = SigningKey::from_seed(&[5; 32]);
    let signed = |header: Value, payload: &Value| {
        let signed = format!("{}.{}", encode(header), encode(payload.clone()));
        format!("{signed}.{}~", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())))
    };
    let header = |typ: &str, alg: &str, kid: &str| json!({ "alg": alg, "typ": typ, "kid": kid });
    let kid = key.key_id();
    let longer = {
        payload["exp"] = json!(4_000_000_000_u64);
        format!("{}.{}.{}~", jwt[0], encode(payload.clone()), jwt[2])
    };
    let stolen = signed(header("dc+sd-jwt", "EdDSA", &kid), &payload);
    let mut elsewhere = payload.clone();
    elsewhere["iss"] = "https://licensing.elsewhere.example".into();
    for (text, reason) in [
        (format!("{}~{}~", parts[0], encode(json!(["salt", "seats", 400]))), "bad_disclosure"),
        (format!("{}~{}~{}~", parts[0], parts[1], parts[1]), "bad_disclosure"),
        (format!("{}~~", parts[0]), "bad_disclosure"),
        (longer, "bad_signature"),
        (stolen, "not_issued"),
        (signed(header("dc+sd-jwt", "EdDSA", &kid), &elsewhere), "other_issuer"),
        (signed(header("dc+sd-jwt", "EdDSA", "other"), &payload), "unknown_key"),
        (signed(header("dc+sd-jwt", "none", &kid), &payload), "wrong_algorithm"),
        (signed(header("JWT", "EdDSA", &kid), &payload), "wrong_type"),
        (parts[0].to_owned(), "malformed"),
        ("~".into(), "malformed"),
        (String::new(), "malformed"),
        ("a.b.c~".into(), "malformed"),
    ] {
        let verified = running.verify(&text).await;
        assert_eq!(
            (verified["valid"].as_bool(), verified["reason"].as_str()),
            (Some(false), Some(reason)),
            "{text}"
        );
        assert!(verified.get("claims").is_none());
    }
}

/// The holder's own token over what is shown.
fn prove(key: &SigningKey, shown: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut payload = json!({
        "iat": crate::city::BEGAN_MS / 1000, "aud": "https://gate.example", "nonce": "n-1", "sd_hash": reader::digest(shown),
    });
    change(&mut payload);
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(json!({ "alg": "EdDSA", "typ": "kb+jwt" })), encode(payload));
    format!("{shown}{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())))
}

#[tokio::test]
async fn a_bound_credential_is_proven_by_its_holder_alone() {
    let running = Running::new();
    let (holder, thief) = (SigningKey::from_seed(&[8; 32]), SigningKey::from_seed(&[9; 32]));
    let x = URL_SAFE_NO_PAD.encode(holder.public().0);
    let cnf = json!({ "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x } });
    let (_, credential) = running.issue(|new| new["cnf"] = cnf.clone()).await;
    assert_eq!(reader::credential(&running, &credential).await.0["cnf"], cnf);
    assert_eq!(running.verify(&credential).await["holder"], "not_proven");
    let right = prove(&holder, &credential, |_| ());
    assert_eq!(running.verify(&right).await["holder"], "proven");
    let wrong = [
        prove(&thief, &credential, |_| ()),
        prove(&holder, &credential, |payload| payload["sd_hash"] = "other".into()),
        prove(&holder, &credential, |payload| payload["iat"] = json!(4_000_000_000_u64)),
        prove(&holder, &credential, |payload| payload["nonce"] = Value::Null),
        prove(&holder, &credential, |payload| payload["aud"] = Value::Null),
        format!("{credential}x"),
    ];
    for text in wrong {
        assert_eq!(running.verify(&text).await["reason"], "bad_holder_proof");
    }
    let asked = |text: &str, nonce: &str, audience: &str| json!({ "credential": text, "nonce": nonce, "audience": audience });
    let path = "/licensing/v1/verify";
    for (body, valid) in [
        (asked(&right, "n-1", "https://gate.example"), true),
        (asked(&right, "n-2", "https://gate.example"), false),
        (asked(&right, "n-1", "https://other.example"), false),
        (asked(&credential, "n-1", "https://gate.example"), false),
    ] {
        assert_eq!(running.post(path, body).await.body["valid"], valid);
    }
    // A credential that names no holder is proven by nobody.
    let (_, unbound) = running.issue(|_| ()).await;
    assert_eq!(running.verify(&prove(&holder, &unbound, |_| ())).await["reason"], "bad_holder_proof");
}

#[tokio::test]
async fn renewals_and_copies_come_from_the_vault() {
    let running = Running::new();
    let (id, credential) = running.issue(|_| ()).await;
    let path = |what: &str| format!("/licensing/v1/licences/{id}/{what}");
    let again = running.post(&path("credential"), json!({})).await;
    assert_eq!(again.body["credential"].as_str(), Some(credential.as_str()), "{}", again.text);
    running.pass(1);
    let renewed = running.post(&path("renew"), json!({ "valid_until": "2025-10-31" })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let newer = renewed.body["credential"].as_str().unwrap();
    let (said, claims) = reader::credential(&running, newer).await;
    assert_eq!(
        (&said["exp"], Value::Object(claims)),
        (&json!(1_761_955_200), crate::new_licence()["claims"].clone())
    );
    let verified = running.verify(&credential).await;
    assert_eq!((&verified["valid"], &verified["newest"]), (&json!(true), &json!(false)));
    assert_eq!(running.verify(newer).await["newest"], true);
    // With other claims.
    let other = json!({ "valid_until": "2026-10-31", "claims": { "seats": 60 } });
    let last = running.post(&path("renew"), other).await.body["credential"].as_str().unwrap().to_owned();
    assert_eq!(running.verify(&last).await["claims"], json!({ "seats": 60 }));
    assert_eq!(
        running.post(&path("credential"), json!({})).await.body["credential"].as_str(),
        Some(last.as_str())
    );
    // The first says itself when it is over, though the licence goes on.
    running.pass(400);
    let verified = running.verify(&credential).await;
    assert_eq!((&verified["valid"], &verified["reason"]), (&json!(false), &json!("expired")));
    assert_eq!(running.verify(&last).await["valid"], true);
}

#[tokio::test]
async fn another_key_takes_over() {
    let city = City::new();
    let (id, credential) = Running::configured(city.clone(), Config::default(), 5).issue(|_| ()).await;
    let old = SigningKey::from_seed(&[5; 32]).public();
    let path = format!("/licensing/v1/licences/{id}/credential");
    let without = Running::configured(city.clone(), Config::default(), 6);
    assert_eq!(without.verify(&credential).await["reason"], "unknown_key");
    assert_eq!(without.post(&path, json!({})).await.code(), (409, "credential_gone"));
    let config = Config { retired_keys: vec![old.to_string()], ..Config::default() };
    let with = Running::configured(city, config, 6);
    assert_eq!(with.verify(&credential).await["valid"], true);
    reader::credential(&with, &credential).await;
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_there() {
    let config = Config { issuer: Some("https://city.example/market".into()), ..Config::default() };
    let running = Running::configured(City::new(), config, 5);
    let (_, credential) = running.issue(|_| ()).await;
    let (said, _) = reader::credential(&running, &credential).await;
    assert_eq!(said["iss"], "https://city.example/market");
    assert_eq!(reader::status(&running, &said).await, 0);
    assert_eq!(running.get("/market/licensing/v1/types/licence").await.body["vct"], said["vct"]);
    assert_eq!(running.get("/market/licensing/v1/status/7").await.code(), (404, "status_list_unknown"));
}

/// The worked example of docs/licensing.md, as it stands there.
#[tokio::test]
async fn the_example_in_the_docs_works() {
    let page = include_str!("../../../../docs/licensing.md");
    let bodies: Vec<&str> = page.split("-d '").skip(1).map(|rest| rest.split_once('\'').unwrap().0).collect();
    let running = Running::new();
    running.pass(900);
    let issued = running.post("/licensing/v1/licences", serde_json::from_str(bodies[0]).unwrap()).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let (id, credential) = (issued.body["id"].as_str().unwrap(), issued.body["credential"].as_str().unwrap());
    let parts: Vec<&str> = credential.split('~').collect();
    let is_seats = |part: &&&str| {
        URL_SAFE_NO_PAD.decode(part).is_ok_and(|d| String::from_utf8_lossy(&d).contains("seats"))
    };
    let seats = parts[1..].iter().find(is_seats).unwrap();
    let example = page.split("```json").nth(1).unwrap().split("```").next().unwrap();
    let mut expected: Value = serde_json::from_str(example).unwrap();
    expected["licence"]["id"] = id.into();
    assert_eq!(running.verify(&format!("{}~{seats}~", parts[0])).await, expected);
    let path = format!("/licensing/v1/licences/{id}/revoke");
    let revoked = running.post(&path, serde_json::from_str(bodies[2]).unwrap()).await;
    assert_eq!(revoked.body["status"], "revoked");
    assert_eq!(running.verify(credential).await["reason"], "revoked");
}

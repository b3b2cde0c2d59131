//! The routes: disclosures for any agency, persons and sealing for the owner's officials.

use std::collections::BTreeMap;

use axum::{Extension, Router, body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use hutong_client::{Signer, TransactionBuilder};
use hutong_desk::{check_opening, open_release};
use hutong_disclosure::records;
use hutong_peer::vault::Released;
use hutong_runtime::{Clock, auth::Caller};
use hutong_vault::api::{Front, document, routes};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Access, Person, RequestAccess, action::Kind},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    charts::{chart, disclosure, domain},
    city::{CLINIC, HEALTH, POLICE, chain, id, sealing_key, signing_key},
    house::{House, LI, ZHANG, agreement},
};

fn front(house: &House) -> Router {
    let vaults = BTreeMap::from([(id(HEALTH), house.shared())]);
    let desks = BTreeMap::from([(id(HEALTH), house.desk(HEALTH)), (id(CLINIC), house.desk(CLINIC))]);
    routes(Front { ingest: house.city.clone(), storage: house.city.clone(), vaults, desks })
}

async fn post(house: &House, agency: Option<&str>, path: &str, body: &Value) -> (u16, Value) {
    let caller = agency.map_or(Caller::Anonymous, Caller::agency);
    let token = format!("Bearer {}", house.token(agency.unwrap_or(HEALTH)));
    let request =
        Request::post(path).header("content-type", "application/json").header("authorization", token);
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = front(house).layer(Extension(caller)).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn problem(house: &House, agency: Option<&str>, path: &str, body: Value) -> (u16, String) {
    let (status, body) = post(house, agency, path, &body).await;
    (status, body["code"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned())
}

/// A signed access transaction, in base64.
fn access(house: &House, agency: &str, record: &str, purpose: &str) -> String {
    let request = RequestAccess {
        record: record.into(),
        fields: vec!["name".into()],
        purpose: purpose.into(),
        basis: Some(agreement()),
        sealed_until_ms: 0,
    };
    let not_after_ms = house.city.clock.unix_ms() + 60_000;
    let builder = TransactionBuilder::new(chain(), domain(), id(agency), not_after_ms).unwrap();
    let builder = builder.actor("official-7").action(disclosure(Kind::RequestAccess(request)));
    let transaction = builder.sign(&[&Signer::new(id(agency), signing_key(agency))]).unwrap();
    STANDARD.encode(hutong_wire::v1::Transaction::from(&transaction).encode_to_vec())
}

#[tokio::test]
async fn a_disclosure_over_http_opens_with_the_requesters_key() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let asked = json!({ "transaction": access(&house, CLINIC, chart(&zhang).as_str(), "treatment") });
    let (status, answer) = post(&house, Some(CLINIC), "/v1/disclosures", &asked).await;
    assert_eq!(status, 200, "{answer}");
    let access_id = answer["access"].as_str().unwrap();
    assert_eq!(answer["receipt"], format!("/v1/transactions/{access_id}/receipt"));
    let part = |name: &str| STANDARD.decode(answer["sealed"][name].as_str().unwrap()).unwrap().into();
    let released = Released {
        access: access_id.parse().unwrap(),
        key: answer["sealed"]["key"].as_str().unwrap().parse().unwrap(),
        encapsulated: part("encapsulated"),
        ciphertext: part("ciphertext"),
    };
    let opening = open_release(&sealing_key(CLINIC, 1), chain(), &released).unwrap();
    let stored = house.city.stored(&format!("access/{access_id}")).unwrap();
    let fields = check_opening(domain(), &Access::decode(stored).unwrap(), opening).unwrap();
    assert_eq!(fields[0].1, "Zhang San");

    // The same again, by the access alone; for nobody else.
    let again = json!({ "access": access_id });
    assert_eq!(post(&house, Some(CLINIC), "/v1/disclosures", &again).await, (200, answer));
    let told = problem(&house, Some(POLICE), "/v1/disclosures", again.clone()).await;
    assert_eq!(told, (403, "not_the_requester".into()));
    assert_eq!(
        problem(&house, None, "/v1/disclosures", again).await,
        (401, "authentication_required".into())
    );
}

#[tokio::test]
async fn a_disclosure_that_is_refused_says_why() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    house.chart(&zhang, &[("name", "Zhang San")]).await;
    let chart = chart(&zhang).to_string();
    let ask = async |agency: &str, body: Value| problem(&house, Some(agency), "/v1/disclosures", body).await;
    let other = json!({ "transaction": access(&house, CLINIC, &chart, "curiosity") });
    assert_eq!(ask(CLINIC, other.clone()).await, (422, "agreement_purpose".into()));
    let theirs = json!({ "transaction": access(&house, CLINIC, &chart, "treatment") });
    assert_eq!(ask(POLICE, theirs.clone()).await, (403, "not_the_requester".into()));
    house.city.agree(0);
    let (status, answer) = post(&house, Some(CLINIC), "/v1/disclosures", &theirs).await;
    assert_eq!(status, 200);
    house.city.agree(1);
    assert_eq!(ask(CLINIC, json!({ "access": answer["access"] })).await, (403, "revoked".into()));
    let none = "00".repeat(38);
    assert_eq!(ask(CLINIC, json!({ "access": none })).await, (404, "unknown_transaction".into()));
    let elsewhere = json!({ "access": none, "domain": "health" });
    assert_eq!(ask(CLINIC, elsewhere).await, (403, "not_final".into()));
    let nowhere = json!({ "access": none, "domain": "weather" });
    assert_eq!(ask(CLINIC, nowhere).await, (404, "unknown_domain".into()));
    let foreign = json!({ "access": none, "domain": "property" });
    assert_eq!(ask(CLINIC, foreign).await, (503, "unavailable".into()));
    for wrong in [
        json!({}),
        json!({ "access": "x" }),
        json!({ "transaction": "%" }),
        json!({ "transaction": "AAAA" }),
        json!({ "access": none, "transaction": "" }),
        json!({ "access": none, "else": 1 }),
    ] {
        assert_eq!(ask(CLINIC, wrong.clone()).await, (422, "unexpected_json".into()), "{wrong}");
    }
}

#[tokio::test]
async fn an_official_registers_a_person_who_stands_at_the_counter() {
    let house = House::new().await;
    let body = json!({ "domain": "health", "resident_id": ZHANG, "values": { "name": "Zhang San" }, "official": "clerk-3" });
    let (status, first) = post(&house, Some(HEALTH), "/v1/persons", &body).await;
    assert_eq!((status, &first["made"]), (200, &json!(true)), "{first}");
    let handle: [u8; 16] = hex::decode(first["handle"].as_str().unwrap()).unwrap().try_into().unwrap();
    assert_eq!(house.person(ZHANG).await, handle);
    let person = |record| Person::decode(house.city.stored(record).unwrap()).unwrap();
    let record = records::person(&handle);
    let before = person(record.as_str());
    assert_eq!(before.sealed.len(), 1);

    let (status, again) = post(&house, Some(HEALTH), "/v1/persons", &body).await;
    assert_eq!((status, &again["made"], &again["handle"]), (200, &json!(false), &first["handle"]));
    assert_ne!(person(record.as_str()), before);
    let bare = json!({ "domain": "health", "resident_id": ZHANG });
    let (status, found) = post(&house, Some(HEALTH), "/v1/persons", &bare).await;
    assert_eq!((status, &found["transaction"]), (200, &Value::Null));
    let bare = json!({ "domain": "health", "resident_id": LI });
    let (status, made) = post(&house, Some(HEALTH), "/v1/persons", &bare).await;
    assert!(status == 200 && made["transaction"].is_string(), "{made}");

    let ask = async |agency, body| problem(&house, agency, "/v1/persons", body).await;
    let zhang = |domain: &str, id: &str| json!({ "domain": domain, "resident_id": id });
    assert_eq!(ask(Some(CLINIC), zhang("health", ZHANG)).await, (403, "not_the_owner".into()));
    assert_eq!(ask(Some(POLICE), zhang("property", ZHANG)).await, (403, "not_the_owner".into()));
    assert_eq!(ask(Some(HEALTH), zhang("weather", ZHANG)).await, (404, "unknown_domain".into()));
    assert_eq!(ask(None, zhang("health", ZHANG)).await, (401, "authentication_required".into()));
    assert_eq!(ask(Some(HEALTH), zhang("health", "1234")).await, (422, "resident_id_invalid".into()));
    let number = json!({ "domain": "health", "resident_id": 110101199003070054_u64 });
    let (status, told) = post(&house, Some(HEALTH), "/v1/persons", &number).await;
    assert!(status == 422 && !told.to_string().contains(LI), "{told}");
    let named = json!({ "domain": "health", "resident_id": ZHANG, "values": { "A": "x" } });
    assert_eq!(ask(Some(HEALTH), named).await, (422, "seal_invalid".into()));
}

#[tokio::test]
async fn values_are_sealed_for_who_makes_the_transaction() {
    let house = House::new().await;
    let zhang = house.person(ZHANG).await;
    let chart = chart(&zhang);
    let body = json!({
        "record": format!("health/{chart}"),
        "subjects": [hex::encode(zhang)],
        "values": { "name": "Zhang San", "blood-group": "AB" },
    });
    let (status, answer) = post(&house, Some(HEALTH), "/v1/sealed", &body).await;
    assert_eq!(status, 200, "{answer}");
    let commitments = answer["commitments"].as_object().unwrap();
    assert!(commitments.len() == 2 && commitments.values().all(|hash| hash.as_str().unwrap().len() == 64));
    assert_eq!(problem(&house, Some(CLINIC), "/v1/sealed", body).await, (403, "not_the_owner".into()));
    for wrong in [
        json!({ "record": ZHANG, "values": { "name": "x" } }),
        json!({ "record": "health/chart/1", "subjects": ["zhang"], "values": { "name": "x" } }),
        json!({ "record": "health/chart/1", "values": { "name": 13900000000_u64 } }),
        json!({ "record": "health/chart/1", "values": "13900000000" }),
    ] {
        let (status, told) = post(&house, Some(HEALTH), "/v1/sealed", &wrong).await;
        assert_eq!((status, &told["code"]), (422, &json!("unexpected_json")), "{told}");
        let text = told.to_string();
        assert!(!text.contains(ZHANG) && !text.contains("13900000000"), "{text}");
    }
}

#[test]
fn every_route_is_described() {
    let paths = document().paths.paths;
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/v1/disclosures", "/v1/persons", "/v1/sealed"]);
}

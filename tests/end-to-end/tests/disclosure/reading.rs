//! Reading sealed fields: within what was agreed, by who asked, and not beside it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong_client::{Client, Signer};
use hutong_keys::KeyFile;
use hutong_ledger::id::TxId;
use hutong_wire::{
    prost::Message as _,
    v1::{
        self,
        disclosure::{Action, Basis, Envelope, RequestAccess, action, basis},
    },
};
use serde_json::json;

use crate::city::{CONSUMER, City, NAME, OWNER};

#[test]
fn sealed_fields_are_read_within_an_agreement_and_not_beside_it() {
    let mut city = City::new();
    city.refused("name", "home-visit", ["--agreement", "none"], "agreement_unknown");
    city.refused("name", "home-visit", ["--duty", "case-1"], "duty_not_owner");
    city.agree("visits", |_| {});
    city.agree("twice", |agreement| agreement.count_limit = 2);
    city.agree("later", |agreement| agreement.from_ms = 3_999_999_999_999);

    let visits = ["--agreement", "visits"];
    city.refused("contact", "home-visit", visits, "agreement_field");
    city.refused("name", "marketing", visits, "agreement_purpose");
    city.refused("name", "home-visit", ["--agreement", "later"], "agreement_not_yet");
    let read = city.reads("name", "home-visit", visits);
    assert_eq!(read["fields"], json!({ "name": NAME }));
    for _ in 0..2 {
        city.reads("name", "home-visit", ["--agreement", "twice"]);
    }
    city.refused("name", "home-visit", ["--agreement", "twice"], "agreement_exhausted");

    // Whoever lost the answer gets the same bytes again, also from a vault that crashed; nobody else gets any.
    let access = read["access"].as_str().unwrap();
    let (status, first) = city.release(access);
    assert_eq!(status, 200, "{first}");
    city.process.kill();
    city.process = city.program.up();
    assert_eq!(city.release(access), (200, first));
    let other = city.program.token(&["--agency", "market-regulation"]);
    let url = format!("{}/v1/disclosures", city.process.url);
    let (status, answer) = city.program.http_post(&url, &other, &json!({ "access": access }));
    assert_eq!((status, &answer["code"]), (403, &"not_the_requester".into()), "{answer}");

    // Either side revokes; from the next block nothing rests on the agreement.
    let action = STANDARD.encode(hutong_catalogue::build::revoke("visits", "no more visits"));
    city.submit(&json!({ "agency": CONSUMER, "domain": "catalogue", "action": action }));
    city.refused("name", "home-visit", visits, "agreement_revoked");
    let (status, answer) = city.release(access);
    assert_eq!((status, &answer["code"]), (403, &"revoked".into()), "{answer}");
    city.end();
}

/// An access of an agency, signed with the key of another one or its own, as POST /v1/disclosures takes it.
fn signed(city: &City, agency: &str, key_of: &str) -> String {
    let files = hutong_client::City::open(&city.program.data()).unwrap();
    let client = Client::of(&files, &agency.parse().unwrap()).unwrap();
    let key = city.program.data().join("keys").join(key_of).join("signing.key");
    let key = KeyFile::load(&key).unwrap().signing_key().unwrap();
    let request = RequestAccess {
        record: city.record.strip_prefix("property/").unwrap().into(),
        fields: vec!["name".into()],
        purpose: "home-visit".into(),
        basis: Some(Basis { kind: Some(basis::Kind::Agreement("visits".into())), ..Basis::default() }),
        sealed_until_ms: 0,
    };
    let action = Action { kind: Some(action::Kind::RequestAccess(request)) };
    let action = Envelope { disclosure: Some(action) }.encode_to_vec();
    let builder = client.build("property".parse().unwrap()).unwrap().actor("nurse-7").action(action);
    let signer = Signer::new(agency.parse().unwrap(), key);
    STANDARD.encode(v1::Transaction::from(&builder.sign(&[&signer]).unwrap()).encode_to_vec())
}

/// Whoever changes what was signed, signs with another's key, asks in another's name or for another's access gets nothing.
#[test]
fn tampered_and_borrowed_requests_get_nothing() {
    let city = City::new();
    city.agree("visits", |_| {});
    let url = format!("{}/v1/disclosures", city.process.url);
    let own = city.program.token(&["--agency", CONSUMER]);
    let other = city.program.token(&["--agency", "market-regulation"]);
    let ask = |token: &str, body| {
        let (status, answer) = city.program.http_post(&url, token, &body);
        assert!(answer.get("sealed").is_none() || status == 200, "{answer}");
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    // Signed with another's key.
    let forged = signed(&city, CONSUMER, "market-regulation");
    assert_eq!(ask(&own, json!({ "transaction": forged })), (400, "unknown_key".into()));
    // Another field than the one that was signed for.
    let good = STANDARD.decode(signed(&city, CONSUMER, CONSUMER)).unwrap();
    let at = good.windows(4).position(|bytes| bytes == b"name").unwrap();
    let mut tampered = good.clone();
    tampered[at..at + 4].copy_from_slice(b"nome");
    let tampered = STANDARD.encode(tampered);
    assert_eq!(ask(&own, json!({ "transaction": tampered })), (400, "bad_signature".into()));
    // Another agency carries it.
    let good = STANDARD.encode(good);
    assert_eq!(ask(&other, json!({ "transaction": good })), (403, "not_the_requester".into()));
    // Its own.
    let (status, answer) = city.program.http_post(&url, &own, &json!({ "transaction": good }));
    assert_eq!(status, 200, "{answer}");
    let access = answer["access"].as_str().unwrap();
    assert_eq!(ask(&own, json!({ "access": access })).0, 200);
    assert_eq!(ask(&other, json!({ "access": access })), (403, "not_the_requester".into()));
    // The id of no access, told by every byte of it that is another.
    let id: TxId = access.parse().unwrap();
    for at in [0, 5, 6, 20, 37] {
        let mut other = id;
        other.0[at] ^= 1;
        let (status, code) = ask(&own, json!({ "access": other.to_string(), "domain": "property" }));
        assert_eq!((status, code.as_str()), (403, "not_final"), "byte {at}");
    }
    // A final transaction that is no access.
    let registered =
        city.program.result(&["get", "history", &city.record, "--json", "--url", &city.process.url]);
    let registered = registered.unwrap().to_string();
    let at = registered.find("\"transaction\":\"").unwrap() + "\"transaction\":\"".len();
    let token = city.program.token(&["--agency", OWNER]);
    let not_one = ask(&token, json!({ "access": registered[at..at + 76] }));
    assert_eq!(not_one, (403, "not_an_access".into()));
    city.end();
}

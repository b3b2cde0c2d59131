//! Drafting: a body that both sides sign, which is then an agreement.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_catalogue::{Config, DOMAIN};
use hutong_client::{Signer, cosign};
use hutong_keys::SigningKey;
use hutong_ledger::{entry::Outcome, transaction::Transaction};
use hutong_runtime::auth::Caller;
use hutong_wire::v1;
use serde_json::{Value, json};

use crate::{
    Running, agency_calls,
    city::{BEGAN_MS, City, JUSTICE, LAND},
};

const PATH: &str = "/catalogue/agreements/draft";

fn wanted() -> Value {
    json!({
        "id": "courts-1",
        "owner": LAND,
        "consumer": JUSTICE,
        "domain": "property",
        "record_type": "parcel",
        "fields": ["holder", "contact", "holder"],
        "purposes": ["enforcement"],
        "legal_basis": "Civil Procedure Law, art. 242",
        "until_ms": BEGAN_MS + 9000,
    })
}

#[tokio::test]
async fn a_draft_that_both_sign_is_an_agreement() {
    let running = Running::over(City::new());
    let draft = running.post(agency_calls(JUSTICE), PATH, wanted()).await;
    assert_eq!(draft.status, 200, "{}", draft.body);
    assert_eq!(draft.body["signers"], json!([JUSTICE, LAND]));
    assert_eq!(draft.body["not_after_ms"], BEGAN_MS + Config::default().draft_life_ms);
    let body: Bytes = STANDARD.decode(draft.body["body"].as_str().unwrap()).unwrap().into();
    let unsigned = v1::Transaction { body, signatures: Vec::new() };
    let mut transaction = Transaction::try_from(unsigned).unwrap();
    assert_eq!(transaction.id.to_string(), draft.body["id"].as_str().unwrap());
    for (agency, seed) in [(LAND, 1), (JUSTICE, 2)] {
        let signer = Signer::new(agency.parse().unwrap(), SigningKey::from_seed(&[seed; 32]));
        cosign(&mut transaction, &signer).unwrap();
    }
    assert_eq!(running.city.decide(&transaction).outcome, Outcome::Applied);
    let agreed = running.plain("/catalogue/agreements/courts-1").await;
    assert_eq!(agreed["fields"], json!(["contact", "holder"]));
    assert_eq!(
        (agreed["from_ms"].as_u64(), agreed["agreed_ms"].as_u64()),
        (Some(BEGAN_MS), Some(BEGAN_MS + 1))
    );
}

#[tokio::test]
async fn a_draft_is_what_the_command_line_submits() {
    let running = Running::over(City::new());
    let draft = running.post(agency_calls(LAND), PATH, wanted()).await;
    let submit = &draft.body["submit"];
    assert_eq!((&submit["agency"], &submit["signers"]), (&LAND.into(), &json!([JUSTICE])));
    assert_eq!(submit["domain"], DOMAIN.as_str());
    let action: Bytes = STANDARD.decode(submit["action"].as_str().unwrap()).unwrap().into();
    running.city.submit(&[LAND, JUSTICE], action);
    // Nobody signs the same thing twice unawares: each draft is another transaction.
    let second = running.post(agency_calls(LAND), PATH, wanted()).await;
    assert_ne!(second.body["id"], draft.body["id"]);
}

#[tokio::test]
async fn what_would_be_refused_is_not_drafted() {
    let running = Running::over(City::new());
    let with = |name: &str, value: Value| {
        let mut body = wanted();
        body[name] = value;
        body
    };
    let land = || agency_calls(LAND);
    for (body, code) in [
        (with("id", "Courts".into()), "agreement_invalid"),
        (with("fields", json!([])), "agreement_invalid"),
        (with("legal_basis", "".into()), "agreement_invalid"),
        (with("consumer", LAND.into()), "agreement_invalid"),
        (with("until_ms", BEGAN_MS.into()), "period_invalid"),
        (with("count_limit", (-1).into()), "unexpected_json"),
        (with("revoked_ms", 1.into()), "unexpected_json"),
    ] {
        let refused = running.post(land(), PATH, body.clone()).await;
        assert_eq!(refused.code(), (422, code), "{body}");
    }
    let field = running.post(land(), PATH, with("purposes", json!(["a\n"]))).await;
    assert_eq!(field.body["field"], "purposes");
    assert_eq!(
        running.post(agency_calls("data-bureau"), PATH, wanted()).await.code(),
        (403, "side_required")
    );
    let nobody = running.post(Caller::Anonymous, PATH, wanted()).await;
    assert_eq!(nobody.code(), (401, "authentication_required"));
}

//! Agreements in the words of ODRL, and their end.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use hutong_catalogue::build;
use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{
    HOST, Running, agency_calls, agreement,
    city::{BEGAN_MS, BUREAU, City, JUSTICE, LAND},
    linked::assert_iri,
};

const PATH: &str = "/catalogue/agreements/courts-1";

/// What ODRL 2.2 wants of an agreement: uid, assigner and assignee, at least one rule; every rule a target and an
/// action; every constraint its three parts; operands, operators and actions of the core vocabulary.
fn assert_odrl(agreement: &Value) {
    assert_eq!(agreement["@context"][0], "http://www.w3.org/ns/odrl.jsonld");
    assert_eq!(agreement["@type"], "Agreement");
    assert_iri(agreement["uid"].as_str().unwrap());
    let rules = |name: &str| agreement[name].as_array().cloned().unwrap_or_default();
    let (permissions, prohibitions) = (rules("permission"), rules("prohibition"));
    assert!(!permissions.is_empty() || !prohibitions.is_empty(), "a policy has a rule");
    for rule in permissions.iter().chain(&prohibitions) {
        for party in ["target", "assigner", "assignee"] {
            assert_iri(rule[party].as_str().unwrap());
        }
        assert_ne!(rule["assigner"], rule["assignee"]);
        assert!(["read", "use", "distribute"].contains(&rule["action"].as_str().unwrap()));
        for constraint in rule["constraint"].as_array().into_iter().flatten() {
            let operand = constraint["leftOperand"].as_str().unwrap();
            assert!(["purpose", "dateTime", "count"].contains(&operand));
            let operator = constraint["operator"].as_str().unwrap();
            assert!(["eq", "isAnyOf", "gteq", "lteq", "lt"].contains(&operator));
            let right = &constraint["rightOperand"];
            match operand {
                "dateTime" => {
                    assert_eq!(right["@type"], "xsd:dateTime");
                    right["@value"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
                }
                "count" => assert!(right.is_u64()),
                _ => assert!(right.is_string() || right.is_array()),
            }
        }
        for duty in rule["duty"].as_array().into_iter().flatten() {
            assert_eq!(duty["action"], "inform");
        }
    }
    for prefixed in agreement.as_object().unwrap().keys().filter(|name| name.contains(':')) {
        let prefix = prefixed.split(':').next().unwrap();
        assert_iri(agreement["@context"][1][prefix].as_str().unwrap());
    }
}

#[tokio::test]
async fn an_agreement_is_an_odrl_policy() {
    let city = City::new();
    let mut agreed = agreement("courts-1", JUSTICE);
    (agreed.purposes, agreed.count_limit) = (vec!["enforcement".into(), "inheritance".into()], 100);
    city.submit(&[LAND, JUSTICE], build::agree(agreed));
    let running = Running::over(city);
    let answer = running.get(PATH).await;
    assert_eq!((answer.status, answer.header(CONTENT_TYPE)), (200, "application/ld+json"));
    assert_odrl(&answer.body);
    let base = format!("http://{HOST}");
    let parts = json!({
        "target": format!("{base}/catalogue/datasets?domain=property&record_type=parcel"),
        "hutong:field": ["contact", "holder"],
        "assigner": format!("{base}/v1/membership/agencies/land"),
        "assignee": format!("{base}/v1/membership/agencies/justice"),
    });
    let time = |text: &str| json!({ "@type": "xsd:dateTime", "@value": text });
    let mut permission = parts.clone();
    permission["action"] = "read".into();
    permission["constraint"] = json!([
        { "leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["enforcement", "inheritance"] },
        { "leftOperand": "dateTime", "operator": "gteq", "rightOperand": time("2023-11-14T22:13:21Z") },
        { "leftOperand": "dateTime", "operator": "lt", "rightOperand": time("2023-11-14T22:13:29Z") },
        { "leftOperand": "count", "operator": "lteq", "rightOperand": 100 },
    ]);
    permission["duty"] = json!([{ "action": "inform" }]);
    let mut prohibition = parts;
    prohibition["action"] = "distribute".into();
    let mut body = answer.body;
    body.as_object_mut().unwrap().remove("@context");
    assert_eq!(
        body,
        json!({
            "@type": "Agreement",
            "uid": format!("{base}{PATH}"),
            "dct:identifier": "courts-1",
            "adms:status": "agreed",
            "dpv:hasLegalBasis": "Civil Procedure Law, art. 242",
            "dct:issued": time("2023-11-14T22:13:20.001Z"),
            "permission": [permission],
            "prohibition": [prohibition],
        })
    );
}

#[tokio::test]
async fn plain_json_for_who_asks_for_it() {
    let city = City::new();
    city.submit(&[LAND, JUSTICE], build::agree(agreement("courts-1", JUSTICE)));
    let running = Running::over(city);
    let plain = running.plain(PATH).await;
    assert_eq!(plain["fields"], json!(["contact", "holder"]));
    assert_eq!((plain["until_ms"].as_u64(), &plain["count_limit"]), (Some(BEGAN_MS + 9000), &Value::Null));
    assert_eq!((plain["version"].as_u64(), &plain["revoked_ms"]), (Some(1), &Value::Null));
    let tagged = running.get_with(PATH, &[(ACCEPT, "application/json")]).await;
    let known =
        running.get_with(PATH, &[(ACCEPT, "application/json"), (IF_NONE_MATCH, tagged.header(ETAG))]).await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn a_side_revokes_and_nothing_is_permitted_any_more() {
    let city = City::new();
    city.submit(&[LAND, JUSTICE], build::agree(agreement("courts-1", JUSTICE)));
    let running = Running::over(city);
    running.city.clock.advance(Duration::from_millis(2000));
    let revoke = format!("{PATH}/revoke");
    let reason = json!({ "reason": "the law changed" });

    let nobody = running.post(Caller::Anonymous, &revoke, reason.clone()).await;
    assert_eq!(nobody.code(), (401, "authentication_required"));
    let elsewhere = running.post(agency_calls(JUSTICE), &revoke, reason.clone()).await;
    assert_eq!(elsewhere.code(), (403, "not_the_owner"));
    let unknown = running.post(agency_calls(LAND), "/catalogue/agreements/x/revoke", reason.clone()).await;
    assert_eq!(unknown.code(), (404, "agreement_unknown"));
    let without = running.post(agency_calls(LAND), &revoke, json!({ "reason": "" })).await;
    assert_eq!(without.code(), (422, "reason_missing"));
    let odd = running.post(agency_calls(LAND), &revoke, json!({ "why": "x" })).await;
    assert_eq!(odd.code(), (422, "unexpected_json"));

    let done = running.post(agency_calls(LAND), &revoke, reason.clone()).await;
    assert_eq!((done.status, &done.body["revoked_by"]), (200, &LAND.into()));
    assert_eq!(done.body["revocation_reason"], "the law changed");
    let again = running.post(agency_calls(LAND), &revoke, reason).await;
    assert_eq!(again.code(), (422, "agreement_revoked"));

    let linked = running.get(PATH).await.body;
    assert_odrl(&linked);
    assert!(linked.get("permission").is_none());
    assert_eq!(
        (&linked["adms:status"], &linked["hutong:revocationReason"]),
        (&"revoked".into(), &"the law changed".into())
    );
    let actions: Vec<_> =
        linked["prohibition"].as_array().unwrap().iter().map(|rule| &rule["action"]).collect();
    assert_eq!(actions, ["distribute", "read"]);
    assert_eq!(linked["dct:modified"]["@value"], "2023-11-14T22:13:22.003Z");
}

#[tokio::test]
async fn who_is_no_side_revokes_nothing() {
    let city = City::new();
    let mut health = agreement("h", JUSTICE);
    (health.owner, health.domain) = (BUREAU.into(), "health".into());
    city.submit(&[BUREAU, JUSTICE], build::agree(health));
    let running = Running::over(city);
    let reason = json!({ "reason": "not ours" });
    let refused = running.post(agency_calls(LAND), "/catalogue/agreements/h/revoke", reason).await;
    assert_eq!(refused.code(), (422, "side_required"));
}

#[tokio::test]
async fn an_agreement_may_be_called_draft() {
    let city = City::new();
    city.submit(&[LAND, JUSTICE], build::agree(agreement("draft", JUSTICE)));
    let running = Running::over(city);
    assert_odrl(&running.get("/catalogue/agreements/draft").await.body);
}

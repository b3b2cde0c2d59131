//! What the ledger sees and what it does not; accesses, AuditEvents, consents, erasure, restarts.

use std::sync::Arc;

use hutong_health::{AGENCY_SYSTEM, Bodies, Key, build};
use hutong_wire::v1::disclosure::{Basis, Consent, Erase, RequestAccess, action::Kind, basis};

use crate::{
    City,
    ledger::{HOSPITAL, Ledger, OWNER},
    link, list, text,
};

const ZHANG: &str = r#"{"resourceType":"Patient","id":"zhang","identifier":[{"system":"urn:oid:2.16.156.10011.1.3","value":"11010519491231002X"}],"name":[{"text":"Zhang Xiaoming"}]}"#;
const WEIGHT: &str = r#"{"resourceType":"Observation","id":"w","status":"final","code":{"text":"Gewicht"},"subject":{"reference":"Patient/zhang"},"valueQuantity":{"value":72.50}}"#;

fn erase(record: &str) -> bytes::Bytes {
    build::disclosure(Kind::Erase(Erase {
        record: record.into(),
        requested_by: "person".into(),
        basis: "PIPL 47".into(),
        destroy_handle: false,
    }))
}

#[tokio::test]
async fn no_clinical_word_reaches_the_ledger() {
    let city = City::new().await;
    city.hold(ZHANG).await;
    city.hold(WEIGHT).await;
    city.get("/Observation?patient.name=zhang").await.is(200);
    city.patch("/Observation/w", "application/json", r#"{"code":{"text":"Groesse"}}"#).await.is(200);
    let submitted = city.ledger.submitted();
    for word in ["Zhang", "11010519491231002X", "Gewicht", "Groesse", "72.50", "Patient/zhang/"] {
        let found = submitted.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        assert!(!found, "{word} stands on the ledger");
    }
}

#[tokio::test]
async fn every_read_is_an_access_with_its_audit_event() {
    let city = City::new().await;
    city.hold(ZHANG).await;
    city.hold(WEIGHT).await;
    assert_eq!(city.ledger.names("access/").len(), 0);
    city.get("/Observation/w").await.is(200);
    assert_eq!(city.ledger.names("access/").len(), 1);
    city.get("/Observation/w/_history/1").await.is(200);
    city.get("/Observation/w/_history").await.is(200);
    city.get("/Observation?_include=Observation:patient").await.is(200);
    assert_eq!(city.ledger.names("access/").len(), 5, "one for each resource that is shown");
    // The person's index names them all.
    assert_eq!(city.ledger.names("accesses/").len(), 1 + 5);
    city.until(|reply| text(&reply.json(), "total") == "5", "/AuditEvent?patient=Patient/zhang").await;
    for (query, count) in [
        ("/AuditEvent?entity=Observation/w", 4),
        ("/AuditEvent?entity=Patient/zhang", 5),
        ("/AuditEvent?action=R", 3),
        ("/AuditEvent?action=E", 2),
        ("/AuditEvent?type=rest&date=ge2023", 5),
        ("/AuditEvent?date=lt2023", 0),
        ("/AuditEvent?subtype=vread", 1),
    ] {
        assert_eq!(city.total(query).await, count, "{query}");
    }
    let by_agent = format!("/AuditEvent?agent:identifier={AGENCY_SYSTEM}|{OWNER}");
    let events = city.get(&by_agent).await.is(200).json();
    assert_eq!(list(&events, "entry").len(), 5);
    let id = text(&events, "entry.0.resource.id");
    let event = city.get(&format!("/AuditEvent/{id}")).await.is(200);
    fhirkit::from_json_strict::<fhirkit::r4::AuditEvent>(&event.text).unwrap();
    assert_eq!(city.ledger.names("access/").len(), 5, "to read of a read is to read the ledger");
    // What the ledger says, nobody changes.
    city.put(&format!("/AuditEvent/{id}"), &event.text).await.is(405);
    city.patch(&format!("/AuditEvent/{id}"), "application/json", "{}").await.is(405);
    city.delete(&format!("/AuditEvent/{id}")).await.is(405);
}

#[tokio::test]
async fn another_agencys_access_has_an_audit_event_too() {
    let city = City::new().await;
    city.hold(ZHANG).await;
    let emergency = RequestAccess {
        record: "Patient/zhang".into(),
        fields: vec!["body".into()],
        purpose: "treatment".into(),
        basis: Some(Basis {
            kind: Some(basis::Kind::Emergency("unconscious".into())),
            court_order: String::new(),
        }),
        sealed_until_ms: 0,
    };
    city.ledger.submit_as(HOSPITAL, &build::disclosure(Kind::RequestAccess(emergency)), "dr-7").unwrap();
    let query = format!("/AuditEvent?agent:identifier={AGENCY_SYSTEM}|{HOSPITAL}&altid=dr-7");
    city.until(|reply| text(&reply.json(), "total") == "1", &query).await;
}

#[tokio::test]
async fn a_resident_has_one_handle() {
    let city = City::new().await;
    city.hold(ZHANG).await;
    city.hold(&ZHANG.replace("\"zhang\"", "\"other\"")).await;
    assert_eq!(city.ledger.names("person/").len(), 1);
    city.hold(r#"{"resourceType":"Patient","id":"unknown"}"#).await;
    city.hold(&WEIGHT.replace("Patient/zhang", "Patient/other")).await;
    city.get("/Observation/w").await.is(200);
    assert!(city.ledger.names("accesses/").iter().all(|name| name.contains(&"01".repeat(16))));
    let bad = ZHANG.replace("11010519491231002X", "110105194912310021");
    city.put("/Patient/zhang", &bad).await.is(422);
}

#[tokio::test]
async fn what_is_erased_is_gone_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::new());
    {
        let city = City::over(ledger.clone(), Bodies::open(dir.path()).unwrap()).await;
        city.hold(ZHANG).await;
        city.hold(WEIGHT).await;
        city.hold(&WEIGHT.replace("72.50", "71.50")).await;
        city.ledger.submit_as(OWNER, &erase("Observation/w"), "officer").unwrap();
        city.until(|reply| reply.status == 410, "/Observation/w").await;
        assert_eq!(city.total("/Observation").await, 0);
        for path in ["/Observation/w/_history/1", "/Observation/w/_history"] {
            city.get(path).await.is(410);
        }
        city.put("/Observation/w", WEIGHT).await.is(410);
        city.delete("/Observation/w").await.is(204);
        assert_eq!(list(&city.get("/Observation/_history").await.json(), "entry").len(), 0);
        city.get("/Patient/zhang").await.is(200);
        city.until(|_| dir.path().join("bodies-1.key").exists(), "/Patient/zhang").await;
    }
    // After a restart too.
    let city = City::over(ledger, Bodies::memory()).await;
    city.get("/Observation/w").await.is(410);
}

#[tokio::test]
async fn a_restart_finds_everything_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::new());
    {
        let city = City::over(ledger.clone(), Bodies::open(dir.path()).unwrap()).await;
        city.hold(ZHANG).await;
        city.hold(WEIGHT).await;
    }
    let accesses = ledger.names("access/").len();
    // The first city's file may be closing still.
    let bodies = loop {
        match Bodies::open(dir.path()) {
            Ok(bodies) => break bodies,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let city = City::over(ledger.clone(), bodies).await;
    assert_eq!(city.total("/Observation?patient.name=zhang&_count=0").await, 1);
    assert_eq!(ledger.names("access/").len(), accesses, "the file of bodies was enough");
    // Where it was lost, the vault has them, and each recovery is an access.
    let city = City::over(ledger, Bodies::memory()).await;
    city.until(|reply| text(&reply.json(), "total") == "1", "/Observation?patient.name=zhang&_count=0").await;
    assert!(city.get("/Observation/w").await.is(200).text.contains("72.50"));
    assert!(city.bodies.has(&hutong_ledger::hash::Hash([0; 32])).is_ok());
}

#[tokio::test]
async fn a_consent_is_given_and_withdrawn_on_the_ledger() {
    let city = City::new().await;
    city.hold(ZHANG).await;
    let consent = |status: &str| {
        format!(
            r#"{{"resourceType":"Consent","id":"c","status":"{status}","scope":{{"text":"privacy"}},"category":[{{"text":"share"}}],"patient":{{"reference":"Patient/zhang"}},"policyRule":{{"text":"opt-in"}},
            "provision":{{"type":"permit","period":{{"end":"2030"}},"class":[{{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}}],
            "actor":[{{"role":{{"text":"recipient"}},"reference":{{"identifier":{{"system":"{AGENCY_SYSTEM}","value":"{HOSPITAL}"}}}}}}]}}}}"#
        )
    };
    let standing = || -> Vec<Consent> {
        let names = city.ledger.names("consent/");
        let all = names.iter().map(|name| city.ledger.record(name).unwrap());
        let all = all.map(|value| hutong_wire::prost::Message::decode(value).unwrap());
        all.filter(|consent: &Consent| consent.withdrawn_ms == 0).collect()
    };
    city.hold(&consent("draft")).await;
    assert!(standing().is_empty());
    city.hold(&consent("active")).await;
    let given = standing();
    assert_eq!(
        (given.len(), given[0].consumer.as_str(), given[0].record_type.as_str()),
        (1, HOSPITAL, "observation")
    );
    // Who may read on it, can.
    city.hold(WEIGHT).await;
    let basis = format!("{}/{}", hex::encode(&given[0].handle), given[0].id);
    let ask = || {
        build::disclosure(Kind::RequestAccess(RequestAccess {
            record: "Observation/w".into(),
            fields: vec!["body".into()],
            purpose: "TREAT".into(),
            basis: Some(Basis {
                kind: Some(basis::Kind::Consent(basis.clone())),
                court_order: String::new(),
            }),
            sealed_until_ms: 0,
        }))
    };
    city.ledger.submit_as(HOSPITAL, &ask(), "dr-7").unwrap();
    city.hold(&consent("inactive")).await;
    assert!(standing().is_empty());
    assert!(city.ledger.submit_as(HOSPITAL, &ask(), "dr-7").is_err());
    city.hold(&consent("active")).await;
    assert_eq!(standing().len(), 1);
    city.delete("/Consent/c").await.is(204);
    assert!(standing().is_empty());
    let key: Key = "Consent/c".parse().unwrap();
    assert_eq!(key.to_string(), "Consent/c");
    assert!(link(&city.get("/Consent").await.json(), "self").is_some());
}

//! Contact data: it goes to the vault, and nothing else ever sees it again.

use axum::{body::Body, http::Request};
use http::header;
use hutong_runtime::{
    auth::{Caller, Person},
    config::Secret,
};

use crate::{LEAK, Reply, Running, form};

const CONTACT: [(&str, &str); 6] = [
    ("email", "zhang@example.cn"),
    ("phone", "13812345678"),
    ("first_name", "SanUnusual"),
    ("last_name", "ZhangUnusual"),
    ("device_id", "device-4711"),
    ("account_id", "account-0815"),
];

fn assert_silent(reply: &Reply) {
    for (name, value) in CONTACT {
        assert!(!reply.text.contains(value), "{name} in {}", reply.text);
        assert!(!format!("{:?}", reply.headers).contains(value));
    }
}

#[tokio::test]
async fn contact_data_is_sealed_and_never_comes_back() {
    let city = Running::equipped().await;
    let fields = [&LEAK[..], &CONTACT].concat();
    for ending in ["json", "xml"] {
        let reply = city.post(&format!("requests.{ending}"), &fields).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_silent(&reply);
    }
    let id = city.ids("").await.remove(0);
    for path in [
        "/open311/v2/requests.json".to_owned(),
        "/open311/v2/requests.xml".to_owned(),
        format!("/open311/v2/requests/{id}.json"),
        format!("/open311/v2/requests/{id}.xml"),
        format!("/open311/v2/tokens/{id}.json"),
    ] {
        assert_silent(&city.get(&path).await);
    }
    for path in [
        "/requests/v1/requests".to_owned(),
        format!("/requests/v1/requests/{id}"),
        format!("/requests/v1/requests/{id}/history"),
    ] {
        let reply = city.send(city.with_token(crate::LINE, "GET", &path, None)).await;
        assert_eq!(reply.status, 200);
        assert_silent(&reply);
        assert!(reply.text.contains("commitment"), "{}", reply.text);
    }
    // No transaction ever carried it; the vault has it under the request's record.
    assert!(CONTACT.iter().all(|(_, value)| !city.city.has_seen(value)));
    let sealed = city.city.sealed.lock();
    assert_eq!(sealed.len(), 12);
    let of_one: Vec<_> =
        sealed.iter().filter(|(key, ..)| key.record.as_str() == format!("request/{id}")).collect();
    assert_eq!(of_one.len(), 6);
    assert!(of_one.iter().any(|(_, _, name, value)| name == "phone" && value == "13812345678"));
}

#[tokio::test]
async fn contact_data_is_in_no_error() {
    let city = Running::equipped().await;
    for wrong in
        [("lat", "91"), ("service_code", "none"), ("attribute[colour]", "red"), ("phone", "13812345678\n1")]
    {
        let fields = [&CONTACT[..], &[wrong]].concat();
        for ending in ["json", "xml"] {
            let reply = city.post(&format!("requests.{ending}"), &fields).await;
            assert!(matches!(reply.status, 400 | 404), "{}", reply.text);
            assert_silent(&reply);
        }
    }
    assert!(city.city.sealed.lock().is_empty());
}

fn person(resident_id: Option<&str>) -> Caller {
    Caller::Person(Person {
        issuer: "https://id.example".into(),
        subject: "sub-1".into(),
        resident_id: resident_id.map(str::to_owned),
        token: Secret::new("token"),
        persona: true,
    })
}

async fn made_by(city: &Running, caller: Caller) -> serde_json::Value {
    let request = Request::post("/open311/v2/requests.json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form(&[&LEAK[..], &[("phone", "13812345678")]].concat())));
    let reply = city.send_as(caller, request.unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let id = reply.json()[0]["service_request_id"].as_str().unwrap().to_owned();
    city.agency_get(&format!("/requests/v1/requests/{id}")).await
}

#[tokio::test]
async fn a_person_who_logged_in_is_the_subject() {
    let city = Running::equipped().await;
    let resident = Some("11010519491231002X");
    let first = made_by(&city, person(resident)).await;
    let second = made_by(&city, person(resident)).await;
    let handle = first["subject"].as_str().unwrap().to_owned();
    assert_eq!((handle.len(), &second["subject"]), (32, &first["subject"]));
    assert_ne!(made_by(&city, person(Some("110101199003070054"))).await["subject"], first["subject"]);
    // The vault knows whose data it is, the ledger that there is such a person, and neither who it is.
    assert!(city.city.sealed.lock().iter().all(|(_, subjects, ..)| subjects.len() == 1));
    assert!(!city.city.has_seen("11010519491231002X"));
    // Who is not known to be a resident is nobody's handle.
    assert_eq!(made_by(&city, person(None)).await["subject"], serde_json::Value::Null);
    assert_eq!(city.city.last_actor(), "open311");
}

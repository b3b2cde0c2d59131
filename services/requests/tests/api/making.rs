//! Making requests: keys, forms, places, attributes, and all that is wrong with them.

use std::sync::atomic::Ordering;

use axum::{body::Body, http::Request};
use http::header;
use serde_json::json;

use crate::{
    LEAK, Running,
    city::{LINE, ROADS},
    form, items,
};

#[tokio::test]
async fn a_request_is_made_and_found() {
    let city = Running::equipped().await;
    let reply = city.post("requests.json", &LEAK).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let made = &reply.json()[0];
    assert_eq!((&made["service_notice"], &made["account_id"]), (&json!("Close the tap."), &json!(null)));
    let id = made["service_request_id"].as_str().unwrap();
    assert!(id.starts_with("20260115-"), "{id}");
    // In the list at once: who made it waits until the view has it.
    let list = city.found("/open311/v2/requests.json").await;
    let one = city.found(&format!("/open311/v2/requests/{id}.json")).await;
    assert_eq!(list, one);
    let time = "2026-01-15T12:00:00.004Z";
    assert_eq!(
        one,
        json!([{
            "service_request_id": id, "status": "open", "status_notes": null,
            "service_name": "Leak & <burst>", "service_code": "leak", "description": "A fountain",
            "agency_responsible": "water-works", "service_notice": "Close the tap.",
            "requested_datetime": time, "updated_datetime": time,
            "expected_datetime": "2026-01-16T12:00:00.004Z",
            "address": null, "address_id": null, "zipcode": null, "lat": 39.9054, "long": 116.3976,
            "media_url": null,
        }])
    );
    let token = city.found(&format!("/open311/v2/tokens/{id}.json")).await;
    assert_eq!(token, json!([{ "service_request_id": id, "token": id }]));
}

#[tokio::test]
async fn xml_carries_what_was_said() {
    let city = Running::equipped().await;
    let said = "Water & <mud> \"here\" ' ]]> 坑\r\nsecond line\ttab 😀";
    let fields = [("service_code", "leak"), ("address_string", "8 Lane"), ("description", said)];
    let reply = city.post("requests.xml", &fields).await;
    assert_eq!((reply.status, reply.media_type()), (200, "text/xml; charset=utf-8"));
    let made = items(&reply.text, "service_requests", "request");
    let id = &made[0]["service_request_id"];
    assert_eq!((made[0]["service_notice"].as_str(), made[0]["account_id"].as_str()), ("Close the tap.", ""));
    for path in [
        format!("/open311/v2/requests/{id}.xml"),
        format!("/open311/v2/requests/{id}"),
        "/open311/v2/requests.xml".into(),
    ] {
        let reply = city.get(&path).await;
        let found = items(&reply.text, "service_requests", "request");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["description"], said, "{path}");
        assert_eq!((found[0]["address"].as_str(), found[0]["lat"].as_str()), ("8 Lane", ""));
    }
    let json = city.found(&format!("/open311/v2/requests/{id}.json")).await;
    assert_eq!(json[0]["description"], said);
}

#[tokio::test]
async fn a_key_is_needed() {
    let city = Running::equipped().await;
    let before = city.city.height();
    for fields in [&LEAK[..], &[("service_code", "leak"), ("api_key", "guess")], &[], &[("api_key", "")]] {
        let reply = city.post_form("requests.json", fields).await;
        assert_eq!((reply.status, &reply.json()[0]["code"]), (403, &json!(403)), "{fields:?}");
        let reply = city.post_form("requests.xml", fields).await;
        assert_eq!((reply.status, items(&reply.text, "errors", "error")[0]["code"].as_str()), (403, "403"));
    }
    // Another agency signs for itself.
    let key = city.token(ROADS);
    let mut fields = LEAK.to_vec();
    fields.push(("api_key", &key));
    assert_eq!(city.post_form("requests.json", &fields).await.status, 403);
    assert_eq!(city.city.height(), before);
    // A key in the query, and a bearer token.
    let path = format!("requests.json?api_key={}", city.token(LINE));
    assert_eq!(city.post_form(&path, &LEAK).await.status, 200);
    let request = Request::post("/open311/v2/requests.json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
        .header(header::AUTHORIZATION, format!("Bearer {}", city.token(LINE)));
    let reply = city.send(request.body(Body::from(form(&LEAK))).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn what_is_wrong_is_400_and_nothing_is_written() {
    let city = Running::equipped().await;
    let before = city.city.height();
    let long = "坑".repeat(4001);
    let long_address = "a".repeat(513);
    let place = ("address_string", "8 Lane");
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("service_code", vec![place]),
        ("place", vec![]),
        ("place", vec![("address_string", "  ")]),
        ("lat", vec![("lat", "91"), ("long", "0")]),
        ("lat", vec![("lat", "-90.0001"), ("long", "0")]),
        ("long", vec![("lat", "0"), ("long", "180.1")]),
        ("lat", vec![("lat", "NaN"), ("long", "0")]),
        ("lat", vec![("lat", "north"), ("long", "0")]),
        ("long", vec![("lat", "0"), ("long", "inf")]),
        ("long", vec![("lat", "40")]),
        ("lat", vec![("long", "40")]),
        ("description", vec![place, ("description", &long)]),
        ("description", vec![place, ("description", "bell \u{7}")]),
        ("description", vec![place, ("description", "one"), ("description", "two")]),
        ("address", vec![("address_string", &long_address)]),
        ("media_url", vec![place, ("media_url", "javascript:x")]),
        ("attribute[colour]", vec![place, ("attribute[colour]", "red")]),
        ("attribute[amount]", vec![place, ("attribute[amount]", "much")]),
        ("attribute[amount]", vec![place, ("attribute[amount][]", "1"), ("attribute[amount][]", "2")]),
        ("attribute[signs]", vec![place, ("attribute[signs][]", "dry")]),
        ("attribute[signs]", vec![place, ("attribute[signs]", "wet"), ("attribute[signs]", "loud")]),
        ("attribute[code]", vec![place, ("attribute[amount", "1")]),
        ("attribute[code]", vec![place, ("attributes", "1")]),
        ("email", vec![place, ("email", "a\nb")]),
    ];
    for (told, mut fields) in cases {
        if told != "service_code" {
            fields.push(("service_code", "leak"));
        }
        let reply = city.post("requests.json", &fields).await;
        assert_eq!(reply.status, 400, "{told}: {}", reply.text);
        let error = &reply.json()[0];
        assert_eq!(error["code"], 400);
        assert!(error["description"].as_str().unwrap().contains(told), "{told}: {error}");
    }
    let reply = city.post("requests.json", &[("service_code", "none"), place]).await;
    assert_eq!((reply.status, &reply.json()[0]["code"]), (404, &json!(404)));
    assert_eq!(city.city.height(), before);
    assert!(city.city.sealed.lock().is_empty());
}

#[tokio::test]
async fn four_thousand_characters_are_not_too_many() {
    let city = Running::equipped().await;
    let said = "坑".repeat(4000);
    let id = city.make(&[("service_code", "leak"), ("address_id", "A-7"), ("description", &said)]).await;
    let one = city.found(&format!("/open311/v2/requests/{id}.json")).await;
    assert_eq!(
        (one[0]["description"].as_str().unwrap(), &one[0]["address_id"]),
        (said.as_str(), &json!("A-7"))
    );
}

#[tokio::test]
async fn attributes_reach_the_ledger() {
    let city = Running::equipped().await;
    let id = city
        .make(&[
            ("service_code", "leak"),
            ("address_string", "8 Lane"),
            ("attribute[amount]", "12.5"),
            ("attribute[signs][]", "loud"),
            ("attribute[signs][]", "wet"),
            ("attribute[colour]", ""),
        ])
        .await;
    let one = city.agency_get(&format!("/requests/v1/requests/{id}")).await;
    assert_eq!(one["attributes"], json!({ "amount": ["12.5"], "signs": ["loud", "wet"] }));
}

#[tokio::test]
async fn a_form_is_a_form() {
    let city = Running::equipped().await;
    let send = |media_type: &str, body: Vec<u8>| {
        let path = format!("/open311/v2/requests.json?api_key={}", city.token(LINE));
        let request = Request::post(path).header(header::CONTENT_TYPE, media_type).body(Body::from(body));
        city.send(request.unwrap())
    };
    assert_eq!(send("application/json", b"{}".to_vec()).await.status, 400);
    assert_eq!(send("multipart/form-data; boundary=x", b"--x".to_vec()).await.status, 400);
    let not_text = b"service_code=leak&address_string=%ff".to_vec();
    let reply = send("application/x-www-form-urlencoded", not_text).await;
    assert!(reply.status == 400 && reply.text.contains("UTF-8"), "{}", reply.text);
    let many = "a=1&".repeat(1001).into_bytes();
    assert_eq!(send("application/x-www-form-urlencoded", many).await.status, 400);
}

#[tokio::test]
async fn a_resident_id_in_the_clear_is_refused() {
    let city = Running::equipped().await;
    let fields =
        [("service_code", "leak"), ("address_string", "8 Lane"), ("description", "I am 11010519491231002X")];
    let reply = city.post("requests.json", &fields).await;
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert!(!reply.text.contains("11010519491231002X"));
    assert!(!city.city.has_seen("11010519491231002X"));
}

#[tokio::test]
async fn what_does_not_answer_is_503() {
    let city = Running::equipped().await;
    let mut fields = LEAK.to_vec();
    fields.push(("phone", "13800000000"));
    city.city.vault_away.store(true, Ordering::SeqCst);
    let reply = city.post("requests.json", &fields).await;
    assert_eq!((reply.status, &reply.json()[0]["code"]), (503, &json!(503)));
    assert_eq!(reply.headers[header::RETRY_AFTER], "1");
    // Without contact data there is nothing to seal.
    city.leak().await;
    city.city.vault_away.store(false, Ordering::SeqCst);
    city.city.away.store(true, Ordering::SeqCst);
    assert_eq!(city.post("requests.json", &LEAK).await.status, 503);
    assert_eq!(city.get("/open311/v2/requests/x.json").await.status, 503);
    // Lists come from the view, which shows what it knew.
    assert_eq!(city.ids("").await.len(), 1);
}

#[tokio::test]
async fn other_methods_are_405() {
    let city = Running::equipped().await;
    for (method, path) in [
        ("PUT", "/open311/v2/requests.json"),
        ("DELETE", "/open311/v2/requests/x.json"),
        ("POST", "/open311/v2/services.json"),
        ("PATCH", "/requests/v1/requests/x"),
        ("GET", "/requests/v1/requests/x/answer"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_eq!(city.send(request).await.status, 405, "{method} {path}");
    }
}

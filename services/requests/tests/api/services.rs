//! Discovery, services, definitions: the same in both formats, for everyone.

use axum::{body::Body, http::Request};
use http::header;
use serde_json::json;

use crate::{Running, city::City, items};

#[tokio::test]
async fn services_are_listed_in_both_formats() {
    let city = Running::equipped().await;
    let list = city.found("/open311/v2/services.json").await;
    assert_eq!(
        list,
        json!([
            {
                "service_code": "hole", "service_name": "Hole", "description": null, "metadata": false,
                "type": "batch", "keywords": null, "group": null,
            },
            {
                "service_code": "leak", "service_name": "Leak & <burst>",
                "description": "Water where none should be", "metadata": true, "type": "realtime",
                "keywords": "water,pipe", "group": "utilities",
            },
        ])
    );
    for path in ["/open311/v2/services.xml", "/open311/v2/services"] {
        let reply = city.get(path).await;
        assert_eq!((reply.status, reply.media_type()), (200, "text/xml; charset=utf-8"));
        let found = items(&reply.text, "services", "service");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1]["service_name"], "Leak & <burst>");
        assert_eq!((found[1]["metadata"].as_str(), found[0]["keywords"].as_str()), ("true", ""));
    }
    let request = Request::get("/open311/v2/services").header(header::ACCEPT, "application/json");
    assert_eq!(city.send(request.body(Body::empty()).unwrap()).await.json(), list);
}

#[tokio::test]
async fn a_retired_service_is_not_offered() {
    let city = Running::equipped().await;
    city.put("/requests/v1/services/hole", json!({ "name": "Hole", "retired": true })).await;
    assert_eq!(city.found("/open311/v2/services.json").await.as_array().unwrap().len(), 1);
    let fields = [("service_code", "hole"), ("address_string", "8 Lane")];
    let reply = city.post("requests.json", &fields).await;
    assert_eq!((reply.status, &reply.json()[0]["code"]), (400, &json!(400)));
}

#[tokio::test]
async fn a_definition_says_what_is_asked() {
    let city = Running::equipped().await;
    let found = city.found("/open311/v2/services/leak.json").await;
    assert_eq!(found["service_code"], "leak");
    let asked = found["attributes"].as_array().unwrap();
    assert_eq!(asked[0]["code"], "amount", "in the order of the form");
    assert!(asked[0].get("values").is_none());
    assert_eq!(
        asked[1],
        json!({
            "variable": true, "code": "signs", "datatype": "multivaluelist", "required": false,
            "datatype_description": null, "order": 2, "description": "Signs?",
            "values": [{ "key": "wet", "name": "It is wet" }, { "key": "loud", "name": "It is loud" }],
        })
    );
    let xml = city.get("/open311/v2/services/leak.xml").await.text;
    let document = roxmltree::Document::parse(&xml).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "service_definition");
    let names: Vec<_> = root.descendants().filter(|n| n.is_element()).map(|n| n.tag_name().name()).collect();
    assert_eq!(names.iter().filter(|name| **name == "attribute").count(), 2);
    let keys = root.descendants().filter(|n| n.has_tag_name("key")).map(|n| n.text().unwrap());
    assert_eq!(keys.collect::<Vec<_>>(), ["wet", "loud"]);
    assert!(
        root.descendants().any(|n| n.has_tag_name("value") && n.parent().unwrap().has_tag_name("values"))
    );
}

#[tokio::test]
async fn what_is_unknown_is_404_in_the_standards_form() {
    let city = Running::equipped().await;
    for path in
        ["services/none", "services/a.b", "requests/none", "requests/a,b", "tokens/none", "services/%20"]
    {
        let reply = city.get(&format!("/open311/v2/{path}.json")).await;
        assert_eq!((reply.status, &reply.json()[0]["code"]), (404, &json!(404)), "{path}: {}", reply.text);
        let reply = city.get(&format!("/open311/v2/{path}.xml")).await;
        let found = items(&reply.text, "errors", "error");
        assert_eq!((reply.status, found[0]["code"].as_str()), (404, "404"));
        assert!(!found[0]["description"].is_empty());
    }
    let reply = city.get("/open311/v2/services/%ff.json").await;
    assert_eq!((reply.status, &reply.json()[0]["code"]), (400, &json!(400)));
}

#[tokio::test]
async fn there_is_one_jurisdiction() {
    let city = Running::equipped().await;
    let paths = ["services", "services/leak", "requests", "requests/none", "tokens/none"];
    for path in paths {
        let reply = city.get(&format!("/open311/v2/{path}.json?jurisdiction_id=elsewhere.gov")).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text.contains("jurisdiction_id"), "{}", reply.text);
    }
    for ours in ["riverton", "riverton-0011223344556677", ""] {
        city.found(&format!("/open311/v2/services.json?jurisdiction_id={ours}")).await;
    }
    let mut fields = crate::LEAK.to_vec();
    fields.push(("jurisdiction_id", "elsewhere.gov"));
    assert_eq!(city.post("requests.json", &fields).await.status, 404);

    let config = hutong_requests::Config { jurisdiction_id: Some("city.gov".into()), ..Default::default() };
    let city = Running::configured(City::new(), config);
    city.found("/open311/v2/services.json?jurisdiction_id=city.gov").await;
    assert_eq!(city.get("/open311/v2/services.json?jurisdiction_id=riverton").await.status, 404);
}

#[tokio::test]
async fn discovery_says_where() {
    let city = Running::over(City::new());
    let request = |path: &str| {
        let request = Request::get(path).header(header::HOST, "city.example:8080");
        request.header("x-forwarded-proto", "https").body(Body::empty()).unwrap()
    };
    let found = city.send(request("/open311/v2/discovery.json")).await.json();
    assert_eq!(found["endpoints"][0]["url"], "https://city.example:8080/open311/v2");
    assert_eq!(found["endpoints"][0]["formats"], json!(["text/xml", "application/json"]));
    assert_eq!(found["endpoints"][0]["specification"], "http://wiki.open311.org/GeoReport_v2");
    let xml = city.send(request("/open311/v2/discovery.xml")).await.text;
    let document = roxmltree::Document::parse(&xml).unwrap();
    assert_eq!(
        document.root_element().tag_name().namespace(),
        Some("http://wiki.open311.org/ServiceDiscovery")
    );
    let formats = document.descendants().filter(|n| n.tag_name().name() == "format").count();
    assert_eq!(formats, 2);
}

#[tokio::test]
async fn what_is_not_here_is_told_in_the_standards_form() {
    let city = Running::equipped().await;
    let wrong = [
        ("PUT", "requests", 405),
        ("DELETE", "services", 405),
        ("POST", "services/leak", 405),
        ("PATCH", "requests/1", 405),
        ("GET", "nothing", 404),
        ("GET", "requests/1/more", 404),
    ];
    for (method, path, status) in wrong {
        let asked = |ending: &str| {
            let uri = format!("/open311/v2/{path}{ending}");
            Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()
        };
        let reply = city.send(asked(".json")).await;
        assert_eq!((reply.status, &reply.json()[0]["code"]), (status, &json!(status)), "{method} {path}");
        assert_eq!(reply.headers.contains_key(header::ALLOW), status == 405, "{method} {path}");
        let reply = city.send(asked(".xml")).await;
        assert_eq!(items(&reply.text, "errors", "error")[0]["code"], status.to_string(), "{method} {path}");
    }
}

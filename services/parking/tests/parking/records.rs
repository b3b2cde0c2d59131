//! What the owner writes over HTTP: sites, operators, permits.

use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{
    BUREAU, Running,
    city::{City, HOLDER, OTHER},
};

fn garage() -> Value {
    json!({
        "source": "test",
        "source_uid": "1",
        "name": "Garage",
        "type": "CAR_PARK",
        "lat": 48.7753356,
        "lon": 9.1740553,
        "capacity": 10,
        "static_data_updated_at": "2026-11-20T00:00:00Z",
        "has_fee": false,
        "max_height": 200,
        "restrictions": [{ "type": "WOMEN", "capacity": 2 }, { "type": "DISABLED", "capacity": 1 }],
    })
}

#[tokio::test]
async fn a_site_that_is_posted_is_final_and_found_at_once() {
    let running = Running::over(City::new());
    let (status, done) = running.post("/parking/v1/sites", garage()).await;
    assert_eq!((status, &done["uid"], &done["height"]), (201, &"test:1".into(), &1.into()), "{done}");
    let found = running.found("/parking/v1/sites/test:1").await;
    assert_eq!((&found["lat"], &found["has_fee"]), (&json!(48.7753356), &false.into()));
    assert_eq!(found["restrictions"][0]["type"], "DISABLED");
    assert_eq!(running.post("/parking/v1/sites", garage()).await.0, 201, "the same again is no mistake");
    let code = async |name: &str, value: Value| {
        let mut site = garage();
        site[name] = value;
        let (status, body) = running.post("/parking/v1/sites", site).await;
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        code("static_data_updated_at", "2026-11-19T00:00:00Z".into()).await,
        (422, "stale_update".into())
    );
    assert_eq!(code("static_data_updated_at", "now".into()).await, (422, "unexpected_json".into()));
    assert_eq!(code("type", "HOUSE".into()).await, (422, "unexpected_json".into()));
    assert_eq!(code("type", "SITE_TYPE_UNSPECIFIED".into()).await, (422, "site_invalid".into()));
    assert_eq!(code("purpose", "DOG".into()).await, (422, "unexpected_json".into()));
    assert_eq!(code("restrictions", json!([{ "type": "DOGS" }])).await, (422, "unexpected_json".into()));
    assert_eq!(code("capacity", (-1).into()).await, (422, "unexpected_json".into()));
    assert_eq!(code("lat", 90.1.into()).await, (422, "position_invalid".into()));
    assert_eq!(code("lat", 1e300.into()).await, (422, "position_invalid".into()));
    assert_eq!(code("source_uid", "a b".into()).await, (422, "site_invalid".into()));
    assert_eq!(code("operator", "nobody".into()).await, (422, "operator_unknown".into()));
    assert_eq!(code("colour", "red".into()).await, (422, "unexpected_json".into()));
}

#[tokio::test]
async fn writing_is_the_owner_s() {
    let running = Running::over(City::new());
    let reason = json!({ "reason": "why" });
    for (path, body) in [
        ("/parking/v1/sites", garage()),
        ("/parking/v1/sites/test:1/retire", reason.clone()),
        ("/parking/v1/operators", json!({ "id": "garages", "name": "Garages Ltd" })),
        ("/parking/v1/permits", permit()),
        ("/parking/v1/permits/p1/revoke", reason),
    ] {
        let (status, problem) = running.post_as(Caller::agency(OTHER), path, &body).await;
        assert_eq!((status, &problem["code"]), (403, &"not_the_owner".into()), "{path}");
        let (status, problem) = running.post_as(Caller::Anonymous, path, &body).await;
        assert_eq!((status, &problem["code"]), (401, &"authentication_required".into()), "{path}");
    }
}

#[tokio::test]
async fn operators_page_through_the_store() {
    let running = Running::over(City::new());
    for id in ["a", "b", "c"] {
        let body = json!({ "id": id, "name": format!("Garages {id}"), "agency": OTHER });
        assert_eq!(running.post("/parking/v1/operators", body).await.0, 201);
    }
    let page = running.found("/parking/v1/operators?limit=2").await;
    assert_eq!(
        (page["items"].as_array().unwrap().len(), &page["next"]),
        (2, &"/parking/v1/operators?after=b&limit=2".into())
    );
    let rest = running.found("/parking/v1/operators?after=b&limit=2").await;
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&"c".into(), &Value::Null));
    assert_eq!(running.found("/parking/v1/operators/b").await["agency"], OTHER);
    assert_eq!(running.problem("/parking/v1/operators/d").await, (404, "operator_unknown".into()));
    assert_eq!(running.problem("/parking/v1/operators/D").await, (400, "malformed_path".into()));
    assert_eq!(running.problem("/parking/v1/operators?after=%20").await, (400, "malformed_query".into()));
    let (status, problem) = running.post("/parking/v1/operators", json!({ "id": "D", "name": "D" })).await;
    assert_eq!((status, &problem["code"]), (422, &"operator_invalid".into()));
}

fn permit() -> Value {
    json!({
        "id": "p1",
        "zone": "east",
        "valid_from": "2026-11-20T00:00:00Z",
        "valid_until": "2027-11-20T00:00:00Z",
        "holder": { "resident_id": "11010519491231002X", "name": "Ann Wang", "plate": "京A12345" },
    })
}

#[tokio::test]
async fn a_permit_names_its_holder_by_handle_and_commitments_alone() {
    let running = Running::over(City::new());
    let (status, done) = running.post("/parking/v1/permits", permit()).await;
    assert_eq!((status, &done["uid"]), (201, &"p1".into()), "{done}");
    let agency = || Caller::agency(OTHER);
    let (status, shown) = running.get_as(agency(), "/parking/v1/permits/p1").await;
    assert_eq!((status, &shown["valid"], &shown["zone"]), (200, &true.into(), &"east".into()));
    assert_eq!(shown["holder"], hex::encode(HOLDER));
    assert_eq!(shown["sealed"][0]["name"], "name");
    assert_eq!(shown["sealed"][1]["name"], "plate");
    for secret in ["Ann", "京A12345", "11010519491231002X"] {
        assert!(!shown.to_string().contains(secret));
    }
    assert_eq!(running.problem("/parking/v1/permits/p1").await, (401, "authentication_required".into()));
    assert_eq!(running.problem("/parking/v1/permits").await.0, 401);
    let (_, page) = running.get_as(agency(), "/parking/v1/permits?limit=1").await;
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&"p1".into(), &Value::Null));
    let (status, problem) = running.post("/parking/v1/permits", permit()).await;
    assert_eq!((status, &problem["code"]), (422, &"permit_exists".into()));
    let mut fresh = permit();
    fresh["id"] = Value::Null;
    assert_eq!(running.post("/parking/v1/permits", fresh.clone()).await.0, 201);
    fresh["holder"]["resident_id"] = "110101199003070055".into();
    let (status, problem) = running.post("/parking/v1/permits", fresh).await;
    assert_eq!((status, &problem["code"]), (403, &"resident_id_invalid".into()));
    let (status, _) = running.post("/parking/v1/permits/p1/revoke", json!({ "reason": "moved away" })).await;
    assert_eq!(status, 200);
    let (_, shown) = running.get_as(agency(), "/parking/v1/permits/p1").await;
    assert_eq!((&shown["valid"], &shown["revocation_reason"]), (&false.into(), &"moved away".into()));
    assert_eq!(running.get_as(agency(), "/parking/v1/permits/p9").await.1["code"], "permit_unknown");
    assert_eq!(running.get_as(Caller::agency(BUREAU), "/parking/v1/permits/P9").await.0, 400);
}

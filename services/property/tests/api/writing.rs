//! What one agency signs alone, over HTTP.

use serde_json::{Value, json};

use crate::{ANN, LAND, MemoryStorage, Running, hex_of};

fn parcel() -> Value {
    json!({
        "parcel": "7",
        "unit": {
            "place": "Mill Lane",
            "use": "dwelling",
            "area_m2": "100",
            "number": "110108001002GB00003F00010023",
            "geometry": { "type": "Polygon", "coordinates": [[[0, 0], [12.5, 0], [12.5, 8], [0, 8], [0, 0]]] },
        },
        "holders": [
            { "handle": hex_of(1), "agent": ANN, "share": { "numerator": 2, "denominator": 3 } },
            { "handle": hex_of(2), "share": { "numerator": 1, "denominator": 3 } },
            { "type": "servitude", "handle": hex_of(3) },
        ],
        "valid_from": "2020-01-01T00:00:00Z",
        "source": "ab".repeat(32),
        "sealed": [{ "name": "deed", "commitment": "cd".repeat(32) }],
    })
}

#[tokio::test]
async fn a_first_registration_is_answered_when_it_is_final() {
    let city = Running::over(MemoryStorage::new());
    let (status, done) = city.post_as(LAND, "/property/v1/parcels", &parcel()).await;
    assert_eq!((status, &done["parcel"], &done["height"]), (201, &json!("7"), &json!(1)), "{done}");
    let stored = city.found("/property/v1/parcels/7").await;
    assert_eq!(stored["transaction"], done["transaction"]);
    assert_eq!(stored["unit"]["area_m2"], "100");
    assert_eq!(stored["unit"]["geometry"]["coordinates"][0][1], json!([12.5, 0.0]));
    assert_eq!(stored["rights"][1]["party"]["agent"], LAND, "the caller, unless told");
    assert_eq!(stored["rights"][2]["type"], "servitude");
    assert_eq!(stored["effective_ms"], 1_577_836_800_000_u64);
    assert_eq!(
        (stored["sealed"][0]["name"].as_str(), stored["source"].as_str().unwrap().len()),
        (Some("deed"), 64)
    );
    let (status, again) = city.post_as(LAND, "/property/v1/parcels", &parcel()).await;
    assert_eq!((status, &again["code"]), (422, &json!("parcel_exists")), "{again}");
}

#[tokio::test]
async fn an_authority_seizes_and_lifts() {
    let city = Running::over(MemoryStorage::new());
    city.post_as(LAND, "/property/v1/parcels", &parcel()).await;
    let path = "/property/v1/parcels/7/restrictions";
    let seizure = json!({ "type": "seizure", "reference": "case 7/2026" });
    assert_eq!(city.post_as(LAND, path, &seizure).await.0, 200);
    let title = city.found("/property/v1/parcels/7/title").await;
    assert_eq!(title["restrictions"][0]["reference"], "case 7/2026");
    let id = title["restrictions"][0]["id"].as_u64().unwrap();
    let lift = format!("{path}/{id}/lift");
    assert_eq!(city.post_as(LAND, &lift, &json!({})).await.0, 200);
    let (status, body) = city.post_as(LAND, &lift, &json!({})).await;
    assert_eq!((status, &body["code"]), (422, &json!("restriction_unknown")));
    let (status, body) = city.post_as(LAND, path, &json!({ "type": "lock", "reference": "x" })).await;
    assert_eq!((status, &body["code"]), (422, &json!("unexpected_json")));
}

#[tokio::test]
async fn a_node_signs_for_its_own() {
    let city = Running::over(MemoryStorage::new());
    let caveat = json!({ "type": "caveat", "reference": "case 7" });
    for (path, body) in [
        ("/property/v1/parcels", parcel()),
        ("/property/v1/parcels/7/restrictions", caveat),
        ("/property/v1/parcels/7/restrictions/2/lift", json!({})),
    ] {
        let (status, problem) = city.post_as(ANN, path, &body).await;
        assert_eq!((status, &problem["code"]), (403, &json!("not_the_owner")), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_parcel_is_refused_before_anything_is_signed() {
    let storage = MemoryStorage::new();
    let city = Running::over(storage.clone());
    let with = |pointer: &str, value: Value| {
        let mut parcel = parcel();
        *parcel.pointer_mut(pointer).unwrap() = value;
        parcel
    };
    for (pointer, value, status, code) in [
        ("/unit/area_m2", json!("a lot"), 422, "unexpected_json"),
        ("/unit/area_m2", json!(100), 422, "unexpected_json"),
        ("/unit/geometry", json!({ "type": "Point", "coordinates": [1, 2] }), 422, "geometry_invalid"),
        ("/unit/geometry/coordinates/0/1", json!([12.0001, 0]), 422, "geometry_invalid"),
        ("/holders/0/handle", json!("ab"), 422, "unexpected_json"),
        ("/holders/0/agent", json!("No Agency"), 422, "unexpected_json"),
        ("/holders/2/type", json!("lease"), 422, "unexpected_json"),
        ("/valid_from", json!("2020"), 400, "malformed_query"),
        ("/source", json!("ab"), 422, "unexpected_json"),
        ("/sealed/0/commitment", json!("cd"), 422, "unexpected_json"),
    ] {
        let (found, problem) = city.post_as(LAND, "/property/v1/parcels", &with(pointer, value)).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{pointer}: {problem}");
    }
    assert_eq!(storage.height(), 0, "nothing was submitted");
    for (pointer, value, code) in [
        ("/unit/area_m2", json!("90"), "area_mismatch"),
        ("/unit/number", json!("7"), "unit_number_invalid"),
        ("/holders/0/share/numerator", json!(1), "shares_not_one"),
        ("/holders/0/agent", json!("stranger"), "party_invalid"),
        ("/sealed/0/name", json!("Deed"), "sealed_field_invalid"),
        ("/valid_from", json!("2200-01-01T00:00:00Z"), "valid_from_invalid"),
    ] {
        let (found, problem) = city.post_as(LAND, "/property/v1/parcels", &with(pointer, value)).await;
        assert_eq!((found, problem["code"].as_str()), (422, Some(code)), "{pointer}: {problem}");
    }
}

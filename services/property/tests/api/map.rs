//! The map: searches by box and point, GeoJSON in and out.

use axum::{Extension, body::Body, http::Request};
use http_body_util::BodyExt;
use hutong_property::{build, geometry::Polygon};
use hutong_runtime::auth::Caller;
use hutong_wire::v1::property as wire;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ANN, LAND, MemoryStorage, Running, whole};

/// A rectangle in millimetres.
fn place(storage: &MemoryStorage, parcel: &str, (x, y): (i64, i64), (width, height): (i64, i64)) {
    let ring = vec![x, y, x + width, y, x + width, y + height, x, y + height];
    let geometry = wire::Geometry { rings: vec![wire::Ring { coordinates: ring }] };
    let area = Polygon::parse(&geometry).unwrap().area_twice_mm2() * 50;
    let unit = wire::Unit {
        place: "NAmes".into(),
        area_centi_mm2: u64::try_from(area).unwrap(),
        geometry: Some(geometry),
        ..wire::Unit::default()
    };
    storage.submit(&[LAND], build::register(parcel, unit, vec![whole(1, ANN)]));
}

fn drawn() -> std::sync::Arc<MemoryStorage> {
    let storage = MemoryStorage::new();
    place(&storage, "a", (0, 0), (10_000, 10_000));
    place(&storage, "b", (10_000, 0), (10_000, 10_000));
    place(&storage, "c", (500_000_001, 4_400_000_500), (1001, 999));
    storage
}

async fn geojson(city: &Running, path: &str, accept: &str) -> (String, Value) {
    let request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
    let routes = city.routes.clone().layer(Extension(Caller::agency(LAND)));
    let response = routes.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (kind, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_box_and_a_point_find_what_lies_there() {
    let city = Running::over(drawn());
    city.until_found("status=current", &["a", "b", "c"]).await;
    for (query, found) in [
        ("bbox=0,0,20,20", &["a", "b"][..]),
        ("bbox=10,10,10,10", &["a", "b"]),
        ("bbox=10.001,0,11,1", &["b"]),
        ("bbox=-5,-5,-1,-1", &[]),
        ("bbox=0,0,600000,5000000&limit=1", &["a", "b", "c"]),
        ("bbox=0,0,600000,5000000&limit=2&after=a", &["b", "c"]),
        ("bbox=0,0,20,20&place=OldTown", &[]),
        ("bbox=0,0,20,20&status=cancelled", &[]),
        ("point=5,5", &["a"]),
        ("point=10,5", &["a", "b"]),
        ("point=500000.5,4400001.4985", &[]),
        ("point=500000.5,4400001.499", &["c"]),
    ] {
        let path = format!("/property/v1/parcels?{query}");
        if query.ends_with("4985") {
            assert_eq!(city.problem(&path).await, (400, "malformed_query".into()), "four decimals");
        } else {
            assert_eq!(city.search(query).await, found, "{query}");
        }
    }
    for query in [
        "bbox=0,0,1",
        "bbox=1,0,0,1",
        "bbox=0,0,x,1",
        "bbox=0,0,1e99,1",
        "point=1",
        "point=1,2,3",
        "status=new",
    ] {
        let path = format!("/property/v1/parcels?{query}");
        assert_eq!(city.problem(&path).await, (400, "malformed_query".into()), "{query}");
    }
}

#[tokio::test]
async fn parcels_are_features() {
    let city = Running::over(drawn());
    city.until_found("status=current", &["a", "b", "c"]).await;
    let (kind, all) =
        geojson(&city, "/property/v1/parcels.geojson?bbox=0,0,600000,5000000&limit=2", "*/*").await;
    assert_eq!(kind, "application/geo+json");
    assert_eq!((&all["type"], all["features"].as_array().unwrap().len()), (&json!("FeatureCollection"), 2));
    assert_eq!(all["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::4548");
    let next = all["next"].as_str().unwrap();
    let (_, rest) = geojson(&city, next, "*/*").await;
    let feature = &rest["features"][0];
    assert_eq!((&feature["type"], &feature["id"]), (&json!("Feature"), &json!("c")));
    let ring = json!([
        [500_000.001, 4_400_000.5],
        [500_001.002, 4_400_000.5],
        [500_001.002, 4_400_001.499],
        [500_000.001, 4_400_001.499],
        [500_000.001, 4_400_000.5],
    ]);
    assert_eq!(feature["geometry"], json!({ "type": "Polygon", "coordinates": [ring] }));
    assert_eq!(feature["properties"]["unit"]["area_m2"], "0.999999");
    assert!(feature["properties"]["unit"]["geometry"].is_null(), "once is enough");
    let (kind, one) = geojson(&city, "/property/v1/parcels/c", "text/html, application/geo+json;q=0.9").await;
    assert_eq!((kind.as_str(), &one["geometry"]), ("application/geo+json", &feature["geometry"]));
    let (kind, _) = geojson(&city, "/property/v1/parcels?status=current", "application/json").await;
    assert_eq!(kind, "application/json");
}

#[tokio::test]
async fn a_unit_is_found_by_its_number() {
    let storage = MemoryStorage::new();
    let number = "110108001002GB00003F00010023";
    let unit = wire::Unit {
        place: "NAmes".into(),
        area_centi_mm2: 1,
        number: number.into(),
        ..wire::Unit::default()
    };
    storage.submit(&[LAND], build::register("7", unit, vec![whole(1, ANN)]));
    let city = Running::over(storage);
    city.until_found(&format!("number={number}"), &["7"]).await;
    city.until_found("number=110108001002GB00004F00010023", &[]).await;
    let parcel = city.found("/property/v1/parcels/7").await;
    assert_eq!(parcel["unit"]["number"]["county"], "110108");
    assert_eq!(parcel["unit"]["number"]["fixture"], "building");
}

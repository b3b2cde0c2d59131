//! The two times of a title: as registered on, as valid on.

use hutong_property::build;
use hutong_wire::v1::property::{self as wire, Grounds, action::Kind};
use serde_json::{Value, json};

use crate::{ANN, BEN, LAND, MemoryStorage, Running, party, storage::BEGAN_MS, whole};

const P: &str = "526301100";
const SOURCE: Option<[u8; 32]> = Some([1; 32]);

/// A time as a query writes it.
fn at(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap().to_string()
}

fn holders(title: &Value) -> Vec<String> {
    let rights = title["rights"].as_array().unwrap().iter();
    let mut holders: Vec<_> = rights
        .map(|right| {
            let share = &right["share"];
            let handle = right["party"]["handle"].as_str().unwrap()[..2].to_owned();
            format!("{handle} {}/{}", share["numerator"], share["denominator"])
        })
        .collect();
    holders.sort();
    holders
}

fn unit() -> wire::Unit {
    wire::Unit { place: "NAmes".into(), area_centi_mm2: 1, ..wire::Unit::default() }
}

/// Registered at 1 with effect from −1000; half sold at 2; the first one's half inherited with effect from −500, which
/// the register learns at 3; corrected at 4: the heir was another; cancelled at 5.
fn storage() -> std::sync::Arc<MemoryStorage> {
    let storage = MemoryStorage::new();
    let half = |handle, agent| build::ownership(party(handle, agent), build::share(1, 2));
    let register = wire::Register {
        unit: Some(unit()),
        holdings: vec![half(1, ANN), half(2, BEN)],
        valid_from_ms: BEGAN_MS - 1000,
        ..wire::Register::default()
    };
    storage.submit(&[LAND], build::action(P, 0, None, Kind::Register(register)));
    let disposal = |right| wire::Disposal { right, share: Some(build::share(1, 2)) };
    let sale = wire::Transfer {
        disposals: vec![disposal(2)],
        acquisitions: vec![half(3, ANN)],
        ..wire::Transfer::default()
    };
    storage.submit(&[ANN, BEN], build::action(P, 0, None, Kind::Transfer(sale)));
    let inheritance = wire::TransferByLaw {
        grounds: Grounds::Inheritance.into(),
        disposals: vec![disposal(1)],
        acquisitions: vec![half(4, BEN)],
        valid_from_ms: BEGAN_MS - 500,
    };
    storage.submit(&[LAND], build::action(P, 0, SOURCE, Kind::TransferByLaw(inheritance)));
    let parties = vec![wire::PartyCorrection { right: 4, party: Some(party(5, BEN)) }];
    let correction = wire::Correct { parties, reason: "another heir".into(), ..wire::Correct::default() };
    storage.submit(&[LAND], build::action(P, 0, None, Kind::Correct(correction)));
    storage
        .submit(&[LAND], build::action(P, 0, None, Kind::Cancel(wire::Cancel { reason: "flooded".into() })));
    storage
}

#[tokio::test]
async fn a_title_is_shown_as_it_was_registered() {
    let city = Running::over(storage());
    let title =
        async |ms: u64| city.found(&format!("/property/v1/parcels/{P}/title?registered_on={}", at(ms))).await;
    for (height, expected) in [
        (1, &["01 1/2", "02 1/2"][..]),
        (2, &["01 1/2", "03 1/2"]),
        (3, &["03 1/2", "04 1/2"]),
        (4, &["03 1/2", "05 1/2"]),
        (5, &[]),
        (9, &[]),
    ] {
        let title = title(BEGAN_MS + height).await;
        assert_eq!(holders(&title), expected, "{height}");
        assert_eq!(title["as_of"]["version"], height.min(5));
        let parcel =
            city.found(&format!("/property/v1/parcels/{P}?registered_on={}", at(BEGAN_MS + height))).await;
        assert_eq!(parcel["version"], height.min(5));
    }
    for path in ["", "/title"] {
        let early = format!("/property/v1/parcels/{P}{path}?registered_on={}", at(BEGAN_MS));
        assert_eq!(city.problem(&early).await, (404, "parcel_unknown".into()));
        let odd = format!("/property/v1/parcels/{P}{path}?registered_on=yesterday");
        assert_eq!(city.problem(&odd).await, (400, "malformed_query".into()));
    }
}

#[tokio::test]
async fn a_title_is_shown_as_it_was_valid() {
    let city = Running::over(storage());
    let title = async |registered: Option<u64>, valid: u64| {
        let registered = registered.map(|ms| format!("registered_on={}&", at(ms))).unwrap_or_default();
        let path = format!("/property/v1/parcels/{P}/title?{registered}valid_on={}", at(valid));
        holders(&city.found(&path).await)
    };
    let now = None;
    // By what is known now.
    assert_eq!(title(now, BEGAN_MS - 1001).await, [""; 0]);
    assert_eq!(title(now, BEGAN_MS - 1000).await, ["01 1/2", "02 1/2"]);
    assert_eq!(title(now, BEGAN_MS - 501).await, ["01 1/2", "02 1/2"]);
    assert_eq!(title(now, BEGAN_MS - 500).await, ["02 1/2", "05 1/2"], "the heir, as corrected");
    assert_eq!(title(now, BEGAN_MS + 1).await, ["02 1/2", "05 1/2"]);
    assert_eq!(title(now, BEGAN_MS + 2).await, ["03 1/2", "05 1/2"]);
    assert_eq!(title(now, BEGAN_MS + 5).await, [""; 0]);
    // By what was known before: nobody had told of the heir, or it was another.
    let known = |height: u64| Some(BEGAN_MS + height);
    assert_eq!(title(known(2), BEGAN_MS - 500).await, ["01 1/2", "02 1/2"]);
    assert_eq!(title(known(2), BEGAN_MS + 2).await, ["01 1/2", "03 1/2"]);
    assert_eq!(title(known(3), BEGAN_MS - 500).await, ["02 1/2", "04 1/2"]);
    assert_eq!(title(known(3), BEGAN_MS + 9).await, ["03 1/2", "04 1/2"]);
}

#[tokio::test]
async fn an_extract_is_what_its_receipt_proves() {
    let city = Running::over(storage());
    let extract = city.found(&format!("/property/v1/parcels/{P}/extract")).await;
    assert_eq!(extract["receipt"]["record"], P);
    assert_eq!(extract["content"]["status"], "cancelled");
    assert_eq!(city.problem("/property/v1/parcels/1/extract").await, (404, "parcel_unknown".into()));
    assert_eq!(city.problem("/property/v1/parcels/a%20b/extract").await, (400, "malformed_path".into()));
}

#[tokio::test]
async fn claims_say_whether_they_have_lapsed() {
    let storage = MemoryStorage::new();
    storage.submit(&[LAND], build::register(P, unit(), vec![whole(1, ANN)]));
    let object = wire::Object { party: Some(party(8, BEN)) };
    storage.submit(&[BEN], build::action(P, 0, SOURCE, Kind::Object(object)));
    let city = Running::over(storage);
    let lapsed = async |query: &str| {
        city.found(&format!("/property/v1/parcels/{P}/title{query}")).await["objections"][0]["lapsed"].clone()
    };
    assert_eq!(lapsed("").await, json!(false));
    let later = BEGAN_MS + 2 + hutong_property::contract::OBJECTION_MS;
    assert_eq!(lapsed(&format!("?valid_on={}", at(later - 1))).await, json!(false));
    assert_eq!(lapsed(&format!("?valid_on={}", at(later))).await, json!(true));
    city.until_found(&format!("party={}", crate::hex_of(8)), &[P]).await;
}

#[tokio::test]
async fn a_title_has_its_lineage() {
    let storage = MemoryStorage::new();
    storage.submit(&[LAND], build::register(P, unit_of(100), vec![whole(1, LAND)]));
    let children =
        ["a", "b"].map(|id| wire::Child { parcel: id.into(), unit: Some(unit_of(50)), sealed: Vec::new() });
    let subdivide = wire::Subdivide { children: children.to_vec() };
    storage.submit(&[LAND], build::action(P, 0, None, Kind::Subdivide(subdivide)));
    let city = Running::over(storage);
    city.until_found("status=retired", &[P]).await;
    city.until_found("status=current", &["a", "b"]).await;
    let lineage =
        async |id: &str| city.found(&format!("/property/v1/parcels/{id}/title")).await["lineage"].clone();
    assert_eq!(lineage(P).await, json!({ "parents": [], "children": ["a", "b"] }));
    assert_eq!(lineage("b").await, json!({ "parents": [P], "children": [] }));
}

fn unit_of(area: u64) -> wire::Unit {
    wire::Unit { area_centi_mm2: area, ..unit() }
}

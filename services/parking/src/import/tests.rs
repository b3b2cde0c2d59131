//! The feeds: real files where they are at hand, and small ones of each form with a row for each thing that is wrong.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::realtime::OpeningStatus;

/// November 2026.
const NOW_MS: u64 = 1_795_000_000_000;

/// A recorded feed, if it is at hand.
fn feed(name: &str) -> Option<Import> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/parking").join(name);
    let Ok(file) = fs::read(shared) else {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: the recorded feeds are not here\n");
        return None;
    };
    Some(import(&file, NOW_MS).unwrap())
}

fn read(feed: &Value) -> Import {
    import(feed.to_string().as_bytes(), NOW_MS).unwrap()
}

fn site<'a>(import: &'a Import, uid: &str) -> &'a wire::Site {
    import.sites.iter().find(|site| site.source_uid == uid).unwrap()
}

fn update<'a>(import: &'a Import, site: &str) -> &'a Update {
    import.realtime.iter().find(|update| update.site == site).unwrap()
}

/// Reads the feed again with one change of its first row; the reasons for which rows are broken.
fn broken(mut feed: Value, row: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    change(feed.pointer_mut(row).unwrap());
    let import = read(&feed);
    assert!(import.broken_rows.iter().all(|error| error.row == 1), "{:?}", import.broken_rows);
    import.broken_rows.into_iter().map(|error| error.reason).collect()
}

fn restrictions(site: &wire::Site) -> Vec<(&str, u32)> {
    site.restrictions.iter().map(|r| (r.r#type().as_str_name(), r.capacity)).collect()
}

#[test]
fn stuttgart_is_read_as_it_was_recorded() {
    let Some(import) = feed("stuttgart-static.xml") else { return };
    assert_eq!((import.source, import.sites.len(), import.broken_rows.len()), ("stuttgart", 49, 0));
    let kronprinz = site(&import, "12717375");
    assert_eq!(kronprinz.name, "Kronprinzstraße");
    assert_eq!(kronprinz.operator_name, "14353112 / B+B Parkhaus GmbH & Co KG");
    assert_eq!((kronprinz.capacity, kronprinz.max_height_cm), (564, 200));
    assert_eq!((kronprinz.lat_e7, kronprinz.lon_e7), (487_753_356, 91_740_553));
    assert_eq!(kronprinz.static_data_updated_at_ms, 1_701_564_713_000);
    let Some(live) = feed("stuttgart-realtime.xml") else { return };
    assert_eq!((live.sites.len(), live.realtime.len(), live.broken_updates.len()), (0, 49, 0));
    let closed = update(&live, "stuttgart:12717253");
    assert_eq!((closed.status, closed.capacity, closed.free), (OpeningStatus::Closed, Some(482), Some(457)));
    let unknown = update(&live, "stuttgart:78319431");
    assert_eq!((unknown.status, unknown.capacity, unknown.free), (OpeningStatus::Unknown, None, None));
}

#[test]
fn freiburg_is_read_as_it_was_recorded() {
    let Some(import) = feed("freiburg.json") else { return };
    assert_eq!((import.source, import.sites.len(), import.realtime.len()), ("freiburg", 19, 19));
    assert!(import.broken_rows.is_empty() && import.broken_updates.is_empty());
    let station = site(&import, "12");
    assert_eq!((station.name.as_str(), station.capacity), ("Am Bahnhof", 170));
    assert!((station.lat_e7 - 479_989_705).abs() < 10_000 && (station.lon_e7 - 78_429_173).abs() < 10_000);
    let live = update(&import, "freiburg:13");
    assert_eq!((live.updated_at_ms, live.free), (1_718_007_600_000, Some(56)));
    assert_eq!(update(&import, "freiburg:9").status, OpeningStatus::Closed);
}

#[test]
fn basel_is_read_as_it_was_recorded() {
    let Some(import) = feed("basel.json") else { return };
    assert_eq!((import.source, import.sites.len(), import.realtime.len()), ("basel", 16, 15));
    // A row of nulls, and 167 free of 162.
    assert_eq!(import.broken_rows, [RowError { row: 8, reason: "id2 is missing".into() }]);
    assert_eq!(import.broken_updates.len(), 1);
    assert_eq!(import.broken_updates[0].row, 16);
    assert_eq!(site(&import, "steinen").lat_e7, 475_524_554);
}

#[test]
fn the_same_file_gives_the_same_actions() {
    let feed = karlsruhe();
    let first = actions(&read(&feed));
    assert_eq!(first, actions(&read(&feed)));
    assert_eq!(first.len(), 2);
    assert_ne!(first[0].0, first[1].0);
}

#[test]
fn a_large_feed_goes_in_imports_of_a_hundred() {
    let row = karlsruhe()["features"][0].clone();
    let rows: Vec<Value> = (0..1001)
        .map(|id| {
            let mut row = row.clone();
            row["properties"]["id"] = id.into();
            row
        })
        .collect();
    let import = read(&json!({ "type": "FeatureCollection", "features": rows }));
    assert_eq!(actions(&import).len(), 11);
}

#[test]
fn what_is_no_feed_is_told() {
    for bad in ["", "{", "<a>", "<a></b>", "{\"features\": [", "\u{0}"] {
        assert!(matches!(import(bad.as_bytes(), NOW_MS), Err(ImportError::Malformed(_))), "{bad}");
    }
    for other in
        ["{}", "[]", "[{}]", "7", "<a/>", "<d2LogicalModel/>", "{\"features\": []}", "{\"features\": [{}]}"]
    {
        assert_eq!(import(other.as_bytes(), NOW_MS), Err(ImportError::Unrecognised), "{other}");
    }
}

fn karlsruhe() -> Value {
    let feature = |id: u32, properties: Value| {
        let mut all = json!({
            "id": id,
            "parkhaus_name": "Schlossplatz",
            "gesamte_parkplaetze": 491,
            "freie_parkplaetze": 131,
            "echtzeit_belegung": "T",
            "geschlossen": "F",
            "max_durchfahrtshoehe": 2.05,
            "parkhaus_strasse": "Waldhornstraße 2",
            "parkhaus_plz": "76131",
            "parkhaus_gemeinde": "Karlsruhe",
            "stand_stammdaten": "2023-12-31T23:00:00Z",
            "stand_freieparkplaetze": "2024-11-27T18:40:00Z",
        });
        for (name, value) in properties.as_object().unwrap() {
            all[name] = value.clone();
        }
        json!({
            "type": "Feature",
            "id": format!("parkhaeuser.{id}"),
            "geometry": { "type": "Point", "coordinates": [8.406_781, 49.011_2] },
            "properties": all,
        })
    };
    let unknown = json!({
        "freie_parkplaetze": -1,
        "geschlossen": "T",
        "max_durchfahrtshoehe": 0,
        "parkhaus_plz": null,
        "echtzeit_belegung": "F",
    });
    json!({ "type": "FeatureCollection", "features": [feature(18, json!({})), feature(19, unknown)] })
}

#[test]
fn karlsruhe_says_minus_one_for_unknown_and_zero_for_no_height() {
    let import = read(&karlsruhe());
    assert_eq!((import.source, import.sites.len(), import.realtime.len()), ("karlsruhe", 2, 2));
    let first = site(&import, "18");
    assert_eq!((first.max_height_cm, first.address.as_str()), (205, "Waldhornstraße 2, 76131 Karlsruhe"));
    assert_eq!((first.lat_e7, first.lon_e7, first.has_realtime_data), (490_112_000, 84_067_810, true));
    let live = update(&import, "karlsruhe:18");
    assert_eq!((live.status, live.capacity, live.free), (OpeningStatus::Open, Some(491), Some(131)));
    let second = site(&import, "19");
    assert_eq!((second.max_height_cm, second.has_realtime_data), (0, false));
    let live = update(&import, "karlsruhe:19");
    assert_eq!((live.status, live.capacity, live.free), (OpeningStatus::Closed, Some(491), None));
}

#[test]
fn karlsruhe_s_broken_rows_are_told_one_by_one() {
    let of = |name: &str, value: Value| {
        let reasons = broken(karlsruhe(), "/features/0", |row| row["properties"][name] = value);
        reasons.join("; ")
    };
    assert_eq!(of("id", Value::Null), "id is missing");
    assert_eq!(of("id", "one".into()), "id is no number");
    assert_eq!(of("parkhaus_name", " ".into()), "parkhaus_name is missing");
    assert_eq!(of("gesamte_parkplaetze", Value::Null), "gesamte_parkplaetze is missing");
    assert_eq!(of("gesamte_parkplaetze", (-5).into()), "gesamte_parkplaetze is below 0 or far too large");
    assert_eq!(of("gesamte_parkplaetze", json!(1.5)), "gesamte_parkplaetze is no whole number");
    assert_eq!(of("geschlossen", "maybe".into()), "geschlossen is \"maybe\" and neither T nor F");
    assert_eq!(of("stand_stammdaten", "soon".into()), "stand_stammdaten is no time");
    assert_eq!(of("stand_stammdaten", "2099-01-01T00:00:00Z".into()), "its data are from the future");
    assert_eq!(of("max_durchfahrtshoehe", (-1).into()), "max_durchfahrtshoehe is no height");
    let zero = broken(karlsruhe(), "/features/0", |row| row["geometry"]["coordinates"] = json!([0, 0]));
    assert_eq!(zero, ["the position is 0, 0"]);
    let nowhere = broken(karlsruhe(), "/features/0", |row| row["geometry"] = Value::Null);
    assert_eq!(nowhere, ["the position is missing"]);
    // The second stands twice, and the first counts.
    let mut twice = karlsruhe();
    twice["features"][1]["properties"]["id"] = 18.into();
    let import = read(&twice);
    assert_eq!((import.sites.len(), import.broken_rows[0].row), (1, 2));
}

#[test]
fn occupancy_that_contradicts_itself_leaves_the_site() {
    let mut feed = karlsruhe();
    feed["features"][0]["properties"]["freie_parkplaetze"] = 492.into();
    feed["features"][1]["properties"]["freie_parkplaetze"] = (-2).into();
    let import = read(&feed);
    assert_eq!((import.sites.len(), import.realtime.len(), import.broken_rows.len()), (2, 0, 0));
    assert_eq!(import.broken_updates.iter().map(|error| error.row).collect::<Vec<_>>(), [1, 2]);
}

fn heidelberg() -> Value {
    json!([{
        "id": "urn:ngsiv2:OffStreetParking:P00",
        "type": "OffStreetParking",
        "staticName": { "type": "Text", "value": "Am Bismarckplatz" },
        "parking_type": { "type": "Text", "value": "Parking Garage" },
        "lat": { "type": "Number", "value": 49.409_665_98 },
        "lon": { "type": "Number", "value": "8.69190675" },
        "totalSpotNumber": { "type": "Number", "value": 39 },
        "availableSpotNumber": { "type": "Number", "value": 1 },
        "handicappedParkingSpots": { "type": "Number", "value": 1 },
        "womenParkingSpots": { "type": "Number", "value": 0 },
        "familyParkingSpots": { "type": "Number", "value": 2 },
        "maximumAllowedHeight": { "type": "Number", "value": "1.8" },
        "openingHours": { "type": "Text", "value": "06:00" },
        "closingHours": { "type": "Text", "value": "22:00" },
        "streetAddress": { "type": "Text", "value": "Schneidmühlstraße 5" },
        "postalCode": { "type": "Number", "value": 69115 },
        "addressLocality": { "type": "Text", "value": "Heidelberg" },
        "status": { "type": "Text", "value": "Offen" },
        "observationDateTime": { "type": "DateTime", "value": "2024-06-08T13:25:00.000Z" },
        "prices": { "type": "StructuredValue", "value": [{}] },
        "description": { "type": "Text", "value": "Personal\r\nerreichbar" },
    }, {
        "id": "urn:ngsiv2:OffStreetParking:P25",
        "type": "OffStreetParking",
        "staticName": "P+R",
        "parking_type": "Park and Ride Car Park",
        "location": { "type": "geo:json", "value": { "type": "Point", "coordinates": [8.7, 49.4] } },
        "totalSpotNumber": 160,
        "openingHours": "00:00",
        "closingHours": "00:00",
        "status": "Stoerung",
    }])
}

#[test]
fn heidelberg_s_entities_are_sites() {
    let import = read(&heidelberg());
    assert_eq!(
        (import.source, import.sites.len(), import.realtime.len()),
        ("heidelberg", 2, 1),
        "{import:?}"
    );
    let first = site(&import, "urn:ngsiv2:OffStreetParking:P00");
    assert_eq!(restrictions(first), [("DISABLED", 1), ("WOMEN", 0), ("FAMILY", 2)]);
    assert_eq!((first.max_height_cm, first.opening_hours.as_str()), (180, "06:00-22:00"));
    assert_eq!(first.address, "Schneidmühlstraße 5, 69115 Heidelberg");
    assert_eq!((first.lat_e7, first.lon_e7), (494_096_660, 86_919_068));
    assert_eq!((first.description.as_str(), first.fee()), ("Personal erreichbar", wire::Fee::Yes));
    let live = update(&import, "heidelberg:urn:ngsiv2:OffStreetParking:P00");
    assert_eq!((live.status, live.free), (OpeningStatus::Open, Some(1)));
    let second = site(&import, "urn:ngsiv2:OffStreetParking:P25");
    assert_eq!(second.r#type(), wire::SiteType::OffStreetParkingGround);
    assert_eq!((second.lat_e7, second.opening_hours.as_str()), (494_000_000, "24/7"));
    // Nothing says when it was seen.
    assert_eq!((second.static_data_updated_at_ms, second.has_realtime_data), (NOW_MS, false));
}

#[test]
fn heidelberg_s_rows_without_name_position_or_type_are_broken() {
    let of = |name: &str| {
        let reasons = broken(heidelberg(), "/0", |row| drop(row.as_object_mut().unwrap().remove(name)));
        reasons.join("; ")
    };
    assert_eq!(of("staticName"), "staticName is missing");
    assert_eq!(of("lat"), "the position is missing");
    assert_eq!(of("lon"), "the position is missing");
    assert_eq!(of("parking_type"), "parking_type is missing");
    assert_eq!(of("type"), "type is missing");
    assert_eq!(of("id"), "id is missing");
    assert_eq!(of("totalSpotNumber"), "totalSpotNumber is missing");
    assert_eq!(of("womenParkingSpots"), "");
    let odd = broken(heidelberg(), "/0", |row| row["type"] = "Room".into());
    assert_eq!(odd.len(), 1);
}

fn konstanz() -> Value {
    let feature = |attributes: Value| {
        let mut all = json!({
            "OBJECTID": 1,
            "id": 4.0,
            "name": "Parkhaus LAGO",
            "max_cap": 930.0,
            "type": "Parkhaus",
            "lat": 47.656_156_88,
            "lon": 9.176_394_95,
            "address": "Hafenstraße 31, 78462 Konstanz",
            "has_fee": "ja",
            "operator": "Girlan Immobilien GmbH",
            "max_stay": " ",
            "opening_h": "Mo-Fr:  07:00  -  01:30  Uhr\nSa:  07:00  -  01:30  Uhr\nSo: geschlossen",
            "capacity_d": 4.0,
            "capacity_c": 4.0,
            "capacity_s": 0.0,
            "capacity_w": 46.0,
            "descript": " ",
            "has_live": "ja",
            "max_hei": "1,90 m",
            "opening_s": "ja",
            "updated": 1_723_876_205_000_u64,
            "real_capa": 930,
            "real_fcap": 881,
        });
        for (name, value) in attributes.as_object().unwrap() {
            all[name] = value.clone();
        }
        json!({ "attributes": all, "geometry": { "x": 9.176_394_95, "y": 47.656_156_88 } })
    };
    let second = json!({
        "id": 7.0,
        "type": "Parkplatz",
        "lat": null,
        "max_stay": "24 Stunden",
        "opening_h": "ganztägig",
        "max_hei": " ",
        "opening_s": "nein",
    });
    json!({
        "displayFieldName": "name",
        "geometryType": "esriGeometryPoint",
        "features": [feature(json!({})), feature(second)],
    })
}

#[test]
fn konstanz_is_named_by_its_attribute_id() {
    let import = read(&konstanz());
    assert_eq!((import.source, import.sites.len(), import.realtime.len()), ("konstanz", 2, 2), "{import:?}");
    let first = site(&import, "4");
    assert_eq!((first.max_height_cm, first.max_stay_s, first.fee()), (190, 0, wire::Fee::Yes));
    assert_eq!(first.opening_hours, "Mo-Fr 07:00-01:30, Sa 07:00-01:30");
    assert_eq!(restrictions(first), [("DISABLED", 4), ("WOMEN", 46), ("CHARGING", 4)]);
    let live = update(&import, "konstanz:4");
    assert_eq!((live.status, live.capacity, live.free), (OpeningStatus::Open, Some(930), Some(881)));
    let second = site(&import, "7");
    assert_eq!((second.max_stay_s, second.opening_hours.as_str()), (86_400, "24/7"));
    assert_eq!(second.r#type(), wire::SiteType::OffStreetParkingGround);
    assert_eq!(second.lat_e7, 476_561_569);
    assert_eq!(update(&import, "konstanz:7").status, OpeningStatus::Closed);
}

#[test]
fn konstanz_s_broken_rows_are_told_one_by_one() {
    let of = |name: &str, value: Value| {
        let reasons = broken(konstanz(), "/features/0", |row| row["attributes"][name] = value);
        reasons.join("; ")
    };
    assert_eq!(of("id", Value::Null), "id is missing");
    assert_eq!(of("name", " ".into()), "name is missing");
    assert_eq!(of("max_cap", " ".into()), "max_cap is missing");
    assert_eq!(of("type", "Feld".into()), "type \"Feld\" is not known");
    assert_eq!(of("has_fee", "vielleicht".into()), "has_fee is \"vielleicht\" and neither ja nor nein");
    assert_eq!(of("max_hei", "hoch".into()), "max_hei is \"hoch\"");
    assert_eq!(of("max_stay", "ewig".into()), "max_stay is \"ewig\"");
    assert!(of("opening_h", "Mo-Fr:  07:00  -  01:30  Kekse".into()).starts_with("opening_h is"));
    let mut nowhere = konstanz();
    nowhere["features"][0]["geometry"] = Value::Null;
    let lost = broken(nowhere, "/features/0", |row| row["attributes"]["lat"] = Value::Null);
    assert_eq!(lost, ["the position is missing"]);
}

#[test]
fn a_facility_of_datex_that_lacks_something_is_told() {
    let facility = |inner: &str| {
        format!(
            "<d:d2LogicalModel xmlns:d=\"http://datex2.eu/schema/2/2_0\"><d:p><d:parkingFacilityTable>\
             <d:parkingFacility id=\"1\">{inner}</d:parkingFacility></d:parkingFacilityTable></d:p></d:d2LogicalModel>"
        )
    };
    let parts = [
        "<d:parkingFacilityName><d:values><d:value>A &amp; B</d:value></d:values></d:parkingFacilityName>",
        "<d:totalParkingCapacity>7</d:totalParkingCapacity>",
        "<d:parkingFacilityRecordVersionTime>2023-12-03T01:51:53.479+01:00</d:parkingFacilityRecordVersionTime>",
        "<d:l><d:locationForDisplay><d:latitude>48.5</d:latitude><d:longitude>9.1</d:longitude></d:locationForDisplay></d:l>",
    ];
    let import_of = |xml: String| import(xml.as_bytes(), NOW_MS).unwrap();
    let whole = import_of(facility(&parts.concat()));
    assert_eq!(whole.sites[0].name, "A & B");
    assert_eq!((whole.sites[0].lat_e7, whole.sites[0].lon_e7), (485_000_000, 91_000_000));
    for without in 0..parts.len() {
        let left = parts.iter().enumerate().filter(|(at, _)| *at != without).map(|(_, part)| *part);
        let import = import_of(facility(&left.collect::<String>()));
        assert_eq!((import.sites.len(), import.broken_rows.len()), (0, 1), "{without}");
    }
    let odd = import_of(facility(&parts.concat().replace(">7<", ">many<")));
    assert_eq!(odd.broken_rows[0].reason, "the capacity of facility 1 is \"many\"");
}

proptest::proptest! {
    /// Whatever comes, nothing panics, and nothing that the rules would refuse is a site.
    #[test]
    fn any_bytes_are_read_or_told(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = import(&bytes, NOW_MS);
    }

    #[test]
    fn any_change_of_a_row_is_read_or_told(at in 0_usize..23, value in ".{0,12}", number in -1e18_f64..1e18) {
        for mut feed in [karlsruhe(), konstanz()] {
            let first = &mut feed["features"][0];
            let fields = if first["properties"].is_object() { &mut first["properties"] } else { &mut first["attributes"] };
            let name = fields.as_object().unwrap().keys().nth(at).cloned();
            let Some(name) = name else { continue };
            for value in [Value::from(value.clone()), Value::from(number), json!([]), json!({})] {
                let mut feed = feed.clone();
                let first = &mut feed["features"][0];
                let fields = if first["properties"].is_object() { &mut first["properties"] } else { &mut first["attributes"] };
                fields[&name] = value;
                let import = read(&feed);
                proptest::prop_assert_eq!(import.sites.len() + import.broken_rows.len(), 2);
                for site in &import.sites {
                    proptest::prop_assert!(check_site(site).is_ok());
                }
            }
        }
    }
}

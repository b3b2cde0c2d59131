//! Heidelberg: a list of NGSIv2 entities of type OffStreetParking.

use hutong_wire::v1::parking::{self as wire, Audience, Fee, Purpose, SiteType};
use serde_json::Value;

use super::{
    Draft, Row,
    row::{Fields, address, place, restriction},
};
use crate::realtime::{OpeningStatus, Update};

pub(super) const SOURCE: &str = "heidelberg";
const ENTITY: &str = "OffStreetParking";

pub(super) fn fits(row: &Value) -> bool {
    let named = |name: &str| row[name].as_str().is_some_and(|text| text.contains(ENTITY));
    named("type") || named("id")
}

pub(super) fn row(row: &Value, now_ms: u64) -> Row {
    let fields = Fields(row);
    let uid = fields.need_text("id")?;
    if fields.need_text("type")? != ENTITY {
        return Err(format!("{uid} is no {ENTITY}"));
    }
    let kind = match fields.need_text("parking_type")?.as_str() {
        "Parking Garage" => SiteType::CarPark,
        "Park and Ride Car Park" => SiteType::OffStreetParkingGround,
        other => return Err(format!("parking_type {other:?} is not known")),
    };
    let name = fields.text("staticName")?.or(fields.text("name")?).ok_or("staticName is missing")?;
    let (lat_e7, lon_e7) = position(row)?;
    let capacity = fields.need_count("totalSpotNumber")?;
    let observed_at = fields.time("observationDateTime")?;
    let free = fields.count("availableSpotNumber");
    let has_free = fields.get("availableSpotNumber").is_some();
    let mut restrictions = Vec::new();
    for (field, kind) in [
        ("handicappedParkingSpots", Audience::Disabled),
        ("womenParkingSpots", Audience::Women),
        ("familyParkingSpots", Audience::Family),
    ] {
        restrictions.extend(fields.count(field)?.map(|count| restriction(kind, count)));
    }
    let site = wire::Site {
        source_uid: uid.clone(),
        name,
        purpose: Purpose::Car.into(),
        r#type: kind.into(),
        lat_e7,
        lon_e7,
        capacity,
        address: address(
            fields.text("streetAddress")?,
            fields.text("postalCode")?,
            Some(fields.text("addressLocality")?.unwrap_or_else(|| "Heidelberg".into())),
        ),
        has_realtime_data: has_free,
        static_data_updated_at_ms: observed_at.unwrap_or(now_ms),
        max_height_cm: fields.centimetres("maximumAllowedHeight")?,
        fee: match fields.get("prices").and_then(Value::as_array) {
            None => Fee::Unspecified,
            Some(prices) if prices.is_empty() => Fee::No,
            Some(_) => Fee::Yes,
        }
        .into(),
        opening_hours: hours(fields.text("openingHours")?, fields.text("closingHours")?),
        restrictions,
        operator_name: fields.text("provider")?.unwrap_or_default(),
        public_url: fields.text("website")?.filter(|url| url != "-").unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        ..wire::Site::default()
    };
    let status = match fields.text("status")?.as_deref() {
        Some("Open" | "Offen" | "open") => OpeningStatus::Open,
        Some("Closed" | "Geschlossen" | "closed" | "Stoerung") => OpeningStatus::Closed,
        _ => OpeningStatus::Unknown,
    };
    let realtime = observed_at.filter(|_| has_free).map(|updated_at_ms| {
        Ok(Update {
            site: uid,
            updated_at_ms,
            status,
            capacity: Some(capacity),
            free: free?,
            spots: Vec::new(),
        })
    });
    Ok(Draft { site: Some(site), realtime })
}

/// From lat and lon, or from an NGSI location, whose GeoJSON has the longitude first and whose text the latitude.
fn position(row: &Value) -> Result<(i64, i64), String> {
    let fields = Fields(row);
    if let Some((lat, lon)) = fields.number("lat")?.zip(fields.number("lon")?) {
        return place(lat, lon);
    }
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let (lat, lon) = match fields.get("location") {
        Some(Value::String(text)) => {
            let (lat, lon) = text.split_once(',').unwrap_or_default();
            (lat.trim().parse().ok(), lon.trim().parse().ok())
        }
        Some(point) => (number(point["coordinates"].get(1)), number(point["coordinates"].get(0))),
        None => (None, None),
    };
    let (lat, lon) = lat.zip(lon).ok_or("the position is missing")?;
    place(lat, lon)
}

fn hours(opens: Option<String>, closes: Option<String>) -> String {
    match (opens, closes) {
        (Some(opens), Some(closes)) if opens == closes => "24/7".into(),
        (Some(opens), Some(closes)) => {
            let minutes = |time: String| time.get(..5).map(str::to_owned).unwrap_or(time);
            format!("{}-{}", minutes(opens), minutes(closes))
        }
        _ => String::new(),
    }
}

//! Konstanz: a FeatureSet of an Esri map server. Yes and no are `ja` and `nein`, heights `1,90 m`, and blanks stand for
//! nothing.

use hutong_wire::v1::parking::{self as wire, Audience, Fee, Purpose, SiteType};
use serde_json::Value;

use super::{
    Draft, Row,
    row::{Fields, centimetres, place, restriction},
};
use crate::realtime::{OpeningStatus, Update};

pub(super) const SOURCE: &str = "konstanz";

pub(super) fn fits(row: &Value) -> bool {
    row["attributes"].is_object()
}

pub(super) fn row(row: &Value, now_ms: u64) -> Row {
    let fields = Fields(&row["attributes"]);
    let uid = fields.whole("id")?.ok_or("id is missing")?.to_string();
    let kind = match fields.need_text("type")?.as_str() {
        "Parkhaus" => SiteType::CarPark,
        "Tiefgarage" => SiteType::Underground,
        "Parkplatz" => SiteType::OffStreetParkingGround,
        other => return Err(format!("type {other:?} is not known")),
    };
    let geometry = Fields(&row["geometry"]);
    let attributes = fields.number("lat")?.zip(fields.number("lon")?);
    let position = attributes.or(geometry.number("y")?.zip(geometry.number("x")?));
    let (lat, lon) = position.ok_or("the position is missing")?;
    let (lat_e7, lon_e7) = place(lat, lon)?;
    let capacity = fields.need_count("max_cap")?;
    let updated_at = fields.whole("updated")?.and_then(|ms| u64::try_from(ms).ok());
    let is_live = yes(&fields, "has_live")?;
    let mut restrictions = Vec::new();
    for (field, kind, even_none) in [
        ("capacity_d", Audience::Disabled, true),
        ("capacity_w", Audience::Women, true),
        ("capacity_c", Audience::Charging, false),
        ("capacity_s", Audience::Carsharing, false),
    ] {
        let count = fields.count(field)?.filter(|count| even_none || *count > 0);
        restrictions.extend(count.map(|count| restriction(kind, count)));
    }
    let site = wire::Site {
        source_uid: uid.clone(),
        name: fields.need_text("name")?,
        purpose: Purpose::Car.into(),
        r#type: kind.into(),
        lat_e7,
        lon_e7,
        capacity,
        address: fields.text("address")?.unwrap_or_default(),
        has_realtime_data: is_live.unwrap_or(false),
        static_data_updated_at_ms: updated_at.map_or(now_ms, |ms| ms / 1000 * 1000),
        max_height_cm: height(&fields)?,
        max_stay_s: stay(&fields)?,
        fee: match yes(&fields, "has_fee")? {
            None => Fee::Unspecified,
            Some(true) => Fee::Yes,
            Some(false) => Fee::No,
        }
        .into(),
        opening_hours: hours(&fields)?,
        restrictions,
        operator_name: fields.text("operator")?.unwrap_or_default(),
        public_url: fields.text("public_url")?.unwrap_or_default(),
        description: fields.text("descript")?.unwrap_or_default(),
        ..wire::Site::default()
    };
    let status = match yes(&fields, "opening_s")? {
        None => OpeningStatus::Unknown,
        Some(true) => OpeningStatus::Open,
        Some(false) => OpeningStatus::Closed,
    };
    let counts = fields.count("real_capa").and_then(|capacity| Ok((capacity, fields.count("real_fcap")?)));
    let realtime = updated_at.filter(|_| is_live != Some(false)).map(|updated_at_ms| {
        let (capacity, free) = counts?;
        Ok(Update { site: uid, updated_at_ms, status, capacity, free, spots: Vec::new() })
    });
    Ok(Draft { site: Some(site), realtime })
}

fn yes(fields: &Fields<'_>, name: &str) -> Result<Option<bool>, String> {
    match fields.text(name)?.as_deref() {
        None => Ok(None),
        Some("ja") => Ok(Some(true)),
        Some("nein") => Ok(Some(false)),
        Some(other) => Err(format!("{name} is {other:?} and neither ja nor nein")),
    }
}

fn height(fields: &Fields<'_>) -> Result<u32, String> {
    let Some(text) = fields.text("max_hei")? else { return Ok(0) };
    let metres = text.trim_end_matches('m').trim().replace(',', ".");
    metres.parse().ok().and_then(centimetres).ok_or_else(|| format!("max_hei is {text:?}"))
}

/// The longest stay in seconds.
fn stay(fields: &Fields<'_>) -> Result<u32, String> {
    let Some(text) = fields.text("max_stay")? else { return Ok(0) };
    let unknown = || format!("max_stay is {text:?}");
    let (number, unit) = text.split_once(' ').ok_or_else(unknown)?;
    let number: u32 = number.parse().map_err(|_| unknown())?;
    let unit = match unit {
        "Minute" | "Minuten" => 60,
        "Stunde" | "Stunden" => 3600,
        "Tag" | "Tage" => 86_400,
        _ => return Err(unknown()),
    };
    number.checked_mul(unit).ok_or_else(unknown)
}

/// `Mo-Fr:  07:00  -  01:30  Uhr` and its like, a line for each part of the week.
fn hours(fields: &Fields<'_>) -> Result<String, String> {
    let Some(Value::String(text)) = fields.get("opening_h") else { return Ok(String::new()) };
    if text.trim() == "ganztägig" {
        return Ok("24/7".into());
    }
    let unknown = || format!("opening_h is {text:?}");
    let mut parts = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (days, times) = line.split_once(':').ok_or_else(unknown)?;
        let days = match days.trim() {
            "Mo-Fr" => "Mo-Fr",
            "Sa" => "Sa",
            "So" => "Su",
            _ => return Err(unknown()),
        };
        if times.trim() == "geschlossen" {
            continue;
        }
        let times: String = times.trim_end_matches("Uhr").split_whitespace().collect();
        let is_time = |time: &str| {
            let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            time.split_once(':').is_some_and(|(hour, minute)| digits(hour) && digits(minute))
        };
        if !times.split_once('-').is_some_and(|(from, to)| is_time(from) && is_time(to)) {
            return Err(unknown());
        }
        parts.push(format!("{days} {times}"));
    }
    Ok(parts.join(", "))
}

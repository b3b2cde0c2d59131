//! Karlsruhe: GeoJSON of a WFS. Free spaces of -1 are unknown, heights are metres with 0 for none, and `geschlossen`
//! is T or F.

use hutong_wire::v1::parking::{self as wire, Purpose, SiteType};
use serde_json::Value;

use super::{
    Draft, Row,
    row::{Fields, address},
};
use crate::realtime::{OpeningStatus, Update};

pub(super) const SOURCE: &str = "karlsruhe";

pub(super) fn fits(row: &Value) -> bool {
    let properties = &row["properties"];
    ["parkhaus_name", "ph_name", "gesamte_parkplaetze", "freie_parkplaetze"]
        .iter()
        .any(|name| properties.get(name).is_some())
}

pub(super) fn row(row: &Value, now_ms: u64) -> Row {
    let fields = Fields(&row["properties"]);
    let uid = fields.whole("id")?.ok_or("id is missing")?.to_string();
    let (lat_e7, lon_e7) = Fields(row).place()?;
    let capacity = fields.need_count("gesamte_parkplaetze")?;
    let flag = |name: &str| match fields.text(name)?.as_deref() {
        None => Ok(None),
        Some("T" | "t") => Ok(Some(true)),
        Some("F" | "f") => Ok(Some(false)),
        Some(other) => Err(format!("{name} is {other:?} and neither T nor F")),
    };
    let status = match flag("geschlossen")? {
        None => OpeningStatus::Unknown,
        Some(true) => OpeningStatus::Closed,
        Some(false) => OpeningStatus::Open,
    };
    // Older feeds have ph_name.
    let name = fields.text("parkhaus_name")?.or(fields.text("ph_name")?).ok_or("parkhaus_name is missing")?;
    let live_at = fields.time("stand_freieparkplaetze")?;
    let site = wire::Site {
        source_uid: uid.clone(),
        name,
        purpose: Purpose::Car.into(),
        r#type: SiteType::CarPark.into(),
        lat_e7,
        lon_e7,
        capacity,
        address: address(
            fields.text("parkhaus_strasse")?,
            fields.text("parkhaus_plz")?,
            fields.text("parkhaus_gemeinde")?,
        ),
        has_realtime_data: flag("echtzeit_belegung")?.unwrap_or(live_at.is_some()),
        static_data_updated_at_ms: fields.time("stand_stammdaten")?.unwrap_or(now_ms),
        max_height_cm: fields.centimetres("max_durchfahrtshoehe")?,
        operator_name: fields.text("betreiber_name")?.unwrap_or_default(),
        public_url: fields.text("parkhaus_internet")?.unwrap_or_default(),
        description: fields.text("bemerkung")?.unwrap_or_default(),
        ..wire::Site::default()
    };
    let free = match fields.whole("freie_parkplaetze")? {
        Some(-1) => Ok(None),
        _ => fields.count("freie_parkplaetze"),
    };
    let realtime = live_at.map(|updated_at_ms| {
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

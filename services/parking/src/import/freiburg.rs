//! Freiburg: GeoJSON of the parking guidance system. Positions are of EPSG:25832, times local.

use hutong_wire::v1::parking::{self as wire, Purpose, SiteType};
use serde_json::Value;

use super::{Draft, Row, row::Fields};
use crate::realtime::{OpeningStatus, Update};

pub(super) const SOURCE: &str = "freiburg";

pub(super) fn fits(row: &Value) -> bool {
    row["properties"].get("obs_parkid").is_some()
}

pub(super) fn row(row: &Value, now_ms: u64) -> Row {
    let fields = Fields(&row["properties"]);
    let uid = fields.need_text("obs_parkid")?;
    let (lat_e7, lon_e7) = Fields(row).place()?;
    let capacity = fields.need_count("obs_max")?;
    let free = fields.count("obs_free");
    let updated_at = fields.time("obs_ts")?;
    // 0 and below: closed, or nothing is known because of a fault.
    let status = match fields.whole("obs_state")? {
        None => OpeningStatus::Unknown,
        Some(..=0) => OpeningStatus::Closed,
        Some(1..) => OpeningStatus::Open,
    };
    let site = wire::Site {
        source_uid: uid.clone(),
        name: fields.need_text("park_name")?,
        purpose: Purpose::Car.into(),
        r#type: SiteType::CarPark.into(),
        lat_e7,
        lon_e7,
        capacity,
        has_realtime_data: true,
        static_data_updated_at_ms: updated_at.unwrap_or(now_ms),
        public_url: fields.text("park_url")?.unwrap_or_default(),
        ..wire::Site::default()
    };
    let realtime = updated_at.map(|updated_at_ms| {
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

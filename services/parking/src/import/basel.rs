//! Basel: a JSON list, one car park a row.

use hutong_wire::v1::parking::{self as wire, Purpose, SiteType};
use serde_json::Value;

use super::{
    Draft, Row,
    row::{Fields, place},
};
use crate::realtime::{OpeningStatus, Update};

pub(super) const SOURCE: &str = "basel";

pub(super) fn fits(row: &Value) -> bool {
    row.get("id2").is_some() && row.get("geo_point_2d").is_some()
}

pub(super) fn row(row: &Value, now_ms: u64) -> Row {
    let fields = Fields(row);
    let uid = fields.need_text("id2")?;
    let point = Fields(&row["geo_point_2d"]);
    let position = point.number("lat")?.zip(point.number("lon")?).ok_or("the position is missing")?;
    let (lat_e7, lon_e7) = place(position.0, position.1)?;
    let capacity = fields.need_count("total")?;
    let free = fields.count("free");
    let updated_at = fields.time("published")?;
    let site = wire::Site {
        source_uid: uid.clone(),
        name: fields.need_text("name")?,
        purpose: Purpose::Car.into(),
        r#type: SiteType::CarPark.into(),
        lat_e7,
        lon_e7,
        capacity,
        has_realtime_data: true,
        static_data_updated_at_ms: updated_at.unwrap_or(now_ms),
        public_url: fields.text("link")?.unwrap_or_default(),
        ..wire::Site::default()
    };
    let realtime = updated_at.map(|updated_at_ms| {
        let (status, spots) = (OpeningStatus::Unknown, Vec::new());
        Ok(Update { site: uid, updated_at_ms, status, capacity: Some(capacity), free: free?, spots })
    });
    Ok(Draft { site: Some(site), realtime })
}

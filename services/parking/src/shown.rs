//! What callers see of a site: its static data and its occupancy, with whether that is still good.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Config,
    contract::{iso, render_site},
    geo,
    realtime::Update,
    view::Standing,
};

/// A site in the names of ParkAPI.
pub(crate) fn site(standing: &Standing, now_ms: u64, config: &Config) -> Value {
    let mut shown = render_site(&standing.site);
    shown["original_uid"] = shown["source_uid"].clone();
    shown["version"] = standing.version.into();
    let live: Option<&Arc<Update>> = standing.live.as_ref();
    let outdated = live.is_some_and(|live| now_ms > live.updated_at_ms + config.outdated_after_s * 1000);
    if live.is_some() {
        shown["has_realtime_data"] = true.into();
    }
    shown["realtime_data_outdated"] = outdated.into();
    shown["realtime_data_updated_at"] = live.map(|live| iso(live.updated_at_ms)).into();
    shown["realtime_opening_status"] = live.map(|live| live.status.name()).into();
    shown["realtime_capacity"] = live.and_then(|live| live.capacity).into();
    shown["realtime_free_capacity"] = live.and_then(|live| live.free).into();
    if let Some(live) = live.filter(|live| !live.spots.is_empty()) {
        shown["spots"] = json!(live.spots);
    }
    shown
}

/// A site as a GeoJSON feature (RFC 7946): longitude first.
pub(crate) fn feature(standing: &Standing, properties: Value) -> Value {
    let place = [geo::degrees(standing.site.lon_e7), geo::degrees(standing.site.lat_e7)];
    json!({
        "type": "Feature",
        "id": properties["uid"],
        "geometry": { "type": "Point", "coordinates": place },
        "properties": properties,
    })
}

pub(crate) fn collection(features: Vec<Value>) -> Value {
    json!({ "type": "FeatureCollection", "features": features })
}

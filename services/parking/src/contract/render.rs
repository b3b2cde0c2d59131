//! Records as JSON, in the names of ParkAPI v3. For people and searches; nothing is decided by it.

use hutong_ledger::id::RecordId;
use hutong_wire::{
    prost::Message,
    v1::parking::{self as wire, Fee, Purpose, SiteType},
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(super) fn record(record: &RecordId, value: &[u8]) -> Option<Value> {
    let name = record.as_str();
    if name.starts_with("site/") {
        return wire::Site::decode(value).ok().map(|site| render_site(&site));
    }
    if name.starts_with("permit/") {
        return wire::Permit::decode(value).ok().map(|permit| render_permit(&permit));
    }
    if name.starts_with("operator/") {
        let operator = wire::Operator::decode(value).ok()?;
        return Some(json!({
            "id": operator.id,
            "name": operator.name,
            "agency": some(&operator.agency),
            "since": iso(operator.since_ms),
        }));
    }
    name.strip_prefix("digest/")?;
    let digest = wire::Digest::decode(value).ok()?;
    Some(json!({
        "site": digest.site,
        "day": digest.day,
        "sha256": hex::encode(&digest.sha256),
        "updates": digest.updates,
    }))
}

/// A site's static data.
pub fn render_site(site: &wire::Site) -> Value {
    let name = super::site_name(site).unwrap_or_default();
    let source_uid = if site.source.is_empty() { &site.uid } else { &site.source_uid };
    json!({
        "uid": name,
        "source": some(&site.source),
        "source_uid": source_uid,
        "name": site.name,
        "purpose": purpose_name(site.purpose()),
        "type": type_name(site.r#type()),
        "lat": degrees(site.lat_e7),
        "lon": degrees(site.lon_e7),
        "capacity": site.capacity,
        "address": some(&site.address),
        "description": some(&site.description),
        "public_url": some(&site.public_url),
        "operator": some(&site.operator),
        "operator_name": some(&site.operator_name),
        "has_realtime_data": site.has_realtime_data,
        "static_data_updated_at": iso(site.static_data_updated_at_ms),
        "max_height": (site.max_height_cm > 0).then_some(site.max_height_cm),
        "max_stay": (site.max_stay_s > 0).then_some(site.max_stay_s),
        "has_fee": match site.fee() {
            Fee::Unspecified => None,
            Fee::Yes => Some(true),
            Fee::No => Some(false),
        },
        "opening_hours": some(&site.opening_hours),
        "restrictions": site.restrictions.iter().map(restriction).collect::<Vec<_>>(),
        "retired_at": (site.retired_ms > 0).then(|| iso(site.retired_ms)),
    })
}

fn restriction(restriction: &wire::Restriction) -> Value {
    json!({ "type": restriction.r#type().as_str_name(), "capacity": restriction.capacity })
}

/// A permit: its holder by handle, its sealed fields by commitment.
pub fn render_permit(permit: &wire::Permit) -> Value {
    json!({
        "id": permit.id,
        "site": some(&permit.site),
        "zone": some(&permit.zone),
        "valid_from": iso(permit.valid_from_ms),
        "valid_until": iso(permit.valid_until_ms),
        "holder": hex::encode(&permit.holder),
        "sealed": permit.sealed.iter()
            .map(|field| json!({ "name": field.name, "commitment": hex::encode(&field.commitment) }))
            .collect::<Vec<_>>(),
        "issued_at": iso(permit.issued_ms),
        "revoked_at": (permit.revoked_ms > 0).then(|| iso(permit.revoked_ms)),
        "revocation_reason": some(&permit.revocation_reason),
    })
}

pub fn purpose_name(purpose: Purpose) -> &'static str {
    purpose.as_str_name()
}

pub fn type_name(kind: SiteType) -> &'static str {
    kind.as_str_name()
}

/// A time as RFC 3339 has it, in UTC.
pub fn iso(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Seven decimals are exact in a double's shortest text.
#[expect(clippy::cast_precision_loss, reason = "at most 1.8 thousand million")]
fn degrees(e7: i64) -> f64 {
    e7 as f64 / 1e7
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

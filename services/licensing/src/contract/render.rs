//! Businesses and licences as JSON, for people. Commitments say nothing to them and stay out, but for their names.

use hutong_wire::v1::licensing::{self as wire, BusinessStatus, Status};
use serde_json::{Value, json};

use super::Standing;

/// A standing in lower case.
pub fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Applied => "applied",
        Standing::NotYet => "not_yet_valid",
        Standing::Valid => "valid",
        Standing::Suspended => "suspended",
        Standing::Revoked => "revoked",
        Standing::Expired => "expired",
    }
}

/// As it was decided: whether its time is over depends on when one asks.
pub fn render_licence(licence: &wire::Licence) -> Value {
    let status = match licence.status() {
        Status::Unspecified => "unspecified",
        Status::Applied => "applied",
        Status::Issued => "issued",
        Status::Suspended => "suspended",
        Status::Revoked => "revoked",
    };
    let credentials = licence.credentials.iter();
    let credentials: Vec<Value> = credentials
        .map(|issued| json!({ "hash": hex::encode(&issued.hash), "issued_s": issued.issued_s }))
        .collect();
    json!({
        "id": licence.id,
        "uscc": licence.uscc,
        "kind": licence.kind,
        "valid_from": date_time(licence.valid_from_ms),
        "valid_from_ms": licence.valid_from_ms,
        "valid_until": date_time(licence.valid_until_ms),
        "valid_until_ms": licence.valid_until_ms,
        "status": status,
        "status_index": licence.status_index,
        "sealed": licence.sealed.iter().map(|field| &field.name).collect::<Vec<_>>(),
        "credentials": credentials,
        "issuer": licence.issuer,
        "reason": (!licence.reason.is_empty()).then_some(&licence.reason),
        "applied_ms": licence.applied_ms,
        "changed_ms": licence.changed_ms,
    })
}

pub fn render_business(business: &wire::Business) -> Value {
    let status = match business.status() {
        BusinessStatus::Unspecified => "unspecified",
        BusinessStatus::Open => "open",
        BusinessStatus::Closed => "closed",
    };
    json!({
        "uscc": business.uscc,
        "name": business.name,
        "status": status,
        "sealed": business.sealed.iter().map(|field| &field.name).collect::<Vec<_>>(),
        "since_ms": business.since_ms,
        "changed_ms": business.changed_ms,
    })
}

/// A moment in the form of RFC 3339; null if no calendar has it.
fn date_time(ms: u64) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    Some(moment.to_string())
}

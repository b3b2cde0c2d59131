//! Records as JSON, in the words of LADM. For people; nothing is decided by it.

use hutong_ledger::id::RecordId;
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, RightType},
};
use serde_json::{Value, json};

use super::{Fixture, UnitNumber, is_parcel};
use crate::geojson;

/// Any record of the domain's own.
pub(super) fn record(record: &RecordId, value: &[u8]) -> Option<Value> {
    if is_parcel(record) {
        return wire::Parcel::decode(value).ok().map(|parcel| render(&parcel));
    }
    match record.as_str().split_once('/')?.0 {
        "unit" => {
            let unit = wire::UnitNumber::decode(value).ok()?;
            Some(json!({ "parcel": unit.parcel }))
        }
        "cell" => {
            let cell = wire::Cell::decode(value).ok()?;
            let parcels: Vec<_> = cell.entries.into_iter().map(|entry| entry.parcel).collect();
            Some(json!({ "parcels": parcels }))
        }
        "config" => {
            let named = wire::Authorities::decode(value).ok()?;
            Some(json!({ "caveat": named.caveat, "seizure": named.seizure }))
        }
        _ => None,
    }
}

pub fn render(parcel: &wire::Parcel) -> Value {
    json!({
        "parcel": parcel.id,
        "status": parcel.status().as_str_name().to_ascii_lowercase(),
        "unit": unit(&parcel.unit.clone().unwrap_or_default()),
        "rights": parcel.rights.iter().map(right).collect::<Vec<_>>(),
        "mortgages": parcel.mortgages.iter().map(mortgage).collect::<Vec<_>>(),
        "restrictions": parcel.restrictions.iter().map(restriction).collect::<Vec<_>>(),
        "objections": parcel.objections.iter().map(objection).collect::<Vec<_>>(),
        "advance_notices": parcel.notices.iter().map(notice).collect::<Vec<_>>(),
        "last_registration": parcel.last_registration,
        "effective_ms": parcel.effective_ms,
        "last_price": (parcel.last_price_minor > 0).then(|| json!({
            "amount_minor": parcel.last_price_minor,
            "currency": parcel.last_price_currency,
        })),
        "source": hash(&parcel.source),
        "sealed": parcel.sealed.iter().map(|field| json!({
            "name": field.name,
            "commitment": hex::encode(&field.commitment),
        })).collect::<Vec<_>>(),
        "parents": parcel.parents,
        "children": parcel.children,
    })
}

fn unit(unit: &wire::Unit) -> Value {
    json!({
        "place": unit.place,
        "use": unit.r#use,
        "area_m2": area_m2(unit.area_centi_mm2),
        "description": unit.description,
        "number": (!unit.number.is_empty()).then(|| number(&unit.number)),
        "geometry": unit.geometry.as_ref().map(geojson::geometry),
    })
}

fn number(number: &str) -> Value {
    let Ok(parts) = UnitNumber::parse(number) else { return Value::Null };
    json!({
        "number": number,
        "county": parts.county,
        "cadastral_district": parts.cadastral_district,
        "sub_district": parts.sub_district,
        "feature": parts.feature,
        "parcel": parts.parcel,
        "fixture": match parts.fixture {
            Fixture::Building => "building",
            Fixture::Woods => "woods",
            Fixture::Other => "other",
            Fixture::None => "none",
        },
        "fixture_number": parts.fixture_number,
    })
}

/// Square metres as an exact decimal text: 10^8 hundredths of a square millimetre are one.
fn area_m2(centi_mm2: u64) -> String {
    let text = format!("{}.{:08}", centi_mm2 / 100_000_000, centi_mm2 % 100_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn hash(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| hex::encode(bytes))
}

fn party(party: Option<&wire::Party>) -> Value {
    party.map_or(Value::Null, |party| json!({ "handle": hex::encode(&party.handle), "agent": party.agent }))
}

/// The name of a type of right.
fn right_type(kind: RightType) -> String {
    kind.as_str_name().to_ascii_lowercase()
}

pub fn right(right: &wire::Right) -> Value {
    let share = right.share.unwrap_or_default();
    json!({
        "id": right.id,
        "type": right_type(right.r#type()),
        "share": { "numerator": share.numerator, "denominator": share.denominator },
        "party": party(right.party.as_ref()),
        "since_ms": right.since_ms,
        "valid_from_ms": right.valid_from_ms,
    })
}

fn mortgage(mortgage: &wire::Mortgage) -> Value {
    json!({
        "id": mortgage.id,
        "rank": mortgage.rank,
        "amount_minor": mortgage.amount_minor,
        "currency": mortgage.currency,
        "lender": party(mortgage.lender.as_ref()),
        "since_ms": mortgage.since_ms,
        "no_transfer": mortgage.no_transfer,
    })
}

fn restriction(restriction: &wire::Restriction) -> Value {
    json!({
        "id": restriction.id,
        "type": restriction.r#type().as_str_name().to_ascii_lowercase(),
        "agency": restriction.agency,
        "reference": restriction.reference,
        "since_ms": restriction.since_ms,
    })
}

fn objection(objection: &wire::Objection) -> Value {
    json!({
        "id": objection.id,
        "party": party(objection.party.as_ref()),
        "since_ms": objection.since_ms,
        "until_ms": (objection.until_ms > 0).then_some(objection.until_ms),
        "suit": (!objection.suit.is_empty()).then_some(&objection.suit),
        "source": hash(&objection.source),
    })
}

fn notice(notice: &wire::Notice) -> Value {
    json!({
        "id": notice.id,
        "party": party(notice.party.as_ref()),
        "since_ms": notice.since_ms,
        "until_ms": notice.until_ms,
    })
}

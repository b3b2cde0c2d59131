//! A parcel as JSON, in the words of LADM. For people; nothing is decided by it.

use hutong_wire::v1::property as wire;
use serde_json::{Value, json};

pub fn render(parcel: &wire::Parcel) -> Value {
    let unit = parcel.unit.clone().unwrap_or_default();
    json!({
        "parcel": parcel.id,
        "status": parcel.status().as_str_name().to_ascii_lowercase(),
        "unit": {
            "place": unit.place,
            "use": unit.r#use,
            "area_m2": area_m2(unit.area_centi_mm2),
            "description": unit.description,
        },
        "rights": parcel.rights.iter().map(right).collect::<Vec<_>>(),
        "mortgages": parcel.mortgages.iter().map(mortgage).collect::<Vec<_>>(),
        "restrictions": parcel.restrictions.iter().map(restriction).collect::<Vec<_>>(),
        "last_registration": parcel.last_registration,
        "last_price": (parcel.last_price_minor > 0).then(|| json!({
            "amount_minor": parcel.last_price_minor,
            "currency": parcel.last_price_currency,
        })),
        "source": (!parcel.source.is_empty()).then(|| hex::encode(&parcel.source)),
    })
}

/// Square metres as an exact decimal text: 10^8 hundredths of a square millimetre are one.
fn area_m2(centi_mm2: u64) -> String {
    let text = format!("{}.{:08}", centi_mm2 / 100_000_000, centi_mm2 % 100_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn party(party: Option<&wire::Party>) -> Value {
    party.map_or(Value::Null, |party| {
        json!({
            "handle": hex::encode(&party.handle),
            "commitment": hex::encode(&party.commitment),
            "agent": party.agent,
        })
    })
}

fn right(right: &wire::Right) -> Value {
    let share = right.share.unwrap_or_default();
    json!({
        "id": right.id,
        "type": right.r#type().as_str_name().to_ascii_lowercase(),
        "share": { "numerator": share.numerator, "denominator": share.denominator },
        "party": party(right.party.as_ref()),
        "since_ms": right.since_ms,
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

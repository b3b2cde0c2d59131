//! Records as JSON, and the words that values have there. For people; nothing is decided by it.

use hutong_disclosure::records;
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, Method, Origin, Sex, Status},
};
use serde_json::{Value, json};

use super::{ALERTS, CASES, DISTRICTS, RELEASES, REPORTERS};
use crate::day;

pub(super) fn record(name: &str, value: &[u8]) -> Option<Value> {
    if records::RESERVED.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    if name.starts_with(CASES) {
        return wire::Case::decode(value).ok().map(|case| render_case(&case));
    }
    if name.starts_with(ALERTS) {
        return wire::Alert::decode(value).ok().map(|alert| render_alert(&alert));
    }
    if name.starts_with(RELEASES) {
        return wire::Release::decode(value).ok().map(|release| render_release(&release));
    }
    match name {
        DISTRICTS => {
            let listed = wire::Districts::decode(value).ok()?.districts;
            let listed =
                listed.iter().map(|district| json!({ "code": district.code, "name": district.name }));
            Some(json!({ "districts": listed.collect::<Vec<_>>() }))
        }
        REPORTERS => Some(json!({ "reporters": wire::Reporters::decode(value).ok()?.agencies })),
        _ => None,
    }
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

pub fn render_case(case: &wire::Case) -> Value {
    let facts = case.facts.clone().unwrap_or_default();
    let sealed = case
        .sealed
        .iter()
        .map(|field| json!({ "name": field.name, "commitment": hex::encode(&field.commitment) }));
    json!({
        "id": case.id,
        "disease": facts.disease,
        "status": status_name(facts.status()),
        "origin": origin_name(facts.origin()),
        "district": text_or_null(&facts.district),
        "age_band": text_or_null(&facts.age_band),
        "sex": text_or_null(sex_name(facts.sex())),
        "facility": text_or_null(&facts.facility),
        "onset": facts.onset.map(day::text),
        "specimen": facts.specimen.map(day::text),
        "diagnosis": facts.diagnosis.map(day::text),
        "report": facts.report.map(day::text),
        "agency": case.agency,
        "person": (!case.subject.is_empty()).then(|| hex::encode(&case.subject)),
        "sealed": sealed.collect::<Vec<_>>(),
        "revision": case.revision,
        "reason": text_or_null(&case.reason),
    })
}

pub fn render_alert(alert: &wire::Alert) -> Value {
    // Millionths to the last digit: as a number with a point they might lose one.
    let (whole, rest) = (alert.statistic_micro / 1_000_000, alert.statistic_micro.rem_euclid(1_000_000));
    json!({
        "disease": alert.disease,
        "district": text_or_null(&alert.district),
        "date": day::text(alert.day),
        "method": method_name(alert.method()),
        "statistic": format!("{whole}.{rest:06}"),
        "count": alert.count,
        "raised_ms": alert.raised_ms,
    })
}

fn render_release(release: &wire::Release) -> Value {
    json!({
        "disease": release.disease,
        "week": day::week_text(release.monday),
        "from": day::text(release.monday),
        "to": day::text(release.monday + day::WEEK - 1),
        "withheld": release.tables.is_empty(),
        "as_of_ms": release.as_of_ms,
        "revision": release.revision,
    })
}

pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unspecified => "",
        Status::Suspected => "suspected",
        Status::Confirmed => "confirmed",
        Status::Discarded => "discarded",
    }
}

pub fn parse_status(text: &str) -> Option<Status> {
    [Status::Suspected, Status::Confirmed, Status::Discarded]
        .into_iter()
        .find(|status| status_name(*status) == text)
}

pub fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Unspecified => "",
        Origin::Local => "local",
        Origin::Imported => "imported",
    }
}

pub fn parse_origin(text: &str) -> Option<Origin> {
    [Origin::Local, Origin::Imported].into_iter().find(|origin| origin_name(*origin) == text)
}

pub fn sex_name(sex: Sex) -> &'static str {
    match sex {
        Sex::Unspecified => "",
        Sex::Female => "female",
        Sex::Male => "male",
    }
}

/// An empty text is: not known.
pub fn parse_sex(text: &str) -> Option<Sex> {
    [Sex::Unspecified, Sex::Female, Sex::Male].into_iter().find(|sex| sex_name(*sex) == text)
}

pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Unspecified => "",
        Method::C1 => "c1",
        Method::C2 => "c2",
        Method::C3 => "c3",
    }
}

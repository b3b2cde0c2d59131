//! Records as JSON, for people, and the names of enumerations. Commitments and handles are shown, never what they hide.

use hutong_ledger::id::RecordId;
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Datatype, DeadlineClass, ServiceType, Status},
};
use serde_json::{Value, json};

pub(super) fn record(record: &RecordId, value: &[u8]) -> Option<Value> {
    let (kind, _) = record.as_str().split_once('/')?;
    match (kind, record.as_str()) {
        ("request", _) => wire::Request::decode(value).ok().map(|request| render_request(&request)),
        ("service", _) => wire::Service::decode(value).ok().map(|service| render_service(&service)),
        (_, "config/areas") => wire::Areas::decode(value).ok().map(|areas| render_areas(&areas)),
        (_, "config/weights") => wire::Weights::decode(value).ok().map(|weights| render_weights(&weights)),
        _ => None,
    }
}

/// A request with everything that stands on the ledger.
pub fn render_request(request: &wire::Request) -> Value {
    let place = request.place.clone().unwrap_or_default();
    let time = |ms: u64| (ms > 0).then_some(ms);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let answers = request.attributes.iter().map(|answer| (answer.code.clone(), json!(answer.values)));
    let sealed =
        request.sealed.iter().map(|f| json!({ "name": f.name, "commitment": hex::encode(&f.commitment) }));
    json!({
        "id": request.id,
        "service_code": request.service_code,
        "status": status_name(request.status()),
        "agencies": request.agencies,
        "description": request.description,
        "point": place.point.as_ref().map(render_point),
        "address": text(&place.address),
        "address_id": text(&place.address_id),
        "zipcode": text(&place.zipcode),
        "district": text(&place.district),
        "media_url": text(&request.media_url),
        "attributes": answers.collect::<serde_json::Map<_, _>>(),
        "requested_ms": request.requested_ms,
        "updated_ms": request.updated_ms,
        "expected_ms": time(request.expected_ms),
        "dispatched_ms": time(request.dispatched_ms),
        "answered_ms": time(request.answered_ms),
        "closed_ms": time(request.closed_ms),
        "breached_ms": time(request.breached_ms),
        "status_notes": text(&request.status_notes),
        "duplicate_of": text(&request.duplicate_of),
        "duplicates": request.duplicates,
        "contacted": request.contacted,
        "call_back": request.call_back.as_ref().map(|call| json!({
            "valid": call.valid,
            "contacted": call.contacted,
            "resolved": call.resolved,
            "satisfied": call.satisfied,
            "time_ms": call.time_ms,
        })),
        "sealed": sealed.collect::<Vec<_>>(),
        "subject": (!request.subject.is_empty()).then(|| hex::encode(&request.subject)),
    })
}

pub fn render_service(service: &wire::Service) -> Value {
    let attribute = |asked: &wire::Attribute| {
        json!({
            "code": asked.code,
            "variable": asked.variable,
            "datatype": datatype_name(asked.datatype()),
            "required": asked.required,
            "datatype_description": asked.datatype_description,
            "order": asked.order,
            "description": asked.description,
            "values": asked.values.iter().map(|v| json!({ "key": v.key, "name": v.name })).collect::<Vec<_>>(),
        })
    };
    let rules = service.rules.iter().map(|rule| {
        let district = (!rule.district.is_empty()).then_some(&rule.district);
        json!({ "district": district, "agency": rule.agency })
    });
    json!({
        "code": service.code,
        "name": service.name,
        "description": service.description,
        "group": service.group,
        "keywords": service.keywords,
        "type": type_name(service.r#type()),
        "attributes": service.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "deadline": class_name(service.deadline()),
        "rules": rules.collect::<Vec<_>>(),
        "notice": service.notice,
        "retired": service.retired,
    })
}

pub(crate) fn render_areas(areas: &wire::Areas) -> Value {
    let area = |area: &wire::Area| {
        json!({
            "code": area.code,
            "name": area.name,
            "agency": area.agency,
            "boundary": area.boundary.iter().map(render_point).collect::<Vec<_>>(),
        })
    };
    json!({ "areas": areas.areas.iter().map(area).collect::<Vec<_>>() })
}

pub(crate) fn render_weights(weights: &wire::Weights) -> Value {
    json!({
        "response": weights.response,
        "resolution": weights.resolution,
        "satisfaction": weights.satisfaction,
    })
}

pub(crate) fn render_point(point: &wire::Point) -> Value {
    json!({ "lat": f64::from(point.lat_e7) / 1e7, "long": f64::from(point.long_e7) / 1e7 })
}

pub const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Open | Status::Unspecified => "open",
        Status::Dispatched => "dispatched",
        Status::Answered => "answered",
        Status::Closed => "closed",
    }
}

pub const fn type_name(kind: ServiceType) -> &'static str {
    match kind {
        ServiceType::Realtime | ServiceType::Unspecified => "realtime",
        ServiceType::Batch => "batch",
        ServiceType::Blackbox => "blackbox",
    }
}

pub const fn class_name(class: DeadlineClass) -> &'static str {
    match class {
        DeadlineClass::Emergency => "emergency",
        DeadlineClass::Utilities => "utilities",
        DeadlineClass::General | DeadlineClass::Unspecified => "general",
        DeadlineClass::Complex => "complex",
    }
}

pub const fn datatype_name(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::String | Datatype::Unspecified => "string",
        Datatype::Number => "number",
        Datatype::Datetime => "datetime",
        Datatype::Text => "text",
        Datatype::Singlevaluelist => "singlevaluelist",
        Datatype::Multivaluelist => "multivaluelist",
    }
}

pub fn parse_type(name: &str) -> Option<ServiceType> {
    let all = [ServiceType::Realtime, ServiceType::Batch, ServiceType::Blackbox];
    all.into_iter().find(|kind| type_name(*kind) == name)
}

pub fn parse_class(name: &str) -> Option<DeadlineClass> {
    use DeadlineClass as C;
    [C::Emergency, C::Utilities, C::General, C::Complex].into_iter().find(|class| class_name(*class) == name)
}

pub fn parse_datatype(name: &str) -> Option<Datatype> {
    use Datatype as D;
    let all = [D::String, D::Number, D::Datetime, D::Text, D::Singlevaluelist, D::Multivaluelist];
    all.into_iter().find(|datatype| datatype_name(*datatype) == name)
}

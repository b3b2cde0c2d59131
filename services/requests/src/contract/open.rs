//! New requests: what they must have, who gets them, and until when.

use hutong_ledger::contract::{Change, Refusal};
use hutong_wire::v1::requests::{self as wire, Status};

use super::{
    Case,
    area::{district_of, lead},
    attributes::check_answers,
    deadline_ms, form, put, request_record,
};

pub(super) fn open(case: &Case<'_>, open: &wire::Open) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let record = request_record(&open.request)?;
    if case.state.get(&record).is_some() {
        let told = format!("there is a request {} already", open.request);
        return Err(Refusal::new("request_exists", told).at("request"));
    }
    let (service, areas) = (case.service(&open.service_code)?, case.areas()?);
    let place = check_open(&service, &areas, open)?;
    let now_ms = case.state.time_ms;
    let agencies: Vec<_> = lead(&service, &areas, &place.district).into_iter().collect();
    let (status, dispatched_ms) =
        if agencies.is_empty() { (Status::Open, 0) } else { (Status::Dispatched, now_ms) };
    let request = wire::Request {
        id: open.request.clone(),
        service_code: open.service_code.clone(),
        status: status.into(),
        agencies,
        description: open.description.clone(),
        place: Some(place),
        media_url: open.media_url.clone(),
        attributes: open.attributes.clone(),
        requested_ms: now_ms,
        updated_ms: now_ms,
        expected_ms: now_ms.saturating_add(deadline_ms(service.deadline())),
        dispatched_ms,
        sealed: open.sealed.clone(),
        subject: open.subject.clone(),
        ..wire::Request::default()
    };
    Ok(put(record, &request))
}

/// Whether a request may be opened as it is; its place, with the district.
pub fn check_open(
    service: &wire::Service,
    areas: &[wire::Area],
    open: &wire::Open,
) -> Result<wire::Place, Refusal> {
    if service.retired {
        let told = format!("{} is no longer offered", service.code);
        return Err(Refusal::new("service_retired", told).at("service_code"));
    }
    form::refuse_lines("request_invalid", "description", &open.description)?;
    form::url("media_url", &open.media_url)?;
    form::sealed(&open.sealed)?;
    if !matches!(open.subject.len(), 0 | 16) {
        return Err(Refusal::new("handle_invalid", "a handle has 16 bytes").at("subject"));
    }
    check_answers(service, &open.attributes)?;
    place(open.place.clone().unwrap_or_default(), areas)
}

/// A place that can be found, with its district.
fn place(mut place: wire::Place, areas: &[wire::Area]) -> Result<wire::Place, Refusal> {
    form::place(&place)?;
    if place.point.is_none() && place.address.trim().is_empty() && place.address_id.trim().is_empty() {
        let told = "a request has a point, an address or the id of an address";
        return Err(Refusal::new("location_missing", told).at("place"));
    }
    if !place.district.is_empty() {
        if !areas.iter().any(|area| area.code == place.district) {
            return Err(form::location("there is no such district", "place.district"));
        }
    } else if let Some(point) = &place.point {
        place.district = district_of(areas, point).map(|area| area.code.clone()).unwrap_or_default();
    }
    Ok(place)
}

//! Past requests, as another system kept them: their status and times are taken as they are said, and can only be past.

use hutong_ledger::contract::{Change, Refusal};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, DeadlineClass, ServiceType, Status},
};

use super::{Case, check_service, form, request_record, service_record};

/// 1 January 10000, UTC: times are told in years of four digits.
const YEAR_10000_MS: u64 = 253_402_300_800_000;

pub(super) fn import(case: &Case<'_>, import: &wire::Import) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let record = request_record(&import.request)?;
    if case.state.get(&record).is_some() {
        let told = format!("there is a request {} already", import.request);
        return Err(Refusal::new("request_exists", told).at("request"));
    }
    let place = import.place.clone().unwrap_or_default();
    form::place(&place)?;
    form::refuse_lines("request_invalid", "description", &import.description)?;
    form::refuse_lines("request_invalid", "status_notes", &import.status_notes)?;
    form::agencies(&import.agencies)?;
    let status = import.status();
    let acting = matches!(status, Status::Dispatched | Status::Answered);
    if status == Status::Unspecified || acting && import.agencies.is_empty() {
        let told = "a status is open, dispatched, answered or closed; the two in the middle have an agency";
        return Err(Refusal::new("request_invalid", told).at("status"));
    }
    times(import, case.state.time_ms)?;
    let mut changes = Vec::with_capacity(2);
    let service = service_record(&import.service_code)?;
    if case.state.get(&service).is_none() {
        let made = made(import);
        check_service(&made)?;
        changes.push(Change::put(service, made.encode_to_vec()));
    }
    let request = wire::Request {
        id: import.request.clone(),
        service_code: import.service_code.clone(),
        status: status.into(),
        agencies: import.agencies.clone(),
        description: import.description.clone(),
        place: Some(place),
        requested_ms: import.requested_ms,
        updated_ms: import.updated_ms,
        expected_ms: import.expected_ms,
        answered_ms: if status == Status::Answered { import.updated_ms } else { import.closed_ms },
        closed_ms: import.closed_ms,
        status_notes: import.status_notes.clone(),
        ..wire::Request::default()
    };
    changes.push(Change::put(record, request.encode_to_vec()));
    Ok(changes)
}

/// Requested before updated, closed in between, nothing later than now but the deadline.
fn times(import: &wire::Import, now_ms: u64) -> Result<(), Refusal> {
    let invalid = |told: &str, field: &str| Err(Refusal::new("times_invalid", told).at(field));
    let (requested_ms, updated_ms) = (import.requested_ms, import.updated_ms);
    if requested_ms == 0 || updated_ms < requested_ms || updated_ms > now_ms {
        return invalid("it was requested, then updated, both by now", "updated_ms");
    }
    let closed = import.status() == Status::Closed;
    let span = requested_ms..=updated_ms;
    if closed && !span.contains(&import.closed_ms) || !closed && import.closed_ms > 0 {
        return invalid(
            "what is closed has a time from its request to its last update, nothing else has",
            "closed_ms",
        );
    }
    let expected_ms = import.expected_ms;
    if expected_ms > 0 && !(requested_ms..YEAR_10000_MS).contains(&expected_ms) {
        return invalid("a deadline is not before the request, nor after the year 9999", "expected_ms");
    }
    Ok(())
}

/// The service of a past request, as far as it is known.
fn made(import: &wire::Import) -> wire::Service {
    wire::Service {
        code: import.service_code.clone(),
        name: import.service_name.clone(),
        description: import.service_name.clone(),
        group: import.group.clone(),
        r#type: ServiceType::Realtime.into(),
        deadline: DeadlineClass::General.into(),
        ..wire::Service::default()
    }
}

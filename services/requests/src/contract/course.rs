//! What becomes of a request: open → dispatched → answered → closed, with the ways back and aside.

use hutong_ledger::contract::{Change, Refusal};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Status},
};

use super::{
    Case,
    area::{lead, office},
    form, put,
};

pub(super) fn dispatch(case: &Case<'_>, action: &wire::Dispatch) -> Result<Vec<Change>, Refusal> {
    let (record, mut request) = case.request(&action.request)?;
    let handed_back = !case.is_owner()?;
    if handed_back && (!leads(case, &request) || !action.agencies.is_empty()) {
        let told = "the domain's owner dispatches; the lead may hand back, and then names nobody";
        return Err(Refusal::new("not_the_lead", told).at("agencies"));
    }
    standing(&request)?;
    form::notes(&action.notes, !request.agencies.is_empty())?;
    form::agencies(&action.agencies)?;
    let district = request.place.as_ref().map(|place| place.district.clone()).unwrap_or_default();
    let agencies = match (handed_back, action.agencies.is_empty()) {
        (_, false) => action.agencies.clone(),
        // What is handed back goes to the one that catches; it would come back by the rules.
        (true, true) => {
            let office = office(&case.areas()?, &district).ok_or_else(nobody)?;
            if request.agencies.first() == Some(&office) {
                let told = "the district's office catches what has no other owner and cannot hand it back";
                return Err(Refusal::new("district_catches", told).at("agencies"));
            }
            vec![office]
        }
        (false, true) => {
            let service = case.service(&request.service_code)?;
            vec![lead(&service, &case.areas()?, &district).ok_or_else(nobody)?]
        }
    };
    let now_ms = case.state.time_ms;
    request.agencies = agencies;
    request.status = Status::Dispatched.into();
    if request.dispatched_ms == 0 {
        request.dispatched_ms = now_ms;
    }
    // The citizen's deadline stays; an answer that did not do is none.
    (request.answered_ms, request.contacted, request.call_back) = (0, false, None);
    request.status_notes = action.notes.clone();
    request.updated_ms = now_ms;
    Ok(put(record, &request))
}

pub(super) fn answer(case: &Case<'_>, action: &wire::Answer) -> Result<Vec<Change>, Refusal> {
    let (record, mut request) = case.request(&action.request)?;
    by_lead(case, &request)?;
    standing(&request)?;
    if request.status() != Status::Dispatched {
        let told = format!("request {} is not with an agency", request.id);
        return Err(Refusal::new("not_dispatched", told).at("request"));
    }
    form::notes(&action.notes, true)?;
    let now_ms = case.state.time_ms;
    request.status = Status::Answered.into();
    request.answered_ms = now_ms;
    request.contacted = action.contacted;
    if request.breached_ms == 0 && is_late(&request, now_ms) {
        request.breached_ms = now_ms;
    }
    request.status_notes = action.notes.clone();
    request.updated_ms = now_ms;
    Ok(put(record, &request))
}

pub(super) fn called(case: &Case<'_>, action: &wire::Called) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let (record, mut request) = case.request(&action.request)?;
    if !matches!(request.status(), Status::Answered | Status::Closed) || !request.duplicate_of.is_empty() {
        return Err(not_answered(&request));
    }
    if request.call_back.as_ref().is_some_and(|before| before.valid) {
        let told = format!("what the citizen said of request {} is on the ledger", request.id);
        return Err(Refusal::new("called_back", told).at("request"));
    }
    if !action.valid && (action.contacted || action.resolved || action.satisfied) {
        let told = "who was not reached said nothing";
        return Err(Refusal::new("call_back_invalid", told).at("valid"));
    }
    let now_ms = case.state.time_ms;
    request.call_back = Some(wire::CallBack {
        valid: action.valid,
        contacted: action.contacted,
        resolved: action.resolved,
        satisfied: action.satisfied,
        time_ms: now_ms,
    });
    request.updated_ms = now_ms;
    Ok(put(record, &request))
}

pub(super) fn close(case: &Case<'_>, action: &wire::Close) -> Result<Vec<Change>, Refusal> {
    let (record, mut request) = case.request(&action.request)?;
    by_lead(case, &request)?;
    standing(&request)?;
    let answered = request.status() == Status::Answered;
    if !answered && !case.is_owner()? {
        return Err(not_answered(&request));
    }
    form::notes(&action.notes, !answered)?;
    end(&mut request, case.state.time_ms);
    if !action.notes.is_empty() {
        request.status_notes = action.notes.clone();
    }
    Ok(put(record, &request))
}

pub(super) fn mark_duplicate(case: &Case<'_>, action: &wire::MarkDuplicate) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let invalid = |told: String| Refusal::new("duplicate_invalid", told).at("of");
    if action.request == action.of {
        return Err(invalid("a request does not repeat itself".into()));
    }
    let (record, mut request) = case.request(&action.request)?;
    let (original_record, mut original) = case.request(&action.of)?;
    standing(&request)?;
    if original.service_code != request.service_code {
        return Err(invalid("the requests are of different services".into()));
    }
    if !original.duplicate_of.is_empty() {
        return Err(invalid(format!("{} repeats {}: name that one", original.id, original.duplicate_of)));
    }
    if request.duplicates > 0 {
        return Err(invalid(format!("others repeat {}: name it in their place", request.id)));
    }
    end(&mut request, case.state.time_ms);
    request.duplicate_of = original.id.clone();
    request.status_notes = format!("Duplicate of {}", original.id);
    original.duplicates = original.duplicates.saturating_add(1);
    Ok(vec![
        Change::put(record, request.encode_to_vec()),
        Change::put(original_record, original.encode_to_vec()),
    ])
}

pub(super) fn breach(case: &Case<'_>, action: &wire::Breach) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let (record, mut request) = case.request(&action.request)?;
    standing(&request)?;
    if request.breached_ms > 0 {
        let told = format!("the breach of request {} is on the ledger", request.id);
        return Err(Refusal::new("already_breached", told).at("request"));
    }
    let now_ms = case.state.time_ms;
    if request.status() == Status::Answered || !is_late(&request, now_ms) {
        let told = format!("request {} is not late", request.id);
        return Err(Refusal::new("not_late", told).at("request"));
    }
    request.breached_ms = now_ms;
    request.updated_ms = now_ms;
    Ok(put(record, &request))
}

/// Whether the deadline has passed; the moment itself is in time.
fn is_late(request: &wire::Request, now_ms: u64) -> bool {
    request.expected_ms > 0 && now_ms > request.expected_ms
}

fn end(request: &mut wire::Request, now_ms: u64) {
    if request.breached_ms == 0 && request.answered_ms == 0 && is_late(request, now_ms) {
        request.breached_ms = now_ms;
    }
    request.status = Status::Closed.into();
    request.closed_ms = now_ms;
    request.updated_ms = now_ms;
}

fn leads(case: &Case<'_>, request: &wire::Request) -> bool {
    request.agencies.first().is_some_and(|lead| lead == case.tx.body.agency.as_str())
}

fn by_lead(case: &Case<'_>, request: &wire::Request) -> Result<(), Refusal> {
    if case.is_owner()? || leads(case, request) {
        return Ok(());
    }
    let lead = request.agencies.first().map_or("nobody yet", String::as_str);
    let told = format!("{lead} leads on request {}; the others tell it", request.id);
    Err(Refusal::new("not_the_lead", told).at("agency"))
}

fn standing(request: &wire::Request) -> Result<(), Refusal> {
    if request.status() == Status::Closed {
        return Err(Refusal::new("request_closed", format!("request {} is closed", request.id)).at("request"));
    }
    Ok(())
}

fn not_answered(request: &wire::Request) -> Refusal {
    Refusal::new("not_answered", format!("request {} has no answer", request.id)).at("request")
}

fn nobody() -> Refusal {
    let told = "neither a rule of the service nor a district says who gets it: name an agency";
    Refusal::new("no_agency", told).at("agencies")
}

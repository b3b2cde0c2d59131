//! Configuration that stands on the ledger: services with their attributes, deadlines and rules, districts, weights.

use hutong_ledger::{
    canon::ascending,
    contract::{Change, Refusal, VALUE_BYTES_MAX},
};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Datatype, DeadlineClass, ServiceType},
};

use super::{
    Case, areas_record,
    form::{self, NAME_CHARS_MAX, SHORT_CHARS_MAX},
    put, service_record, weights_record,
};

const KEYWORDS_MAX: usize = 32;
const ATTRIBUTES_MAX: usize = 64;
const CHOICES_MAX: usize = 256;
const RULES_MAX: usize = 256;
const AREAS_MAX: usize = 64;
const BOUNDARY_MAX: usize = 1000;
const WEIGHT_MAX: u32 = 1_000_000;
const HOUR_MS: u64 = 3_600_000;

/// What a class of deadline allows.
pub const fn deadline_ms(class: DeadlineClass) -> u64 {
    match class {
        DeadlineClass::Emergency => 2 * HOUR_MS,
        DeadlineClass::Utilities => 24 * HOUR_MS,
        DeadlineClass::General | DeadlineClass::Unspecified => 7 * 24 * HOUR_MS,
        DeadlineClass::Complex => 15 * 24 * HOUR_MS,
    }
}

pub(super) fn define(case: &Case<'_>, service: &wire::Service) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    check_service(service)?;
    Ok(put(service_record(&service.code)?, service))
}

pub(super) fn set_areas(case: &Case<'_>, areas: &wire::Areas) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    check_areas(areas)?;
    Ok(put(areas_record(), areas))
}

pub(super) fn set_weights(case: &Case<'_>, weights: &wire::Weights) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    check_weights(weights)?;
    Ok(put(weights_record(), weights))
}

/// Whether weights are some: each at most 1,000,000, and not all nothing.
pub fn check_weights(weights: &wire::Weights) -> Result<(), Refusal> {
    let each = [weights.response, weights.resolution, weights.satisfaction];
    if each.iter().all(|weight| *weight <= WEIGHT_MAX) && each.iter().any(|weight| *weight > 0) {
        return Ok(());
    }
    let told = format!("weights are 0 to {WEIGHT_MAX}, and one of them is above 0");
    Err(Refusal::new("weights_invalid", told))
}

/// Whether districts are well formed.
pub fn check_areas(areas: &wire::Areas) -> Result<(), Refusal> {
    let invalid = |told: &str, field: &str| Refusal::new("areas_invalid", told).at(field);
    if areas.areas.len() > AREAS_MAX || !ascending(&areas.areas, |area| area.code.clone()) {
        return Err(invalid("at most 64 areas, ascending by code, each once", "areas"));
    }
    for area in &areas.areas {
        if !form::is_district(&area.code) {
            return Err(invalid("a code is 1 to 64 of a-z, 0-9 and -", "code"));
        }
        form::refuse_name("areas_invalid", "name", &area.name, NAME_CHARS_MAX)?;
        form::agency(&area.agency)?;
        let corners = &area.boundary;
        if !corners.is_empty() && !(3..=BOUNDARY_MAX).contains(&corners.len()) {
            return Err(invalid("a boundary has 3 to 1,000 corners, or is left out", "boundary"));
        }
        if !corners.iter().all(form::is_point) {
            return Err(invalid("latitudes are within 90 degrees, longitudes within 180", "boundary"));
        }
    }
    if areas.encoded_len() > VALUE_BYTES_MAX {
        return Err(invalid("all areas together take at most 64 KiB: simplify their boundaries", "boundary"));
    }
    Ok(())
}

/// Whether a service is well formed.
pub fn check_service(service: &wire::Service) -> Result<(), Refusal> {
    const CODE: &str = "service_invalid";
    let invalid = |told: &str, field: &str| Refusal::new("service_invalid", told).at(field);
    service_record(&service.code)?;
    form::refuse_name(CODE, "name", &service.name, NAME_CHARS_MAX)?;
    form::refuse_lines(CODE, "description", &service.description)?;
    form::refuse_line(CODE, "group", &service.group, NAME_CHARS_MAX)?;
    form::refuse_lines(CODE, "notice", &service.notice)?;
    if service.keywords.len() > KEYWORDS_MAX || service.keywords.iter().any(|word| word.contains(',')) {
        return Err(invalid("at most 32 keywords, none with a comma", "keywords"));
    }
    service
        .keywords
        .iter()
        .try_for_each(|word| form::refuse_name(CODE, "keywords", word, SHORT_CHARS_MAX))?;
    if known::<ServiceType>(service.r#type).is_none() {
        return Err(invalid("a type is realtime, batch or blackbox", "type"));
    }
    if known::<DeadlineClass>(service.deadline).is_none() {
        return Err(invalid("a deadline is emergency, utilities, general or complex", "deadline"));
    }
    let each_once = |codes: Vec<&str>| codes.iter().enumerate().all(|(at, code)| !codes[..at].contains(code));
    if service.attributes.len() > ATTRIBUTES_MAX
        || !each_once(service.attributes.iter().map(|attribute| attribute.code.as_str()).collect())
    {
        return Err(invalid("at most 64 attributes, each code once", "attributes"));
    }
    service.attributes.iter().try_for_each(attribute)?;
    let rules = &service.rules;
    if rules.len() > RULES_MAX || !each_once(rules.iter().map(|rule| rule.district.as_str()).collect()) {
        return Err(invalid("at most 256 rules, one for each district", "rules"));
    }
    for rule in rules {
        if !rule.district.is_empty() && !form::is_district(&rule.district) {
            return Err(invalid("a district's code is 1 to 64 of a-z, 0-9 and -", "rules"));
        }
        form::agency(&rule.agency)?;
    }
    if service.encoded_len() > VALUE_BYTES_MAX {
        return Err(invalid("a service takes at most 64 KiB", "attributes"));
    }
    Ok(())
}

fn attribute(attribute: &wire::Attribute) -> Result<(), Refusal> {
    const CODE: &str = "service_invalid";
    let invalid = |told: &str| Refusal::new("service_invalid", told).at("attributes");
    if !super::is_service_code(&attribute.code) {
        return Err(invalid("an attribute's code is 1 to 64 of 0-9, A-Z, a-z, - and _"));
    }
    form::refuse_lines(CODE, "attributes", &attribute.description)?;
    form::refuse_lines(CODE, "attributes", &attribute.datatype_description)?;
    let datatype = known::<Datatype>(attribute.datatype)
        .ok_or_else(|| invalid("a datatype is one of Open311's: string, number, datetime, text or a list"))?;
    if attribute.required && !attribute.variable {
        return Err(invalid("what is only shown cannot be required"));
    }
    let is_list = matches!(datatype, Datatype::Singlevaluelist | Datatype::Multivaluelist);
    if attribute.values.is_empty() == is_list || attribute.values.len() > CHOICES_MAX {
        return Err(invalid("a list has 1 to 256 values, anything else has none"));
    }
    for (at, choice) in attribute.values.iter().enumerate() {
        form::refuse_name(CODE, "attributes", &choice.key, SHORT_CHARS_MAX)?;
        form::refuse_name(CODE, "attributes", &choice.name, NAME_CHARS_MAX)?;
        if attribute.values[..at].iter().any(|other| other.key == choice.key) {
            return Err(invalid("a key is there once"));
        }
    }
    Ok(())
}

/// A value of an enumeration that is one and is not left out.
fn known<E: TryFrom<i32>>(value: i32) -> Option<E> {
    if value == 0 { None } else { E::try_from(value).ok() }
}

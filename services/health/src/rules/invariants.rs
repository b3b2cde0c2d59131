//! Invariants of FHIR R4 for the domain's types and the datatypes in them, by their keys in the specification.

use crate::{
    json::{Json, list, text},
    kind::Kind,
    outcome::Issue,
    search::date::Interval,
};

/// What a narrative must not hold: it is shown by browsers. After txt-1.
const NO_NARRATIVE: [&str; 9] =
    ["<script", "<iframe", "<object", "<embed", "<form", "<input", "<link", "<base", "javascript:"];

pub(super) fn check(kind: Kind, resource: &Json, issues: &mut Vec<Issue>) {
    of_type(kind, resource, issues);
    contained(kind, resource, issues);
    narrative(kind, resource, issues);
    let local = list(resource, "contained").iter().filter_map(|inner| text(inner, "id")).collect();
    datatypes(&Walk { local }, resource, "", kind.name(), issues);
}

fn broken(key: &str, told: &str, path: impl Into<String>) -> Issue {
    Issue::error("invariant", format!("{key}: {told}")).at(path)
}

fn has(json: &Json, name: &str) -> bool {
    json.get(name).is_some()
}

/// Whether one of the types of a choice element is there.
fn has_choice(json: &Json, name: &str) -> bool {
    let chosen = |key: &str| {
        key.strip_prefix(name).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    json.as_object().is_some_and(|members| members.iter().any(|(key, _)| chosen(key)))
}

/// Each of a list's items needs one of these members.
fn each_has(resource: &Json, kind: Kind, name: &str, members: &[&str], key: &str, issues: &mut Vec<Issue>) {
    for (at, item) in list(resource, name).iter().enumerate() {
        if !members.iter().any(|member| has(item, member)) {
            let told = format!("there is one of {}", members.join(", "));
            issues.push(broken(key, &told, format!("{kind}.{name}[{at}]")));
        }
    }
}

fn has_code(concept: Option<&Json>, codes: &[&str]) -> bool {
    let codings = concept.map_or(&[][..], |concept| list(concept, "coding"));
    codings.iter().any(|coding| text(coding, "code").is_some_and(|code| codes.contains(&code)))
}

fn of_type(kind: Kind, resource: &Json, issues: &mut Vec<Issue>) {
    match kind {
        Kind::Observation => observation(resource, issues),
        Kind::Patient => {
            let one_of = ["name", "telecom", "address", "organization"];
            each_has(resource, kind, "contact", &one_of, "pat-1", issues);
        }
        Kind::Organization => {
            if !has(resource, "identifier") && !has(resource, "name") {
                issues.push(broken("org-1", "there is a name or an identifier", "Organization"));
            }
        }
        Kind::Condition => {
            each_has(resource, kind, "stage", &["summary", "assessment"], "con-1", issues);
            each_has(resource, kind, "evidence", &["code", "detail"], "con-2", issues);
            let clinical = resource.get("clinicalStatus");
            let over = ["inactive", "resolved", "remission"];
            if has_choice(resource, "abatement") && clinical.is_some() && !has_code(clinical, &over) {
                let told = "what has abated is inactive, resolved or in remission";
                issues.push(broken("con-4", told, "Condition"));
            }
            if clinical.is_some() && has_code(resource.get("verificationStatus"), &["entered-in-error"]) {
                issues.push(broken("con-5", "what was entered in error has no clinical status", "Condition"));
            }
        }
        Kind::Immunization => {
            each_has(resource, kind, "education", &["documentType", "reference"], "imm-1", issues);
        }
        Kind::Consent => {
            if !has(resource, "policy") && !has(resource, "policyRule") {
                issues.push(broken("ppc-1", "there is a policy or a policyRule", "Consent"));
            }
        }
        Kind::AuditEvent => {
            for (at, entity) in list(resource, "entity").iter().enumerate() {
                if has(entity, "name") && has(entity, "query") {
                    let path = format!("AuditEvent.entity[{at}]");
                    issues.push(broken("sev-1", "there is a name or a query, not both", path));
                }
            }
        }
        Kind::DiagnosticReport
        | Kind::DocumentReference
        | Kind::Encounter
        | Kind::MedicationRequest
        | Kind::Practitioner => {}
    }
}

fn observation(resource: &Json, issues: &mut Vec<Issue>) {
    if has_choice(resource, "value") && has(resource, "dataAbsentReason") {
        let told = "what has a value has no reason for its absence";
        issues.push(broken("obs-6", told, "Observation"));
    }
    each_has(resource, Kind::Observation, "referenceRange", &["low", "high", "text"], "obs-3", issues);
    let codings = |json: &Json| -> Vec<(String, String)> {
        let code = json.get("code").map_or(&[][..], |code| list(code, "coding"));
        let pair = |coding: &Json| {
            let part = |name| text(coding, name).unwrap_or_default().to_owned();
            (part("system"), part("code"))
        };
        code.iter().map(pair).collect()
    };
    let own = codings(resource);
    let repeats = list(resource, "component").iter().flat_map(codings).any(|code| own.contains(&code));
    if repeats && has_choice(resource, "value") {
        let told = "where a component has the observation's code, the value is in the component";
        issues.push(broken("obs-7", told, "Observation"));
    }
}

fn contained(kind: Kind, resource: &Json, issues: &mut Vec<Issue>) {
    let all = list(resource, "contained");
    if all.is_empty() {
        return;
    }
    let mut whole = resource.clone();
    if let Some(inner) = crate::json::get_mut(&mut whole, "text") {
        *inner = Json::Null;
    }
    let written = whole.to_compact();
    for (at, inner) in all.iter().enumerate() {
        let path = format!("{kind}.contained[{at}]");
        if has(inner, "contained") {
            issues.push(broken("dom-2", "a contained resource contains none", path.clone()));
        }
        let meta = |name: &str| inner.get("meta").is_some_and(|meta| has(meta, name));
        if meta("versionId") || meta("lastUpdated") {
            issues.push(broken("dom-4", "a contained resource has no version of its own", path.clone()));
        }
        if meta("security") {
            issues.push(broken("dom-5", "a contained resource has no security label", path.clone()));
        }
        // It is referred to by what contains it, or refers to that.
        let id = text(inner, "id").unwrap_or_default();
        if !written.contains(&format!("\"#{id}\"")) && !inner.to_compact().contains("\"#\"") {
            issues.push(broken("dom-3", "a contained resource is referred to", path));
        }
    }
}

fn narrative(kind: Kind, resource: &Json, issues: &mut Vec<Issue>) {
    let Some(div) = resource.get("text").and_then(|narrative| text(narrative, "div")) else { return };
    let lower = div.to_ascii_lowercase();
    let handler = lower.match_indices(" on").any(|(at, _)| {
        let rest = lower[at + 3..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let within = lower[..at].rfind(['<', '>']).is_some_and(|open| lower.as_bytes()[open] == b'<');
        within && rest.trim_start().starts_with('=')
    });
    if handler || NO_NARRATIVE.iter().any(|no| lower.contains(no)) {
        let told = "a narrative has formatting, links and images alone";
        issues.push(broken("txt-1", told, format!("{kind}.text.div")));
    }
    if !lower.trim_start().starts_with("<div") {
        issues.push(broken("txt-1", "a narrative is a div", format!("{kind}.text.div")));
    }
}

struct Walk<'a> {
    /// Ids of contained resources.
    local: Vec<&'a str>,
}

fn datatypes(walk: &Walk<'_>, json: &Json, name: &str, path: &str, issues: &mut Vec<Issue>) {
    match json {
        Json::Object(members) => {
            datatype(walk, json, name, path, issues);
            for (name, value) in members.iter().filter(|(name, _)| name != "contained") {
                datatypes(walk, value, name, &format!("{path}.{name}"), issues);
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                datatypes(walk, item, name, &format!("{path}[{at}]"), issues);
            }
        }
        Json::String(value) => {
            let dated = matches!(name, "start" | "end" | "issued" | "recorded" | "sent" | "date")
                || name.ends_with("Date")
                || name.ends_with("DateTime")
                || name.ends_with("Instant");
            if dated && Interval::parse(value).is_none() {
                let told = format!("{value:?} is no date of the calendar");
                issues.push(Issue::error("value", told).at(path));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn datatype(walk: &Walk<'_>, json: &Json, name: &str, path: &str, issues: &mut Vec<Issue>) {
    let has = |member| has(json, member);
    if matches!(name, "extension" | "modifierExtension") && has("extension") == has_choice(json, "value") {
        issues.push(broken("ext-1", "an extension has either a value or extensions", path));
    }
    if let (Some(start), Some(end)) = (text(json, "start"), text(json, "end"))
        && let (Some(start), Some(end)) = (Interval::parse(start), Interval::parse(end))
        && end.until <= start.from
    {
        issues.push(broken("per-1", "a period ends after it starts", path));
    }
    if name == "telecom" && has("value") && !has("system") {
        issues.push(broken("cpt-2", "a contact's value has a system", path));
    }
    if matches!(json.get("value"), Some(Json::Number(_))) && has("code") && !has("system") {
        issues.push(broken("qty-3", "a unit's code has a system", path));
    }
    if matches!(name, "attachment" | "photo" | "valueAttachment" | "sourceAttachment")
        && has("data")
        && !has("contentType")
    {
        issues.push(broken("att-1", "data has a content type", path));
    }
    if let Some(id) = text(json, "reference").and_then(|to| to.strip_prefix('#'))
        && !id.is_empty()
        && !walk.local.contains(&id)
    {
        issues.push(broken("ref-1", "what is referred to by # is contained", path));
    }
}
